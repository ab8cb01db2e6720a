//! How fast frames go in and out of the kernel here, and how long a lone one takes.
//!
//! ```text
//! cargo run --release -p siding-drivers --example throughput [seconds for each figure]
//! ```
//!
//! Needs root. Everything happens in a network namespace of the program's own, over veth and TAP, with frames of 64
//! bytes unless said otherwise. Generator and receiver are pinned to cores 0 and 1. The nanoseconds are the measured
//! thread's processor time for each frame, which neighbours on a busy machine disturb less than the rate.
#![allow(clippy::unwrap_used, reason = "a measurement that fails has nothing better to do than to stop")]

use std::net::UdpSocket;
use std::process::Command;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::thread::CpuSet;
use siding_drivers::Counters;
use siding_drivers::PacketConfig;
use siding_drivers::PacketDevice;
use siding_drivers::TapDevice;
use siding_drivers::Wire;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_stack::Device;

/// Bytes of a frame without FCS: 64 with.
const FRAME: usize = 60;
const BATCH: usize = siding_stack::BATCH;

fn main() {
    let seconds = std::env::args().nth(1).map_or(2, |text| text.parse().expect("a number of seconds"));
    let span = Duration::from_secs(seconds);
    // JUSTIFICATION: there is no other way into a new namespace.
    // SAFETY: a network namespace is not memory: no safe code relies on which one a thread is in. No thread has been
    // started yet.
    unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) }.expect("run as root");
    ip("link set lo up");
    ip("link add va type veth peer name vb");
    let _tap = TapDevice::open("t0", 1).unwrap();
    for name in ["va", "vb", "t0"] {
        let _ = std::fs::write(format!("/proc/sys/net/ipv6/conf/{name}/disable_ipv6"), "1");
        ip(&format!("link set {name} addrgenmode none up"));
    }
    drop(_tap);

    println!("{:<58} {:>9} {:>9}", "", "Mpps", "ns");
    transmit("AF_PACKET transmit, 64 a call", open_packet("va", false), BATCH, span);
    transmit("AF_PACKET transmit, 64 a call, past the qdisc", open_packet("va", true), BATCH, span);
    transmit("AF_PACKET transmit, one a call", open_packet("va", false), 1, span);
    receive("AF_PACKET receive, polling", open_packet("vb", false), open_packet("va", false), false, span);
    receive(
        "AF_PACKET receive, asleep when idle",
        open_packet("vb", false),
        open_packet("va", false),
        true,
        span,
    );
    empty_ring("AF_PACKET receive, from a ring that is full, one core", span);
    let tap = open_tap();
    ip("link set t0 up");
    transmit("TAP transmit", tap, BATCH, span);
    let tap = open_tap();
    ip("link set t0 up");
    receive("TAP receive, polling", tap, open_packet("t0", false), false, span);
    wire(span);

    println!("\n{:<58} {:>9} {:>9}", "", "median µs", "p99 µs");
    ping_pong(2000);
    ip("addr add 192.0.2.1/24 dev vb");
    ip("neigh add 192.0.2.2 lladdr 02:00:00:00:00:02 dev vb");
    echo("kernel's UDP socket to us and back, we poll", false, 2000);
    echo("kernel's UDP socket to us and back, we sleep", true, 2000);
}

/// Sends for a while and tells how fast.
fn transmit(what: &str, mut device: impl Device, batch: usize, span: Duration) {
    pin(0);
    let pool = pool();
    let mut cache = pool.cache(256);
    let mut frames = Vec::with_capacity(BATCH);
    let (start, used) = (Instant::now(), processor_time());
    let mut sent = 0;
    while start.elapsed() < span {
        sent += generate(&mut device, &mut cache, &mut frames, batch);
    }
    let each = (processor_time() - used).as_nanos() as f64 / sent as f64;
    println!("{what:<58} {:>9.2} {each:>9.0}", sent as f64 / start.elapsed().as_secs_f64() / 1e6);
}

