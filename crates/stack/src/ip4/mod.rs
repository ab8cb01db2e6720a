//! IPv4: echo, errors, fragments, and packets for others.

mod cut;
mod error;
mod forward;
mod fragment;
mod input;
mod output;

pub(crate) use error::error;
pub(crate) use fragment::fragment_input;
pub(crate) use fragment::reassembly_timeout;
pub(crate) use input::deliver;
pub(crate) use input::input;
pub(crate) use input::local_input;
pub(crate) use output::output;
pub(crate) use output::unreachable;
