//! Packets forwarded in memory, to be counted by callgrind: what a turn costs without any system beneath it.
//!
//! ```text
//! CARGO_PROFILE_RELEASE_LTO=off cargo build --release -p siding-stack --example forward
//! for turns in 10000 20000; do
//!     valgrind --tool=callgrind --callgrind-out-file=/dev/null target/release/examples/forward 1 $turns
//! done
//! ```
//!
//! With `walk` behind the numbers nothing goes by express, as in the daemon. The first number is how many frames there are in a
//! turn. The difference of the two, divided by the frames, is what one costs.
//!
//! With `routed` they go to a destination behind a router of link 2, and with `shared` to one whose flows two routers share.
//!
//! It says what it has done: so that whoever compares it with itself without what follows packets, or without what times
//! turns, knows that these are not there (`tests/all/costs.rs`).

use std::error::Error;
use std::io;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::Clock;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::SystemClock;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Prefix;
use siding_stack::trace::Subject;
use siding_stack::trace::Wants;
use siding_stack::trace::WatchSpec;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

/// One end of a wire, by which the same frame comes so many times in each turn.
struct End {
    frame: Vec<u8>,
    times: usize,
}

impl Device for End {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let times = self.times.min(max);
        for _ in 0..times {
            let mut mbuf = cache.alloc().ok_or(io::ErrorKind::OutOfMemory)?;
            assert!(mbuf.extend_from_slice(&self.frame));
            into.push(mbuf);
        }
        Ok(times)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        cache.free_all(frames.drain(..));
        sent
    }
}

/// Every frame.
struct All;

impl Wants for All {
    fn wants(&self, _: IfId, _: &[u8]) -> bool {
        true
    }
}

fn addr(link: u8, host: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, link.into(), 0, 0, 0, 0, host)
}

fn mac(link: u8, host: u8) -> Mac {
    Mac([2, 0, 0, 0, link, host])
}

/// A packet with nothing in it, from host 2 of link 1.
fn frame(dst: Ipv6Addr) -> Result<Vec<u8>, siding_wire::Malformed> {
    let mut bytes = vec![0; ether::HEADER_LEN + ip6::HEADER_LEN + 16];
    let (link, rest) = bytes.split_at_mut(ether::HEADER_LEN);
    Ether { dst: mac(1, 1), src: mac(1, 2), ethertype: EtherType::IPV6 }.emit(link)?;
    Ip6Repr::new(addr(1, 2), dst, IpProto(59), 64, 16).emit(rest)?;
    Ok(bytes)
}

fn main() -> Result<(), Box<dyn Error>> {
    let (words, numbers): (Vec<String>, Vec<String>) =
        std::env::args().skip(1).partition(|word| word.starts_with(char::is_alphabetic));
    let mut numbers = numbers.into_iter().map(|number| number.parse::<usize>());
    let times = numbers.next().transpose()?.unwrap_or(1);
    let turns = numbers.next().transpose()?.unwrap_or(10_000);
    let pool = Pool::new(PoolConfig::default())?;
    // The daemon's, for what reading it takes. The moments of the turns are made up, so that nothing is due in some runs only.
    let (clock, readings) = (SystemClock::default(), Arc::new(AtomicU64::new(0)));
    let counted = readings.clone();
    let read = move || {
        counted.fetch_add(1, Ordering::Relaxed);
        clock.now()
    };
    let stack = Stack::new(StackConfig::new(pool, read))?;
    let mut worker = stack.worker(0).ok_or("no worker")?;
    let mut root = Root::new();
    let mut entered = root.enter()?;
    let mut ctx = entered.ctx();
    stack.set_forwarding(&mut ctx, true);
    let is_said = |what: &str| words.iter().any(|word| word == what);
    stack.set_express(&mut ctx, !is_said("walk"));
    let dst = if is_said("routed") || is_said("shared") { addr(9, 2) } else { addr(2, 2) };
    for link in [1, 2] {
        let spec = InterfaceSpec { name: format!("em{link}"), mac: mac(link, 1), mtu: 1500 };
        let end = End { frame: frame(dst)?, times: if link == 1 { times } else { 0 } };
        let id = stack.attach(&mut ctx, spec, vec![Box::new(end)])?;
        stack.add_address(&mut ctx, id, addr(link, 1).into(), 64, false)?;
        for host in [2, 3] {
            stack.add_neighbor(&mut ctx, id, addr(link, host).into(), mac(link, host as u8))?;
        }
        let hop = |host| Hop { router: addr(link, host), interface: id, weight: 1, metric: 0 };
        let prefix = Prefix::covering(addr(9, 0), 64);
        match link {
            2 if is_said("routed") => stack.add_routes6(&mut ctx, [hop(2).route(prefix)])?,
            2 if is_said("shared") => {
                stack.add_multipath6(&mut ctx, Group { prefix, hops: vec![hop(2), hop(3)] })?;
            }
            _ => {}
        }
    }
    drop(entered);
    let mut received = 0;
    for turn in 1..=turns {
        received += worker.turn(Instant::from_nanos(turn as u64 * 1000)).received;
    }
    let readings = readings.load(Ordering::Relaxed);
    println!("{received} frames in {turns} turns, {} of them by express", worker.expressed());
    println!(
        "{} turns timed, the clock read {readings} times",
        stack.steps().iter().map(|own| own.turns).sum::<u64>()
    );
    let wants = Arc::new(All);
    let spec =
        WatchSpec { subject: Subject::Lives, wants, room: 1000, bytes: 100_000, snaplen: 100, per_second: 1 };
    let watch = stack.watch(spec)?;
    worker.turn(Instant::from_nanos((turns as u64 + 1) * 1000));
    println!("{} moments told of a packet", watch.take(1000).0.len());
    Ok(())
}
