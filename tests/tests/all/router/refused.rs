//! Frames that the kernel refuses on their way out: each costs itself, and nothing behind it.

use std::time::Duration;
use std::time::Instant;

use siding_tests::Finished;
use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::util::*;

const HOST: &str = r#"
[stack]
control = "{control}"
log = "debug"
[[interface]]
name = "eth0"
driver = "packet"
addresses = ["2001:db8:a::1/64", "192.0.2.1/24"]
dad = false
"#;

const TAP: &str = r#"
[stack]
control = "{control}"
log = "debug"
[[interface]]
name = "tap0"
driver = "tap"
addresses = ["2001:db8:a::1/64"]
dad = false
"#;

const ROUTER: &str = r#"
[stack]
control = "{control}"
log = "debug"
forwarding = true
[[interface]]
name = "left"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[[interface]]
name = "right"
driver = "packet"
addresses = ["2001:db8:b::1/64"]
dad = false
"#;

const LAGG: &str = r#"
[stack]
control = "{control}"
log = "debug"
[[interface]]
name = "p0"
driver = "packet"
[[interface]]
name = "p1"
driver = "packet"
[[lagg]]
name = "lagg0"
mode = "failover"
ports = ["p0", "p1"]
addresses = ["2001:db8:a::1/64"]
dad = false
"#;

/// Longer than the far end takes.
const LONG: &str = "1440";

fn ping(from: &Host, to: &str, count: &str, size: &str) -> Finished {
    from.run("ping", &["-c", count, "-i", "0.02", "-W", "1", "-s", size, to])
}

/// Others that come after it are answered, all of them.
fn works(from: &Host, to: &str) {
    let text = ping(from, to, "20", "56").expect_success();
    assert!(text.contains(" 0% packet loss"), "{text}");
}

/// What `show interfaces` says.
fn shown(ours: &Host, daemon: &Siding) -> String {
    siding(ours, daemon, &["show", "interfaces"]).expect_success()
}

/// The counter's value in what `show interfaces` says of drivers' drops.
fn counter(text: &str, name: &str) -> u64 {
    let name = format!("{name} ");
    let counts = text.split(&name).skip(1);
    counts.filter_map(|rest| rest.split([',', '\n']).next()?.parse::<u64>().ok()).sum()
}

/// A long packet is lost at a far end that takes less, again and again, and nothing else is. `from` may send it
/// in fragments; its answer, or what is forwarded, is whole.
fn one_is_lost(from: &Host, to: &str, ours: &Host, daemon: Siding) {
    works(from, to);
    for _ in 0..3 {
        assert!(!ping(from, to, "1", LONG).succeeded(), "the far end takes what is longer than its MTU");
        works(from, to);
    }
    let text = shown(ours, &daemon);
    assert_eq!(counter(&text, "tx-kernel-dropped"), 3, "{text}");
    assert!(!text.contains("tx stalled"), "{text}");
    let drops = siding(ours, &daemon, &["show", "drops"]).expect_success();
    for dropped in [["stack", "tx-lost", "3"], ["driver", "tx-kernel-dropped", "3"]] {
        let is_it = |line: &str| line.split_whitespace().skip(1).take(3).eq(dropped);
        assert!(drops.lines().any(is_it), "{dropped:?}: {drops}");
    }
    let log = daemon.log();
    assert!(!log.contains("device:") && !log.contains("stalled"), "anybody could fill the log:\n{log}");
    daemon.stop();
}

#[test]
fn a_packet_that_the_far_end_does_not_take_costs_a_host_that_packet() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let daemon = Siding::start(&lab, &ours, &["run"], HOST);
    peer.address("eth0", "2001:db8:a::2/64");
    peer.run("ip", &["link", "set", "eth0", "mtu", "1400"]).expect_success();
    one_is_lost(&peer, "2001:db8:a::1", &ours, daemon);
}

#[test]
fn a_packet_that_the_far_end_does_not_take_costs_a_router_that_packet() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (left, router, right) = (lab.host("left"), lab.host("router"), lab.host("right"));
    lab.wire(&left, "eth0", &router, "left");
    lab.wire(&right, "eth0", &router, "right");
    let daemon = Siding::start(&lab, &router, &["run"], ROUTER);
    for (host, net) in [(&left, "2001:db8:a:"), (&right, "2001:db8:b:")] {
        host.address("eth0", &format!("{net}:2/64"));
        host.route("::/0", &format!("{net}:1"), None);
    }
    right.run("ip", &["link", "set", "eth0", "mtu", "1400"]).expect_success();
    one_is_lost(&left, "2001:db8:b::2", &router, daemon);
}

