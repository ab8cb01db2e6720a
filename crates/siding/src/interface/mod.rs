//! Interfaces with devices of their own: attached, detached, and what every kind of interface can be told.
//!
//! # Locks
//!
//! The link watcher's are in [`links`]. # Teardown: an interface that is detached takes all that is on it along.

mod ask;
pub(crate) mod attach;
pub(crate) mod check;
pub(crate) mod detach;
pub(crate) mod device;
pub(crate) mod left;
pub(crate) mod links;
mod report;
pub(crate) mod setting;
