//! A scan of an empty /64 behind a router, at full speed, while others' pings cross the router.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;

use super::raw;
use super::raw::Raw;
use super::util::*;

const ROUTER: &str = r#"
[stack]
spin_us = 0
control = "{control}"
forwarding = true
[[interface]]
name = "left"
driver = "packet"
addresses = ["2001:db8:1::1/64"]
dad = false
[[interface]]
name = "right"
driver = "packet"
addresses = ["2001:db8:2::1/64"]
dad = false
"#;

/// What a scan did.
struct Seen {
    scanned: u64,
    lost: usize,
    times: Vec<f64>,
}

/// Two hosts with a router's host between them.
fn lab() -> Option<(Lab, [Host; 3])> {
    let lab = Lab::open()?;
    let (left, router, right) = (lab.host("left"), lab.host("router"), lab.host("right"));
    lab.wire(&left, "eth0", &router, "left");
    lab.wire(&right, "eth0", &router, "right");
    left.address("eth0", "2001:db8:1::2/64");
    right.address("eth0", "2001:db8:2::2/64");
    left.route("::/0", "2001:db8:1::1", None);
    right.route("::/0", "2001:db8:2::1", None);
    Some((lab, [left, router, right]))
}

/// Scans for so long while 60 pings cross.
fn scan(left: &Host, router: &Host, time: Duration, rate: Option<u64>) -> Seen {
    wait_until_up(left, "2001:db8:2::2");
    let interval = format!("{:.3}", time.as_secs_f64() / 60.0);
    let (from, to) = (mac(left, "eth0"), mac(router, "left"));
    let mut raw = Raw::open(left, "eth0");
    let src: Ipv6Addr = "2001:db8:1::bad".parse().unwrap();
    let target = |n: u32| Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0xe, 0, (n >> 16) as u16, n as u16);
    let frames: Vec<_> = (0..200_000).map(|n| raw::empty(from, to, src, target(n))).collect();
    let running = pings(left, "2001:db8:2::2", 60, &interval);
    let scanned = raw.flood(&frames, time, rate);
    let finished = running.finish(PATIENCE);
    let times = round_trips(&finished);
    Seen { scanned, lost: 60 - times.len(), times }
}

fn ours(time: Duration, rate: Option<u64>) {
    if !need(&["ping"]) {
        return;
    }
    let Some((lab, [left, router, _right])) = lab() else { return };
    let mut daemon = Siding::start(&lab, &router, &["run"], ROUTER);
    wait_until_up(&left, "2001:db8:2::2");
    let before = resident(daemon.process());
    let seen = scan(&left, &router, time, rate);
    let after = resident(daemon.process());
    println!(
        "siding: {} packets scanned in {time:?}; pings: {} lost, {}; resident {before} -> {after} KiB",
        seen.scanned,
        seen.lost,
        summary(&seen.times)
    );
    for name in ["neighbors", "neighbors-resolving", "neighbors-resolving-forwarded"] {
        let (most, used, highest) = bound(&router, &daemon, name, "right");
        println!("siding: {name}: {used} now, {highest} at the most, limit {most}");
        assert!(highest <= most, "{name}");
    }
    assert_eq!(seen.lost, 0, "an established flow does not notice");
    // Held packets come from the pool, which is there already; entries are small, and as many as the bound says.
    assert!(after < before + 64 * 1024, "memory grew from {before} to {after} KiB");
    // The scan has found nothing, and what it left behind is gone after three tries.
    siding_tests::wait_for("the scan's entries to fail", PATIENCE, || {
        (bound(&router, &daemon, "neighbors-resolving", "right").1 == 0).then_some(())
    });
    daemon.stop();
}

#[test]
fn a_scan_of_an_empty_prefix_does_not_touch_who_is_there_6583_1() {
    // As fast as a slow build on a busy machine can be expected to read.
    ours(Duration::from_secs(2), Some(10_000));
}

#[test]
#[ignore = "full form: five seconds at full speed, against Linux doing the same"]
fn full_scan_6583_1() {
    ours(Duration::from_secs(5), None);
    let Some((_lab, [left, router, _right])) = lab() else { return };
    router.set_sysctl("ipv6/conf/all/forwarding", "1");
    router.address("left", "2001:db8:1::1/64");
    router.address("right", "2001:db8:2::1/64");
    let seen = scan(&left, &router, Duration::from_secs(5), None);
    println!(
        "Linux: {} packets scanned in 5s; pings: {} lost, {}",
        seen.scanned,
        seen.lost,
        summary(&seen.times)
    );
}
