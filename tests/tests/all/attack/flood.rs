//! A flood of forged solicitations from 100,000 stations: who is there stays there.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::raw;
use super::raw::Raw;
use super::util::*;

const HOST: &str = r#"
[stack]
spin_us = 0
control = "{control}"
reachable_time_ms = 2000
delay_first_probe_ms = 500
[[interface]]
name = "eth0"
driver = "packet"
addresses = ["2001:db8::1/64"]
dad = false
"#;

const OWN: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// A station with a flooder beside it at one switch would be another wire; here both share the peer's.
fn flood(
    peer: &Host,
    target: &Host,
    time: Duration,
    after: Duration,
    rate: Option<u64>,
) -> (u64, Vec<f64>, u32) {
    wait_until_up(peer, "2001:db8::1");
    let mut raw = Raw::open(peer, "eth0");
    let frames = raw::forged(100_000, mac(target, "eth0"), 0, OWN);
    let count = ((time + after).as_secs_f64() / 0.02) as u32;
    let running = pings(peer, "2001:db8::1", count, "0.02");
    std::thread::sleep(Duration::from_millis(200));
    let sent = raw.flood(&frames, time, rate);
    let finished = running.finish(time + after + PATIENCE);
    let times = round_trips(&finished);
    (sent, times, count)
}

fn ours(time: Duration, after: Duration, rate: Option<u64>) -> Option<(Vec<f64>, u32)> {
    let lab = Lab::open()?;
    let (host, peer) = lab.pair();
    peer.address("eth0", "2001:db8::2/64");
    let daemon = Siding::start(&lab, &host, &["run"], HOST);
    let (sent, times, count) = flood(&peer, &host, time, after, rate);
    println!(
        "siding: {sent} forged in {time:?}; {count} pings during them and {after:?} after: {}",
        summary(&times)
    );
    let (most, used, highest) = bound(&host, &daemon, "neighbors", "eth0");
    println!("siding: neighbors: {used} now, {highest} at the most, limit {most}");
    assert!(highest <= most);
    let table = siding(&host, &daemon, &["show", "neighbors"]).expect_success();
    let peer_row = table.lines().find(|line| line.starts_with("2001:db8::2 ")).unwrap_or_default().to_owned();
    assert!(!peer_row.is_empty(), "the peer was pushed out");
    daemon.stop();
    Some((times, count))
}

#[test]
fn a_flood_of_forged_solicitations_leaves_the_peer_its_answers_6583_1() {
    if !need(&["ping"]) {
        return;
    }
    // As fast as a slow build on a busy machine can be expected to read.
    let Some((times, count)) = ours(Duration::from_secs(2), Duration::from_secs(3), Some(10_000)) else {
        return;
    };
    assert_eq!(times.len(), count as usize, "every ping is answered");
}

#[test]
#[ignore = "full form: at full speed, ten seconds of looking afterwards, against Linux doing the same"]
fn full_flood_6583_1() {
    for rate in [Some(100_000), None] {
        let (time, after) = (Duration::from_secs(2), Duration::from_secs(10));
        println!("at {} a second:", rate.map_or("all that goes".to_owned(), |rate| rate.to_string()));
        let Some((times, count)) = ours(time, after, rate) else { return };
        println!("siding: {} of {count} pings lost", count as usize - times.len());
        let Some(lab) = Lab::open() else { return };
        let (host, peer) = lab.pair();
        peer.address("eth0", "2001:db8::2/64");
        host.address("eth0", "2001:db8::1/64");
        let (sent, times, count) = flood(&peer, &host, time, after, rate);
        println!(
            "Linux: {sent} forged; {} of {count} pings lost: {}",
            count as usize - times.len(),
            summary(&times)
        );
    }
}
