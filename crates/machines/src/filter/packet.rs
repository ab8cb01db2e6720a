//! What the states need to know of a packet.

use std::net::IpAddr;

use siding_wire::IpProto;

use super::Kind;
use super::Segment;
use super::Tuple;

/// A packet, as the states see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Packet {
    /// Its addresses and ports.
    pub tuple: Tuple,
    /// What it is.
    pub upper: Upper,
    /// How long, with all headers.
    pub len: usize,
    /// It is the first piece of one that is longer.
    pub cut: bool,
}

/// What a packet bears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upper {
    /// A segment of TCP.
    Tcp(Segment),
    /// A datagram of UDP, or of a protocol with ports at the same place.
    Udp,
    /// An echo request, or another question of ICMP that is answered.
    Ask,
    /// The answer.
    Answer,
    /// An error about a packet that somebody sent: that packet's direction, and the number of its segment.
    Error(Tuple, Option<u32>),
    /// Neighbour discovery and MLD: of one link, no flow.
    Link,
    /// A protocol without ports.
    Other,
}

impl Packet {
    /// Reads what follows the IP header and its extensions; `upper` is all of it that there is. `quoted` reads the
    /// packet that an ICMP error quotes: where it comes from and goes to, its upper layer, and the bytes of that.
    ///
    /// `None` if it is too short, or says what nobody says: such a packet belongs to no flow.
    #[inline]
    pub fn parse<'a>(
        src: IpAddr,
        dst: IpAddr,
        proto: IpProto,
        upper: &'a [u8],
        len: usize,
        quoted: impl FnOnce(&'a [u8]) -> Option<(IpAddr, IpAddr, IpProto, &'a [u8])>,
    ) -> Option<Packet> {
        let tuple = Tuple::new(src, dst, proto);
        let (tuple, upper) = match proto {
            IpProto::TCP => (with_ports(tuple, upper)?, Upper::Tcp(Segment::parse(upper).ok()?)),
            IpProto::UDP => {
                upper.get(..8)?;
                (with_ports(tuple, upper)?, Upper::Udp)
            }
            _ if has_ports(proto) => (with_ports(tuple, upper)?, Upper::Udp),
            IpProto::ICMP6 | IpProto::ICMP => {
                let (kind, rest) = (*upper.first()?, upper.get(4..)?);
                match meaning(proto, kind)? {
                    Icmp::Link => (tuple, Upper::Link),
                    Icmp::Error => {
                        let (src, dst, proto, upper) = quoted(rest.get(4..)?)?;
                        let (about, seq) = about(src, dst, proto, upper)?;
                        (tuple, Upper::Error(about, seq))
                    }
                    Icmp::Ask | Icmp::Answer => {
                        let ((src, dst), upper) = question(proto, upper)?;
                        (tuple.with_ports(src, dst), upper)
                    }
                }
            }
            //= RFC 6092 REC-25, -28, -47 [6092-25, 6092-28, 6092-47]: both ends and the protocol, nothing else.
            _ => (tuple, Upper::Other),
        };
        Some(Packet { tuple, upper, len, cut: false })
    }

    /// Whether it may begin a flow. With `loose`, one that was begun before anybody looked is picked up.
    pub(super) fn may_begin(&self, loose: bool) -> bool {
        match &self.upper {
            Upper::Tcp(segment) => match segment.kind {
                Kind::Syn => true,
                Kind::Ack => loose,
                Kind::SynAck | Kind::Fin | Kind::Rst => false,
            },
            Upper::Udp | Upper::Ask | Upper::Other => true,
            Upper::Answer | Upper::Error(..) | Upper::Link => false,
        }
    }
}

/// What stands for ports in a question of ICMP, or its answer, and which of the two it is; `None` for anything else. `upper`
/// begins with its type.
pub fn question(proto: IpProto, upper: &[u8]) -> Option<((u16, u16), Upper)> {
    let (kind, rest) = (*upper.first()?, upper.get(4..)?);
    let what = match meaning(proto, kind)? {
        Icmp::Ask => Upper::Ask,
        Icmp::Answer => Upper::Answer,
        Icmp::Error | Icmp::Link => return None,
    };
    Some((asking(proto, kind, rest)?, what))
}

enum Icmp {
    Ask,
    Answer,
    Error,
    Link,
}

/// What a type of ICMP means; `None` for those that belong to no flow.
fn meaning(proto: IpProto, kind: u8) -> Option<Icmp> {
    match (proto, kind) {
        (IpProto::ICMP6, 1..=4) => Some(Icmp::Error),
        (IpProto::ICMP6, 128 | 139) => Some(Icmp::Ask),
        (IpProto::ICMP6, 129 | 140) => Some(Icmp::Answer),
        // MLD, router and neighbour messages, MLDv2.
        (IpProto::ICMP6, 130..=136 | 143) => Some(Icmp::Link),
        // Echo, timestamp, information, address mask.
        (IpProto::ICMP, 8 | 13 | 15 | 17) => Some(Icmp::Ask),
        (IpProto::ICMP, 0 | 14 | 16 | 18) => Some(Icmp::Answer),
        (IpProto::ICMP, 3 | 4 | 5 | 11 | 12) => Some(Icmp::Error),
        _ => None,
    }
}

/// What stands for ports in a question of ICMP, or its answer: who asks has the identifier, the other end a number that
/// follows from it and from what is asked. So the same question by the other end is a flow of its own, as another
/// question is. The distance is odd and small: no two of them come back to the same number.
fn asking(proto: IpProto, kind: u8, rest: &[u8]) -> Option<(u16, u16)> {
    let ident = u16::from_be_bytes(*rest.first_chunk::<2>()?);
    let (question, asks) = match (proto, kind) {
        (IpProto::ICMP6, 129 | 140) | (IpProto::ICMP, 14 | 16 | 18) => (kind - 1, false),
        (IpProto::ICMP, 0) => (8, false),
        _ => (kind, true),
    };
    let other = ident.wrapping_add(2 * u16::from(question) + 1);
    Some(if asks { (ident, other) } else { (other, ident) })
}

