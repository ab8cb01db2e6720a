//! What a rule looks at: for each form a packet that it is about, and one that it is not.

use siding_filter::AddrType;
use siding_filter::CtState;
use siding_filter::Link;
use siding_filter::PktType;
use siding_filter::Verdict;

use crate::util::*;

/// `rule drop` drops the first packets and none of the second; printed and read again, too.
#[track_caller]
fn about(rule: &str, yes: &[Vec<u8>], no: &[Vec<u8>]) {
    about_each(rule, &yes.iter().collect::<Vec<_>>(), &no.iter().collect::<Vec<_>>());
}

#[track_caller]
fn about_each(rule: &str, yes: &[&Vec<u8>], no: &[&Vec<u8>]) {
    let once = rules(&format!("{rule} drop"));
    let again = program(&once.ruleset().to_string());
    for program in [&once, &again] {
        for packet in yes {
            assert!(dropped(program, packet, &mut Desk::default()), "`{rule}` is about {packet:x?}");
        }
        for packet in no {
            assert!(!dropped(program, packet, &mut Desk::default()), "`{rule}` is not about {packet:x?}");
        }
    }
}

fn from(src: &str) -> Vec<u8> {
    ip6(src, B, 17, &udp(1, 2))
}

fn from4(src: &str) -> Vec<u8> {
    ip4(src, "198.51.100.2", 17, &udp(1, 2))
}

fn with(mut packet: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    packet[at] = byte;
    packet
}

#[test]
fn addresses() {
    about("ip6 saddr 2001:db8::1", &[udp6(1)], &[from("2001:db8::2"), udp4(1)]);
    about("ip6 saddr != 2001:db8::1", &[from("2001:db8::2")], &[udp6(1), udp4(1)]);
    about("ip6 saddr 2001:db8::/48", &[udp6(1)], &[from("2001:db8:1::")]);
    about("ip6 saddr 2001:db8::1-2001:db8::5", &[udp6(1), from("2001:db8::5")], &[from("2001:db8::6")]);
    about("ip6 saddr & ffff:ffff:: == 2001:db8::", &[udp6(1)], &[from("2001:db9::1")]);
    about("ip6 saddr > 2001:db8::1", &[from("2001:db8::2")], &[udp6(1)]);
    about("ip6 daddr 2001:db8:1::2", &[udp6(1)], &[ip6(A, A, 17, &udp(1, 2))]);
    about("ip saddr 192.0.2.0/24", &[udp4(1)], &[from4("192.0.3.1"), udp6(1)]);
    about(
        "ip daddr { 198.51.100.2, 203.0.113.0/24 }",
        &[udp4(1)],
        &[ip4("192.0.2.1", "192.0.2.2", 17, &udp(1, 2))],
    );
}

#[test]
fn header_fields() {
    about("ip6 nexthdr udp", &[udp6(1)], &[tcp6(1, 2)]);
    about("ip6 hoplimit < 65", &[udp6(1)], &[with(udp6(1), 7, 65)]);
    about("ip6 hoplimit 64", &[udp6(1)], &[with(udp6(1), 7, 63), udp4(1)]);
    about("ip ttl 64", &[udp4(1)], &[with(udp4(1), 8, 63)]);
    about("ip6 dscp af11", &[with(with(udp6(1), 0, 0x62), 1, 0x80)], &[udp6(1)]);
    about("ip dscp 46", &[with(udp4(1), 1, 46 << 2 | 3)], &[udp4(1)]);
    about("ip6 flowlabel 5", &[with(udp6(1), 3, 5)], &[udp6(1), with(with(udp6(1), 3, 5), 1, 1)]);
    about("ip protocol udp", &[udp4(1)], &[udp6(1)]);
    about("ip6 length 8", &[udp6(1)], &[tcp6(1, 2)]);
    about("ip id 7", &[udp4(1)], &[with(udp4(1), 5, 8)]);
    about("ip version 4", &[udp4(1)], &[udp6(1)]);
    about("tcp dport 80", &[tcp6(80, 2)], &[tcp6(81, 2), udp6(80)]);
    about("tcp dport != 80", &[tcp6(81, 2)], &[tcp6(80, 2), udp6(81)]);
    about("tcp dport 80-90", &[tcp6(80, 2), tcp6(90, 2)], &[tcp6(79, 2), tcp6(91, 2)]);
    about("tcp dport https", &[tcp6(443, 2)], &[tcp6(80, 2)]);
    about("udp sport 1024", &[udp6(1), udp4(1)], &[tcp6(1, 2)]);
    about("th dport 53", &[udp6(53), tcp6(53, 2)], &[udp6(54)]);
    about(
        "icmpv6 type echo-request",
        &[icmp6(128, 0)],
        &[icmp6(129, 0), ip4("192.0.2.1", "192.0.2.2", 1, &[128, 0])],
    );
    about("icmpv6 type destination-unreachable icmpv6 code no-route", &[icmp6(1, 0)], &[icmp6(1, 1)]);
    about("icmpv6 id 1", &[icmp6(128, 0)], &[icmp6(1, 0)]);
    about("icmp type echo-request", &[ip4("192.0.2.1", "192.0.2.2", 1, &[8, 0, 0, 0])], &[icmp6(8, 0)]);
}

