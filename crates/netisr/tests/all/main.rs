//! The facility from outside: its promises, its queue beside a plain one, what a packet costs, and the programs of its authors.

#![allow(clippy::unwrap_used, reason = "the helpers of tests, too, say what they expect by unwrapping it")]

#[cfg(feature = "std")]
mod authors;
#[cfg(all(feature = "eventfd", target_os = "linux"))]
mod eventfd;
#[cfg(all(feature = "std", target_os = "linux", target_arch = "x86_64"))]
mod instructions;
mod promises;
mod ring_oracle;
mod second_root;
