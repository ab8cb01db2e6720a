//! Fourth act: a firewall between two Linux namespaces. A connection goes through it while SYNs flood from outside, and its
//! rules are reloaded.
//!
//! The table of states is so small that the flood fills its half-open part at once, and no connection is picked up in its
//! middle: if the flood or a reload cost the connection its state, it would not go on.

use std::io;
use std::io::Read;
use std::io::Write;
use std::net::SocketAddr;
use std::net::SocketAddrV6;
use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use rustix::net::AddressFamily;
use rustix::net::SendFlags;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use siding_drivers::kernel::Netns;
use siding_wire::IpProto;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;

use super::gate::FLOOD;
use super::gate::Gate;
use super::gate::on_side;
use super::outcome::GateRow;
use super::outcome::Outcome;
use super::place::Yard;
use super::progress::Progress;
use super::scene::Scene;
use super::stop::Stop;

/// Rules that a connection from inside passes, and SYNs to a server inside. The two differ, so that each reload is one.
const RULES: [&str; 2] = [
    include_str!("firewall.nft"),
    "table inet other { chain forward { type filter hook forward priority 0; policy accept; ct state invalid drop; } }",
];

/// The port of the connection, and the one that is flooded.
const PORT: u16 = 7;
const FLOODED: u16 = 80;

/// It takes so long, and longer if not all has been seen by then that is to be seen.
const TIME: Duration = Duration::from_millis(1500);
const PATIENCE: Duration = Duration::from_secs(6);
const RELOAD: Duration = Duration::from_millis(50);

/// SYNs of a flood that go together, and the pause behind them.
const BURST: u64 = 32;
const BURST_PAUSE: Duration = Duration::from_millis(1);

/// Fewer prove nothing.
const ENOUGH_TRIPS: u64 = 20;
const ENOUGH_RELOADS: u64 = 5;

/// What both ends and the flood have come to so far.
#[derive(Default)]
struct Counts {
    trips: AtomicU64,
    longest_us: AtomicU64,
    syns: AtomicU64,
    end: AtomicBool,
}

/// Runs the act. Where there are no two namespaces, the table says so.
///
/// # Errors
///
/// The stack refuses, or what was made does not go.
pub(super) fn run(
    scene: &mut Scene,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    if stop.is_over() {
        return Ok(());
    }
    progress.say("a connection through a firewall, beside a flood of SYNs and reloads");
    let Yard { hosts, devices } = match scene.place.yard() {
        Ok(yard) => yard,
        Err(error) => {
            outcome.no_gate = Some(format!("{error:#}"));
            return Ok(());
        }
    };
    let gate = Gate::new(devices)?;
    let row = besiege(&gate, &hosts, stop, progress);
    gate.close()?;
    judge(row?, stop, outcome);
    Ok(())
}

