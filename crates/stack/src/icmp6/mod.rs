//! ICMPv6: echo and errors. Neighbour discovery is `nd6`.

mod counted;
mod error;
mod input;
mod protocol;
mod queues;

pub(crate) use error::error;
pub(crate) use input::input;
pub(crate) use limit::LinkCast;
pub(crate) use protocol::Errors;
pub(crate) use queues::Unreachable;
pub use siding_machines::bucket as limit;
