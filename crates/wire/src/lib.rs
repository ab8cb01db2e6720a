//! Header views and builders: what the bytes of a packet say, and how to say it in bytes.
//!
//! # Model
//!
//! Each header has a plain `Repr` value in host order. `parse` makes it from bytes and hands back what
//! follows; `emit` writes it to the front of a slice, of at least `buffer_len()` bytes. Fixed headers also
//! have `to_bytes`, which cannot fail. Messages whose checksum covers their body (UDP, ICMP) are written in
//! front of a body that is in place already, so that nothing is copied twice.
//!
//! Neighbour discovery ([`nd`]) and multicast listener discovery ([`mld`]) have one `validate` each instead,
//! which makes every check that their RFCs ask for before a message may be looked at, and names the check
//! that failed: their [`nd::NdInvalid`] and [`mld::MldInvalid`] count up from 0, so that a stack can keep one
//! drop counter for each.
//!
//! ```
//! use siding_wire::IpProto;
//! use siding_wire::Mac;
//! use siding_wire::ip6;
//! use siding_wire::ip6::Ip6Repr;
//! use siding_wire::nd;
//! use siding_wire::nd::NdMessage;
//! use siding_wire::nd::NeighborSolicit;
//!
//! let mac = Mac([2, 0, 0, 0, 0, 1]);
//! let src = ip6::eui64_link_local(mac);
//! let target = "fe80::2".parse()?;
//! let dst = ip6::solicited_node(target);
//!
//! let solicit = NeighborSolicit::new(target, mac);
//! let len = solicit.buffer_len();
//! let mut packet = [0; 128];
//! let at = Ip6Repr::new(src, dst, IpProto::ICMP6, nd::HOP_LIMIT, len as u16).emit(&mut packet)?;
//! solicit.emit(src, dst, &mut packet[at..])?;
//!
//! let (ip, message) = Ip6Repr::parse(&packet)?;
//! let read = nd::validate(ip.hop_limit, ip.src, ip.dst, message, false)?;
//! assert_eq!(read, NdMessage::NeighborSolicit(solicit));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Promises
//!
//! - Reading is total: no bytes whatever make `parse`, `validate` or an iterator panic or run longer than
//!   their length.
//! - Nothing is allocated, and nothing is copied but headers.
//! - What a header says is checked against the bytes that came: a payload is cut to the length that its
//!   header states, and a checksum that a `parse` covers has been verified.
//!
//! # What it does not do
//!
//! - **No IPv4 options**: they are skipped on the way in and never written. **No jumbograms.**
//! - **No TCP** but the header, to refuse a segment; no IGMP, no DHCP; nothing of ESP and AH but that a walk of extension headers ends there.
//! - **No SEND, no mobility options** among those of neighbour discovery: they show as
//!   unknown.
//! - **No fragmentation or reassembly**, only their headers. **No state**: whether a host may listen to a
//!   message at all, and what it then does, is the stack's to decide.
#![no_std]
#![forbid(unsafe_code)]

pub mod arp;
pub mod checksum;
mod cidr;
pub mod ends;
mod error;
pub mod ether;
pub mod ext6;
pub mod icmp4;
pub mod icmp6;
pub mod ip4;
pub mod ip6;
pub mod lacp;
mod mac;
pub mod mld;
pub mod nd;
mod proto;
pub mod segment;
pub mod tcp;
pub mod udp;
mod writer;

pub use cidr::Cidr;
pub use cidr::CidrError;
pub use error::Malformed;
pub use ether::EtherType;
pub use mac::Mac;
pub use mac::ParseMacError;
pub use proto::IpProto;