fn besiege(gate: &Gate, hosts: &[Netns; 2], stop: &Stop, progress: &mut Progress) -> anyhow::Result<GateRow> {
    gate.load(RULES[0])?;
    let [inside, outside] = hosts;
    let server = outside.run(|| TcpListener::bind((on_side(1, 2), PORT)))??;
    // Somebody who answers those SYNs, and never hears more.
    let _flooded = inside.run(|| TcpListener::bind((on_side(0, 2), FLOODED)))??;
    let counts = Counts::default();
    let (reloads, goes_on) = thread::scope(|scope| {
        let server = scope.spawn(|| Ok(reflect(&server, &counts)));
        let client = scope.spawn(|| inside.run(|| talk(&counts)));
        let flood = scope.spawn(|| outside.run(|| flood(&counts)));
        let reloads = reload(gate, &counts, stop, progress);
        counts.end.store(true, Ordering::Relaxed);
        let said = [client.join(), flood.join(), server.join()];
        for said in said {
            match said {
                Ok(said) => said??,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        reloads
    })?;
    let count = |of: &AtomicU64| of.load(Ordering::Relaxed);
    Ok(GateRow {
        trips: count(&counts.trips),
        longest: Duration::from_micros(count(&counts.longest_us)),
        syns: count(&counts.syns),
        pushed_out: gate.usage().evicted,
        reloads,
        goes_on,
    })
}

/// Reloads until all has been seen. How often, and whether the connection went on afterwards.
fn reload(gate: &Gate, counts: &Counts, stop: &Stop, progress: &mut Progress) -> anyhow::Result<(u64, bool)> {
    let begin = Instant::now();
    let mut reloads = 0;
    // The connection begins under the first rules.
    stop.wait(PATIENCE, || counts.trips.load(Ordering::Relaxed) > 0);
    loop {
        reloads += 1;
        gate.load(RULES[reloads as usize % RULES.len()])?;
        let (trips, syns) = (counts.trips.load(Ordering::Relaxed), counts.syns.load(Ordering::Relaxed));
        progress.show(|| format!("{trips} round trips, {syns} SYNs, {reloads} reloads"));
        let pushed_out = gate.usage().evicted > 0;
        let enough = trips >= ENOUGH_TRIPS && reloads >= ENOUGH_RELOADS && pushed_out;
        let until = if enough { TIME } else { PATIENCE };
        if stop.is_over() || begin.elapsed() >= until {
            break;
        }
        thread::sleep(RELOAD);
    }
    let before = counts.trips.load(Ordering::Relaxed);
    let goes_on = stop.wait(PATIENCE, || counts.trips.load(Ordering::Relaxed) > before);
    Ok((reloads, goes_on))
}

/// Sends back what comes.
fn reflect(server: &TcpListener, counts: &Counts) -> io::Result<()> {
    server.set_nonblocking(true)?;
    let is_over = || counts.end.load(Ordering::Relaxed);
    let again =
        |error: &io::Error| matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut);
    let mut connection = loop {
        match server.accept() {
            Ok((connection, _)) => break connection,
            Err(_) if is_over() => return Ok(()),
            Err(error) if again(&error) => thread::sleep(Duration::from_millis(1)),
            Err(error) => return Err(error),
        }
    };
    connection.set_nonblocking(false)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(Duration::from_millis(100)))?;
    let mut bytes = [0; 512];
    while !is_over() {
        match connection.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => connection.write_all(&bytes[..count])?,
            Err(error) if again(&error) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Sends and hears, again and again, by one connection; a wait of seconds is its end.
fn talk(counts: &Counts) -> io::Result<()> {
    let server = SocketAddr::from((on_side(1, 2), PORT));
    let mut connection = TcpStream::connect_timeout(&server, PATIENCE)?;
    connection.set_nodelay(true)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    let (message, mut heard) = ([7; 512], [0; 512]);
    while !counts.end.load(Ordering::Relaxed) {
        let begin = Instant::now();
        connection.write_all(&message)?;
        match connection.read_exact(&mut heard) {
            // That it does not go on shows in the number of trips.
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            other => other?,
        }
        let took = u64::try_from(begin.elapsed().as_micros()).unwrap_or(u64::MAX);
        counts.longest_us.fetch_max(took, Ordering::Relaxed);
        counts.trips.fetch_add(1, Ordering::Relaxed);
        thread::sleep(Duration::from_micros(500));
    }
    Ok(())
}

/// SYNs, each of somebody else.
fn flood(counts: &Counts) -> io::Result<()> {
    // Whoever opens a socket of this protocol brings its own headers.
    let raw = rustix::net::ipproto::RAW;
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = rustix::net::socket_with(AddressFamily::INET6, SocketType::RAW, flags, Some(raw))?;
    let target = on_side(0, 2);
    let to = SocketAddrV6::new(target, 0, 0, 0);
    while !counts.end.load(Ordering::Relaxed) {
        for _ in 0..BURST {
            let number = counts.syns.load(Ordering::Relaxed);
            let packet = syn(number)?;
            // No room now: as if it had been lost.
            let _ = rustix::net::sendto(&socket, &packet, SendFlags::empty(), &to);
            counts.syns.fetch_add(1, Ordering::Relaxed);
        }
        thread::sleep(BURST_PAUSE);
    }
    Ok(())
}

/// The SYN of this number.
fn syn(number: u64) -> io::Result<[u8; 60]> {
    let src = std::net::Ipv6Addr::from_bits(FLOOD.to_bits() | u128::from(number));
    let dst = on_side(0, 2);
    let mut packet = [0; 60];
    let (header, segment) = packet.split_at_mut(ip6::HEADER_LEN);
    Ip6Repr::new(src, dst, IpProto::TCP, 64, 20).emit(header).map_err(io::Error::other)?;
    segment[..2].copy_from_slice(&1024u16.to_be_bytes());
    segment[2..4].copy_from_slice(&FLOODED.to_be_bytes());
    segment[4..8].copy_from_slice(&(number as u32).to_be_bytes());
    segment[12..16].copy_from_slice(&[0x50, 2, 0x20, 0]);
    let sum = siding_wire::checksum::Sum::pseudo6(src, dst, IpProto::TCP, 20).with(segment).finish();
    segment[16..18].copy_from_slice(&sum.to_be_bytes());
    Ok(packet)
}

fn judge(row: GateRow, stop: &Stop, outcome: &mut Outcome) {
    if !stop.is_over() {
        let checks = &mut outcome.checks;
        let least = |count| format!("{count} at least");
        checks.expect(row.goes_on, "a connection through the firewall", "to go on", "nothing more");
        checks.expect(
            row.trips >= ENOUGH_TRIPS,
            "round trips through the firewall",
            least(ENOUGH_TRIPS),
            row.trips,
        );
        checks.expect(row.pushed_out > 0, "half-open states that made room", "some", row.pushed_out);
        let reloads = row.reloads >= ENOUGH_RELOADS;
        checks.expect(reloads, "reloads beside them", least(ENOUGH_RELOADS), row.reloads);
    }
    outcome.gate = Some(row);
}