#[test]
fn a_packet_that_the_far_end_does_not_take_costs_a_port_of_a_lagg_that_packet() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = (lab.host("ours"), lab.host("peer"));
    peer.run("ip", &["link", "add", "br0", "type", "bridge"]).expect_success();
    for n in ["0", "1"] {
        let q = format!("q{n}");
        lab.wire(&ours, &format!("p{n}"), &peer, &q);
        peer.run("ip", &["link", "set", &q, "mtu", "1400", "master", "br0"]).expect_success();
    }
    peer.run("ip", &["link", "set", "br0", "up"]).expect_success();
    peer.address("br0", "2001:db8:a::2/64");
    let daemon = Siding::start(&lab, &ours, &["run"], LAGG);
    one_is_lost(&peer, "2001:db8:a::1", &ours, daemon);
}

#[test]
fn a_rule_that_drops_some_costs_those_alone() {
    if !need(&["ping", "nft"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let rules = "add table netdev t; add chain netdev t e { type filter hook egress device eth0 priority 0; }; \
                 add rule netdev t e ip ttl 64 drop";
    if !ours.run("nft", &[rules]).succeeded() {
        siding_tests::skip("this kernel has no egress hook for nftables");
        return;
    }
    let daemon = Siding::start(&lab, &ours, &["run"], HOST);
    peer.address("eth0", "2001:db8:a::2/64");
    peer.address("eth0", "192.0.2.2/24");
    works(&peer, "2001:db8:a::1");
    assert!(!ping(&peer, "192.0.2.1", "3", "56").succeeded());
    works(&peer, "2001:db8:a::1");
    let text = shown(&ours, &daemon);
    assert_eq!(counter(&text, "tx-kernel-dropped"), 3, "{text}");
    daemon.stop();
}

#[test]
fn an_interface_that_goes_down_under_traffic_loses_that_and_works_again() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let host = lab.host("host");
    let daemon = Siding::start(&lab, &host, &["run"], TAP);
    host.address("tap0", "2001:db8:a::2/64");
    works(&host, "2001:db8:a::1");
    host.run("ip", &["link", "set", "tap0", "down"]).expect_success();
    // Ours has something to say while nobody listens.
    let _ = siding(&host, &daemon, &["ping6", "-c", "3", "-i", "0.05", "-W", "0.2", "2001:db8:a::2"]);
    let text = shown(&host, &daemon);
    assert!(!text.contains("tx stalled"), "{text}");
    host.run("ip", &["link", "set", "tap0", "up"]).expect_success();
    host.address("tap0", "2001:db8:a::2/64");
    works(&host, "2001:db8:a::1");
    daemon.stop();
}

#[test]
fn a_queue_that_does_not_move_is_told_and_shown_and_costs_what_waited() {
    if !need(&["ping", "tc"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    // So slow that a socket's buffer, once it is full, is full for long; and deep enough to fill it.
    let slow =
        ["qdisc", "add", "dev", "eth0", "root", "tbf", "rate", "8kbit", "burst", "2000", "limit", "9000000"];
    if !ours.run("tc", &slow).succeeded() {
        siding_tests::skip("this kernel has no token bucket filter");
        return;
    }
    let daemon = Siding::start(&lab, &ours, &["run"], HOST);
    peer.address("eth0", "2001:db8:a::2/64");
    let mut flood = peer.start("ping", &["-q", "-f", "-s", "1400", "-c", "2000", "-W", "1", "2001:db8:a::1"]);
    let start = Instant::now();
    let text = loop {
        let text = shown(&ours, &daemon);
        if text.contains("tx stalled since") {
            break text;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "{text}");
    };
    assert!(text.contains("tx stalled since"), "{text}");
    let log = daemon.log();
    assert_eq!(log.matches("transmit queue stalled").count(), 1, "{log}");
    // The bottleneck goes, and with it all that waited there.
    ours.run("tc", &["qdisc", "del", "dev", "eth0", "root"]).expect_success();
    flood.signal(rustix::process::Signal::INT);
    works(&peer, "2001:db8:a::1");
    let log = daemon.log();
    assert_eq!(log.matches("transmit queue moves again").count(), 1, "{log}");
    let drops = siding(&ours, &daemon, &["show", "drops"]).expect_success();
    assert!(drops.contains("tx-stalled"), "{drops}");
    assert!(!shown(&ours, &daemon).contains("tx stalled"));
    daemon.stop();
}
