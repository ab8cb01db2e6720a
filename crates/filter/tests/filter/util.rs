//! A host whose answers a test chooses, and packets in few words.
#![allow(dead_code, reason = "each test uses a part of it")]

use siding_filter::AddrType;
use siding_filter::CountId;
use siding_filter::Ct;
use siding_filter::CtState;
use siding_filter::FibQuery;
use siding_filter::FlowtableId;
use siding_filter::Hook;
use siding_filter::Host;
use siding_filter::IfName;
use siding_filter::Interface;
use siding_filter::Link;
use siding_filter::LogLine;
use siding_filter::Packet;
use siding_filter::PktType;
use siding_filter::Program;
use siding_filter::Ruleset;
use siding_filter::Setup;
use siding_filter::Verdict;

pub(crate) struct Desk {
    pub(crate) now: u64,
    pub(crate) iif: &'static str,
    pub(crate) oif: &'static str,
    pub(crate) vlan: Option<u16>,
    pub(crate) mark: u32,
    pub(crate) ct: Ct,
    pub(crate) connections: u32,
    pub(crate) counted: Vec<CountId>,
    pub(crate) route: Option<&'static str>,
    pub(crate) addr: AddrType,
    pub(crate) pkttype: PktType,
    pub(crate) untracked: bool,
    pub(crate) flows: Vec<FlowtableId>,
    /// Policies that its connection has been given.
    pub(crate) policies: Vec<u8>,
    pub(crate) lines: Vec<String>,
    /// Of each line all else that is said of it.
    pub(crate) manners: Vec<(siding_filter::Level, Option<u32>, Option<u16>)>,
}

impl Default for Desk {
    fn default() -> Desk {
        Desk {
            now: 1_000_000_000,
            iif: "wan",
            oif: "office",
            vlan: None,
            mark: 0,
            ct: Ct { state: CtState::NEW, direction: Some(siding_filter::Direction::Original), mark: 0 },
            connections: 0,
            counted: Vec::new(),
            route: None,
            addr: AddrType::Unicast,
            pkttype: PktType::Host,
            untracked: false,
            flows: Vec::new(),
            policies: Vec::new(),
            lines: Vec::new(),
            manners: Vec::new(),
        }
    }
}

impl Host for Desk {
    fn now(&self) -> u64 {
        self.now
    }
    fn iif(&self) -> Option<Interface> {
        Some(Interface { index: 1, name: IfName::new(self.iif) })
    }
    fn oif(&self) -> Option<Interface> {
        Some(Interface { index: 2, name: IfName::new(self.oif) })
    }
    fn vlan(&self) -> Option<u16> {
        self.vlan
    }
    fn pkttype(&self) -> PktType {
        self.pkttype
    }
    fn mark(&self) -> u32 {
        self.mark
    }
    fn set_mark(&mut self, mark: u32) {
        self.mark = mark;
    }
    fn ct(&mut self) -> Ct {
        self.ct
    }
    fn set_ct_mark(&mut self, mark: u32) {
        self.ct.mark = mark;
    }
    fn ct_count(&mut self, at: CountId, _: u32) -> u32 {
        self.counted.push(at);
        self.connections
    }
    fn set_ct_timeout(&mut self, policy: u8) {
        self.policies.push(policy);
    }
    fn notrack(&mut self) {
        self.untracked = true;
        self.ct = Ct { state: CtState::UNTRACKED, direction: None, mark: 0 };
    }
    fn fib_oif(&mut self, _: FibQuery) -> Option<Interface> {
        self.route.map(|name| Interface { index: 3, name: IfName::new(name) })
    }
    fn fib_type(&mut self, _: FibQuery) -> AddrType {
        self.addr
    }
    fn flow_add(&mut self, table: FlowtableId) {
        self.flows.push(table);
    }
    fn log(&mut self, line: &LogLine<'_>) {
        self.lines.push(line.prefix.to_owned());
        self.manners.push((line.level, line.snaplen, line.group));
    }
}

