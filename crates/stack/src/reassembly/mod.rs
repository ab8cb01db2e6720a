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
//! (`Local::depart`); the facility drops what is still on its way.

mod counted;
mod join;
mod protocol;

pub(crate) use join::Fragment;
pub(crate) use join::Gauge;
pub(crate) use join::Held;
pub(crate) use join::add;
pub(crate) use join::defer;
pub(crate) use join::depart;
pub(crate) use join::expire;
pub(crate) use join::join;
pub(crate) use join::share;
pub(crate) use protocol::Fragments;
pub use siding_machines::reassembly::*;
