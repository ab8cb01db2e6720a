//! What an interface's link means for everything that uses the interface.
#![allow(clippy::unwrap_used)] // A test says what it expects by unwrapping it.

mod common;
#[path = "links/detect.rs"]
mod detect;
#[path = "links/nest.rs"]
mod nest;
#[path = "links/routes.rs"]
mod routes;
#[path = "links/tags.rs"]
mod tags;
#[path = "links/util.rs"]
mod util;
