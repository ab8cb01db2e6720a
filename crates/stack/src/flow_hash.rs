//! The hash of a flow, by which its packets keep to one of several routers (RFC 2992, RFC 6438).
//!
//! Of what is whole and has ports, addresses, protocol and ports count; of other protocols the flow label, which whoever puts
//! packets into tunnels sets so that their flows can be told apart. Where ports are seen the label does not count: it is the
//! sender's for one direction, and what comes the other way about the flow could not be known as its. The pieces of a packet go by their
//! addresses alone, for but the first has ports: all of them go one way.
//!
//! An error goes the way of the flow that it tells of, in that one's other direction: to the host that sent what it quotes, by
//! the router that this host's peer's packets go by (RFC 7690).
//!
//! With a secret, so that nobody outside can choose a router for a flow, or have all flows fall to one.

use std::hash::Hasher;
use std::net::IpAddr;

use siding_wire::IpProto;
use siding_wire::ext6;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip4;
use siding_wire::ip6;
use siphasher::sip::SipHasher13;

/// The secret.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FlowKey(pub(crate) [u64; 2]);

/// What tells a flow apart. What counts for nothing is 0.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Flow {
    src: u128,
    dst: u128,
    proto: u8,
    ports: (u16, u16),
    label: u32,
}

impl FlowKey {
    /// The hash of the flow of an IPv6 packet.
    pub(crate) fn six(self, packet: &[u8]) -> u32 {
        self.hash(six(packet, true).unwrap_or_default())
    }

    /// The same of IPv4.
    pub(crate) fn four(self, packet: &[u8]) -> u32 {
        self.hash(four(packet, true).unwrap_or_default())
    }

    /// The hash of a flow of these ends, of which no packet is at hand: of those without ports it is that of no label.
    pub(crate) fn between(self, ends: [IpAddr; 2], proto: IpProto, ports: (u16, u16)) -> u32 {
        let bits = |addr| match addr {
            IpAddr::V6(addr) => addr.to_bits(),
            IpAddr::V4(addr) => addr.to_bits().into(),
        };
        let [src, dst] = ends.map(bits);
        let ports = if has_ports(proto) { ports } else { (0, 0) };
        self.hash(Flow { src, dst, proto: proto.0, ports, label: 0 })
    }

    fn hash(self, flow: Flow) -> u32 {
        let Flow { src, dst, proto, ports: (from, to), label } = flow;
        let [one, two] = self.0;
        let mut hasher = SipHasher13::new_with_keys(one, two);
        hasher.write_u128(src);
        hasher.write_u128(dst);
        hasher.write_u64(
            u64::from(label) << 40 | u64::from(proto) << 32 | u64::from(from) << 16 | u64::from(to),
        );
        hasher.finish() as u32
    }
}

impl Flow {
    /// Its other direction, as far as that can be known: the label is each sender's own.
    fn back(self) -> Flow {
        let (from, to) = self.ports;
        Flow { src: self.dst, dst: self.src, ports: (to, from), label: 0, ..self }
    }

