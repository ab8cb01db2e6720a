//! The stack.
#![forbid(unsafe_code)]
#![allow(missing_docs)]

pub mod arp;
pub mod device;
pub mod icmp6;
pub mod ip6;
pub mod nd6;
pub mod route;

pub use device::BATCH;
pub use device::Device;