/// Receives for a while what another core sends, and tells how fast.
fn receive(
    what: &str,
    mut device: impl Device + Counted,
    mut generator: impl Device,
    sleeps: bool,
    span: Duration,
) {
    let stop = AtomicBool::new(false);
    let (mut got, mut offered, mut used) = (0, 0, Duration::ZERO);
    thread::scope(|scope| {
        let generator = scope.spawn(|| {
            pin(0);
            let pool = pool();
            let mut cache = pool.cache(256);
            let mut frames = Vec::with_capacity(BATCH);
            let mut sent = 0;
            while !stop.load(Ordering::Relaxed) {
                sent += generate(&mut generator, &mut cache, &mut frames, BATCH);
            }
            sent
        });
        pin(1);
        let pool = pool();
        let mut cache = pool.cache(256);
        let mut into = Vec::with_capacity(BATCH);
        let (start, before) = (Instant::now(), processor_time());
        while start.elapsed() < span {
            let count = device.receive(&mut cache, &mut into, BATCH).unwrap();
            got += count;
            for mbuf in into.drain(..) {
                cache.free(mbuf);
            }
            if count == 0 && sleeps {
                wait(&device);
            }
        }
        used = processor_time() - before;
        stop.store(true, Ordering::Relaxed);
        offered = generator.join().unwrap();
    });
    let rate = |count: usize| count as f64 / span.as_secs_f64() / 1e6;
    let lost = device.counters().stats().rx_dropped();
    let each = used.as_nanos() as f64 / got as f64;
    println!(
        "{what:<58} {:>9.2} {each:>9.0}   of {:.2} offered; {lost} counted lost",
        rate(got),
        rate(offered)
    );
}

/// Fills a ring, then measures how long it takes to empty it: our own share of the work.
fn empty_ring(what: &str, span: Duration) {
    pin(0);
    let pool = pool();
    let mut cache = pool.cache(256);
    let (mut device, mut generator) = (open_packet("vb", false), open_packet("va", false));
    let mut frames = Vec::with_capacity(BATCH);
    let mut into = Vec::with_capacity(BATCH);
    let (start, mut used, mut got) = (Instant::now(), Duration::ZERO, 0);
    while start.elapsed() < span {
        for _ in 0..PacketConfig::default().ring_frames as usize / BATCH {
            generate(&mut generator, &mut cache, &mut frames, BATCH);
        }
        let before = processor_time();
        loop {
            let count = device.receive(&mut cache, &mut into, BATCH).unwrap();
            got += count;
            for mbuf in into.drain(..) {
                cache.free(mbuf);
            }
            if count == 0 {
                break;
            }
        }
        used += processor_time() - before;
    }
    let each = used.as_nanos() as f64 / got as f64;
    println!("{what:<58} {:>9.2} {each:>9.0}", 1e3 / each);
}

/// Through the in-memory wire and back, on one core.
fn wire(span: Duration) {
    pin(0);
    let (ours, theirs) = (pool(), pool());
    let hub = Wire::new(1024);
    let (mut a, mut b) = (hub.attach(), hub.attach());
    let (mut ours, mut theirs) = (ours.cache(256), theirs.cache(256));
    let mut frames = Vec::with_capacity(BATCH);
    let mut into = Vec::with_capacity(BATCH);
    let (start, used) = (Instant::now(), processor_time());
    let mut got = 0;
    while start.elapsed() < span {
        generate(&mut a, &mut ours, &mut frames, BATCH);
        got += b.receive(&mut theirs, &mut into, BATCH).unwrap();
        for mbuf in into.drain(..) {
            theirs.free(mbuf);
        }
    }
    let rate = got as f64 / start.elapsed().as_secs_f64() / 1e6;
    let each = (processor_time() - used).as_nanos() as f64 / got as f64;
    println!("{:<58} {rate:>9.2} {each:>9.0}", "wire in memory, send and receive, one core");
}

/// A lone frame from one packet device to another, on one core.
fn ping_pong(times: usize) {
    pin(0);
    let pool = pool();
    let mut cache = pool.cache(16);
    let (mut a, mut b) = (open_packet("va", false), open_packet("vb", false));
    let mut into = Vec::new();
    let mut frames = Vec::new();
    let samples = (0..times).map(|_| {
        let start = Instant::now();
        generate(&mut a, &mut cache, &mut frames, 1);
        while b.receive(&mut cache, &mut into, BATCH).unwrap() == 0 {}
        let elapsed = start.elapsed();
        into.clear();
        elapsed
    });
    report("AF_PACKET to AF_PACKET, one core, one way", samples.collect());
}