pub(crate) fn load(text: &str) -> Result<Ruleset, String> {
    Ruleset::load(&[("t.nft", text)], &mut |path| Err(format!("no file {path}"))).map_err(|e| e.to_string())
}

pub(crate) fn program(text: &str) -> Program {
    let ruleset = load(text).unwrap_or_else(|errors| panic!("{errors}\n{text}"));
    let setup = Setup { built_in: false, now: 1_000_000_000, ..Setup::default() };
    Program::compile(ruleset, &setup, None).unwrap_or_else(|errors| panic!("{errors}\n{text}"))
}

/// A program whose only chain, at forward, has these lines; accepted is what none of them decides.
pub(crate) fn rules(rules: &str) -> Program {
    program(&format!(
        "table inet t {{\n chain c {{\n type filter hook forward priority 0; policy accept;\n{rules}\n }}\n}}"
    ))
}

pub(crate) fn run(program: &Program, packet: &[u8], desk: &mut Desk) -> Verdict {
    run_link(program, packet, None, desk)
}

pub(crate) fn run_link(program: &Program, packet: &[u8], link: Option<Link>, desk: &mut Desk) -> Verdict {
    let packet = Packet::parse(packet, link).unwrap_or_else(|error| panic!("{error}"));
    program.run(0, Hook::Forward, &packet, desk)
}

pub(crate) fn dropped(program: &Program, packet: &[u8], desk: &mut Desk) -> bool {
    run(program, packet, desk) != Verdict::Accept
}

/// An IPv6 packet, with no extension header unless they are in `payload`.
pub(crate) fn ip6(src: &str, dst: &str, next: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 0, next, 64];
    packet[4..6].copy_from_slice(&(payload.len() as u16).to_be_bytes());
    for addr in [src, dst] {
        let addr: std::net::Ipv6Addr = addr.parse().unwrap_or_else(|_| panic!("{addr}"));
        packet.extend(addr.octets());
    }
    packet.extend(payload);
    packet
}

pub(crate) fn ip4(src: &str, dst: &str, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0, 0, 0, 0, 7, 0, 0, 64, protocol, 0, 0];
    packet[2..4].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
    for addr in [src, dst] {
        let addr: std::net::Ipv4Addr = addr.parse().unwrap_or_else(|_| panic!("{addr}"));
        packet.extend(addr.octets());
    }
    packet.extend(payload);
    packet
}

pub(crate) fn tcp(sport: u16, dport: u16, flags: u8) -> Vec<u8> {
    let mut bytes = vec![0; 20];
    bytes[..2].copy_from_slice(&sport.to_be_bytes());
    bytes[2..4].copy_from_slice(&dport.to_be_bytes());
    bytes[12] = 0x50;
    bytes[13] = flags;
    bytes
}

pub(crate) fn udp(sport: u16, dport: u16) -> Vec<u8> {
    let mut bytes = vec![0; 8];
    bytes[..2].copy_from_slice(&sport.to_be_bytes());
    bytes[2..4].copy_from_slice(&dport.to_be_bytes());
    bytes[5] = 8;
    bytes
}

pub(crate) const A: &str = "2001:db8::1";
pub(crate) const B: &str = "2001:db8:1::2";

pub(crate) fn tcp6(dport: u16, flags: u8) -> Vec<u8> {
    ip6(A, B, 6, &tcp(1024, dport, flags))
}

pub(crate) fn udp6(dport: u16) -> Vec<u8> {
    ip6(A, B, 17, &udp(1024, dport))
}

pub(crate) fn udp4(dport: u16) -> Vec<u8> {
    ip4("192.0.2.1", "198.51.100.2", 17, &udp(1024, dport))
}

pub(crate) fn icmp6(kind: u8, code: u8) -> Vec<u8> {
    ip6(A, B, 58, &[kind, code, 0, 0, 0, 1, 0, 2])
}
