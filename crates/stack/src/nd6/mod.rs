//! IPv6 Neighbor Discovery.
//!
//! `nud`, `dad` and `hold` are machines without locks, clock, chance or I/O: time and random values come in
//! as arguments, solicitations go out through a callback that may refuse. `input`, `ns` and `detect` join them
//! to the stack: messages that come in, solicitations that go out, duplicate address detection.

mod answer;
pub mod dad;
mod detect;
pub mod hold;
pub mod host;
mod input;
mod ns;
pub mod nud;
mod nud_config;
pub mod router;

pub(crate) use answer::Asked;
pub use answer::MAX_ANYCAST_DELAY_TIME;
pub(crate) use answer::anycast_timer;
pub(crate) use detect::dad_timer;
pub(crate) use input::input;
pub(crate) use ns::ns_output;