/// A datagram from the kernel, which we send back.
fn echo(what: &str, sleeps: bool, times: usize) {
    let stop = AtomicBool::new(false);
    let mut device = open_packet("va", false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut device_cache = pool().cache(64);
            pin(1);
            let mut into = Vec::with_capacity(BATCH);
            while !stop.load(Ordering::Relaxed) {
                let count = device.receive(&mut device_cache, &mut into, BATCH).unwrap();
                into.retain_mut(turn_round);
                device.transmit(&mut device_cache, &mut into);
                into.clear();
                if count == 0 && sleeps {
                    wait(&device);
                }
            }
        });
        pin(0);
        let socket = UdpSocket::bind("192.0.2.1:0").unwrap();
        socket.connect("192.0.2.2:7").unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        let mut buffer = [0; 64];
        let samples = (0..times).map(|_| {
            let start = Instant::now();
            socket.send(&[7; 18]).unwrap();
            socket.recv(&mut buffer).expect("an echo");
            start.elapsed()
        });
        report(what, samples.collect());
        stop.store(true, Ordering::Relaxed);
    });
}

/// Exchanges both ends of a UDP datagram. `false` for any other frame.
fn turn_round(mbuf: &mut Mbuf) -> bool {
    let Some(frame) = mbuf.data_mut() else { return false };
    if frame.len() < 42 || frame[12..15] != [8, 0, 0x45] || frame[23] != 17 {
        return false;
    }
    // Sums of the same words in another order: no checksum changes.
    let (macs, rest) = frame.split_at_mut(12);
    macs.rotate_left(6);
    rest[14..22].rotate_left(4);
    rest[22..26].rotate_left(2);
    true
}

fn generate(device: &mut impl Device, cache: &mut Cache, frames: &mut Vec<Mbuf>, batch: usize) -> usize {
    while frames.len() < batch {
        let Some(mut mbuf) = cache.alloc() else { break };
        let Some(bytes) = mbuf.append(FRAME) else { break };
        bytes.fill(0);
        bytes[..14].copy_from_slice(&[2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]);
        frames.push(mbuf);
    }
    let before = frames.len();
    device.transmit(cache, frames);
    before - frames.len()
}

/// Sleeps until there is something, for a tenth of a second at most.
fn wait(device: &impl Device) {
    let mut fds = [PollFd::from_borrowed_fd(device.readable().unwrap(), PollFlags::IN)];
    let _ = rustix::event::poll(&mut fds, Some(&rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 }));
}

fn report(what: &str, mut samples: Vec<Duration>) {
    samples.sort_unstable();
    let at = |part: usize| samples[samples.len() * part / 100].as_nanos() as f64 / 1e3;
    println!("{what:<58} {:>9.1} {:>9.1}", at(50), at(99));
}

fn open_packet(name: &str, qdisc_bypass: bool) -> PacketDevice {
    PacketDevice::open(name, PacketConfig { qdisc_bypass, ..PacketConfig::default() }, 1).unwrap().remove(0)
}

fn open_tap() -> TapDevice {
    TapDevice::open("t0", 1).unwrap().remove(0)
}

/// What this thread has used so far.
fn processor_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
}

fn pool() -> Pool {
    Pool::new(PoolConfig::default()).unwrap()
}

fn pin(core: usize) {
    let mut set = CpuSet::new();
    set.set(core);
    // On a machine of one core the figures are what they are.
    let _ = rustix::thread::sched_setaffinity(None, &set);
}

fn ip(arguments: &str) {
    let status = Command::new("ip").args(arguments.split(' ')).status().expect("ip(8) from iproute2");
    assert!(status.success(), "ip {arguments}");
}

/// What has counters.
trait Counted {
    fn counters(&self) -> &Counters;
}

impl Counted for PacketDevice {
    fn counters(&self) -> &Counters {
        PacketDevice::counters(self)
    }
}

impl Counted for TapDevice {
    fn counters(&self) -> &Counters {
        TapDevice::counters(self)
    }
}
