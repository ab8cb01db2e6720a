//! IPv6.

mod counted;
mod forward;
mod fragment;
mod headers;
mod input;
mod output;
mod paths;
mod protocol;
mod reassemble;

pub(crate) use input::deliver;
pub(crate) use input::input;
pub(crate) use input::local_input;
pub(crate) use output::output;
pub(crate) use paths::echo_request;
pub(crate) use paths::quoted_header;
pub(crate) use paths::too_big;
pub(crate) use protocol::Paths6;
pub(crate) use reassemble::fragment_input;
pub(crate) use reassemble::reassembly_timeout;
pub use siding_machines::path_mtu;
pub use siding_machines::source;
