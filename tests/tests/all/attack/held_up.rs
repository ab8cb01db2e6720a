//! The process is held up, while answers come and wait behind more than one batch of other frames. When it goes on, its timers
//! are long due: they decide nothing before what had arrived has been read.

use std::env;
use std::net::Ipv6Addr;
use std::process::Command;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::process::Signal;
use siding_stack::BATCH;
use siding_tests::Lab;
use siding_tests::Siding;
use siding_tests::need;
use siding_tests::wait_for;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ether::multicast_mac;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::HOP_LIMIT;
use siding_wire::nd::NeighborAdvert;

use super::raw;
use super::raw::Raw;
use super::util::*;

const OURS: &str = r#"
[stack]
control = "{control}"
workers = WORKERS
[[interface]]
name = "eth0"
driver = "packet"
link_local = false
addresses = ["2001:db8::1/64"]
dad = DAD
"#;

const OWN: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);
const OTHER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 2);
const OTHER_MAC: Mac = Mac([2, 0xaa, 0, 0, 0, 5]);

/// So many frames wait in front of the answer.
const BEFORE: usize = 5 * BATCH;

/// What the daemon waits for when it is held up.
#[derive(Debug, Clone, Copy)]
enum Asked {
    /// Whether somebody has the address that it is to take.
    Duplicate,
    /// Where the neighbour is that a packet waits for. It has asked three times, and gives up next.
    Neighbor,
}

/// A multicast frame that interests nobody; each of another flow, so that all workers have some.
fn bystander(n: usize) -> Vec<u8> {
    let from = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 9, 0, 0, n as u16);
    let header = Ip6Repr::new(from, ip6::ALL_NODES, IpProto(59), 3, 8);
    raw::frame(Mac([2, 0xdd, 0, 0, 0, 9]), multicast_mac(ip6::ALL_NODES), header, &[0; 8])
}

fn advert(target: Ipv6Addr, dst: Ipv6Addr, to: Mac) -> Vec<u8> {
    let solicited = !dst.is_multicast();
    let advert = NeighborAdvert { router: false, solicited, override_: true, target, tlla: Some(OTHER_MAC) };
    let mut bytes = vec![0; advert.buffer_len()];
    advert.emit(target, dst, &mut bytes).unwrap();
    let header = Ip6Repr::new(target, dst, IpProto::ICMP6, HOP_LIMIT, bytes.len() as u16);
    raw::frame(OTHER_MAC, to, header, &bytes)
}

/// Waits until `count` ICMPv6 messages of that type were sent by us, and says when the last of them came.
fn sent(wire: &mut Raw, own: Mac, wanted: Icmp6Type, count: usize) -> Option<Instant> {
    let (mut seen, begin) = (0, Instant::now());
    while begin.elapsed() < PATIENCE {
        wire.receive(|frame| {
            let Ok((link, rest)) = Ether::parse(frame) else { return };
            let Ok((header, message)) = Ip6Repr::parse(rest) else { return };
            let is_meant = link.src == own && header.next_header == IpProto::ICMP6;
            seen += usize::from(is_meant && message.first() == Some(&wanted.0));
        });
        if seen >= count {
            return Some(Instant::now());
        }
        thread::sleep(Duration::from_millis(1));
    }
    None
}

fn held_up(asked: Asked, workers: usize, time: Duration) {
    let Some(lab) = Lab::open() else { return };
    let (host, peer) = lab.pair();
    // All that is said at the other end is said by this test.
    peer.set_sysctl("ipv6/conf/eth0/disable_ipv6", "1");
    let (own, mut wire) = (mac(&host, "eth0"), Raw::open(&peer, "eth0"));
    let dad = matches!(asked, Asked::Duplicate).to_string();
    let config = OURS.replace("WORKERS", &workers.to_string()).replace("DAD", &dad);
    let mut daemon = Siding::start(&lab, &host, &["run"], &config);
    let mut command = Command::new(Siding::binary());
    command.arg("--control").arg(daemon.control()).args(["ping6", "-c", "1", "2001:db8::2"]);
    let (solicitations, answer) = match asked {
        Asked::Duplicate => (1, advert(OWN, ip6::ALL_NODES, multicast_mac(ip6::ALL_NODES))),
        Asked::Neighbor => (3, advert(OTHER, OWN, own)),
    };
    let _pinging = matches!(asked, Asked::Neighbor).then(|| host.start_command(&mut command));
    let story = format!("{asked:?}, {workers} workers, {time:?}");
    let last = sent(&mut wire, own, Icmp6Type::NEIGHBOR_SOLICIT, solicitations);
    let last = last.unwrap_or_else(|| panic!("{story}: never asked: {}", daemon.log()));
    daemon.process().signal(Signal::STOP);
    thread::sleep(Duration::from_millis(20));
    wire.send_all(&(0..BEFORE).map(bystander).collect::<Vec<_>>());
    wire.send_all(&[answer]);
    // The next deadline is a second after the last message: RetransTimer.
    assert!(
        last.elapsed() < Duration::from_millis(700),
        "{story}: too slow a machine: the answer is late itself"
    );
    thread::sleep(time);
    daemon.process().signal(Signal::CONT);
    match asked {
        Asked::Duplicate => {
            let states = || siding(&host, &daemon, &["show", "addresses"]).expect_success();
            let decided = wait_for(&format!("{story}: a decision"), PATIENCE, || {
                let states = states();
                (!states.contains("tentative")).then_some(states)
            });
            assert!(decided.contains(" duplicate "), "{story}: {decided}");
        }
        Asked::Neighbor => {
            let gone = sent(&mut wire, own, Icmp6Type::ECHO_REQUEST, 1);
            assert!(gone.is_some(), "{story}: the packet was given up: {}", daemon.log());
        }
    }
    daemon.stop();
}

/// So many seconds; SIDING_HELD_UP says which (`.ci/long`: 1, 3 and 30).
fn times() -> Vec<Duration> {
    let seconds = env::var("SIDING_HELD_UP").unwrap_or_else(|_| "3".into());
    seconds.split_whitespace().map(|seconds| Duration::from_secs(seconds.parse().unwrap())).collect()
}

#[test]
fn an_answer_that_came_while_the_process_was_held_up_counts_4861_27_4862_3() {
    if !need(&["ip"]) {
        return;
    }
    for time in times() {
        // All at once: they do little but wait.
        thread::scope(|scope| {
            for asked in [Asked::Duplicate, Asked::Neighbor] {
                for workers in [1, 2] {
                    scope.spawn(move || held_up(asked, workers, time));
                }
            }
        });
    }
}
