//! ARP, and the detection of IPv4 address conflicts.
//!
//! Both are machines without locks, clock, chance or I/O, like those of `nd6`.

pub mod acd;
pub mod machine;
