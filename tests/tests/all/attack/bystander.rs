//! T34: a flood of neighbour discovery on one port, and traffic between two others.

use std::net::Ipv6Addr;
use std::thread;
use std::time::Duration;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;

use super::raw;
use super::raw::Raw;
use super::util::*;

const ROUTER: &str = r#"
[stack]
spin_us = 0
control = "{control}"
forwarding = true
[[interface]]
name = "a"
driver = "packet"
addresses = ["2001:db8::1/64"]
dad = false
[[interface]]
name = "b"
driver = "packet"
addresses = ["2001:db8:1::1/64"]
dad = false
[[interface]]
name = "c"
driver = "packet"
addresses = ["2001:db8:2::1/64"]
dad = false
[[neighbor]]
interface = "c"
address = "2001:db8:2::2"
mac = "02:00:00:00:cc:02"
"#;

/// Sends from B to C at `rate` for so long, with or without a flood on A; says how many were offered and arrived.
fn forward(flooded: bool, rate: u64, time: Duration) -> Option<(u64, u64, u64)> {
    let lab = Lab::open()?;
    let (a, b, c, router) = (lab.host("a"), lab.host("b"), lab.host("c"), lab.host("router"));
    for (host, name) in [(&a, "a"), (&b, "b"), (&c, "c")] {
        host.set_sysctl("ipv6/conf/default/disable_ipv6", "1");
        lab.wire(host, "eth0", &router, name);
    }
    let daemon = Siding::start(&lab, &router, &["run"], ROUTER);
    let own = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
    let attack = raw::forged(100_000, mac(&router, "a"), 0, own);
    let src = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2);
    let dst = Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, 2);
    let good = vec![raw::empty(mac(&b, "eth0"), mac(&router, "b"), src, dst); 64];
    let (mut attacker, mut sender) = (Raw::open(&a, "eth0"), Raw::open(&b, "eth0"));
    let before = received(&c);
    let (offered, forged) = thread::scope(|scope| {
        let longer = time + Duration::from_millis(300);
        let flooding = flooded.then(|| scope.spawn(move || attacker.flood(&attack, longer, None)));
        thread::sleep(Duration::from_millis(150));
        let offered = sender.flood(&good, time, Some(rate));
        (offered, flooding.map_or(0, |flooding| flooding.join().unwrap()))
    });
    thread::sleep(Duration::from_millis(300));
    let arrived = received(&c) - before;
    daemon.stop();
    Some((offered, arrived, forged))
}

/// Frames that a host's interface has received: its kernel's count, which needs no thread that might be late.
fn received(host: &Host) -> u64 {
    let text = host.inside(|| std::fs::read_to_string("/proc/thread-self/net/dev")).unwrap();
    let row = text.lines().find_map(|line| line.trim().strip_prefix("eth0:")).unwrap();
    row.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn kept(rate: u64, time: Duration) -> Option<f64> {
    let (offered, quiet, _) = forward(false, rate, time)?;
    let quiet = quiet as f64 / offered as f64;
    let (offered, arrived, forged) = forward(true, rate, time)?;
    let flooded = arrived as f64 / offered as f64;
    println!(
        "B -> C at {rate} packets/s: {:.2} % arrive in quiet, {:.2} % beside {forged} forged solicitations on A in {time:?}",
        quiet * 100.0,
        flooded * 100.0
    );
    Some(flooded / quiet)
}

#[test]
fn t34_a_flood_on_one_port_does_not_stop_the_others() {
    let Some(kept) = kept(2_000, Duration::from_secs(2)) else { return };
    assert!(kept >= 0.95, "{:.2} % kept", kept * 100.0);
}

#[test]
#[ignore = "full form: several rates"]
fn full_t34() {
    for rate in [10_000, 50_000, 100_000, 200_000] {
        let Some(kept) = kept(rate, Duration::from_secs(4)) else { return };
        println!("kept {:.2} %", kept * 100.0);
    }
}
