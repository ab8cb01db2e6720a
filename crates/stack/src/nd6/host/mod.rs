//! An interface as a host: the machine of `siding_machines::host`, joined to the stack. What it
//! hears comes from there, and what it knows becomes addresses, routes and parameters of the snapshot.
//!
//! # Locks
//!
//! Machines lie under [`ranks::Control`](crate::ranks::Control). What they send is built and dispatched under it.
//!
//! # Teardown
//!
//! A departing interface's machine is dropped with its addresses; its routes go with the interface.

mod join;
mod report;

pub(crate) use join::*;
pub use siding_machines::host::*;
