//! How long a detach takes in memory, of an interface with very many neighbours: `cargo bench -p siding-benches --bench detach`.
//!
//! A worker on core 0 takes turns as fast as it can. Packets for 50,000 addresses make it ask for each, the link answers, and the
//! interface is detached by another thread, as an operator does. Beside it: what the worker's longest turn was meanwhile, and what an
//! interface takes that has no neighbour.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::io;
use std::net::Ipv6Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant as Clock;

use clap::Parser;
use rustix::time::ClockId;
use rustix::time::clock_gettime;
use siding_benches::affinity;
use siding_benches::verdicts::Goal;
use siding_benches::verdicts::Verdicts;
use siding_lockorder::Root;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::Instant;
use siding_stack::Device;
use siding_stack::InterfaceSpec;
use siding_stack::NeighborLimits;
use siding_stack::NeighborTotals;
use siding_stack::Sent;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::StackWorker;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether;
use siding_wire::ether::Ether;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd::NeighborAdvert;

/// Detaches of a busy interface.
#[derive(Debug, Parser)]
struct Options {
    /// Neighbours of the interface.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    neighbors: u32,
    /// How often it is detached.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..))]
    times: u16,
    /// A short run, to see that it works.
    #[arg(long)]
    quick: bool,
    /// Passed by `cargo bench`; no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfd00, 2, 0, 0, 0, 0, 0, 1);
const NEAR: Mac = Mac([2, 0, 0, 0, 1, 1]);
const FAR: Mac = Mac([2, 0, 0, 0, 2, 1]);
const PEER: Mac = Mac([2, 0, 0, 0, 2, 2]);

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("detach: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let (neighbors, times) =
        if options.quick { (500, 3) } else { (options.neighbors as usize, usize::from(options.times)) };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{neighbors} neighbours, {times} times; load before {}", load.split(' ').next().unwrap_or("?"));
    let with = detaches(neighbors, times)?;
    let without = detaches(0, times)?;
    for (what, took) in [("with its neighbours", &with), ("without a neighbour", &without)] {
        let us = |share: usize| took.whole[(took.whole.len() - 1) * share / 100].as_secs_f64() * 1e6;
        let cpu = took.cpu[took.cpu.len() / 2].as_secs_f64() * 1e6;
        println!(
            "{what}: p50 {:.1} us, p99 {:.1} us, longest {:.1} us; p50 of its thread's processor time {cpu:.1} us; the worker's longest turn meanwhile {:.1} us by the clock",
            us(50),
            us(99),
            us(100),
            took.turn.as_secs_f64() * 1e6
        );
    }
    let mut verdicts = Verdicts::default();
    let p99 = with.whole[(with.whole.len() - 1) * 99 / 100];
    verdicts.judge("detach, p99", p99.as_secs_f64() * 1e3, Goal::AtMost(1.0), "ms");
    println!("{verdicts}");
    Ok(())
}

/// What detaches took.
struct Took {
    /// Each, in order of length.
    whole: Vec<Duration>,
    /// The same of the processor time that the thread has used which detaches: what others that run beside do not lengthen.
    cpu: Vec<Duration>,
    /// The longest of the worker's turns while one was under way.
    turn: Duration,
}

/// What the worker's thread and the operator's tell each other.
#[derive(Default)]
struct Beside {
    over: AtomicBool,
    /// A detach is under way.
    detaching: AtomicBool,
    longest: AtomicU64,
    turns: AtomicU64,
    /// How many addresses are still to be sent to.
    asked: Arc<AtomicUsize>,
    answered: Arc<AtomicUsize>,
}

fn detaches(neighbors: usize, times: usize) -> Result<Took, Box<dyn Error>> {
    let pool = Pool::new(PoolConfig { buffers: 16_384, ..PoolConfig::default() })?;
    let started = Clock::now();
    let mut config =
        StackConfig::new(pool, move || Instant::from_nanos(started.elapsed().as_nanos() as u64 + 1));
    let most = 1 << 17;
    config.neighbors = NeighborLimits {
        entries: most,
        resolving: most,
        solicit_rate: 1_000_000_000,
        solicit_burst: 1_000_000_000,
        ..NeighborLimits::default()
    };
    config.neighbor_totals =
        NeighborTotals { entries: most, resolving: most, ..NeighborTotals::for_pool(16_384) };
    config.mld.enabled = false;
    let stack = Stack::new(config)?;
    let mut root = Root::new();
    let mut entered = root.enter()?;
    let mut ctx = entered.ctx();
    stack.set_forwarding(&mut ctx, true);
    let beside = Arc::new(Beside::default());
    let near = InterfaceSpec { name: "em0".into(), mac: NEAR, mtu: 1500 };
    stack.attach(&mut ctx, near, vec![Box::new(Source(beside.asked.clone()))])?;
    let worker = stack.worker(0).ok_or("no worker")?;
    let (other, clock) = (beside.clone(), stack.clone());
    let thread = thread::spawn(move || turns(worker, &clock, &other));
    let (mut whole, mut cpu) = (Vec::new(), Vec::new());
    for _ in 0..times {
        let far = InterfaceSpec { name: "em1".into(), mac: FAR, mtu: 1500 };
        let peer = Peer { answers: Vec::new(), answered: beside.answered.clone() };
        let interface = stack.attach(&mut ctx, far, vec![Box::new(peer)])?;
        stack.add_address(&mut ctx, interface, ROUTER.into(), 64, false)?;
        beside.answered.store(0, Ordering::Relaxed);
        // A turn that began before has no way there yet.
        let (since, seen) = (Clock::now(), beside.turns.load(Ordering::Acquire));
        while beside.turns.load(Ordering::Acquire) < seen + 2 && since.elapsed() < Duration::from_secs(20) {
            thread::sleep(Duration::from_millis(1));
        }
        beside.asked.store(neighbors, Ordering::Release);
        let since = Clock::now();
        while beside.answered.load(Ordering::Acquire) < neighbors {
            thread::sleep(Duration::from_millis(1));
            if since.elapsed() > Duration::from_secs(20) {
                return Err("the neighbours were not resolved within 20 s".into());
            }
        }
        // The last answers are read.
        thread::sleep(Duration::from_millis(20));
        let known = stack.neighbors(&mut ctx).len();
        if known < neighbors {
            return Err(format!("{known} neighbours of {neighbors}").into());
        }
        beside.detaching.store(true, Ordering::Relaxed);
        let (begun, used) = (Clock::now(), cpu_time());
        stack.detach(&mut ctx, interface)?.wait(&mut ctx, Duration::from_secs(10))?;
        whole.push(begun.elapsed());
        cpu.push(cpu_time() - used);
        beside.detaching.store(false, Ordering::Relaxed);
    }
    beside.over.store(true, Ordering::Relaxed);
    thread.join().map_err(|_| "the worker panicked")??;
    whole.sort_unstable();
    cpu.sort_unstable();
    Ok(Took { whole, cpu, turn: Duration::from_nanos(beside.longest.load(Ordering::Relaxed)) })
}

/// What this thread has used of processors.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// The worker, until it is over.
fn turns(
    mut worker: StackWorker,
    clock: &Stack,
    beside: &Beside,
) -> Result<(), siding_benches::error::BenchError> {
    affinity::pin(0)?;
    while !beside.over.load(Ordering::Relaxed) {
        let (begun, detaching) = (Clock::now(), beside.detaching.load(Ordering::Relaxed));
        worker.turn(clock.now());
        beside.turns.fetch_add(1, Ordering::Release);
        // One that was under way when it began, or when it ended, counts, too.
        if detaching || beside.detaching.load(Ordering::Relaxed) {
            beside.longest.fetch_max(begun.elapsed().as_nanos() as u64, Ordering::Relaxed);
        }
    }
    Ok(())
}

/// The address of the neighbour of this number.
fn neighbor(number: usize) -> Ipv6Addr {
    Ipv6Addr::new(0xfd00, 2, 0, 0, 0, 0, 1 + (number >> 16) as u16, number as u16)
}

fn frame(
    macs: (Mac, Mac),
    from: Ipv6Addr,
    to: Ipv6Addr,
    (proto, hops): (IpProto, u8),
    message: &[u8],
) -> Vec<u8> {
    let mut bytes = vec![0; ether::HEADER_LEN + ip6::HEADER_LEN];
    let (link, header) = bytes.split_at_mut(ether::HEADER_LEN);
    // Both have the room that they need.
    let _ = Ether { dst: macs.0, src: macs.1, ethertype: EtherType::IPV6 }.emit(link);
    let _ = Ip6Repr::new(from, to, proto, hops, message.len() as u16).emit(header);
    bytes.extend_from_slice(message);
    bytes
}

/// Where packets for neighbours come from, 32 in a turn: as many as are still to be asked for.
struct Source(Arc<AtomicUsize>);

impl Device for Source {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let left = self.0.load(Ordering::Acquire);
        let batch = left.min(max).min(32);
        for number in left - batch..left {
            let from = Ipv6Addr::new(0xfd00, 1, 0, 0, 0, 0, 0, 2);
            let bytes = frame((NEAR, PEER), from, neighbor(number), (IpProto::NO_NEXT, 64), &[0; 8]);
            let mut mbuf = cache.alloc().ok_or(io::ErrorKind::OutOfMemory)?;
            if !mbuf.extend_from_slice(&bytes) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            into.push(mbuf);
        }
        self.0.fetch_sub(batch, Ordering::Relaxed);
        Ok(batch)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        let sent = Sent::all(frames);
        cache.free_all(frames.drain(..));
        sent
    }
}