impl Tuple {
    /// The type of ICMP that a flow's first packet has, of those that [`Packet::parse`] gives.
    pub fn question(&self) -> u8 {
        (self.dst_port.wrapping_sub(self.src_port) / 2) as u8
    }
}

//= RFC 6092 REC-20 [6092-20]: like UDP, and of another protocol than it.
/// Protocols with ports where UDP has them: DCCP, SCTP, UDP-Lite.
fn has_ports(proto: IpProto) -> bool {
    matches!(proto.0, 33 | 132 | 136)
}

fn with_ports(tuple: Tuple, upper: &[u8]) -> Option<Tuple> {
    let &[a, b, c, d] = upper.first_chunk::<4>()?;
    Some(tuple.with_ports(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])))
}

/// The direction of a packet that an error quotes, perhaps in part, and the number of its segment.
fn about(src: IpAddr, dst: IpAddr, proto: IpProto, upper: &[u8]) -> Option<(Tuple, Option<u32>)> {
    let tuple = Tuple::new(src, dst, proto);
    match proto {
        IpProto::TCP => {
            let seq = upper.get(4..)?.first_chunk::<4>()?;
            Some((with_ports(tuple, upper)?, Some(u32::from_be_bytes(*seq))))
        }
        _ if proto == IpProto::UDP || has_ports(proto) => Some((with_ports(tuple, upper)?, None)),
        IpProto::ICMP6 | IpProto::ICMP => match meaning(proto, *upper.first()?)? {
            Icmp::Ask | Icmp::Answer => {
                let (src, dst) = asking(proto, *upper.first()?, upper.get(4..)?)?;
                Some((tuple.with_ports(src, dst), None))
            }
            //= RFC 4443 s2.4(e): there is no error about an error.
            Icmp::Error | Icmp::Link => None,
        },
        _ => Some((tuple, None)),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv6Addr;

    use super::*;

    fn parse(proto: IpProto, upper: &[u8]) -> Option<Packet> {
        let addr = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
        Packet::parse(addr(1), addr(2), proto, upper, 99, |rest| {
            let (proto, upper) = rest.split_first()?;
            Some((addr(2), addr(9), IpProto(*proto), upper))
        })
    }

    #[test]
    fn ports_and_identifiers_are_found() {
        let ports = |proto, upper: &[u8]| parse(proto, upper).map(|p| (p.tuple.src_port, p.tuple.dst_port));
        assert_eq!(ports(IpProto::UDP, &[1, 2, 3, 4, 0, 8, 0, 0]), Some((0x102, 0x304)));
        assert_eq!(ports(IpProto::UDP, &[1, 2, 3, 4, 0, 8, 0]), None, "not even a header");
        assert_eq!(ports(IpProto(132), &[1, 2, 3, 4]), Some((0x102, 0x304)));
        assert_eq!(ports(IpProto::ICMP6, &[128, 0, 0, 0, 7, 8, 0, 1]), Some((0x708, 0x708 + 257)));
        for (proto, kind) in
            [(IpProto::ICMP6, 128), (IpProto::ICMP6, 139), (IpProto::ICMP, 8), (IpProto::ICMP, 17)]
        {
            let asked = parse(proto, &[kind, 0, 0, 0, 0xff, 0xff, 0, 1]).map(|p| p.tuple.question());
            assert_eq!(asked, Some(kind));
        }
        assert_eq!(ports(IpProto::ICMP6, &[129, 0, 0, 0, 7, 8, 0, 1]), Some((0x708 + 257, 0x708)));
        assert_eq!(ports(IpProto::ESP, &[1, 2, 3, 4]), Some((0, 0)));
    }

    #[test]
    fn an_error_is_about_what_it_quotes() {
        let upper = |bytes: &[u8]| {
            parse(IpProto::ICMP6, &[&[1, 0, 0, 0, 0, 0, 0, 0], bytes].concat()).map(|p| p.upper)
        };
        let Some(Upper::Error(about, Some(0x0506_0708))) = upper(&[6, 1, 2, 3, 4, 5, 6, 7, 8]) else {
            panic!("TCP's number is in the first eight octets")
        };
        assert_eq!((about.src_port, about.dst_port, about.proto), (0x102, 0x304, IpProto::TCP));
        assert_eq!(upper(&[6, 1, 2, 3, 4, 5, 6, 7]), None, "cut before the number");
        assert!(matches!(upper(&[17, 1, 2, 3, 4]), Some(Upper::Error(_, None))));
        assert_eq!(upper(&[58, 1, 0, 0, 0, 0, 0]), None, "an error about an error");
        assert!(
            matches!(upper(&[58, 128, 0, 0, 0, 7, 8]), Some(Upper::Error(about, None)) if about.src_port == 0x708)
        );
        assert_eq!(upper(&[]), None);
    }

    #[test]
    fn messages_of_one_link_are_no_flow_and_redirects_belong_to_nothing() {
        for kind in [130, 131, 132, 133, 134, 135, 136, 143] {
            assert_eq!(parse(IpProto::ICMP6, &[kind, 0, 0, 0]).map(|p| p.upper), Some(Upper::Link), "{kind}");
        }
        for kind in [0, 5, 100, 137, 144, 255] {
            assert_eq!(parse(IpProto::ICMP6, &[kind, 0, 0, 0, 0, 0, 0, 0]), None, "{kind}");
        }
    }
}
