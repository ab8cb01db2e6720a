//! Packets as bytes.

use std::net::IpAddr;

use siding_wire::IpProto;
use siding_wire::checksum::Sum;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;

/// Both ends of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
}

impl Ends {
    pub(super) fn back(self) -> Ends {
        Ends { src: self.dst, dst: self.src }
    }

    pub(super) fn is_v6(self) -> bool {
        self.src.is_ipv6()
    }
}

/// A packet that bears `upper`.
pub(super) fn packet(ends: Ends, proto: u8, upper: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0; 40];
    let len = upper.len() as u16;
    let header = match (ends.src, ends.dst) {
        (IpAddr::V6(src), IpAddr::V6(dst)) => {
            Ip6Repr::new(src, dst, IpProto(proto), 64, len).emit(&mut bytes)
        }
        (IpAddr::V4(src), IpAddr::V4(dst)) => {
            Ip4Repr::new(src, dst, IpProto(proto), 64, len).emit(&mut bytes)
        }
        _ => panic!("of one family"),
    };
    bytes.truncate(header.unwrap());
    bytes.extend_from_slice(upper);
    bytes
}

/// Puts the checksum of the upper layer where it belongs.
pub(super) fn sum(ends: Ends, proto: u8, mut upper: Vec<u8>) -> Vec<u8> {
    let (at, pseudo) = match proto {
        6 => (16, true),
        17 => (6, true),
        58 => (2, true),
        1 => (2, false),
        _ => return upper,
    };
    upper[at..at + 2].fill(0);
    let len = upper.len();
    let sum = match (ends.src, ends.dst) {
        _ if !pseudo => Sum::default(),
        (IpAddr::V6(src), IpAddr::V6(dst)) => Sum::pseudo6(src, dst, IpProto(proto), len as u32),
        (IpAddr::V4(src), IpAddr::V4(dst)) => Sum::pseudo4(src, dst, IpProto(proto), len as u16),
        _ => panic!("of one family"),
    };
    let sum = sum.with(&upper).finish();
    upper[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    upper
}

/// Has the IPv4 header's checksum right again.
pub(super) fn header_sum(packet: &mut [u8]) {
    packet[10..12].fill(0);
    let sum = siding_wire::checksum::of(&packet[..20]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

/// A packet in pieces of so many octets of what it bears.
pub(super) fn pieces(whole: &[u8], size: usize, ident: u16) -> Vec<Vec<u8>> {
    let v6 = whole[0] >> 4 == 6;
    let (header, data) = whole.split_at(if v6 { 40 } else { 20 });
    let cuts: Vec<&[u8]> = data.chunks(size).collect();
    let last = cuts.len() - 1;
    let one = |(n, data): (usize, &&[u8])| {
        let (offset, more) = ((n * size) as u16, n != last);
        let mut piece = header.to_vec();
        if v6 {
            piece[6] = 44;
            piece[4..6].copy_from_slice(&(data.len() as u16 + 8).to_be_bytes());
            piece.extend([header[6], 0]);
            piece.extend((offset | u16::from(more)).to_be_bytes());
            piece.extend(u32::from(ident).to_be_bytes());
        } else {
            piece[2..4].copy_from_slice(&(data.len() as u16 + 20).to_be_bytes());
            piece[4..6].copy_from_slice(&ident.to_be_bytes());
            piece[6..8].copy_from_slice(&((offset / 8) | (u16::from(more) << 13)).to_be_bytes());
            header_sum(&mut piece);
        }
        piece.extend_from_slice(data);
        piece
    };
    cuts.iter().enumerate().map(one).collect()
}

/// How many octets of the fragmented part a packet has: of what is cut and what is put together it is the same sum.
pub(super) fn borne(packet: &[u8]) -> usize {
    match packet[0] >> 4 {
        6 if packet[6] == 44 => packet.len() - 48,
        6 => packet.len() - 40,
        _ => packet.len() - 20,
    }
}

/// Both ends of a packet that was seen.
pub(super) fn ends(packet: &[u8]) -> Option<Ends> {
    if packet.len() < 20 {
        return None;
    }
    if packet[0] >> 4 == 6 {
        let addr = |at: usize| Some(IpAddr::from(<[u8; 16]>::try_from(packet.get(at..at + 16)?).ok()?));
        return Some(Ends { src: addr(8)?, dst: addr(24)? });
    }
    let addr = |at: usize| Some(IpAddr::from(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?));
    Some(Ends { src: addr(12)?, dst: addr(16)? })
}
