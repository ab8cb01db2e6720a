//! What Linux makes of our advertisements, from the first to the last.

use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::util::*;

const ROUTER: &str = r#"
[stack]
control = "{control}"
log = "debug"
forwarding = true
[[interface]]
name = "eth0"
driver = "packet"
addresses = ["2001:db8:a::1/64"]
dad = false
[interface.advertise]
max_interval = 4
preference = "high"
hop_limit = 63
reachable_time_ms = 20000
retrans_timer_ms = 1500
mtu = 1400
[[interface.advertise.prefix]]
prefix = "interface"
valid = 3600
preferred = 1800
deprecate_on_stop = true
[[interface.advertise.prefix]]
prefix = "2001:db8:b::/64"
autonomous = false
[[interface.advertise.route]]
prefix = "2001:db8:8000::/33"
preference = "low"
[[interface.advertise.rdnss]]
servers = ["2001:db8:a::53"]
[[interface.advertise.dnssl]]
domains = ["lan.example.org"]
[[interface.advertise.nat64]]
prefix = "64:ff9b::/96"
"#;

const DEFAULT: [&str; 3] = ["route", "show", "default"];

/// Our router and a Linux host that takes what it is told.
fn network(lab: &Lab) -> (Host, Host, Siding) {
    let (ours, peer) = lab.pair();
    if std::path::Path::new("/proc/sys/net/ipv6/conf/lo/accept_ra_rt_info_max_plen").exists() {
        peer.set_sysctl("ipv6/conf/eth0/accept_ra_rt_info_max_plen", "64");
    }
    let daemon = Siding::start(lab, &ours, &["run"], ROUTER);
    (ours, peer, daemon)
}

#[test]
fn linux_configures_itself_and_forgets_the_router_when_it_stops_4861_10_4861_11() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (_ours, peer, daemon) = network(&lab);
    let own = wait_for_address(&peer, "2001:db8:a:");
    let route = wait_for_line(&peer, &DEFAULT, &["via fe80::", "dev eth0", "proto ra", "pref high"]);
    let left = route.split("expires ").nth(1).and_then(|rest| rest.split("sec").next()).unwrap();
    let left: u32 = left.parse().unwrap();
    assert!((7..=12).contains(&left), "three times the longest interval, told anew every 4 s: {route}");
    // A prefix for the link alone: a route, and no address.
    wait_for_line(&peer, &["route"], &["2001:db8:b::/64 dev eth0", "proto kernel"]);
    assert!(!ip(&peer, &["addr"]).contains("2001:db8:b:"));
    // What else a host can know.
    for (key, value) in [
        ("conf/eth0/hop_limit", "63"),
        ("conf/eth0/mtu", "1400"),
        ("neigh/eth0/base_reachable_time_ms", "20000"),
        ("neigh/eth0/retrans_time_ms", "1500"),
    ] {
        assert_eq!(peer.sysctl(&format!("ipv6/{key}")), value, "{key}");
    }
    let known = std::path::Path::new("/proc/sys/net/ipv6/conf/lo/accept_ra_rt_info_max_plen").exists();
    if known {
        wait_for_line(&peer, &["route"], &["2001:db8:8000::/33 via fe80::", "proto ra", "pref low"]);
    }
    peer.run("ping", &["-c", "3", "-i", "0.05", "-I", &own, "2001:db8:a::1"]).expect_success();
    daemon.stop();
    // Its farewell had left before it was gone: nothing to wait for but the kernel.
    let soon = Duration::from_millis(500);
    wait_until_gone(&peer, &DEFAULT, "default", soon);
    wait_until_gone(&peer, &["route"], "2001:db8:8000::/33", soon);
    wait_for_line(&peer, &["addr"], &["2001:db8:a:", "deprecated"]);
}

