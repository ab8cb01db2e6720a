//! Fifth act: the interface is detached and attached again and again, with a thousand neighbour timers pending,
//! requests on their way to the peer, and a flood coming in.
//!
//! Every other detach waits until all neighbours are there, each with its timer; the one between comes while
//! their requests are still queued, so that it meets packets in every place.
//!
//! A detach is timed from the call until nothing of the interface is left. On the real wire there are two kinds,
//! for closing an AF_PACKET socket takes the kernel tens of milliseconds that are not ours: with the sockets closed by
//! the worker, which is what a stack does with devices that are its own; and with the sockets coming back open, to be
//! closed by the owner as the daemon does, or here to be used again.

use std::mem::take;
use std::net::Ipv6Addr;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_stack::Device;
use siding_stack::Ping;

use super::echo::PAYLOAD;
use super::echo::Tally;
use super::echo::flood;
use super::echo::with_ctx;
use super::given::OURS;
use super::given::PEER;
use super::outcome::ABSENT;
use super::outcome::DetachRow;
use super::outcome::Outcome;
use super::outcome::PingRow;
use super::outcome::percentile;
use super::progress::Progress;
use super::scene::Attached;
use super::scene::Scene;
use super::stop::Stop;

/// Requests to the peer in each round.
const PRESENT: u16 = 8;

/// How long a round may wait for its neighbours: shorter than they take to be given up.
const FILLING: Duration = Duration::from_millis(500);

/// Every so many rounds, the wire is watched for so long after the detach.
const LINGER_EVERY: usize = 8;
const LINGER: Duration = Duration::from_micros(500);

/// Fewer detaches than that prove nothing.
const ENOUGH: usize = 20;
const ENOUGH_FULL: usize = 5;

/// One kind of round.
struct Kind {
    how: &'static str,
    keep: bool,
    time: Duration,
}

/// What is counted over all rounds.
#[derive(Default)]
struct Rounds {
    flood: Tally,
    absent: Tally,
    present: Tally,
    answered: u64,
    while_detached: Option<u64>,
    /// Of the kind under way.
    row: DetachRow,
}

/// Detaches and attaches for `time`. The interface of the acts before has been detached.
///
/// # Errors
///
/// A detach does not come to its end, a device does not come back, or the wire cannot be opened any more.
pub(super) fn run(
    scene: &mut Scene,
    time: Duration,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    if stop.is_over() {
        return Ok(());
    }
    progress.say("detaching and re-attaching the interface, with timers and traffic in flight");
    let mut flooder = scene.place.pinger(2)?;
    let end = AtomicBool::new(false);
    let mut rounds = Rounds { while_detached: scene.place.sent().map(|_| 0), ..Rounds::default() };
    let flood_tally = Tally::default();
    let result = thread::scope(|scope| {
        scope.spawn(|| flood(&mut *flooder, &flood_tally, &end));
        let mut result = Ok(());
        for kind in kinds(scene, time) {
            rounds.row.how = kind.how;
            result = result.and_then(|()| of_one_kind(scene, &kind, &mut rounds, stop, progress));
            outcome.detaches.push(take(&mut rounds.row));
        }
        end.store(true, Ordering::Relaxed);
        result
    });
    rounds.flood = flood_tally;
    report(scene, rounds, stop, outcome);
    result
}

fn kinds(scene: &Scene, time: Duration) -> Vec<Kind> {
    if scene.place.keeps_devices() {
        let some = time / 5;
        return vec![
            Kind { how: "sockets closed by the worker", keep: false, time: some },
            Kind { how: "sockets kept open", keep: true, time: time - some },
        ];
    }
    vec![Kind { how: "unplugged by the worker", keep: false, time }]
}

