//! IPv6 Neighbor Discovery.
//!
//! `nud`, `dad` and `hold` are machines (`siding_machines`). `input`, `ns` and `detect` join them
//! to the stack: messages that come in, solicitations that go out, duplicate address detection.

mod answer;
mod counted;
mod detect;
mod due;
pub mod host;
mod input;
mod ns;
mod protocol;
pub mod router;
mod shown;

pub use answer::MAX_ANYCAST_DELAY_TIME;
pub(crate) use detect::try_again;
pub(crate) use input::input;
pub(crate) use ns::ns_output;
pub(crate) use protocol::Discovery;
pub use siding_machines::dad;
pub use siding_machines::hold;
pub use siding_machines::nud;