#[test]
fn flags_of_tcp() {
    const SYN: u8 = 2;
    const ACK: u8 = 16;
    about("tcp flags syn", &[tcp6(1, SYN), tcp6(1, SYN | ACK)], &[tcp6(1, ACK)]);
    about("tcp flags == syn", &[tcp6(1, SYN)], &[tcp6(1, SYN | ACK)]);
    about("tcp flags != syn", &[tcp6(1, SYN | ACK)], &[tcp6(1, SYN)]);
    about("tcp flags syn,ack", &[tcp6(1, SYN), tcp6(1, ACK)], &[tcp6(1, 1)]);
    about("tcp flags & (syn|ack) == syn", &[tcp6(1, SYN), tcp6(1, SYN | 1)], &[tcp6(1, SYN | ACK)]);
    about("tcp flags syn / syn,ack", &[tcp6(1, SYN | 1)], &[tcp6(1, SYN | ACK)]);
    about("tcp flags { syn, syn|ack }", &[tcp6(1, SYN), tcp6(1, SYN | ACK)], &[tcp6(1, ACK)]);
}

#[test]
fn what_is_known_besides() {
    about("iifname \"wan\"", &[udp6(1)], &[]);
    about("iifname \"w*\"", &[udp6(1)], &[]);
    about("iifname != \"w*\"", &[], &[udp6(1)]);
    about("oifname { \"wan\", \"of*\" }", &[udp6(1)], &[]);
    about("oifname \"wan\"", &[], &[udp6(1)]);
    about("meta l4proto udp", &[udp6(1), udp4(1)], &[tcp6(1, 2)]);
    about("meta l4proto { tcp, ipv6-icmp }", &[tcp6(1, 2), icmp6(1, 0)], &[udp6(1)]);
    about("meta nfproto ipv6", &[udp6(1)], &[udp4(1)]);
    about("meta protocol ip", &[udp4(1)], &[udp6(1)]);
    about("meta length 48", &[udp6(1)], &[tcp6(1, 2)]);
    about("meta pkttype host", &[udp6(1)], &[]);
    about("meta mark 0", &[udp6(1)], &[]);
    about(
        "iifname . udp dport { \"wan\" . 53, \"wan\" . 100-200 }",
        &[udp6(53), udp6(150)],
        &[udp6(54), udp6(201)],
    );
    about(
        "ip6 saddr . ip6 daddr { 2001:db8::/32 . 2001:db8:1::/48 }",
        &[udp6(1)],
        &[ip6(A, A, 17, &udp(1, 2))],
    );
    about("udp dport . ip6 saddr 53 . 2001:db8::1", &[udp6(53)], &[udp6(54)]);
    let program = rules("meta pkttype broadcast drop\nmeta mark 7 drop");
    assert!(!dropped(&program, &udp6(1), &mut Desk::default()));
    assert!(dropped(&program, &udp6(1), &mut Desk { pkttype: PktType::Broadcast, ..Desk::default() }));
    assert!(dropped(&program, &udp6(1), &mut Desk { mark: 7, ..Desk::default() }));
}

#[test]
fn extension_headers() {
    let udp = udp(1024, 53);
    let ext = |kind: u8, header: &[u8]| ip6(A, B, kind, &[header, &udp].concat());
    let frag = ext(44, &[17, 0, 0, 1, 0, 0, 0, 9]);
    let later = ext(44, &[17, 0, 0, 8, 0, 0, 0, 9]);
    let hbh = ext(0, &[17, 0, 1, 4, 0, 0, 0, 0]);
    let rt = ext(43, &[17, 0, 4, 2, 0, 0, 0, 0]);
    let dst = ext(60, &[17, 0, 1, 4, 0, 0, 0, 0]);
    let mh = ip6(A, B, 135, &[59, 0, 5, 0, 0, 0, 0, 0]);
    about_each("exthdr frag exists", &[&frag, &later], &[&udp6(1), &hbh, &udp4(1)]);
    about_each("exthdr frag missing", &[&udp6(1), &hbh], &[&frag, &udp4(1)]);
    about_each("exthdr hbh exists", &[&hbh], &[&dst]);
    about_each("exthdr rt exists", &[&rt], &[&dst]);
    about_each("exthdr dst exists", &[&dst], &[&rt]);
    about_each("exthdr mh exists", &[&mh], &[&rt]);
    about_each("mh type 5", &[&mh], &[&rt]);
    about_each("rt type 4 rt seg-left 2", &[&rt], &[&dst]);
    about_each("hbh hdrlength 0", &[&hbh], &[&dst]);
    about_each("frag more-fragments 1", &[&frag], &[&later]);
    about_each("frag frag-off 1", &[&later], &[&frag]);
    about_each("frag id 9", &[&frag, &later], &[&hbh]);
    // Ports are found behind all of them, but not in the middle of a packet.
    about_each("udp dport 53", &[&frag, &hbh, &rt, &dst], &[&later]);
    about_each("meta l4proto udp", &[&later], &[]);
}

