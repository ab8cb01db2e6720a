//! What the states need to know of a packet, read from its bytes.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use siding_machines::filter::Packet;
use siding_machines::filter::question;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::ether;
use siding_wire::ext6::ExtKind;
use siding_wire::ext6::FRAGMENT_LEN;
use siding_wire::ext6::FragmentRepr;
use siding_wire::ext6::Walker;
use siding_wire::ip4;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

use super::ahead::Ends;

/// A packet's ends and what it bears.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Read {
    pub(crate) src: IpAddr,
    pub(crate) dst: IpAddr,
    pub(crate) proto: IpProto,
    /// Where the upper layer begins, from the IP header on.
    pub(crate) at: usize,
    pub(crate) piece: Option<Piece>,
}

/// A piece of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where its data belongs, in octets.
    pub(crate) offset: u16,
    pub(crate) ident: u32,
    /// How much data it has.
    pub(crate) len: usize,
    /// How long the headers are that each piece has for itself, from the IP header on.
    pub(crate) head: usize,
}

/// More extension headers than this are not walked.
pub const MOST_HEADERS: usize = 12;

/// Why a packet's headers do not lead to its upper layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Astray {
    /// Cut short, or headers that cannot be: no receiver takes it.
    Malformed,
    /// More than [`MOST_HEADERS`], or cut short in a first fragment: a receiver may follow where nobody here does.
    Hidden,
}

/// Reads the headers.
pub(crate) fn read(packet: &[u8]) -> Result<Read, Astray> {
    if packet.first().is_some_and(|first| first >> 4 == 4) {
        let (header, payload) = Ip4Repr::parse(packet).map_err(|_| Astray::Malformed)?;
        let at = usize::from(packet[0] & 0xf) * 4;
        let piece = (header.more_fragments || header.frag_offset != 0).then_some(Piece {
            offset: header.frag_offset,
            ident: header.ident.into(),
            len: payload.len(),
            head: at,
        });
        return Ok(Read { src: header.src.into(), dst: header.dst.into(), proto: header.proto, at, piece });
    }
    let (header, payload) = Ip6Repr::parse(packet).map_err(|_| Astray::Malformed)?;
    let found = chain(header.next_header, payload)?;
    //= RFC 6946 s4: an atomic fragment is a packet by itself.
    let piece = found.fragment.filter(|(fragment, _)| !fragment.is_atomic()).map(|(fragment, behind)| {
        let head = ip6::HEADER_LEN + behind - FRAGMENT_LEN;
        Piece { offset: fragment.offset, ident: fragment.ident, len: payload.len() - behind, head }
    });
    let at = ip6::HEADER_LEN + found.offset;
    Ok(Read { src: header.src.into(), dst: header.dst.into(), proto: found.proto, at, piece })
}

/// A packet whose upper layer stands right behind the IP header, as that of most does: TCP, UDP, or a question of ICMP or its answer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plain<'a> {
    pub(crate) ends: Ends,
    pub(crate) proto: IpProto,
    pub(crate) upper: &'a [u8],
}

/// The ends of a frame that bears such a packet: nothing else is looked at, nor found wrong, here.
#[inline]
pub(crate) fn ends_of_frame(frame: &[u8]) -> Option<(Ends, IpProto)> {
    let (ethertype, at) = ether::network(frame)?;
    let packet = frame.get(at..).filter(|_| matches!(ethertype, EtherType::IPV6 | EtherType::IPV4))?;
    plain(packet).map(|plain| (plain.ends, plain.proto))
}

/// Such a packet, from its IP header on. Of that no more is looked at than is needed.
#[inline]
pub(crate) fn plain(packet: &[u8]) -> Option<Plain<'_>> {
    let (src, dst, proto, upper) = match packet.first()? >> 4 {
        6 => {
            let (header, upper) = packet.split_first_chunk::<{ ip6::HEADER_LEN }>()?;
            let (src, dst) = (header[8..].first_chunk::<16>()?, header[24..].first_chunk::<16>()?);
            (*src, *dst, header[6], upper)
        }
        4 => {
            let (header, upper) = packet.split_first_chunk::<{ ip4::HEADER_LEN }>()?;
            let is_plain = header[0] == 0x45 && header[6] & 0x3f == 0 && header[7] == 0;
            let mapped =
                |at: usize| Some(Ipv4Addr::from(*header[at..].first_chunk::<4>()?).to_ipv6_mapped().octets());
            (mapped(12)?, mapped(16)?, header[9], upper.get(..).filter(|_| is_plain)?)
        }
        _ => return None,
    };
    let ends = ends([src, dst], IpProto(proto), upper)?;
    Some(Plain { ends, proto: IpProto(proto), upper })
}

