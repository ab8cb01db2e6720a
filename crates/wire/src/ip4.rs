//! The IPv4 header: RFC 791.

use core::net::Ipv4Addr;

use zerocopy::FromBytes;
use zerocopy::Immutable;
use zerocopy::IntoBytes;
use zerocopy::KnownLayout;
use zerocopy::Unaligned;
use zerocopy::network_endian::U16;

use crate::IpProto;
use crate::Malformed;
use crate::checksum;
use crate::error::room;

/// Bytes of a header without options.
pub const HEADER_LEN: usize = 20;

/// An IPv4 header. Options are skipped on the way in and never written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ip4Repr {
    /// Differentiated services and ECN bits, as one octet.
    pub tos: u8,
    /// Bytes that follow the header and its options.
    pub payload_len: u16,
    /// Identification, for reassembly.
    pub ident: u16,
    /// Routers may not fragment this packet.
    pub dont_fragment: bool,
    /// Not the last fragment.
    pub more_fragments: bool,
    /// Where this fragment's payload belongs, in octets; a multiple of 8.
    pub frag_offset: u16,
    /// Time to live, in hops.
    pub ttl: u8,
    /// What follows.
    pub proto: IpProto,
    /// Source.
    pub src: Ipv4Addr,
    /// Destination.
    pub dst: Ipv4Addr,
}

impl Ip4Repr {
    /// A whole, unfragmented packet of `payload_len` bytes.
    pub const fn new(src: Ipv4Addr, dst: Ipv4Addr, proto: IpProto, ttl: u8, payload_len: u16) -> Ip4Repr {
        Ip4Repr {
            tos: 0,
            payload_len,
            ident: 0,
            dont_fragment: true,
            more_fragments: false,
            frag_offset: 0,
            ttl,
            proto,
            src,
            dst,
        }
    }

    /// Reads the header, checksum verified; returns it and its payload, cut to the total length.
    ///
    /// # Errors
    /// [`Malformed::Truncated`], [`Malformed::BadVersion`], [`Malformed::BadChecksum`], or
    /// [`Malformed::BadLength`] when header length, total length and bytes do not agree.
    pub fn parse(bytes: &[u8]) -> Result<(Ip4Repr, &[u8]), Malformed> {
        let header_len = header_len(bytes)?;
        let (raw, _) = Raw::ref_from_prefix(bytes).map_err(|_| Malformed::Truncated)?;
        let header = bytes.get(..header_len).ok_or(Malformed::BadLength)?;
        if !checksum::verify(header) {
            return Err(Malformed::BadChecksum);
        }
        let total_len = usize::from(raw.total_len.get());
        let payload = bytes.get(header_len..total_len).ok_or(Malformed::BadLength)?;
        let frag = raw.frag.get();
        let repr = Ip4Repr {
            tos: raw.tos,
            payload_len: raw.total_len.get() - header_len as u16,
            ident: raw.ident.get(),
            dont_fragment: frag & DONT_FRAGMENT != 0,
            more_fragments: frag & MORE_FRAGMENTS != 0,
            // Thirteen bits of eight octets each: at most 65 528.
            frag_offset: (frag & OFFSET_MASK) << 3,
            ttl: raw.ttl,
            proto: IpProto(raw.proto),
            src: Ipv4Addr::from(raw.src),
            dst: Ipv4Addr::from(raw.dst),
        };
        Ok((repr, payload))
    }

    /// Writes a header without options, checksum included, to the front of `out`; says how many bytes it
    /// took.
    ///
    /// # Errors
    /// [`Malformed::NoRoom`] below 20 bytes, [`Malformed::TooLong`] when the total length exceeds 65 535.
    pub fn emit(&self, out: &mut [u8]) -> Result<usize, Malformed> {
        let total_len = self.payload_len.checked_add(HEADER_LEN as u16).ok_or(Malformed::TooLong)?;
        let mut frag = self.frag_offset >> 3;
        if self.dont_fragment {
            frag |= DONT_FRAGMENT;
        }
        if self.more_fragments {
            frag |= MORE_FRAGMENTS;
        }
        let mut raw = Raw {
            version_ihl: 0x45,
            tos: self.tos,
            total_len: U16::new(total_len),
            ident: U16::new(self.ident),
            frag: U16::new(frag),
            ttl: self.ttl,
            proto: self.proto.0,
            checksum: U16::ZERO,
            src: self.src.octets(),
            dst: self.dst.octets(),
        };
        raw.checksum = U16::new(checksum::of(raw.as_bytes()));
        *room::<HEADER_LEN>(out)? = zerocopy::transmute!(raw);
        Ok(HEADER_LEN)
    }

    /// Bytes that [`Ip4Repr::emit`] writes.
    pub const fn buffer_len(&self) -> usize {
        HEADER_LEN
    }

    /// Whether this is a piece of a larger packet.
    pub const fn is_fragment(&self) -> bool {
        self.more_fragments || self.frag_offset != 0
    }
}

/// Bytes of the header that `bytes` begin with, options included: 20..=60.
///
/// # Errors
/// [`Malformed::Truncated`], [`Malformed::BadVersion`], or [`Malformed::BadLength`] below 20.
pub fn header_len(bytes: &[u8]) -> Result<usize, Malformed> {
    let first = *bytes.first().ok_or(Malformed::Truncated)?;
    if first >> 4 != 4 {
        return Err(Malformed::BadVersion);
    }
    if bytes.len() < HEADER_LEN {
        return Err(Malformed::Truncated);
    }
    let len = usize::from(first & 0x0f) * 4;
    if len < HEADER_LEN { Err(Malformed::BadLength) } else { Ok(len) }
}

