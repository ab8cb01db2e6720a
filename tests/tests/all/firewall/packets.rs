//! Packets in few words, with their checksums.

use std::net::Ipv6Addr;

use siding_wire::IpProto;
use siding_wire::checksum::Sum;
use siding_wire::ip6::Ip6Repr;

pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ROUTING: u8 = 43;
pub(super) const ESP: u8 = 50;
pub(super) const AH: u8 = 51;
pub(super) const ICMP: u8 = 58;
pub(super) const DESTINATION: u8 = 60;
pub(super) const SCTP: u8 = 132;
pub(super) const MOBILITY: u8 = 135;
pub(super) const UDP_LITE: u8 = 136;
pub(super) const HIP: u8 = 139;
pub(super) const SHIM6: u8 = 140;
pub(super) const DCCP: u8 = 33;

pub(super) const SYN: u8 = 2;
pub(super) const RST: u8 = 4;
pub(super) const ACK: u8 = 16;
pub(super) const FIN: u8 = 1;

/// Who sends, and to whom.
pub(super) type Ends<'a> = (&'a str, &'a str);

pub(super) fn addr(text: &str) -> Ipv6Addr {
    text.parse().unwrap_or_else(|_| panic!("{text}"))
}

/// A packet; the checksum of its upper layer is put in, if `payload` is that.
pub(super) fn ip6((src, dst): Ends, next: u8, payload: &[u8]) -> Vec<u8> {
    let (src, dst) = (addr(src), addr(dst));
    let mut packet = vec![0; 40];
    Ip6Repr::new(src, dst, IpProto(next), 64, payload.len() as u16).emit(&mut packet).unwrap();
    let mut payload = payload.to_vec();
    let at = match next {
        TCP => Some(16),
        UDP => Some(6),
        ICMP => Some(2),
        _ => None,
    };
    if let Some(at) = at.filter(|at| at + 2 <= payload.len()) {
        payload[at..at + 2].fill(0);
        let sum = Sum::pseudo6(src, dst, IpProto(next), payload.len() as u32).with(&payload).finish();
        payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
    }
    packet.extend(payload);
    packet
}

/// The header of a datagram, or what other protocols with ports begin with.
pub(super) fn ports(src: u16, dst: u16) -> Vec<u8> {
    let mut bytes = [src.to_be_bytes(), dst.to_be_bytes()].concat();
    bytes.extend([0, 8, 0, 0, 0, 0, 0, 0]);
    bytes
}

pub(super) fn udp(ends: Ends, src: u16, dst: u16) -> Vec<u8> {
    ip6(ends, UDP, &ports(src, dst)[..8])
}

/// A segment; `at` are its number and what it acknowledges. A SYN scales its window if `scale` says by how much.
pub(super) fn segment(
    (src, dst): (u16, u16),
    flags: u8,
    at: (u32, u32),
    scale: Option<u8>,
    data: usize,
) -> Vec<u8> {
    let mut bytes = [src.to_be_bytes(), dst.to_be_bytes()].concat();
    bytes.extend(at.0.to_be_bytes());
    bytes.extend(at.1.to_be_bytes());
    let words = if scale.is_some() { 6 } else { 5 };
    bytes.extend([words << 4, flags, 0x40, 0, 0, 0, 0, 0]);
    if let Some(scale) = scale {
        bytes.extend([3, 3, scale, 0]);
    }
    bytes.resize(bytes.len() + data, b'x');
    bytes
}

pub(super) fn tcp(ends: Ends, pair: (u16, u16), flags: u8, at: (u32, u32)) -> Vec<u8> {
    ip6(ends, TCP, &segment(pair, flags, at, (flags & SYN != 0).then_some(7), 0))
}

/// A message of ICMPv6, with an identifier and a number, or what stands in their place.
pub(super) fn icmp(ends: Ends, kind: u8, code: u8) -> Vec<u8> {
    ip6(ends, ICMP, &[kind, code, 0, 0, 0, 7, 0, 1])
}

/// An error about a packet.
pub(super) fn error(ends: Ends, kind: u8, code: u8, about: &[u8]) -> Vec<u8> {
    let field: u32 = if kind == 2 { 1280 } else { 0 };
    let mut message = vec![kind, code, 0, 0];
    message.extend(field.to_be_bytes());
    message.extend(&about[..about.len().min(1000)]);
    ip6(ends, ICMP, &message)
}

/// With this hop limit.
pub(super) fn hops(mut packet: Vec<u8>, limit: u8) -> Vec<u8> {
    packet[7] = limit;
    packet
}

/// An extension header of eight octets, and what follows it.
pub(super) fn ext(next: u8, rest: [u8; 6], payload: &[u8]) -> Vec<u8> {
    [&[next, 0], &rest[..], payload].concat()
}
