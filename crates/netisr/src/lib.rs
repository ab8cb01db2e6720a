//! The facility.
#![no_std]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod ifid;
mod packet;
mod time;

pub use ifid::IfId;
pub use packet::Metadata;
pub use packet::Packet;
pub use time::Instant;
