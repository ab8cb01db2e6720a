//! Neighbour unreachability detection with Linux at the other end, and both sides' views of each other.

use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;

use super::util::*;

/// The daemon's log of one neighbour's transitions, in order.
fn transitions(daemon: &mut Siding, address: &str) -> Vec<String> {
    let log = daemon.process().stderr() + &daemon.process().stdout();
    let lines = log.lines().filter(|line| line.contains(&format!("neighbor {address} ")));
    lines
        .filter_map(|line| line.split_once(": ")?.1.rsplit_once(": ").map(|(_, step)| step.to_owned()))
        .collect()
}

fn wait_for_view(what: &str, view: impl Fn() -> String) {
    let mut seen = Vec::new();
    wait_for(what, 2 * PATIENCE, || {
        let now = view();
        if seen.last() != Some(&now) {
            seen.push(now.clone());
            println!("on the way to {what}: {seen:?}");
        }
        (now == what).then_some(())
    });
}

#[test]
fn our_view_of_linux_goes_round_the_states() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let address = "2001:db8::2";
    let ping = |daemon: &Siding| siding(&ours, daemon, &["ping6", "-c", "1", address]);
    ping(&daemon).expect_success();
    // Answers to probes make it reachable; with no traffic it goes stale by itself.
    wait_for_view("STALE", || our_view(&ours, &daemon, address));
    // The next packet uses it at once, and asks later: nobody above us confirms reachability.
    ping(&daemon).expect_success();
    wait_for_view("REACHABLE", || our_view(&ours, &daemon, address));
    wait_for_view("STALE", || our_view(&ours, &daemon, address));
    let steps = transitions(&mut daemon, address);
    let round = ["STALE -> DELAY", "DELAY -> PROBE", "PROBE -> REACHABLE", "REACHABLE -> STALE"];
    let found = steps.windows(4).any(|four| four == round);
    assert!(found, "{steps:?}");
    daemon.stop();
}

#[test]
fn linux_view_of_us_goes_round_the_states() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    short_timers(&peer);
    let daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let address = "2001:db8::1";
    let ping = || peer.run("ping", &["-c1", "-W1", address]);
    wait_for_view("STALE", || kernel_view(&peer, address));
    let mut monitor = peer.start("ip", &["monitor", "neigh"]);
    std::thread::sleep(Duration::from_millis(200));
    ping().expect_success();
    // It went through DELAY and PROBE, and our advertisement confirmed us.
    wait_for_view("REACHABLE", || kernel_view(&peer, address));
    wait_for_view("STALE", || kernel_view(&peer, address));
    let probes = siding(&ours, &daemon, &["show", "interfaces", "--json"]).expect_success();
    assert!(!probes.contains("\"ns-in\": 0"), "Linux never asked: {probes}");
    monitor.wait_for_output("PROBE", PATIENCE);
    daemon.stop();
}

#[test]
fn a_silent_peer_ends_after_three_probes() {
    if !need(&["ping", "ip"]) {
        return;
    }
    let Some(lab) = Lab::open() else { return };
    let (ours, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let mut daemon = Siding::start(&lab, &ours, &["run"], PACKET);
    wait_until_up(&peer, "2001:db8::1");
    let address = "2001:db8::2";
    siding(&ours, &daemon, &["ping6", "-c", "1", address]).expect_success();
    wait_for_view("STALE", || our_view(&ours, &daemon, address));
    let before = ns_out(&ours, &daemon);
    // It hears us and says nothing more: on IPv6 alone, so that the carrier stays.
    peer.set_sysctl("ipv6/conf/eth0/disable_ipv6", "1");
    let lost = siding(&ours, &daemon, &["ping6", "-c", "1", "-W", "1", address]);
    assert_eq!(lost.status.code(), Some(1), "{lost}");
    wait_for_view("", || our_view(&ours, &daemon, address));
    let probes = ns_out(&ours, &daemon) - before;
    let steps = transitions(&mut daemon, address);
    assert_eq!(steps.last().unwrap(), "PROBE -> none", "{steps:?}");
    assert_eq!(probes, 3, "{steps:?}");
    daemon.stop();
}

/// Solicitations that we have sent.
fn ns_out(host: &Host, daemon: &Siding) -> u64 {
    let text = siding(host, daemon, &["show", "interfaces", "--json"]).expect_success();
    let line = text.lines().find(|line| line.contains("\"ns-out\"")).unwrap();
    line.split(':').nth(1).unwrap().trim().trim_end_matches(',').parse().unwrap()
}

/// Linux's own timers, short enough to wait for. ReachableTime is well above what our own DELAY and PROBE take: else
/// the answer to our probe is a use of Linux's entry, Linux probes us for it, that is a use of ours, and so on for ever.
fn short_timers(host: &Host) {
    let timers =
        [("base_reachable_time_ms", "6000"), ("delay_first_probe_time", "1"), ("retrans_time_ms", "300")];
    for (key, value) in timers {
        host.set_sysctl(&format!("ipv6/neigh/eth0/{key}"), value);
    }
}
