//! The facility.
#![no_std]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod ifid;
mod time;

pub use ifid::IfId;
pub use time::Instant;
