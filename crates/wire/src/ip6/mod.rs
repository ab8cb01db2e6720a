//! The IPv6 header, RFC 8200 s3, and what addresses say of themselves.

mod addr;

use core::net::Ipv6Addr;

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U16;
use zerocopy::network_endian::U32;

use crate::IpProto;
use crate::Malformed;
use crate::error::room;

pub use addr::ALL_NODES;
pub use addr::ALL_NODES_IFACE;
pub use addr::ALL_ROUTERS;
pub use addr::MLDV2_ROUTERS;
pub use addr::Scope;
pub use addr::common_prefix_len;
pub use addr::eui64;
pub use addr::eui64_link_local;
pub use addr::holds_ip4;
pub use addr::in_prefix;
pub use addr::is_link_local;
pub use addr::is_solicited_node;
pub use addr::mask;
pub use addr::multicast_scope;
pub use addr::scope;
pub use addr::solicited_node;

/// Bytes of the fixed header.
pub const HEADER_LEN: usize = 40;
/// The least MTU of any IPv6 link, in bytes (RFC 8200 s5).
pub const MIN_MTU: usize = 1280;

/// The fixed header of an IPv6 packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip6Repr {
    /// Differentiated services and ECN bits.
    pub traffic_class: u8,
    /// Flow label, 20 bits.
    pub flow_label: u32,
    /// Bytes that follow the fixed header, extension headers included.
    pub payload_len: u16,
    /// What follows.
    pub next_header: IpProto,
    /// Hops left.
    pub hop_limit: u8,
    /// Source.
    pub src: Ipv6Addr,
    /// Destination.
    pub dst: Ipv6Addr,
}

impl Ip6Repr {
    /// A header with traffic class and flow label 0.
    pub const fn new(
        src: Ipv6Addr,
        dst: Ipv6Addr,
        next_header: IpProto,
        hop_limit: u8,
        payload_len: u16,
    ) -> Ip6Repr {
        Ip6Repr { traffic_class: 0, flow_label: 0, payload_len, next_header, hop_limit, src, dst }
    }

    /// Reads the header; returns it and its payload, cut to the payload length.
    ///
    /// A jumbogram (RFC 2675) shows its payload length of 0, and so an empty payload.
    ///
    /// # Errors
    /// [`Malformed::Truncated`] below 40 bytes, [`Malformed::BadVersion`], or [`Malformed::BadLength`] when
    /// the payload length promises more than came.
    pub fn parse(bytes: &[u8]) -> Result<(Ip6Repr, &[u8]), Malformed> {
        if bytes.first().is_some_and(|first| first >> 4 != 6) {
            return Err(Malformed::BadVersion);
        }
        let (raw, rest) = Raw::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let payload = rest.get(..usize::from(raw.payload_len.get())).ok_or(Malformed::BadLength)?;
        let word = raw.version_class_flow.get();
        let repr = Ip6Repr {
            traffic_class: (word >> 20) as u8,
            flow_label: word & FLOW_MASK,
            payload_len: raw.payload_len.get(),
            next_header: IpProto(raw.next_header),
            hop_limit: raw.hop_limit,
            src: Ipv6Addr::from(raw.src),
            dst: Ipv6Addr::from(raw.dst),
        };
        Ok((repr, payload))
    }

    /// Writes the header to the front of `out` and says how many bytes it took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 40 bytes.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        *room::<HEADER_LEN>(out)? = self.to_bytes();
        Ok(HEADER_LEN)
    }

    /// The header as it goes on the wire. Bits of the flow label beyond 20 are left out.
    pub fn to_bytes(&self) -> [u8; HEADER_LEN] {
        let word = 6 << 28 | u32::from(self.traffic_class) << 20 | self.flow_label & FLOW_MASK;
        zerocopy::transmute!(Raw {
            version_class_flow: U32::new(word),
            payload_len: U16::new(self.payload_len),
            next_header: self.next_header.0,
            hop_limit: self.hop_limit,
            src: self.src.octets(),
            dst: self.dst.octets(),
        })
    }

    /// Bytes that [`Ip6Repr::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }
}

/// Sets the hop limit of a packet in place. IPv6 headers have no checksum to follow.
///
/// # Errors
/// [`Malformed::Truncated`] below 40 bytes.
pub fn set_hop_limit(packet: &mut [u8], hop_limit: u8) -> Result<(), Malformed> {
    let (raw, _) = Raw::mut_from_prefix(packet).map_err(|_| Malformed::Truncated)?;
    raw.hop_limit = hop_limit;
    Ok(())
}

const FLOW_MASK: u32 = 0x000f_ffff;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    version_class_flow: U32,
    payload_len: U16,
    next_header: u8,
    hop_limit: u8,
    src: [u8; 16],
    dst: [u8; 16],
}

#[cfg(test)]
mod tests {
    use super::*;

    #[rustfmt::skip]
    const PACKET: [u8; 43] = [
        0x6a, 0xbc, 0xde, 0xf1, 0x00, 0x03, 0x3a, 0xff,
        0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1,
        0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2,
        7, 8, 9,
    ];

    fn repr() -> Ip6Repr {
        Ip6Repr {
            traffic_class: 0xab,
            flow_label: 0xcdef1,
            ..Ip6Repr::new("fe80::1".parse().unwrap(), ALL_ROUTERS, IpProto::ICMP6, 255, 3)
        }
    }

    #[test]
    fn a_packet_by_hand() {
        let mut padded = [0xee; 50];
        padded[..43].copy_from_slice(&PACKET);
        assert_eq!(Ip6Repr::parse(&padded), Ok((repr(), &[7, 8, 9][..])));
        let mut out = [0; 40];
        assert_eq!(repr().emit(&mut out), Ok(40));
        assert_eq!(out, PACKET[..40]);
    }

    #[test]
    fn short_packets_and_other_versions() {
        assert_eq!(Ip6Repr::parse(&PACKET[..42]), Err(Malformed::BadLength));
        assert_eq!(Ip6Repr::parse(&PACKET[..39]), Err(Malformed::Truncated));
        assert_eq!(Ip6Repr::parse(&[]), Err(Malformed::Truncated));
        let mut other = PACKET;
        other[0] = 0x45;
        assert_eq!(Ip6Repr::parse(&other), Err(Malformed::BadVersion));
        assert_eq!(repr().emit(&mut [0; 39]), Err(Malformed::NoRoom));
    }

    #[test]
    fn an_oversized_flow_label_does_not_leak_into_the_class() {
        let repr = Ip6Repr { flow_label: u32::MAX, traffic_class: 0, ..repr() };
        assert_eq!(repr.to_bytes()[..4], [0x60, 0x0f, 0xff, 0xff]);
    }

    #[test]
    fn only_the_hop_limit_changes() {
        let mut packet = PACKET;
        set_hop_limit(&mut packet, 63).unwrap();
        assert_eq!(Ip6Repr::parse(&packet).unwrap().0, Ip6Repr { hop_limit: 63, ..repr() });
        assert_eq!(set_hop_limit(&mut packet[..39], 1), Err(Malformed::Truncated));
    }
}
