//! Packets by chance: connections that go on, questions and answers, errors about what has gone, pieces, odd headers.

use super::bytes::Ends;
use super::bytes::borne;
use super::bytes::header_sum;
use super::bytes::packet;
use super::bytes::pieces;
use super::bytes::sum;
use super::chance::Chance;
use super::compare::HOSTS;
use super::compare::addr;

/// What is sent at once: one packet, or the pieces of one, by which side they come, and what it is.
pub(super) struct Event {
    pub(super) side: usize,
    pub(super) pieces: Vec<Vec<u8>>,
    pub(super) kind: &'static str,
    /// The octets that are to come out, if all of them are.
    pub(super) borne: usize,
}

/// A connection as its ends know it: by side of its client.
struct Connection {
    ends: Ends,
    ports: [u16; 2],
    side: usize,
    /// The next number of each end, and how far it has come.
    next: [u32; 2],
    step: usize,
}

pub(super) struct Packets {
    chance: Chance,
    connections: Vec<Connection>,
    /// Packets that were sent, by side.
    sent: Vec<(usize, Vec<u8>)>,
    states: bool,
    /// Datagrams are answers, as far as there is anything to answer: some flows are forgotten before the answer comes.
    answers: bool,
    ident: u16,
}

const SYN: u8 = 2;
const ACK: u8 = 16;

fn tcp(ports: [u16; 2], seq: u32, ack: u32, flags: u8, data: usize) -> Vec<u8> {
    let mut bytes = vec![0; 20 + data];
    bytes[..2].copy_from_slice(&ports[0].to_be_bytes());
    bytes[2..4].copy_from_slice(&ports[1].to_be_bytes());
    bytes[4..8].copy_from_slice(&seq.to_be_bytes());
    bytes[8..12].copy_from_slice(&ack.to_be_bytes());
    (bytes[12], bytes[13]) = (0x50, flags);
    bytes[14..16].copy_from_slice(&8000_u16.to_be_bytes());
    bytes
}

impl Packets {
    pub(super) fn new(mut chance: Chance, states: bool, answers: bool) -> Packets {
        // Not those of the ruleset before: pieces are remembered for a while.
        let ident = chance.below(1 << 16) as u16;
        Packets { chance, connections: Vec::new(), sent: Vec::new(), states, answers, ident }
    }

    pub(super) fn next(&mut self) -> Event {
        let kind = self
            .chance
            .of(&["tcp", "tcp", "tcp", "tcp", "udp", "udp", "echo", "error", "pieces", "headers", "other"]);
        let event = match kind {
            "tcp" => self.segment(),
            "udp" => self.datagram(),
            "echo" => self.echo(),
            "error" => self.error(),
            "pieces" => self.fragments(),
            "headers" => self.headers(),
            _ => self.other(),
        };
        match event {
            Some((side, mut whole)) => {
                if kind != "pieces" {
                    self.dress(&mut whole);
                    self.sent.push((side, whole.clone()));
                }
                let borne = borne(&whole);
                let size =
                    8 * (1 + self.chance.below(6))
                        .max(if whole[if whole[0] >> 4 == 6 { 6 } else { 9 }] == 6 { 3 } else { 1 });
                let pieces = if kind == "pieces" { pieces(&whole, size, self.ident) } else { vec![whole] };
                Event { side, pieces, kind, borne }
            }
            None => self.next(),
        }
    }

    fn ends(&mut self) -> (usize, Ends) {
        let (side, v6) = (self.chance.below(2), self.chance.percent(75));
        let (src, dst) = (self.chance.of(&HOSTS), self.chance.of(&HOSTS));
        (side, Ends { src: addr(side, src, v6), dst: addr(1 - side, dst, v6) })
    }

    fn port(&mut self) -> u16 {
        self.chance.of(&[22, 53, 80, 123, 443])
    }

    fn client_port(&mut self) -> u16 {
        1024 + self.chance.below(60) as u16
    }

    /// Fields of the IP header that some rules look at.
    fn dress(&mut self, whole: &mut [u8]) {
        let class = self.chance.of(&[0, 0, 0x28, 0xb8_u8]);
        let hops = self.chance.of(&[64, 64, 20_u8]);
        if whole[0] >> 4 == 6 {
            whole[0] = 0x60 | class >> 4;
            whole[1] = class << 4;
            whole[3] = self.chance.of(&[0, 0, 5]);
            whole[7] = hops;
        } else {
            (whole[1], whole[8]) = (class, hops);
            whole[5] = self.chance.of(&[0, 7]);
            header_sum(whole);
        }
    }

