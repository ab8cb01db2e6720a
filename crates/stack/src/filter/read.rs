//! What the states need to know of a packet, read from its bytes.

use std::net::IpAddr;

use siding_machines::filter::Packet;
use siding_wire::IpProto;
use siding_wire::ext6;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

/// A packet's ends and what it bears.
#[derive(Debug, Clone, Copy)]
pub(super) struct Read {
    pub(super) src: IpAddr,
    pub(super) dst: IpAddr,
    pub(super) proto: IpProto,
    /// Where the upper layer begins, from the IP header on.
    pub(super) at: usize,
    pub(super) piece: Option<Piece>,
}

/// A piece of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece {
    /// Where its data belongs, in octets.
    pub(super) offset: u16,
    pub(super) ident: u32,
    /// How much data it has.
    pub(super) len: usize,
}

/// Reads the headers. `None` if they lead nowhere.
pub(super) fn read(packet: &[u8]) -> Option<Read> {
    if packet.first()? >> 4 == 4 {
        let (header, payload) = Ip4Repr::parse(packet).ok()?;
        let at = packet.len().checked_sub(payload.len())?;
        let piece = (header.more_fragments || header.frag_offset != 0).then_some(Piece {
            offset: header.frag_offset,
            ident: header.ident.into(),
            len: payload.len(),
        });
        return Some(Read { src: header.src.into(), dst: header.dst.into(), proto: header.proto, at, piece });
    }
    let (header, payload) = Ip6Repr::parse(packet).ok()?;
    let mut behind = 0;
    let upper = ext6::walk(header.next_header, payload, |header| {
        if matches!(header.kind, ext6::ExtKind::Fragment(_)) {
            behind = header.offset + header.len;
        }
    })
    .ok()?;
    //= RFC 6946 s4: an atomic fragment is a packet by itself.
    let piece = upper.fragment.filter(|fragment| !fragment.is_atomic()).map(|fragment| Piece {
        offset: fragment.offset,
        ident: fragment.ident,
        len: payload.len() - behind,
    });
    let at = ip6::HEADER_LEN + upper.offset;
    Some(Read { src: header.src.into(), dst: header.dst.into(), proto: upper.proto, at, piece })
}

impl Read {
    /// The packet, to the states. `None` if it is of no flow that could be.
    pub(super) fn packet(&self, bytes: &[u8]) -> Option<Packet> {
        let upper = bytes.get(self.at..)?;
        Packet::parse(self.src, self.dst, self.proto, upper, bytes.len(), quoted)
    }
}

/// The packet that an ICMP error quotes, which may be cut anywhere.
fn quoted(bytes: &[u8]) -> Option<(IpAddr, IpAddr, IpProto, &[u8])> {
    if bytes.first()? >> 4 == 4 {
        let header = bytes.first_chunk::<{ ip4::HEADER_LEN }>()?;
        let later = (u16::from(header[6]) << 8 | u16::from(header[7])) & 0x1fff != 0;
        let upper = bytes.get(usize::from(header[0] & 0xf) * 4..).filter(|_| !later)?;
        let addr = |at: usize| IpAddr::from([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        return Some((addr(12), addr(16), IpProto(header[9]), upper));
    }
    let (header, payload) = bytes.split_first_chunk::<{ ip6::HEADER_LEN }>()?;
    let addr = |at: usize| Some(IpAddr::from(*header.get(at..)?.first_chunk::<16>()?));
    let upper = ext6::walk(IpProto(header[6]), payload, |_| {}).ok()?;
    if upper.fragment.is_some_and(|fragment| fragment.offset != 0) {
        return None;
    }
    Some((addr(8)?, addr(24)?, upper.proto, payload.get(upper.offset..)?))
}
