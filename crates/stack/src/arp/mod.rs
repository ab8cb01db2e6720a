//! ARP, and the detection of IPv4 address conflicts.
//!
//! `machine` and `acd` are machines without locks, clock, chance or I/O, like those of `nd6`; `input`, `output`
//! and `detect` join them to the stack. Entries are those of `neighbor`.

pub mod acd;
mod detect;
mod input;
pub mod machine;
mod output;

pub(crate) use detect::Conflicts;
pub(crate) use detect::begin;
pub(crate) use detect::restart;
pub(crate) use detect::timer;
pub(crate) use input::input;
pub(crate) use output::request_output;
pub(crate) use output::source;
