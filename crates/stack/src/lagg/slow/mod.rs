//! LACP on the wire: what joins the machines of [`lacp`](super::lacp) to a lagg and its ports.
//!
//! # Locks
//!
//! The group of machines is guarded by the lagg's lock. A step of it may make a new view, so it is taken under
//! [`ranks::Control`](crate::ranks::Control): in one critical section the machines move, the view that they ask
//! for is published, and only then the PDUs that tell the partner are dispatched, into room that was reserved before
//! the lock. A frame that asks for no step (a marker, one of too many) takes the lagg's lock alone.
//!
//! # Teardown
//!
//! A port that departs leaves the group at once; its PDUs name the port and the lagg, and depart with either. A port
//! that an operator removes is *retired*: it stays until its partner has stopped sending to it.

mod group;
mod input;
mod outbox;
mod timer;

pub(crate) use input::input;
pub(crate) use outbox::Outbox;
pub(crate) use outbox::SlowOut;
pub(crate) use outbox::handle;
pub(crate) use timer::timer;
