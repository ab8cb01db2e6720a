//! ARP, and the detection of IPv4 address conflicts.
//!
//! `machine` and `acd` are machines without locks, clock, chance or I/O, like those of `nd6`; `input` and
//! `output` join ARP to the stack. Entries are those of `neighbor`.

pub mod acd;
mod input;
pub mod machine;
mod output;

pub(crate) use input::input;
pub(crate) use output::request_output;
pub(crate) use output::source;