    fn segment(&mut self) -> Option<(usize, Vec<u8>)> {
        if self.connections.len() < 3 || self.chance.percent(15) {
            let (side, ends) = self.ends();
            let ports = [self.client_port(), self.port()];
            let next = [self.chance.below(1 << 30) as u32, self.chance.below(1 << 30) as u32];
            self.connections.push(Connection { ends, ports, side, next, step: 0 });
        }
        let at = self.connections.len() - 1 - self.chance.below(self.connections.len().min(3));
        let odd = self.chance.percent(15);
        let from_client = self.chance.percent(50);
        let data = if self.chance.percent(50) { 0 } else { 10 };
        let jump = self.chance.of(&[0, 0, 0, 100_000_000]);
        let flags = self.chance.of(&[SYN, SYN | ACK, ACK, ACK | 1, 4, 4 | ACK, 0, SYN | 1, 0x3f]);
        let ending = self.chance.percent(10);
        let connection = &mut self.connections[at];
        let [client, server] = connection.next;
        // A step of an honest connection, mostly.
        let (client_says, flags, data) = match connection.step {
            _ if odd => (from_client, flags, 0),
            0 => (true, SYN, 0),
            1 => (false, SYN | ACK, 0),
            2 => (true, ACK, 0),
            _ if ending => (from_client, ACK | 1, 0),
            _ => (from_client, ACK, data),
        };
        let (seq, ack) = if client_says { (client, server) } else { (server, client) };
        let seq = if odd { seq.wrapping_add(jump) } else { seq };
        let ack = if flags & ACK == 0 { 0 } else { ack };
        if !odd {
            let counted = data as u32 + u32::from(flags & 3 != 0);
            let own = if client_says { 0 } else { 1 };
            connection.next[own] = connection.next[own].wrapping_add(counted);
            connection.step += 1;
        }
        let (mut ends, mut ports, mut side) = (connection.ends, connection.ports, connection.side);
        if !client_says {
            (ends, side) = (ends.back(), 1 - side);
            ports.reverse();
        }
        let upper = sum(ends, 6, tcp(ports, seq, ack, flags, data));
        Some((side, packet(ends, 6, &upper)))
    }

    fn udp(&mut self, data: usize) -> (usize, Ends, Vec<u8>) {
        let (side, ends) = self.ends();
        let mut ports = [self.client_port(), self.port()];
        if self.chance.percent(30) {
            ports.reverse();
        }
        let mut upper = vec![0; 8 + data];
        upper[..2].copy_from_slice(&ports[0].to_be_bytes());
        upper[2..4].copy_from_slice(&ports[1].to_be_bytes());
        upper[4..6].copy_from_slice(&(8 + data as u16).to_be_bytes());
        (side, ends, sum(ends, 17, upper))
    }

    /// A new datagram, or the answer to one.
    fn datagram(&mut self) -> Option<(usize, Vec<u8>)> {
        let answers = self.chance.percent(50) || self.answers;
        for _ in 0..if self.answers { 16 } else { 1 } {
            if !answers || self.sent.is_empty() {
                break;
            }
            let (side, before) = self.sent[self.chance.below(self.sent.len())].clone();
            let (proto, at) = if before[0] >> 4 == 6 { (before[6], 40) } else { (before[9], 20) };
            if proto == 17 {
                let ends = super::bytes::ends(&before)?.back();
                let mut upper = before[at..].to_vec();
                upper[..4].rotate_left(2);
                return Some((1 - side, packet(ends, 17, &sum(ends, 17, upper))));
            }
        }
        let data = self.chance.below(30);
        let (side, ends, upper) = self.udp(data);
        Some((side, packet(ends, 17, &upper)))
    }

    fn echo(&mut self) -> Option<(usize, Vec<u8>)> {
        let (side, ends) = self.ends();
        // Few identifiers and hosts: answers are met.
        let ident = self.chance.below(2) as u8;
        let asks = self.chance.percent(60);
        let (proto, kind) = match (ends.is_v6(), asks) {
            (true, true) => (58, 128),
            (true, false) => (58, 129),
            (false, true) => (1, 8),
            (false, false) => (1, 0),
        };
        let upper = sum(ends, proto, vec![kind, 0, 0, 0, 0, ident, 0, 1]);
        Some((side, packet(ends, proto, &upper)))
    }