/// The link with all neighbours: it answers who is asked for.
struct Peer {
    answers: Vec<Vec<u8>>,
    answered: Arc<AtomicUsize>,
}

impl Device for Peer {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let some = self.answers.len().min(max);
        for bytes in self.answers.drain(..some) {
            let mut mbuf = cache.alloc().ok_or(io::ErrorKind::OutOfMemory)?;
            if !mbuf.extend_from_slice(&bytes) {
                return Err(io::ErrorKind::InvalidInput.into());
            }
            into.push(mbuf);
        }
        self.answered.fetch_add(some, Ordering::Release);
        Ok(some)
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        const MESSAGE: usize = ether::HEADER_LEN + ip6::HEADER_LEN;
        let sent = Sent::all(frames);
        for asked in frames.iter().map(Mbuf::data) {
            let target: Option<[u8; 16]> =
                asked.get(MESSAGE + 8..MESSAGE + 24).and_then(|bytes| bytes.try_into().ok());
            if asked.get(MESSAGE) != Some(&Icmp6Type::NEIGHBOR_SOLICIT.0) {
                continue;
            }
            let Some(target) = target.map(Ipv6Addr::from) else { continue };
            let advert =
                NeighborAdvert { router: false, solicited: true, override_: true, target, tlla: Some(PEER) };
            let mut message = vec![0; advert.buffer_len()];
            if advert.emit(target, ROUTER, &mut message).is_ok() {
                self.answers.push(frame((FAR, PEER), target, ROUTER, (IpProto::ICMP6, 255), &message));
            }
        }
        cache.free_all(frames.drain(..));
        sent
    }
}
