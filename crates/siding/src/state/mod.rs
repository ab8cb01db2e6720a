//! What the daemon has, and what every feature stands on: it knows none of them.
//!
//! # Locks
//!
//! Ordinary ones, outside the stack's order and never taken by a worker: what runs, the ports (what we hold of the kernel for
//! each interface), the wires in memory, the runtime. Each is held for a few instructions; nobody waits for a departure with
//! one held. # Teardown: that of [`crate::daemon`].

pub(crate) mod asked;
pub(crate) mod closing;
pub(crate) mod codes;
pub(crate) mod daemon;
pub(crate) mod drops;
pub(crate) mod events;
pub(crate) mod happened;
pub(crate) mod limit;
pub(crate) mod lock;
pub(crate) mod log;
pub(crate) mod news;
pub(crate) mod notes;
pub(crate) mod owed;
pub(crate) mod page;
pub(crate) mod pending;
pub(crate) mod port;
pub(crate) mod running;
pub(crate) mod setting;
pub(crate) mod spare;
pub(crate) mod tell;
