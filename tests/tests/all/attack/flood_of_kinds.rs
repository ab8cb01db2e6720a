//! Floods of every kind of forged neighbour discovery message, from random stations about random prefixes, beside pings:
//! on the pings' own link and on another.

use std::net::Ipv6Addr;
use std::thread;
use std::time::Duration;

use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::HOP_LIMIT;
use siding_wire::nd::NdOption;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::Redirect;
use siding_wire::nd::RouterAdvert;
use siding_wire::nd::RouterSolicit;

use super::raw;
use super::raw::Raw;
use super::util::*;

const HOST: &str = r#"
[stack]
spin_us = 0
control = "{control}"
[[interface]]
name = "eth0"
driver = "packet"
addresses = ["2001:db8::1/64"]
dad = false
[interface.autoconf]
[[interface]]
name = "eth1"
driver = "packet"
addresses = ["2001:db8:1::1/64"]
dad = false
[interface.autoconf]
"#;

const OWN: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

#[derive(Debug, Clone, Copy)]
enum Kind {
    Adverts,
    /// Of one router, which says something else each time.
    Changing,
    Solicits,
    Answers,
    RouterSolicits,
    Redirects,
    /// That our own address is theirs.
    Claims,
}

const KINDS: [Kind; 7] = [
    Kind::Adverts,
    Kind::Changing,
    Kind::Solicits,
    Kind::Answers,
    Kind::RouterSolicits,
    Kind::Redirects,
    Kind::Claims,
];

/// So many different messages of a kind. Seeded by their number: the same each time.
fn forged(kind: Kind, count: u32) -> Vec<Vec<u8>> {
    (0..count).map(|n| message(kind, n)).collect()
}

fn message(kind: Kind, n: u32) -> Vec<u8> {
    let r = n.wrapping_mul(2_654_435_761);
    let station = if matches!(kind, Kind::Changing) { 7 } else { r };
    let [a, b, c, d] = station.to_be_bytes();
    let mac = Mac([2, 0xba, a, b, c, d]);
    let local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xbad, 0, (station >> 16) as u16, station as u16);
    let prefix = Ipv6Addr::new(0x2001, 0xdb8, (r >> 16) as u16, r as u16, 0, 0, 0, 0);
    let mut out = vec![0; 256];
    let (dst, len) = match kind {
        Kind::Adverts | Kind::Changing => {
            let lifetime = 600 + (n % 8000) as u16;
            let advert =
                RouterAdvert { router_lifetime: lifetime, slla: Some(mac), ..RouterAdvert::default() };
            let info = PrefixInfo {
                prefix,
                prefix_len: 64,
                on_link: true,
                autonomous: true,
                router_address: None,
                valid: 3600 + n % 1000,
                preferred: 1800,
            };
            (ip6::ALL_NODES, advert.emit(&[NdOption::Prefix(info)], local, ip6::ALL_NODES, &mut out))
        }
        Kind::Solicits => {
            let to = ip6::solicited_node(OWN);
            (to, NeighborSolicit::new(OWN, mac).emit(local, to, &mut out))
        }
        Kind::Answers | Kind::Claims => {
            let target = if matches!(kind, Kind::Claims) { OWN } else { local };
            let advert = NeighborAdvert {
                router: n.is_multiple_of(2),
                solicited: false,
                override_: true,
                target,
                tlla: Some(mac),
            };
            (ip6::ALL_NODES, advert.emit(local, ip6::ALL_NODES, &mut out))
        }
        Kind::RouterSolicits => {
            let solicit = RouterSolicit { slla: Some(mac) };
            (ip6::ALL_ROUTERS, solicit.emit(local, ip6::ALL_ROUTERS, &mut out))
        }
        Kind::Redirects => {
            let redirect = Redirect { target: local, destination: prefix, tlla: Some(mac), redirected: &[] };
            (OWN, redirect.emit(local, OWN, &mut out))
        }
    };
    out.truncate(len.unwrap());
    let header = Ip6Repr::new(local, dst, IpProto::ICMP6, HOP_LIMIT, out.len() as u16);
    let to = if dst.is_multicast() { multicast_mac(dst) } else { Mac([0; 6]) };
    raw::frame(mac, to, header, &out)
}

/// Floods beside pings; gives how many pings were lost, and the slowest in milliseconds.
fn beside(kind: Kind, same: bool, rate: u64, time: Duration) -> Option<(usize, f64)> {
    let lab = Lab::open()?;
    let (host, peer) = lab.pair();
    let other = lab.host("other");
    lab.wire(&host, "eth1", &other, "eth0");
    peer.set_sysctl("ipv6/conf/eth0/accept_ra", "0");
    peer.address("eth0", "2001:db8::2/64");
    let daemon = Siding::start(&lab, &host, &["run"], HOST);
    wait_until_up(&peer, "2001:db8::1");
    let (from, ours) = if same { (&peer, "eth0") } else { (&other, "eth1") };
    let mut frames = forged(kind, 20_000);
    let to = mac(&host, ours);
    for frame in frames.iter_mut().filter(|frame| frame[..6] == [0; 6]) {
        frame[..6].copy_from_slice(&to.0);
    }
    let mut attacker = Raw::open(from, "eth0");
    let count = (time.as_secs_f64() / 0.01) as u32 + 50;
    let running = pings(&peer, "2001:db8::1", count, "0.01");
    thread::sleep(Duration::from_millis(200));
    let sent = attacker.flood(&frames, time, Some(rate));
    let finished = running.finish(time + PATIENCE);
    let times = round_trips(&finished);
    let where_ = if same { "the same link" } else { "another link" };
    println!("{kind:?} on {where_}: {sent} in {time:?} beside {count} pings: {}", summary(&times));
    let log = daemon.log();
    assert!(log.lines().count() < 300, "the log is theirs: {} lines", log.lines().count());
    daemon.stop();
    Some((count as usize - times.len(), times.last().copied().unwrap_or(f64::INFINITY)))
}

#[test]
fn floods_of_every_kind_leave_pings_their_answers_6583_1() {
    if !need(&["ping"]) {
        return;
    }
    for (at, kind) in KINDS.into_iter().enumerate() {
        // As fast as a slow build on a busy machine can be expected to read.
        let Some((lost, _)) = beside(kind, at.is_multiple_of(2), 5_000, Duration::from_secs(1)) else {
            return;
        };
        assert_eq!(lost, 0, "{kind:?}");
    }
}

#[test]
#[ignore = "full form: 50,000 a second of each, on both links, and how long the slowest ping took"]
fn full_floods_of_every_kind_6583_1() {
    let mut worst = Vec::new();
    for kind in KINDS {
        for same in [true, false] {
            let Some((lost, slowest)) = beside(kind, same, 50_000, Duration::from_secs(5)) else { return };
            worst.push((kind, same, lost, slowest));
        }
    }
    let bad = worst.iter().filter(|(_, _, lost, slowest)| *lost > 0 || *slowest >= 10.0);
    let bad: Vec<_> = bad.collect();
    assert!(bad.is_empty(), "kind, on the same link, lost, slowest in ms: {bad:?}");
}