#[test]
fn rdisc6_sees_everything_4861_12() {
    if !need(&["rdisc6", "ndisc6", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer, daemon) = network(&lab);
    wait_for_line(&peer, &DEFAULT, &["via fe80::"]);
    wait_for_line(&peer, &["addr", "show", "dev", "eth0", "-tentative"], &["inet6 fe80:"]);
    let text = peer.run("rdisc6", &["-1", "-r", "5", "eth0"]).expect_success();
    let has = |parts: &[&str]| {
        assert!(
            text.lines().any(|line| parts.iter().all(|part| line.contains(part))),
            "no line with {parts:?}:\n{text}"
        );
    };
    has(&["Hop limit", "63"]);
    has(&["Router preference", "high"]);
    has(&["Router lifetime", "12 "]);
    has(&["Reachable time", "20000"]);
    has(&["Retransmit time", "1500"]);
    has(&["Prefix", "2001:db8:a::/64"]);
    has(&["Valid time", "3600"]);
    has(&["Pref. time", "1800"]);
    has(&["Prefix", "2001:db8:b::/64"]);
    has(&["MTU", "1400"]);
    has(&["Route", "2001:db8:8000::/33"]);
    has(&["Recursive DNS server", "2001:db8:a::53"]);
    has(&["DNS search list", "lan.example.org"]);
    has(&["Source link-layer address"]);
    let text = peer.run("ndisc6", &["-1", "2001:db8:a::1", "eth0"]).expect_success();
    assert!(text.contains("Target link-layer address"), "{text}");
    let json = siding(&ours, &daemon, &["advertise", "show", "--json"]).expect_success();
    assert!(!json.contains("\"solicitations\": 0"), "{json}");
    daemon.stop();
}

#[test]
fn advertising_on_the_running_stack_4861_9_4861_11() {
    if !need(&["rdisc6", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    let quiet = ROUTER.split("[interface.advertise]").next().unwrap();
    let daemon = Siding::start(&lab, &ours, &["run"], quiet);
    let run = |arguments: &[&str]| siding(&ours, &daemon, arguments);
    // Forwarding alone advertises nothing, and answers nobody.
    wait_for_line(&peer, &["addr", "show", "dev", "eth0", "-tentative"], &["inet6 fe80:"]);
    let silence = peer.run("rdisc6", &["-1", "-r", "1", "-w", "1000", "eth0"]);
    assert!(!silence.succeeded(), "{silence}");
    let refused = run(&["advertise", "start", "eth0", "--max-interval", "3"]).stderr;
    assert!(refused.contains("eth0: a longest interval of 3s: give 4 to 1800 s"), "{refused}");
    let refused = run(&["advertise", "stop", "eth0"]).stderr;
    assert!(refused.contains("eth0 does not advertise"), "{refused}");
    let start = ["advertise", "start", "eth0", "--max-interval", "4", "--prefix", "interface,valid=600"];
    run(&start).expect_success();
    wait_for_line(&peer, &DEFAULT, &["via fe80::"]);
    wait_for_address(&peer, "2001:db8:a:");
    let table = run(&["advertise", "show"]).expect_success();
    assert!(table.contains("advertising") && table.contains("prefix 2001:db8:a::/64 on-link"), "{table}");
    // Taken down, it says farewell first; taken up, it is back.
    run(&["interface", "down", "eth0"]).expect_success();
    wait_until_gone(&peer, &DEFAULT, "default", Duration::from_millis(500));
    assert!(run(&["advertise", "show"]).expect_success().contains("suspended"));
    run(&["interface", "up", "eth0"]).expect_success();
    wait_for_line(&peer, &DEFAULT, &["via fe80::"]);
    run(&["advertise", "stop", "eth0"]).expect_success();
    wait_until_gone(&peer, &DEFAULT, "default", PATIENCE);
    run(&start).expect_success();
    wait_for_line(&peer, &DEFAULT, &["via fe80::"]);
    // And a detach does the same.
    run(&["interface", "detach", "eth0"]).expect_success();
    wait_until_gone(&peer, &DEFAULT, "default", Duration::from_millis(500));
    daemon.stop();
}
