//! Header views and builders.
#![no_std]
#![forbid(unsafe_code)]

mod mac;

pub use mac::Mac;
pub use mac::ParseMacError;