    /// With what the upper layer says.
    fn with(self, proto: IpProto, upper: &[u8]) -> Flow {
        match upper {
            [a, b, c, d, ..] if has_ports(proto) => {
                let ports = (u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
                Flow { proto: proto.0, ports, label: 0, ..self }
            }
            _ => Flow { proto: proto.0, ..self },
        }
    }
}

/// Bytes of an ICMP error before what it quotes.
const BEFORE_QUOTED: usize = 8;

fn six(packet: &[u8], may_quote: bool) -> Option<Flow> {
    let header: &[u8; ip6::HEADER_LEN] = packet.first_chunk()?;
    let addr = |at: usize| Some(u128::from_be_bytes(*header.get(at..)?.first_chunk()?));
    let ends = Flow { src: addr(8)?, dst: addr(24)?, ..Flow::default() };
    let payload = packet.get(ip6::HEADER_LEN..)?;
    let Ok(upper) = ext6::walk(IpProto(header[6]), payload, |_| {}) else { return Some(ends) };
    if upper.fragment.is_some() {
        return Some(ends);
    }
    let rest = payload.get(upper.offset..).unwrap_or_default();
    if upper.proto == IpProto::ICMP6
        && may_quote
        && rest.first().is_some_and(|kind| Icmp6Type(*kind).is_error())
        && let Some(about) = rest.get(BEFORE_QUOTED..).and_then(|quoted| six(quoted, false))
    {
        return Some(about.back());
    }
    let label = u32::from_be_bytes(*header.first_chunk()?) & 0xf_ffff;
    Some(Flow { label, ..ends }.with(upper.proto, rest))
}

fn four(packet: &[u8], may_quote: bool) -> Option<Flow> {
    let header: &[u8; ip4::HEADER_LEN] = packet.first_chunk()?;
    let addr = |at: usize| Some(u32::from_be_bytes(*header.get(at..)?.first_chunk()?).into());
    let ends = Flow { src: addr(12)?, dst: addr(16)?, ..Flow::default() };
    if header[6] & 0x3f != 0 || header[7] != 0 {
        return Some(ends);
    }
    let proto = IpProto(header[9]);
    let rest = packet.get(usize::from(header[0] & 0xf) * 4..).unwrap_or_default();
    if proto == IpProto::ICMP
        && may_quote
        // Unreachable, source quench, time exceeded, parameter problem. A redirect is its receiver's alone.
        && matches!(rest.first(), Some(3 | 4 | 11 | 12))
        && let Some(about) = rest.get(BEFORE_QUOTED..).and_then(|quoted| four(quoted, false))
    {
        return Some(about.back());
    }
    Some(ends.with(proto, rest))
}

/// Whether two ports come first behind the IP headers.
fn has_ports(proto: IpProto) -> bool {
    /// DCCP, SCTP, UDP-Lite.
    const OTHERS: [u8; 3] = [33, 132, 136];
    proto == IpProto::TCP || proto == IpProto::UDP || OTHERS.contains(&proto.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: FlowKey = FlowKey([1, 2]);

    /// A packet from `src` to `dst`, by their last bytes.
    fn packet6((src, dst): (u8, u8), label: u8, next: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 40];
        (packet[0], packet[3], packet[5], packet[6]) = (0x60, label, payload.len() as u8, next);
        (packet[8], packet[23], packet[24], packet[39]) = (0x20, src, 0x20, dst);
        packet.extend(payload);
        packet
    }

    fn packet4((src, dst): (u8, u8), fragment: [u8; 2], next: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet =
            vec![0x45, 0, 0, 20 + payload.len() as u8, 0, 0, fragment[0], fragment[1], 64, next, 0, 0];
        packet.extend([10, 0, 0, src, 10, 0, 0, dst]);
        packet.extend(payload);
        packet
    }

    fn ports(from: u8, to: u8) -> Vec<u8> {
        vec![0, from, 0, to, 0, 8, 0, 0]
    }

    #[test]
    fn what_tells_flows_apart() {
        let of = |ends, label, next, payload: &[u8]| KEY.six(&packet6(ends, label, next, payload));
        let base = of((1, 2), 0, 17, &ports(3, 4));
        for (ends, next, pair) in [
            ((9, 2), 17, ports(3, 4)),
            ((1, 9), 17, ports(3, 4)),
            ((2, 1), 17, ports(3, 4)),
            ((1, 2), 6, ports(3, 4)),
            ((1, 2), 17, ports(9, 4)),
            ((1, 2), 17, ports(3, 9)),
        ] {
            assert_ne!(base, of(ends, 0, next, &pair), "{ends:?} {next}");
        }
        assert_eq!(base, of((1, 2), 7, 17, &ports(3, 4)), "where ports are seen the label says nothing");
        // Behind options, too.
        assert_eq!(base, of((1, 2), 0, 60, &[&[17, 0, 1, 4, 0, 0, 0, 0][..], &ports(3, 4)].concat()));
        // ESP has none that could be seen.
        assert_ne!(of((1, 2), 7, 50, &ports(3, 4)), of((1, 2), 8, 50, &ports(3, 4)));
        assert_eq!(of((1, 2), 7, 50, &ports(3, 4)), of((1, 2), 7, 50, &ports(9, 4)));
        assert_ne!(
            KEY.six(&packet6((1, 2), 0, 17, &ports(3, 4))),
            FlowKey([1, 3]).six(&packet6((1, 2), 0, 17, &ports(3, 4)))
        );
    }

    #[test]
    fn all_pieces_of_a_packet_are_of_one_flow() {
        let piece = |offset: [u8; 2], label, payload: &[u8]| {
            KEY.six(&packet6(
                (1, 2),
                label,
                44,
                &[&[17, 0, offset[0], offset[1], 0, 0, 0, 1][..], payload].concat(),
            ))
        };
        let first = piece([0, 1], 0, &ports(3, 4));
        assert_eq!(first, piece([0, 8], 0, &ports(9, 9)));
        assert_eq!(first, piece([0, 1], 5, &ports(5, 5)));
        let four = |fragment, payload: &[u8]| KEY.four(&packet4((1, 2), fragment, 17, payload));
        assert_eq!(four([0x20, 0], &ports(3, 4)), four([0, 1], &ports(9, 9)));
        assert_eq!(four([0x20, 0], &ports(3, 4)), four([0x20, 9], &ports(5, 5)));
        assert_ne!(
            four([0x40, 0], &ports(3, 4)),
            four([0x40, 0], &ports(5, 5)),
            "that it must not be cut is no piece"
        );
    }

    #[test]
    fn an_error_goes_its_flows_way() {
        // From 1 to 2, quoted by 7, who tells 1: the way of what 2 sends to 1.
        let about = |inner: Vec<u8>| {
            let error =
                |kind: u8| packet6((7, 1), 0, 58, &[&[kind, 0, 0, 0, 0, 0, 5, 0][..], &inner].concat());
            (KEY.six(&error(2)), KEY.six(&error(128)))
        };
        let (error, echo) = about(packet6((1, 2), 9, 6, &ports(3, 4)));
        assert_eq!(error, KEY.six(&packet6((2, 1), 5, 6, &ports(4, 3))));
        assert_ne!(error, echo, "what is no error quotes nothing");
        assert_ne!(error, about(packet6((1, 2), 9, 6, &ports(3, 5))).0);
        // Of a piece.
        let piece =
            |ends, pair: Vec<u8>| packet6(ends, 0, 44, &[&[6, 0, 0, 1, 0, 0, 0, 1][..], &pair].concat());
        assert_eq!(about(piece((1, 2), ports(3, 4))).0, KEY.six(&piece((2, 1), ports(7, 7))));
        // Cut off before its ports, or within the header: then it goes by what it is itself.
        assert_ne!(about(packet6((1, 2), 9, 6, &[0, 3])).0, error);
        let short = [&[2, 0, 0, 0, 0, 0, 5, 0][..], &packet6((1, 2), 9, 6, &[])[..39]].concat();
        assert_eq!(KEY.six(&packet6((7, 1), 0, 58, &short)), KEY.six(&packet6((7, 1), 0, 58, &[])));
        // An error about an error quotes that one, no further.
        let four = |kind: u8, inner: Vec<u8>| {
            packet4((7, 1), [0, 0], 1, &[&[kind, 4, 0, 0, 0, 0, 5, 0][..], &inner].concat())
        };
        let flow = KEY.four(&packet4((2, 1), [0, 0], 6, &ports(4, 3)));
        assert_eq!(KEY.four(&four(3, packet4((1, 2), [0x40, 0], 6, &ports(3, 4)))), flow);
        assert_ne!(KEY.four(&four(8, packet4((1, 2), [0x40, 0], 6, &ports(3, 4)))), flow);
        assert_ne!(KEY.four(&four(3, four(3, packet4((1, 2), [0x40, 0], 6, &ports(3, 4))))), flow);
    }

    #[test]
    fn ends_alone_are_the_same_flow() {
        let six = ["2000::1", "2000::2"].map(|text| text.parse().unwrap());
        assert_eq!(KEY.between(six, IpProto::TCP, (3, 4)), KEY.six(&packet6((1, 2), 7, 6, &ports(3, 4))));
        let four = ["10.0.0.1", "10.0.0.2"].map(|text| text.parse().unwrap());
        assert_eq!(
            KEY.between(four, IpProto::UDP, (3, 4)),
            KEY.four(&packet4((1, 2), [0, 0], 17, &ports(3, 4)))
        );
        assert_eq!(
            KEY.between(four, IpProto::ICMP, (3, 0)),
            KEY.four(&packet4((1, 2), [0, 0], 1, &[8, 0, 0, 0, 0, 3]))
        );
    }

    #[test]
    fn any_bytes_have_a_flow() {
        let whole = packet6(
            (1, 2),
            0,
            58,
            &[&[1, 0, 0, 0, 0, 0, 0, 0][..], &packet6((1, 2), 0, 60, &[6, 9])].concat(),
        );
        for len in 0..whole.len() {
            KEY.six(&whole[..len]);
            KEY.four(&whole[..len]);
        }
    }
}