/// The ends of a packet from one address to another, whose upper layer this is, if that has ports or asks or answers a question.
#[inline]
pub(crate) fn ends([src, dst]: [[u8; 16]; 2], proto: IpProto, upper: &[u8]) -> Option<Ends> {
    let (src_port, dst_port) = match proto {
        IpProto::TCP | IpProto::UDP => {
            let &[a, b, c, d] = upper.first_chunk::<4>()?;
            (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
        }
        IpProto::ICMP | IpProto::ICMP6 => question(proto, upper)?.0,
        _ => return None,
    };
    Some([(src, src_port), (dst, dst_port)])
}

/// What a chain of extension headers leads to.
struct Found {
    proto: IpProto,
    /// From the payload's first octet on.
    offset: usize,
    /// The fragment header, and where its data begins.
    fragment: Option<(FragmentRepr, usize)>,
}

/// Walks over extension headers, and over authentication headers, too: a flow is what goes on behind them, as in Linux.
fn chain(first: IpProto, payload: &[u8]) -> Result<Found, Astray> {
    let mut found = Found { proto: first, offset: 0, fragment: None };
    match follow(&mut found, payload) {
        Ok(()) => Ok(found),
        Err(_) if found.fragment.is_some() => Err(Astray::Hidden),
        Err(astray) => Err(astray),
    }
}

fn follow(found: &mut Found, payload: &[u8]) -> Result<(), Astray> {
    let mut count = 0;
    loop {
        let rest = payload.get(found.offset..).ok_or(Astray::Malformed)?;
        // Hop-by-hop options stand first of all, not first behind something else.
        if found.offset != 0 && found.proto == IpProto::HOP_BY_HOP {
            return Err(Astray::Malformed);
        }
        let mut walker = Walker::new(found.proto, rest);
        for header in &mut walker {
            let header = header.map_err(|_| Astray::Malformed)?;
            count += 1;
            if count > MOST_HEADERS {
                return Err(Astray::Hidden);
            }
            if let ExtKind::Fragment(fragment) = header.kind {
                found.fragment = Some((fragment, found.offset + header.offset + header.len));
            }
        }
        let upper = walker.upper();
        (found.proto, found.offset) = (upper.proto, found.offset + upper.offset);
        let later = found.fragment.is_some_and(|(fragment, _)| fragment.offset != 0);
        if found.proto != IpProto::AH || later {
            return Ok(());
        }
        //= RFC 4302 s2.2: its length is in words of four octets, less two.
        let rest = payload.get(found.offset..).ok_or(Astray::Malformed)?;
        let (&[next, words], _) = rest.split_first_chunk::<2>().ok_or(Astray::Malformed)?;
        count += 1;
        if count > MOST_HEADERS {
            return Err(Astray::Hidden);
        }
        found.proto = IpProto(next);
        found.offset += (usize::from(words) + 2) * 4;
    }
}

/// How long an upper-layer header is, as far as rules and states look at it; `None` if it does not say.
fn header_len(proto: IpProto, upper: &[u8]) -> Option<usize> {
    Some(match proto {
        IpProto::TCP => (usize::from(*upper.get(12)? >> 4) * 4).max(20),
        // SCTP and DCCP.
        IpProto(132 | 33) => 12,
        // UDP-Lite.
        IpProto::UDP | IpProto(136) | IpProto::ICMP | IpProto::ICMP6 => 8,
        _ => 0,
    })
}

impl Read {
    /// Whether the upper-layer header is all there.
    pub(crate) fn is_whole(&self, bytes: &[u8]) -> bool {
        let upper = bytes.get(self.at..).unwrap_or_default();
        header_len(self.proto, upper).is_some_and(|len| len <= upper.len())
    }

    /// The packet, to the states. `None` if it is of no flow that could be.
    pub(crate) fn packet(&self, bytes: &[u8]) -> Option<Packet> {
        let upper = bytes.get(self.at..)?;
        let packet = Packet::parse(self.src, self.dst, self.proto, upper, bytes.len(), quoted)?;
        Some(Packet { cut: self.piece.is_some(), ..packet })
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
    let found = chain(IpProto(header[6]), payload).ok()?;
    if found.fragment.is_some_and(|(fragment, _)| fragment.offset != 0) {
        return None;
    }
    Some((addr(8)?, addr(24)?, found.proto, payload.get(found.offset..)?))
}
