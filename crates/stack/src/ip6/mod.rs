//! IPv6.

mod forward;
mod input;
mod output;
pub mod source;

pub(crate) use input::Packet6;
pub(crate) use input::input;
pub(crate) use input::local_input;
pub(crate) use output::output;
