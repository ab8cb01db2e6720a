//! ICMPv6.

pub mod limit;
