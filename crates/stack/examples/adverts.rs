//! What router advertisements cost that are of no use: `cargo run --release -p siding-stack --example adverts`.
//!
//! A device in memory hands the worker advertisements of routers that it has never heard of, each with a prefix of its
//! own: to an interface that obeys none, and to one that knows as many routers as it may.

use std::io;
use std::net::Ipv6Addr;
use std::time::Instant as Clock;

use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::Instant;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::drops::DropReason;
use siding_stack::nd6::host::HostConfig;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::HOP_LIMIT;
use siding_wire::nd::NdOption;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::RouterAdvert;

/// Frames, each handed over once.
struct Source {
    frames: Vec<Vec<u8>>,
    next: usize,
}

impl Device for Source {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let left = self.frames.iter().skip(self.next).take(max);
        for frame in left {
            let Some(mut mbuf) = cache.alloc() else { break };
            if !mbuf.extend_from_slice(frame) {
                break;
            }
            into.push(mbuf);
        }
        self.next += into.len();
        Ok(into.len())
    }

    fn transmit(&mut self, _: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        frames.clear();
        sent
    }
}

fn advert(n: u32) -> Vec<u8> {
    let [a, b, c, d] = n.to_be_bytes();
    let mac = Mac([2, 0xba, a, b, c, d]);
    let src = Ipv6Addr::new(0xfe80, 0, 0, 0, 0xbad, 0, (n >> 16) as u16, n as u16);
    let advert = RouterAdvert { router_lifetime: 1800, slla: Some(mac), ..RouterAdvert::default() };
    let info = NdOption::Prefix(PrefixInfo {
        prefix: Ipv6Addr::new(0x2001, 0xdb8, (n >> 16) as u16, n as u16, 0, 0, 0, 0),
        prefix_len: 64,
        on_link: true,
        autonomous: true,
        router_address: None,
        valid: 3600,
        preferred: 1800,
    });
    let mut body = vec![0; advert.buffer_len(&[info])];
    let written = advert.emit(&[info], src, ip6::ALL_NODES, &mut body);
    written.unwrap_or_else(|error| panic!("{error}"));
    let link = Ether { dst: multicast_mac(ip6::ALL_NODES), src: mac, ethertype: EtherType::IPV6 };
    let header = Ip6Repr::new(src, ip6::ALL_NODES, IpProto::ICMP6, HOP_LIMIT, body.len() as u16);
    [&link.to_bytes()[..], &header.to_bytes()[..], &body].concat()
}

/// Nanoseconds for each of `count` advertisements behind the first `before`, and how many were dropped for want of room.
fn cost(obeys: bool, before: u32, count: u32) -> (f64, u64) {
    let pool = Pool::new(PoolConfig::default()).unwrap_or_else(|error| panic!("{error}"));
    let begin = Clock::now();
    let clock = move || Instant::from_nanos(1 + begin.elapsed().as_nanos() as u64);
    let stack = Stack::new(StackConfig { workers: 1, ..StackConfig::new(pool, clock) });
    let stack = stack.unwrap_or_else(|error| panic!("{error}"));
    let source = Source { frames: (0..before + count).map(advert).collect(), next: 0 };
    {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap_or_else(|error| panic!("{error}"));
        let ctx = &mut entered.ctx();
        let spec = InterfaceSpec { name: "eth0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
        let id = stack.attach(ctx, spec, vec![Box::new(source)]).unwrap_or_else(|error| panic!("{error}"));
        if obeys {
            stack.set_autoconf(ctx, id, HostConfig::default()).unwrap_or_else(|error| panic!("{error}"));
        }
    }
    let mut worker = stack.worker(0).unwrap_or_else(|| panic!("the worker is free"));
    let mut run = |count: u32| {
        let begin = Clock::now();
        let mut received = 0;
        while received < count as usize {
            received += worker.turn(stack.now()).received;
        }
        begin.elapsed().as_nanos() as f64 / f64::from(count)
    };
    run(before);
    let each = run(count);
    (each, stack.dropped(DropReason::LearnLimit))
}

fn main() {
    for (obeys, what) in [(false, "ignored"), (true, "refused")] {
        let best = (0..5).map(|_| cost(obeys, 640, 64_000)).min_by(|a, b| a.0.total_cmp(&b.0));
        let (each, refused) = best.unwrap_or_default();
        println!("{what}: {each:.0} ns for each advertisement ({refused} found no room)");
    }
}
