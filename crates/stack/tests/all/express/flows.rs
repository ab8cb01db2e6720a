//! Flows: TCP, UDP and echoes between hosts that both routers know, with all that belongs to them, and something that does not now
//! and then.

use std::net::IpAddr;

use siding_stack::Chance;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::ether::Ether;
use siding_wire::ip4::Ip4Repr;
use siding_wire::ip6::Ip6Repr;

use super::traffic;
use super::traffic::pick;
use super::twin::KNOWN;
use super::twin::ON;
use super::twin::SUBNETS;
use super::twin::addr4;
use super::twin::addr6;
use super::twin::mac;
use super::twin::own_mac;

const FIN: u8 = 1;
const SYN: u8 = 2;
const RST: u8 = 4;
const ACK: u8 = 16;

/// A flow between two hosts, and how far it has come.
pub struct Flow {
    /// Where each host is: its interface, and its number there.
    ends: [(usize, u16); 2],
    ports: [u16; 2],
    kind: Kind,
    four: bool,
    /// What was sent of it.
    sent: usize,
    /// What each end says next.
    seqs: [u32; 2],
    begins_again: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tcp,
    Udp,
    Echo,
}

/// A frame of a flow.
pub struct Arriving {
    pub device: usize,
    pub frame: Vec<u8>,
}

impl Flow {
    pub fn new(chance: &mut Chance) -> Flow {
        let on = |chance: &mut Chance| [0, 1, 2, 3, 5][pick(chance, 5)];
        let from = on(chance);
        let to = (0..).map(|_| on(chance)).find(|to| *to != from).unwrap_or(0);
        let host = |chance: &mut Chance| 2 + pick(chance, KNOWN.into()) as u16;
        Flow {
            ends: [(from, host(chance)), (to, host(chance))],
            ports: [1024 + pick(chance, 40) as u16, pick(chance, 60) as u16],
            kind: [Kind::Tcp, Kind::Tcp, Kind::Udp, Kind::Echo][pick(chance, 4)],
            four: pick(chance, 3) == 0,
            sent: 0,
            seqs: [chance.next_u64() as u32, chance.next_u64() as u32],
            begins_again: false,
        }
    }

    /// The next frame of it, which may be wrong in something if `odd`.
    pub fn next(&mut self, chance: &mut Chance, odd: bool) -> Arriving {
        let is_odd = odd && pick(chance, 10) == 0;
        // Who begins, who answers, and then one or the other.
        let by = if self.sent < 3 { self.sent % 2 } else { pick(chance, 2) };
        let data: Vec<u8> = (0..pick(chance, 60)).map(|byte| byte as u8).collect();
        let upper = match self.kind {
            Kind::Tcp => self.segment(chance, by, is_odd, &data),
            Kind::Udp => self.datagram(by, &data),
            Kind::Echo => {
                let what = [[128, 129], [8, 0]][usize::from(self.four)][by];
                [&[what, 0, 0, 0][..], &self.ports[0].to_be_bytes(), &data].concat()
            }
        };
        self.sent = if std::mem::take(&mut self.begins_again) { 0 } else { self.sent + 1 };
        self.framed(chance, by, upper, is_odd)
    }

    fn datagram(&self, by: usize, data: &[u8]) -> Vec<u8> {
        let len = (8 + data.len()) as u16;
        let words = [self.ports[by], self.ports[1 - by], len, 0];
        [&words.map(u16::to_be_bytes).concat(), data].concat()
    }

    /// A segment of a connection that opens, goes on and is closed; or, if it is odd, of whatever flags and numbers.
    fn segment(&mut self, chance: &mut Chance, by: usize, odd: bool, data: &[u8]) -> Vec<u8> {
        let (mut flags, data) = match self.sent {
            0 => (SYN, &[][..]),
            1 => (SYN | ACK, &[][..]),
            2 => (ACK, &[][..]),
            _ => (ACK, data),
        };
        if self.sent > 6 && pick(chance, 8) == 0 {
            flags = [FIN | ACK, FIN | ACK, RST, RST | ACK, SYN][pick(chance, 5)];
        }
        let (mut seq, mut ack) = (self.seqs[by], self.seqs[1 - by]);
        if odd {
            match pick(chance, 4) {
                0 => flags = pick(chance, 64) as u8,
                1 => seq = seq.wrapping_add(pick(chance, 200_000) as u32),
                2 => seq = seq.wrapping_sub(pick(chance, 200_000) as u32),
                _ => ack = ack.wrapping_add(pick(chance, 100_000) as u32),
            }
        }
        let counted = data.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        if seq == self.seqs[by] {
            self.seqs[by] = seq.wrapping_add(counted);
        }
        self.begins_again = flags & (FIN | RST) != 0 && pick(chance, 3) == 0;
        let ack = if flags & ACK == 0 { 0 } else { ack };
        let ports = [self.ports[by], self.ports[1 - by]].map(u16::to_be_bytes).concat();
        let numbers = [seq, ack].map(u32::to_be_bytes).concat();
        [&ports, &numbers, &[0x50, flags, 0x10, 0, 0, 0, 0, 0][..], data].concat()
    }

    fn framed(&self, chance: &mut Chance, by: usize, upper: Vec<u8>, odd: bool) -> Arriving {
        let proto = match (self.kind, self.four) {
            (Kind::Tcp, _) => IpProto::TCP,
            (Kind::Udp, _) => IpProto::UDP,
            (Kind::Echo, false) => IpProto::ICMP6,
            (Kind::Echo, true) => IpProto::ICMP,
        };
        let (from, to) = (self.ends[by], self.ends[1 - by]);
        let len = upper.len() as u16;
        let addr = |(on, host): (usize, u16)| match self.four {
            true => IpAddr::V4(addr4(SUBNETS[on], host)),
            false => IpAddr::V6(addr6(SUBNETS[on], host)),
        };
        let (ethertype, mut packet) = match (addr(from), addr(to)) {
            (IpAddr::V4(src), IpAddr::V4(dst)) => {
                let mut header = vec![0; 20];
                Ip4Repr::new(src, dst, proto, 64, len).emit(&mut header).unwrap();
                (EtherType::IPV4, header)
            }
            (IpAddr::V6(src), IpAddr::V6(dst)) => {
                (EtherType::IPV6, Ip6Repr::new(src, dst, proto, 64, len).to_bytes().to_vec())
            }
            _ => unreachable!("both are of one family"),
        };
        packet.extend_from_slice(&upper);
        if odd && pick(chance, 3) == 0 {
            traffic::spoil(chance, &mut packet, (SUBNETS[from.0], SUBNETS[to.0]));
        }
        if pick(chance, 4) == 0 {
            // A link pads what is short.
            packet.resize(packet.len() + pick(chance, 46), 0xee);
        }
        let (device, tags) = traffic::way_in(chance, from.0);
        let header = Ether { dst: own_mac(ON[from.0].1), src: mac(SUBNETS[from.0], from.1), ethertype };
        let mut frame = header.to_bytes().to_vec();
        frame.splice(12..12, tags);
        frame.extend_from_slice(&packet);
        Arriving { device, frame }
    }
}
