//! IPv6.

pub mod source;