    /// About a packet that was sent, to its sender or to somebody else.
    fn error(&mut self) -> Option<(usize, Vec<u8>)> {
        if self.sent.is_empty() {
            return None;
        }
        let recent = self.sent.len().min(8);
        let (side, about) = self.sent[self.sent.len() - 1 - self.chance.below(recent)].clone();
        let quoted = super::bytes::ends(&about)?;
        let v6 = quoted.is_v6();
        let from = addr(1 - side, self.chance.of(&HOSTS), v6);
        let to = if self.chance.percent(80) { quoted.src } else { addr(side, self.chance.of(&HOSTS), v6) };
        let ends = Ends { src: from, dst: to };
        let (proto, kind, code) = match v6 {
            true => (58, self.chance.of(&[1, 1, 2, 3, 4]), 0),
            false => (1, self.chance.of(&[3, 3, 11, 12]), self.chance.of(&[0, 1])),
        };
        let mut upper = vec![kind, code, 0, 0, 0, 0, 5, 0];
        upper.extend_from_slice(&about);
        Some((1 - side, packet(ends, proto, &sum(ends, proto, upper))))
    }

    /// A datagram or a segment that is to be cut.
    fn fragments(&mut self) -> Option<(usize, Vec<u8>)> {
        self.ident = self.ident.wrapping_add(1);
        let data = 40 + self.chance.below(100);
        if self.chance.percent(70) {
            let (side, ends, upper) = self.udp(data);
            return Some((side, packet(ends, 17, &upper)));
        }
        let (side, ends) = self.ends();
        let ports = [self.client_port(), self.port()];
        let upper = sum(ends, 6, tcp(ports, 1, 0, SYN, data));
        Some((side, packet(ends, 6, &upper)))
    }

    /// Extension headers before something.
    fn headers(&mut self) -> Option<(usize, Vec<u8>)> {
        let (side, whole) = match self.chance.below(3) {
            0 => self.segment()?,
            1 => self.datagram()?,
            _ => self.echo()?,
        };
        if whole[0] >> 4 != 6 {
            return Some((side, whole));
        }
        let mut chain: Vec<u8> =
            (0..self.chance.below(3)).map(|_| self.chance.of(&[43, 60, 60, 51])).collect();
        // Routing headers of which the checksum's destination is the packet's.
        if self.chance.percent(30) {
            chain.insert(0, 0);
        }
        let mut next = whole[6];
        let mut rest = whole[40..].to_vec();
        for kind in chain.iter().rev() {
            let header: Vec<u8> = match kind {
                43 => vec![next, 0, 4, 0, 0, 0, 0, 0],
                51 => vec![next, 4, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
                _ => vec![next, 0, 1, 4, 0, 0, 0, 0],
            };
            rest = [header, rest].concat();
            next = *kind;
        }
        let mut out = [&whole[..40], &rest].concat();
        out[6] = next;
        out[4..6].copy_from_slice(&(rest.len() as u16).to_be_bytes());
        Some((side, out))
    }

    fn other(&mut self) -> Option<(usize, Vec<u8>)> {
        let (side, ends) = self.ends();
        let proto = self.chance.of(&[47, 89, 135, 50]);
        if proto == 135 && ends.is_v6() {
            return Some((
                side,
                packet(ends, 135, &sum_mh(ends, vec![59, 0, self.chance.of(&[5, 1]), 0, 0, 0, 0, 0])),
            ));
        }
        // GRE's first bits say that nothing follows them; with states the kernel has a mind of its own about others.
        let upper = if proto == 47 || proto == 135 { vec![0, 0, 8, 0, 1, 2, 3, 4] } else { vec![2; 24] };
        let proto = if proto == 135 || (proto == 47 && self.states) { 89 } else { proto };
        Some((side, packet(ends, proto, &upper)))
    }
}

fn sum_mh(ends: Ends, mut upper: Vec<u8>) -> Vec<u8> {
    if let (std::net::IpAddr::V6(src), std::net::IpAddr::V6(dst)) = (ends.src, ends.dst) {
        let sum =
            siding_wire::checksum::Sum::pseudo6(src, dst, siding_wire::IpProto(135), 8).with(&upper).finish();
        upper[4..6].copy_from_slice(&sum.to_be_bytes());
    }
    upper
}
