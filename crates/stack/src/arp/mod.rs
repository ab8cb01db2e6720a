//! ARP, and the detection of IPv4 address conflicts.
//!
//! `machine` and `acd` are machines (`siding_machines`); `input`, `output`
//! and `detect` join them to the stack. Entries are those of `neighbor`.

mod counted;
mod detect;
mod due;
mod input;
mod output;
mod protocol;

pub(crate) use detect::Conflicts;
pub(crate) use detect::begin;
pub(crate) use detect::restart;
pub(crate) use detect::try_again;
pub(crate) use input::input;
pub(crate) use output::request_output;
pub(crate) use output::source;
pub(crate) use protocol::Arp;
pub use siding_machines::acd;
pub use siding_machines::arp as machine;
