//! IPv6 Neighbor Discovery.
//!
//! `nud`, `dad` and `hold` are machines without locks, clock, chance or I/O: time and random values come in
//! as arguments, solicitations go out through a callback that may refuse.

pub mod dad;
pub mod hold;
pub mod nud;
mod nud_config;
