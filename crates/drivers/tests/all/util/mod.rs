//! What several tests need.
#![allow(dead_code, reason = "each test uses its part")]
#![allow(clippy::unwrap_used, reason = "the helpers of tests, too, say what they expect by unwrapping it")]

use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_stack::Device;

pub(crate) fn pool(buffers: u32) -> Pool {
    Pool::new(PoolConfig { buffers, ..PoolConfig::default() }).unwrap()
}

/// A packet with these bytes.
pub(crate) fn packet(pool: &Pool, bytes: &[u8]) -> Mbuf {
    let mut mbuf = pool.alloc().unwrap();
    assert!(mbuf.extend_from_slice(bytes));
    mbuf
}

/// Ethernet frames of an experimental type, told apart by their contents.
pub(crate) fn frame(dst: u8, contents: &[u8]) -> Vec<u8> {
    [&[2, 0, 0, 0, 0, dst][..], &[2, 0, 0, 0, 0, 0xee], &[0x88, 0xb5], contents].concat()
}

/// Everything that the device has now.
pub(crate) fn drain(device: &mut impl Device, cache: &mut Cache) -> Vec<Vec<u8>> {
    let mut into = Vec::new();
    while device.receive(cache, &mut into, 64).unwrap() > 0 {}
    into.into_iter().map(|mbuf| siding_stack::finished(&mbuf).into_owned()).collect()
}

/// What the device receives, until `wanted` frames that please have come. Panics after five seconds.
pub(crate) fn receive(
    device: &mut impl Device,
    cache: &mut Cache,
    wanted: usize,
    please: impl Fn(&[u8]) -> bool,
) -> Vec<Vec<u8>> {
    let end = Instant::now() + Duration::from_secs(5);
    let mut got = Vec::new();
    while got.len() < wanted {
        assert!(Instant::now() < end, "only {} of {wanted} frames have come", got.len());
        let mut fds = [PollFd::from_borrowed_fd(device.readable().unwrap(), PollFlags::IN)];
        let wait = rustix::event::Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
        rustix::event::poll(&mut fds, Some(&wait)).unwrap();
        got.extend(drain(device, cache).into_iter().filter(|frame| please(frame)));
    }
    got
}

/// The first packet that the device receives and that pleases, as it is. Panics after five seconds.
pub(crate) fn receive_one(
    device: &mut impl Device,
    cache: &mut Cache,
    please: impl Fn(&[u8]) -> bool,
) -> Mbuf {
    let end = Instant::now() + Duration::from_secs(5);
    loop {
        assert!(Instant::now() < end, "no such frame has come");
        let mut into = Vec::new();
        device.receive(cache, &mut into, 1).unwrap();
        if let Some(mbuf) = into.pop().filter(|mbuf| please(mbuf.data())) {
            return mbuf;
        }
    }
}

/// Runs `test` on a thread in a network namespace of its own, which goes with it. Says why not if that cannot be,
/// and fails in CI.
pub(crate) fn in_netns(name: &str, test: impl FnOnce() + Send + 'static) {
    let run = thread::spawn(move || {
        // JUSTIFICATION: there is no other way into a new namespace.
        // SAFETY: a network namespace is not memory: no safe code relies on which one a thread is in.
        if let Err(error) = unsafe { rustix::thread::unshare_unsafe(rustix::thread::UnshareFlags::NEWNET) } {
            return Err(format!("no network namespace: {error}"));
        }
        if !Path::new("/dev/net/tun").exists() {
            return Err("no /dev/net/tun".to_owned());
        }
        ip("link set lo up")?;
        test();
        Ok(())
    });
    match run.join() {
        Ok(Ok(())) => {}
        Ok(Err(why)) => {
            assert!(std::env::var("CI").as_deref() != Ok("true"), "{name} must run in CI: {why}");
            println!("skipped: {name}: {why}");
        }
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// Runs ip(8) with these arguments in the thread's namespace.
pub(crate) fn ip(arguments: &str) -> Result<(), String> {
    run("ip", arguments)
}

/// Runs a program with these arguments in the thread's namespace.
pub(crate) fn run(program: &str, arguments: &str) -> Result<(), String> {
    let output = Command::new(program)
        .args(arguments.split(' '))
        .output()
        .map_err(|error| format!("cannot run {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}

/// A veth pair, both ends up, with no traffic of the kernel's own.
pub(crate) fn veth(ours: &str, theirs: &str) {
    ip(&format!("link add {ours} type veth peer name {theirs}")).unwrap();
    for name in [ours, theirs] {
        quiet(name);
        ip(&format!("link set {name} up")).unwrap();
    }
}

/// Keeps the kernel from giving the interface IPv6 addresses, and so from sending of its own accord.
pub(crate) fn quiet(name: &str) {
    // Not there in a kernel without IPv6, and then not needed.
    let _ =
        std::fs::write(format!("/proc/thread-self/net/../../../sys/net/ipv6/conf/{name}/disable_ipv6"), "1");
    let _ = ip(&format!("link set {name} addrgenmode none"));
}