#[test]
fn connections() {
    let state =
        |state: CtState| Desk { ct: siding_filter::Ct { state, ..Desk::default().ct }, ..Desk::default() };
    for (rule, yes, no) in [
        ("ct state new", CtState::NEW, CtState::ESTABLISHED),
        ("ct state established,related", CtState::RELATED, CtState::NEW),
        ("ct state invalid", CtState::INVALID, CtState::NEW),
        ("ct state untracked", CtState::UNTRACKED, CtState::NEW),
        ("ct state != established", CtState::NEW, CtState::ESTABLISHED),
        ("ct state { established, new }", CtState::NEW, CtState::RELATED),
    ] {
        let program = rules(&format!("{rule} drop"));
        assert!(dropped(&program, &udp6(1), &mut state(yes)), "{rule}");
        assert!(!dropped(&program, &udp6(1), &mut state(no)), "{rule}");
    }
    let program = rules("ct direction reply drop\nct mark 5 drop\nct count over 3 drop");
    assert!(!dropped(&program, &udp6(1), &mut Desk::default()));
    let mut reply = Desk::default();
    reply.ct.direction = Some(siding_filter::Direction::Reply);
    assert!(dropped(&program, &udp6(1), &mut reply));
    let mut marked = Desk::default();
    marked.ct.mark = 5;
    assert!(dropped(&program, &udp6(1), &mut marked));
    assert!(dropped(&program, &udp6(1), &mut Desk { connections: 4, ..Desk::default() }));
    assert!(!dropped(&program, &udp6(1), &mut Desk { connections: 3, ..Desk::default() }));
}

#[test]
fn routes() {
    let program = rules("fib saddr . iif oif missing drop");
    assert!(dropped(&program, &udp6(1), &mut Desk::default()));
    assert!(!dropped(&program, &udp6(1), &mut Desk { route: Some("wan"), ..Desk::default() }));
    let program = rules("fib daddr oifname \"lan\" drop");
    assert!(dropped(&program, &udp6(1), &mut Desk { route: Some("lan"), ..Desk::default() }));
    assert!(!dropped(&program, &udp6(1), &mut Desk { route: Some("wan"), ..Desk::default() }));
    let program = rules("fib daddr type { local, multicast } drop");
    assert!(dropped(&program, &udp6(1), &mut Desk { addr: AddrType::Local, ..Desk::default() }));
    assert!(!dropped(&program, &udp6(1), &mut Desk::default()));
}

#[test]
fn the_link() {
    let program = rules("ether saddr 02:00:00:00:00:01 vlan id 7 drop");
    let link = Some(Link { src: [2, 0, 0, 0, 0, 1], dst: [2, 0, 0, 0, 0, 2] });
    let run = |link, vlan| run_link(&program, &udp6(1), link, &mut Desk { vlan, ..Desk::default() });
    assert_ne!(run(link, Some(7)), Verdict::Accept);
    assert_eq!(run(link, Some(8)), Verdict::Accept);
    assert_eq!(run(link, None), Verdict::Accept);
    assert_eq!(run(None, Some(7)), Verdict::Accept);
    // Who knows nothing of the frame knows the VLAN all the same.
    let program = rules("vlan id 7 drop");
    assert!(!program.sees_frames());
    for (vlan, accepted) in [(Some(7), false), (Some(8), true), (None, true)] {
        let desk = || Desk { vlan, ..Desk::default() };
        let packet = udp6(1);
        let packet = siding_filter::Packet::parse(&packet, None).unwrap_or_else(|error| panic!("{error}"));
        let rehearsed = program.rehearse(siding_filter::Hook::Forward, false, &packet, &mut desk());
        assert_eq!(rehearsed == Verdict::Accept, accepted, "{vlan:?}");
        assert_eq!(run_link(&program, &udp6(1), None, &mut desk()) == Verdict::Accept, accepted, "{vlan:?}");
    }
    let program = rules("ether daddr != 02:00:00:00:00:01 drop");
    assert_ne!(run_link(&program, &udp6(1), link, &mut Desk::default()), Verdict::Accept);
}
