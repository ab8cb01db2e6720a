//! Ten thousand neighbours resolved from cold, against Linux doing the same.

use std::net::Ipv6Addr;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_tests::Host;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NeighborAdvert;

use super::raw;
use super::raw::Raw;
use super::raw::stay_on_the_last_core;
use super::util::*;

const ROUTER: &str = r#"
[stack]
control = "{control}"
forwarding = true
buffers = 65536
queue_limit = 32767
[limits.neighbors]
entries = 32768
resolving = 32768
solicit_rate = 1000000
solicit_burst = 100000
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

fn station(n: u32) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0x5e, (n >> 16) as u16, n as u16)
}

/// Packets on their way at a time: fewer than any queue between here and there has room for, so that what is measured is
/// resolution and no overflow.
const WINDOW: u32 = 512;

/// One packet to each of `count` stations crosses the router; a responder of ours plays them all. From the first packet
/// sent to the last that arrived, on a thread that does nothing else.
fn resolve(left: &Host, router: &Host, right: &Host, count: u32) -> (Duration, u32) {
    let (from, to, own) = (mac(left, "eth0"), mac(router, "left"), mac(right, "eth0"));
    let src = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2);
    // One more, to see that links and routes are up before the clock starts.
    let frames: Vec<_> = (0..=count).map(|n| raw::empty(from, to, src, station(n))).collect();
    let (mut sender, mut responder) = (Raw::open(left, "eth0"), Raw::open(right, "eth0"));
    let run = move || {
        stay_on_the_last_core();
        let (mut seen, mut sent, mut arrived) = (vec![false; count as usize], 0, 0);
        let mut answers = Vec::new();
        let (mut start, mut last, mut warm) = (Instant::now(), Instant::now(), false);
        while arrived < count && last.elapsed() < Duration::from_secs(4) {
            if !warm {
                sender.send_all(&frames[count as usize..]);
                thread::sleep(Duration::from_millis(20));
            }
            let next = if warm { (arrived + WINDOW).min(count).min(sent + 64) } else { 0 };
            sender.send_all(&frames[sent as usize..next as usize]);
            sent = next;
            responder.receive(|frame| match of(frame, own) {
                Some(Frame::Asked(answer)) => answers.push(answer),
                Some(Frame::Arrived(n)) if n < count && !seen[n as usize] => {
                    seen[n as usize] = true;
                    arrived += 1;
                    last = Instant::now();
                }
                Some(Frame::Arrived(n)) if n == count && !warm => {
                    warm = true;
                    (start, last) = (Instant::now(), Instant::now());
                }
                _ => {}
            });
            responder.send_all(&answers);
            answers.clear();
        }
        (last - start, arrived)
    };
    thread::scope(|scope| scope.spawn(run).join().unwrap())
}

enum Frame {
    /// A solicitation; the answer's frame.
    Asked(Vec<u8>),
    /// A packet for this station.
    Arrived(u32),
}

fn of(frame: &[u8], own: Mac) -> Option<Frame> {
    let (link, rest) = Ether::parse(frame).ok()?;
    let (ip, payload) = Ip6Repr::parse(rest).ok()?;
    if link.src == own {
        return None;
    }
    if ip.dst.octets()[..12] == station(0).octets()[..12] && ip.next_header.0 == 59 {
        return Some(Frame::Arrived(ip.dst.to_bits() as u32));
    }
    let Ok(NdMessage::NeighborSolicit(asked)) = nd::validate(ip.hop_limit, ip.src, ip.dst, payload, false)
    else {
        return None;
    };
    if asked.target.octets()[..12] != station(0).octets()[..12] {
        return None;
    }
    let advert = NeighborAdvert {
        router: false,
        solicited: true,
        override_: true,
        target: asked.target,
        tlla: Some(own),
    };
    let mut bytes = vec![0; advert.buffer_len()];
    advert.emit(asked.target, ip.src, &mut bytes).ok()?;
    let header =
        Ip6Repr::new(asked.target, ip.src, siding_wire::IpProto::ICMP6, nd::HOP_LIMIT, bytes.len() as u16);
    Some(Frame::Asked(raw::frame(own, link.src, header, &bytes)))
}

fn lab() -> Option<(Lab, [Host; 3])> {
    let lab = Lab::open()?;
    let (left, router, right) = (lab.host("left"), lab.host("router"), lab.host("right"));
    left.set_sysctl("ipv6/conf/default/disable_ipv6", "1");
    right.set_sysctl("ipv6/conf/default/disable_ipv6", "1");
    lab.wire(&left, "eth0", &router, "left");
    lab.wire(&right, "eth0", &router, "right");
    Some((lab, [left, router, right]))
}

fn ours(count: u32) -> Option<(Duration, u32)> {
    let (lab, [left, router, right]) = lab()?;
    let daemon = Siding::start(&lab, &router, &["run"], ROUTER);
    let resolved = resolve(&left, &router, &right, count);
    daemon.stop();
    Some(resolved)
}

/// Linux's bound on neighbours, which all of its namespaces share: raised, and put back.
struct Raised([(&'static str, String); 3]);

impl Raised {
    fn new() -> Raised {
        let names = ["gc_thresh1", "gc_thresh2", "gc_thresh3"];
        let raised = Raised(names.map(|name| (name, std::fs::read_to_string(path(name)).unwrap())));
        // The last first: none may be above the next.
        names.into_iter().rev().for_each(|name| std::fs::write(path(name), "262144").unwrap());
        raised
    }
}

impl Drop for Raised {
    fn drop(&mut self) {
        for (name, value) in &self.0 {
            let _ = std::fs::write(path(name), value);
        }
    }
}

fn path(name: &str) -> String {
    format!("/proc/sys/net/ipv6/neigh/default/{name}")
}

fn linux(count: u32) -> Option<(Duration, u32)> {
    let (_lab, [left, router, right]) = lab()?;
    router.set_sysctl("ipv6/conf/all/forwarding", "1");
    router.address("left", "2001:db8:1::1/64");
    router.address("right", "2001:db8:2::1/64");
    Some(resolve(&left, &router, &right, count))
}

fn told(who: &str, count: u32, (time, arrived): (Duration, u32)) -> f64 {
    let rate = f64::from(arrived) / time.as_secs_f64();
    println!(
        "{who}: {arrived} of {count} resolved in {:.1} ms, {rate:.0} a second",
        time.as_secs_f64() * 1e3
    );
    rate
}

#[test]
fn a_thousand_neighbours_are_resolved_from_cold() {
    let Some(resolved) = ours(1000) else { return };
    told("siding", 1000, resolved);
    assert_eq!(resolved.1, 1000);
}

#[test]
#[ignore = "full form: ten thousand, against Linux, in turns"]
fn full_resolution() {
    let _raised = Raised::new();
    let mut ratios = Vec::new();
    for _ in 0..5 {
        let (Some(ours), Some(linux)) = (ours(10_000), linux(10_000)) else { return };
        ratios.push(told("siding", 10_000, ours) / told("Linux", 10_000, linux));
    }
    ratios.sort_by(f64::total_cmp);
    println!("siding's rate over Linux's, median of {}: {:.2}", ratios.len(), ratios[ratios.len() / 2]);
}