/// Takes one hop off a packet in place, with its checksum, and returns what is left. At 0 it stays 0.
///
/// # Errors
/// As [`header_len`].
pub fn decrement_ttl(packet: &mut [u8]) -> Result<u8, Malformed> {
    header_len(packet)?;
    let (raw, _) = Raw::mut_from_prefix(packet).map_err(|_| Malformed::Truncated)?;
    let ttl = raw.ttl.saturating_sub(1);
    let word = |ttl: u8| u16::from_be_bytes([ttl, raw.proto]);
    raw.checksum = U16::new(checksum::update(raw.checksum.get(), word(raw.ttl), word(ttl)));
    raw.ttl = ttl;
    Ok(ttl)
}

const DONT_FRAGMENT: u16 = 0x4000;
const MORE_FRAGMENTS: u16 = 0x2000;
const OFFSET_MASK: u16 = 0x1fff;

#[derive(FromBytes, IntoBytes, Immutable, KnownLayout, Unaligned)]
#[repr(C)]
struct Raw {
    version_ihl: u8,
    tos: u8,
    total_len: U16,
    ident: U16,
    frag: U16,
    ttl: u8,
    proto: u8,
    checksum: U16,
    src: [u8; 4],
    dst: [u8; 4],
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A UDP packet with 3 bytes of payload after the header; the checksum was added up by hand.
    #[rustfmt::skip]
    const PACKET: [u8; 23] = [
        0x45, 0x00, 0x00, 0x17, 0x12, 0x34, 0x40, 0x00, 0x40, 0x11, 0xa4, 0x9e,
        192, 0, 2, 1, 192, 0, 2, 2, 1, 2, 3,
    ];

    fn repr() -> Ip4Repr {
        Ip4Repr {
            ident: 0x1234,
            ..Ip4Repr::new(Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2), IpProto::UDP, 64, 3)
        }
    }

    #[test]
    fn a_packet_by_hand() {
        let mut padded = [0; 46];
        padded[..23].copy_from_slice(&PACKET);
        assert_eq!(Ip4Repr::parse(&padded), Ok((repr(), &[1, 2, 3][..])));
        let mut out = [0; 20];
        assert_eq!(repr().emit(&mut out), Ok(20));
        assert_eq!(out, PACKET[..20]);
    }

    #[test]
    fn options_are_skipped() {
        let mut packet = [0; 27];
        packet[..20].copy_from_slice(&PACKET[..20]);
        packet[0] = 0x46;
        packet[3] = 27;
        packet[20..].copy_from_slice(&[0x94, 4, 0, 0, 1, 2, 3]);
        packet[10..12].fill(0);
        let sum = checksum::of(&packet[..24]);
        packet[10..12].copy_from_slice(&sum.to_be_bytes());
        assert_eq!(header_len(&packet), Ok(24));
        assert_eq!(Ip4Repr::parse(&packet), Ok((repr(), &[1, 2, 3][..])));
        packet[20] ^= 1;
        assert_eq!(Ip4Repr::parse(&packet), Err(Malformed::BadChecksum));
    }

    #[test]
    fn every_lie_about_length_is_told() {
        let with = |at: usize, value: u8| {
            let mut packet = PACKET;
            packet[at] = value;
            packet[10..12].fill(0);
            let len = (usize::from(packet[0] & 15) * 4).clamp(20, 23);
            let sum = checksum::of(&packet[..len]);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
            Ip4Repr::parse(&packet).map(|(repr, _)| repr.payload_len)
        };
        assert_eq!(with(3, 23), Ok(3));
        assert_eq!(with(3, 20), Ok(0));
        assert_eq!(with(3, 24), Err(Malformed::BadLength));
        assert_eq!(with(3, 19), Err(Malformed::BadLength));
        assert_eq!(with(0, 0x44), Err(Malformed::BadLength));
        assert_eq!(with(0, 0x46), Err(Malformed::BadLength));
        assert_eq!(with(0, 0x65), Err(Malformed::BadVersion));
        assert_eq!(Ip4Repr::parse(&PACKET[..19]), Err(Malformed::Truncated));
        assert_eq!(Ip4Repr::parse(&[]), Err(Malformed::Truncated));
    }

    #[test]
    fn fragments() {
        let fragment = Ip4Repr {
            dont_fragment: false,
            more_fragments: true,
            frag_offset: 65_528,
            payload_len: 0,
            ..repr()
        };
        let mut out = [0; 20];
        fragment.emit(&mut out).unwrap();
        assert_eq!(out[6..8], [0x3f, 0xff]);
        assert_eq!(Ip4Repr::parse(&out), Ok((fragment, &[][..])));
        assert!(fragment.is_fragment() && !repr().is_fragment());
    }

    #[test]
    fn the_checksum_follows_the_ttl() {
        let mut packet = PACKET;
        for left in (0..64).rev() {
            assert_eq!(decrement_ttl(&mut packet), Ok(left));
            assert_eq!(Ip4Repr::parse(&packet).map(|(repr, _)| repr.ttl), Ok(left));
        }
        assert_eq!(decrement_ttl(&mut packet), Ok(0));
        assert!(Ip4Repr::parse(&packet).is_ok());
    }

    #[test]
    fn the_total_length_has_sixteen_bits() {
        let mut out = [0; 20];
        assert_eq!(Ip4Repr { payload_len: 65_515, ..repr() }.emit(&mut out), Ok(20));
        assert_eq!(Ip4Repr { payload_len: 65_516, ..repr() }.emit(&mut out), Err(Malformed::TooLong));
        assert_eq!(repr().emit(&mut out[..19]), Err(Malformed::NoRoom));
    }
}
