//! Putting fragments together, for IPv6 (RFC 8200 s4.5) and IPv4 (RFC 791) alike.
//!
//! A fragment goes through the facility to the worker that its datagram's key picks, whichever worker received it: all
//! pieces meet in a table that belongs to that worker alone. So there is no lock, a packet that is no fragment meets
//! nothing of this, and a flood of fragments fills a queue of its own, with a share for each interface.
//!
//! The pieces stay in the buffers that they came in; the whole is copied into one, a large one if need be.
//!
//! # Locks
//!
//! None. # Teardown: when an interface departs, each worker lets go of the datagrams of which a piece came in by it
//! (`resume`); the facility drops what is still on its way.

mod counted;
mod held;

pub(crate) use counted::CAUSES;
pub(crate) use counted::COUNTERS;
pub(crate) use held::Fragment;
pub(crate) use held::Gauge;
pub(crate) use held::Held;
pub(crate) use held::flow;
pub(crate) use held::limits;
pub(crate) use held::share;
pub use siding_machines::reassembly::*;
