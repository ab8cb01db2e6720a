//! How long it takes until many interfaces, addresses and routes are there, and what they cost each packet:
//! `cargo bench -p siding-benches --bench start`.
//!
//! All of it is in memory and by the stack's own calls, one change after the other, with a worker that takes turns beside.
//! Each goal is printed with PASS or MISS.

#![forbid(unsafe_code)]

use std::error::Error;
use std::fs;
use std::net::Ipv6Addr;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use clap::Parser;
use siding_benches::measure::median;
use siding_benches::router::Crowd;
use siding_benches::router::Lane;
use siding_benches::router::Shape;
use siding_benches::router::build;
use siding_benches::router::build_among;
use siding_benches::verdicts::Goal;
use siding_benches::verdicts::Verdicts;
use siding_lockorder::Root;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_stack::InterfaceSpec;
use siding_stack::Stack;
use siding_stack::StackConfig;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::Mac;

/// Start-up, and what it leaves to packets.
#[derive(Debug, Parser)]
struct Options {
    /// A hundredth of everything, to see that it works; its verdicts mean nothing.
    #[arg(long)]
    quick: bool,
    /// Rounds of packets; the median counts.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..))]
    rounds: u16,
    /// Passed by `cargo bench`; no effect.
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("start: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(options: &Options) -> Result<(), Box<dyn Error>> {
    let part = if options.quick { 100 } else { 1 };
    let crowd = Crowd { vlans: 4_000 / part, addresses: 10_000 / part };
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("one worker beside; load before {}", load.split(' ').next().unwrap_or("?"));
    let (made, addressed, routed, batch) = start(crowd, (100_000 / part) as u32)?;
    let ms = |took: Duration| took.as_secs_f64() * 1e3;
    println!("{} VLANs: {:.1} ms", crowd.vlans, ms(made));
    println!("{} addresses, each with duplicate address detection: {:.1} ms", crowd.addresses, ms(addressed));
    println!("100,000 routes, a change each: {:.1} ms; in one change: {:.1} ms", ms(routed), ms(batch));
    let (alone, among) = packets(crowd, options.rounds.into())?;
    println!("a packet: {alone:.1} ns alone, {among:.1} ns in the crowd");
    let mut verdicts = Verdicts::default();
    verdicts.judge("VLANs and addresses", ms(made + addressed), Goal::AtMost(2000.0), "ms");
    verdicts.judge("100,000 routes, a change each", ms(routed), Goal::AtMost(1000.0), "ms");
    verdicts.judge("a packet in the crowd beside one alone", among / alone, Goal::AtMost(1.05), "times");
    println!("{verdicts}");
    Ok(())
}

/// How long VLANs, their addresses, routes one by one and as many at once take.
fn start(crowd: Crowd, routes: u32) -> Result<(Duration, Duration, Duration, Duration), Box<dyn Error>> {
    let pool = Pool::new(PoolConfig { buffers: 32_768, ..PoolConfig::default() })?;
    let begun = Instant::now();
    let mut config =
        StackConfig::new(pool, move || siding_netisr::Instant::from_nanos(begun.elapsed().as_nanos() as u64));
    config.interfaces += crowd.vlans;
    let stack = Stack::new(config)?;
    let mut worker = stack.worker(0).ok_or("no worker")?;
    let over = Arc::new(AtomicBool::new(false));
    let ends = over.clone();
    let clock = stack.clone();
    let beside = thread::spawn(move || {
        while !ends.load(Ordering::Relaxed) {
            worker.turn(clock.now());
            thread::sleep(Duration::from_micros(100));
        }
    });
    let mut root = Root::new();
    let mut entered = root.enter()?;
    let mut ctx = entered.ctx();
    stack.set_forwarding(&mut ctx, true);
    let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
    let on = stack.attach_absent(&mut ctx, spec)?;
    let (made, addressed) = crowd.attach(&stack, &mut ctx, on, true)?;
    let route = |base: u128, number: u32| Route {
        prefix: Prefix::covering(Ipv6Addr::from_bits((base << 112) | u128::from(number) << 80), 48),
        next_hop: Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1 + (number % 64) as u16)),
        interface: on,
        metric: 0,
        origin: Origin::Static,
    };
    let begun = Instant::now();
    for number in 0..routes {
        stack.add_routes6(&mut ctx, [route(0x2001, number)])?;
    }
    let routed = begun.elapsed();
    let all: Vec<_> = (0..routes).map(|number| route(0x2002, number)).collect();
    let begun = Instant::now();
    stack.add_routes6(&mut ctx, all)?;
    let batch = begun.elapsed();
    over.store(true, Ordering::Relaxed);
    beside.join().map_err(|_| "the worker panicked")?;
    Ok((made, addressed, routed, batch))
}

/// Nanoseconds for a packet, alone and in the crowd: measured in turns, medians.
fn packets(crowd: Crowd, rounds: usize) -> Result<(f64, f64), Box<dyn Error>> {
    let shape = Shape { batch: 64, routes: 1000, flows: 65_536 };
    let mut lanes = [build(shape, 1)?, build_among(shape, 1, crowd)?];
    let mut times = [Vec::new(), Vec::new()];
    for round in 0..=rounds {
        for (lanes, times) in lanes.iter_mut().zip(&mut times) {
            let lane = lanes.first_mut().ok_or("no lane")?;
            let took = time(lane);
            // The first fills the caches.
            if round > 0 {
                times.push(took);
            }
        }
    }
    Ok(times.each_mut().map(|times| median(times)).into())
}

fn time(lane: &mut Lane) -> f64 {
    let (begun, mut packets) = (Instant::now(), 0);
    while packets < 2_000_000 {
        packets += lane.turn();
    }
    begun.elapsed().as_secs_f64() * 1e9 / packets as f64
}
