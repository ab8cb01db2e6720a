//! The four hooks: where packets meet the [filter](crate::filter), and what it is asked from outside.
//!
//! Of a worker's filter itself, its rules and the states of its flows, this folder decides nothing: it brings packets to it, and does what it
//! has answered.
//!
//! # Locks
//!
//! Those of [the filter](crate::filter). # Teardown: nothing is kept here.

mod anew;
mod at;
mod control;
mod protocol;
mod reject;
mod stages;
mod suppose;
mod turn;

pub(crate) use protocol::Filter;
pub(crate) use stages::for_us;
pub(crate) use stages::forwarded;
pub(crate) use stages::received;
pub(crate) use stages::sent;
pub use suppose::Supposed;
pub use suppose::Unasked;
pub use suppose::first_seen;
pub(crate) use turn::turn;
