//! Header views and builders.
#![no_std]
#![forbid(unsafe_code)]

pub mod arp;
pub mod checksum;
mod error;
pub mod ether;
pub mod ext6;
pub mod icmp4;
pub mod icmp6;
pub mod ip4;
pub mod ip6;
mod mac;
pub mod nd;
mod proto;
pub mod udp;
mod writer;

pub use error::Malformed;
pub use ether::EtherType;
pub use mac::Mac;
pub use mac::ParseMacError;
pub use proto::IpProto;
