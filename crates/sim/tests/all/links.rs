//! What an interface's link means for everything that uses the interface.

mod detect;
mod nest;
mod routes;
mod tags;
mod util;