fn of_one_kind(
    scene: &mut Scene,
    kind: &Kind,
    rounds: &mut Rounds,
    stop: &Stop,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let begin = Instant::now();
    let mut kept: Option<Vec<Box<dyn Device>>> = None;
    let mut sent_before = None;
    while begin.elapsed() < kind.time && !stop.is_over() && !scene.has_failed() {
        let devices = match kept.take() {
            Some(devices) => devices,
            None => scene.place.open()?,
        };
        // By now nothing has left since the last detach, says the kernel.
        note_quiet(scene, sent_before, rounds);
        let number = rounds.row.latencies.len();
        with_ctx(|ctx| {
            let attached = scene.attach(ctx, devices, kind.keep)?;
            round(scene, ctx, &attached, rounds, stop)
        })??;
        sent_before = scene.place.sent();
        if kind.keep {
            kept = Some(scene.returned()?);
        }
        if number.is_multiple_of(LINGER_EVERY) {
            thread::sleep(LINGER);
        }
        let row = &mut rounds.row;
        row.took = begin.elapsed();
        progress.show(|| {
            let median = percentile(&row.latencies, 50).unwrap_or_default().as_micros();
            let worst = percentile(&row.latencies, 100).unwrap_or_default().as_micros();
            format!("{}: {} detaches, median {median} us, max {worst} us", kind.how, row.latencies.len())
        });
    }
    note_quiet(scene, sent_before, rounds);
    Ok(())
}

/// Of an interface that has just been attached: traffic, detach.
fn round(
    scene: &Scene,
    ctx: &mut Ctx<'_, Unlocked>,
    attached: &Attached,
    rounds: &mut Rounds,
    stop: &Stop,
) -> anyhow::Result<()> {
    scene.add_address(ctx, attached, OURS, false)?;
    let ping = scene.stack.open_ping(ctx);
    let send = |ctx: &Ctx<'_, Unlocked>, ping: &Ping, to: Ipv6Addr, seq: u16, tally: &Tally| {
        // One that is refused is counted by the facility, or by the pool.
        if scene.stack.ping(ctx, ping, to.into(), IfId::NONE, seq, PAYLOAD).is_ok() {
            tally.count_sent();
        }
    };
    if let Some(ping) = &ping {
        for seq in 0..ABSENT {
            send(ctx, ping, absent(seq), seq, &rounds.absent);
            if seq.is_multiple_of(ABSENT / PRESENT) {
                send(ctx, ping, PEER, seq, &rounds.present);
            }
        }
    }
    let settle = rounds.row.latencies.len().is_multiple_of(2);
    if settle {
        stop.wait(FILLING, || scene.neighbors(ctx) >= usize::from(ABSENT));
    }
    let pending = scene.neighbors(ctx);
    let latency = scene.detach(ctx, attached)?;
    rounds.row.latencies.push(latency);
    rounds.row.pending.push(pending);
    if let Some(ping) = ping {
        while let Some(reply) = ping.answer(ctx) {
            rounds.answered += u64::from(matches!(reply.answer, siding_stack::Answer::Reply { .. }));
        }
        ping.close(ctx);
    }
    Ok(())
}

/// Adds up what has left since a detach, by the kernel's count.
fn note_quiet(scene: &Scene, before: Option<u64>, rounds: &mut Rounds) {
    if let (Some(before), Some(now), Some(total)) = (before, scene.place.sent(), &mut rounds.while_detached) {
        *total += now.saturating_sub(before);
    }
}

fn report(scene: &Scene, rounds: Rounds, stop: &Stop, outcome: &mut Outcome) {
    let peer = scene.place.peer();
    let flooded = rounds.flood.answered();
    let rows = [
        (format!("{peer} to ours, a flood"), rounds.flood.sent(), flooded, "while it comes and goes"),
        (format!("ours to {peer}"), rounds.present.sent(), rounds.answered, "while it comes and goes"),
        ("ours to absent neighbours".to_owned(), rounds.absent.sent(), 0, "their timers pend"),
    ];
    for (who, sent, answered, note) in rows {
        outcome.pings.push(PingRow { who, sent, answered, note });
    }
    outcome.frames.while_detached = rounds.while_detached;
    if stop.is_called() {
        return;
    }
    let checks = &mut outcome.checks;
    let count: usize = outcome.detaches.iter().map(|row| row.latencies.len()).sum();
    checks.expect(count >= ENOUGH, "detaches", format!("at least {ENOUGH}"), count);
    let full: usize = outcome.detaches.iter().map(|row| row.at_least(usize::from(ABSENT))).sum();
    let what = format!("detaches with {ABSENT} neighbour timers pending");
    checks.expect(full >= ENOUGH_FULL, &what, format!("at least {ENOUGH_FULL}"), full);
    checks.expect(flooded > 0, "the flood", "to be answered between detaches", flooded);
    if let Some(count) = outcome.frames.while_detached {
        checks.expect(count == 0, "frames that left while detached, by the kernel's counter", 0, count);
    }
}

fn absent(number: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 1, number)
}
