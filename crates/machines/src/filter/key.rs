//! What makes a flow one: its addresses, ports and protocol.

use std::net::IpAddr;
use std::net::Ipv6Addr;

use siding_wire::IpProto;
use siphasher::sip::SipHasher13;

/// One direction of a flow, as it stands in a packet. IPv4 addresses are mapped into IPv6's (no packet on the wire may
/// have mapped addresses, so that nothing is taken for what it is not).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tuple {
    /// Who sent the packet.
    pub src: Ipv6Addr,
    /// To whom.
    pub dst: Ipv6Addr,
    /// Where from: a port, or the identifier of an echo; 0 for protocols without.
    pub src_port: u16,
    /// The same of the other end.
    pub dst_port: u16,
    /// The upper layer.
    pub proto: IpProto,
}

/// Which of the two directions of a flow a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// As the packet that began the flow.
    Original,
    /// The other way.
    Reply,
}

/// A flow: the same for packets of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) low: [u8; 16],
    pub(super) high: [u8; 16],
    pub(super) low_port: u16,
    pub(super) high_port: u16,
    pub(super) proto: u8,
}

impl Tuple {
    /// A direction without ports.
    pub fn new(src: IpAddr, dst: IpAddr, proto: IpProto) -> Tuple {
        Tuple { src: mapped(src), dst: mapped(dst), src_port: 0, dst_port: 0, proto }
    }

    /// With ports, or identifiers.
    #[must_use]
    pub fn with_ports(self, src_port: u16, dst_port: u16) -> Tuple {
        Tuple { src_port, dst_port, ..self }
    }

    /// The direction of the answers.
    #[must_use]
    pub fn reversed(self) -> Tuple {
        let Tuple { src, dst, src_port, dst_port, proto } = self;
        Tuple { src: dst, dst: src, src_port: dst_port, dst_port: src_port, proto }
    }

    /// The flow, and whether this direction's sender is its lower end.
    #[inline]
    pub fn key(&self) -> (Key, bool) {
        let (src, dst) = ((self.src.octets(), self.src_port), (self.dst.octets(), self.dst_port));
        Key::between(src, dst, self.proto)
    }
}

impl Key {
    /// The flow of a packet from one address and port to another, IPv4's mapped, and whether its sender is the lower end.
    #[inline]
    pub fn between(src: ([u8; 16], u16), dst: ([u8; 16], u16), proto: IpProto) -> (Key, bool) {
        // As numbers, whichever way round they stand here: to compare them so takes two steps, octet by octet a call.
        let number = |end: &([u8; 16], u16)| (u128::from_ne_bytes(end.0), end.1);
        let from_low = number(&src) <= number(&dst);
        let (low, high) = if from_low { (src, dst) } else { (dst, src) };
        let key = Key { low: low.0, high: high.0, low_port: low.1, high_port: high.1, proto: proto.0 };
        (key, from_low)
    }

    /// The upper layer.
    #[inline]
    pub fn proto(&self) -> IpProto {
        IpProto(self.proto)
    }

    /// A number for the flow that peers cannot choose: they do not know `secret`.
    #[inline]
    pub fn hash(&self, secret: u64) -> u64 {
        let mut bytes = [0; 40];
        bytes[..16].copy_from_slice(&self.low);
        bytes[16..32].copy_from_slice(&self.high);
        bytes[32..34].copy_from_slice(&self.low_port.to_ne_bytes());
        bytes[34..36].copy_from_slice(&self.high_port.to_ne_bytes());
        bytes[36] = self.proto;
        // At once: each piece has its price.
        SipHasher13::new_with_keys(secret, 0x666c_6f77).hash(&bytes)
    }

    /// A number for the flow that is made at once. Peers do not know these secrets, but should they find out, they could choose it.
    #[inline]
    pub(super) fn quick(&self, [secret, other_secret]: [u64; 2]) -> u64 {
        let fold = |one: u64, other: u64| {
            let product = u128::from(one) * u128::from(other);
            product as u64 ^ (product >> 64) as u64
        };
        let halves = |end: &[u8; 16]| {
            let both = u128::from_ne_bytes(*end);
            [both as u64, (both >> 64) as u64]
        };
        let ([a, b], [c, d]) = (halves(&self.low), halves(&self.high));
        let rest = u64::from(self.low_port) << 32 | u64::from(self.high_port) << 8 | u64::from(self.proto);
        let one = fold(a ^ secret, d ^ other_secret);
        let other = fold(c ^ secret.rotate_left(32), b ^ other_secret.rotate_left(32));
        fold(one ^ other.rotate_left(29) ^ rest, 0xa076_1d64_78bd_642f)
    }

    /// The direction whose sender is the lower end, or the other one.
    pub fn tuple(&self, from_low: bool) -> Tuple {
        let tuple = Tuple {
            src: self.low.into(),
            dst: self.high.into(),
            src_port: self.low_port,
            dst_port: self.high_port,
            proto: IpProto(self.proto),
        };
        if from_low { tuple } else { tuple.reversed() }
    }
}

impl Way {
    /// The index of what belongs to this direction's sender.
    #[inline]
    pub fn index(self) -> usize {
        match self {
            Way::Original => 0,
            Way::Reply => 1,
        }
    }
}

/// The address as IPv6 has it.
pub(super) fn mapped(addr: IpAddr) -> Ipv6Addr {
    match addr {
        IpAddr::V6(addr) => addr,
        IpAddr::V4(addr) => addr.to_ipv6_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tuple(src: u16, dst: u16, ports: (u16, u16)) -> Tuple {
        let addr = |last| Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into();
        Tuple::new(addr(src), addr(dst), IpProto::TCP).with_ports(ports.0, ports.1)
    }

    #[test]
    fn both_directions_are_one_flow() {
        for there in [tuple(1, 2, (7, 80)), tuple(2, 1, (7, 80)), tuple(1, 1, (7, 80)), tuple(1, 1, (80, 7))]
        {
            let (key, low) = there.key();
            let (back, high) = there.reversed().key();
            assert_eq!((key, low), (back, !high), "{there:?}");
            assert_eq!(key.hash(5), back.hash(5));
            assert_eq!(key.tuple(low), there, "the direction reads back");
        }
        // To itself, from a port to the same: either direction is the same packet.
        assert_eq!(tuple(1, 1, (7, 7)).key(), tuple(1, 1, (7, 7)).reversed().key());
    }

    #[test]
    fn flows_that_differ_in_anything_differ() {
        let one = tuple(1, 2, (7, 80));
        let others = [
            tuple(1, 3, (7, 80)),
            tuple(1, 2, (8, 80)),
            tuple(1, 2, (80, 7)),
            Tuple { proto: IpProto::UDP, ..one },
        ];
        for other in others {
            assert_ne!(one.key().0, other.key().0);
            assert_ne!(one.key().0.hash(5), other.key().0.hash(5));
        }
        assert_ne!(one.key().0.hash(5), one.key().0.hash(6), "the secret counts");
    }
}
