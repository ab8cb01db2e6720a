//! What `siding` does when it is given no command: shows on the spot that it works, and measures.
//!
//! In a private network namespace it builds a veth pair to a Linux peer and brings the stack up on one end. Five
//! acts follow: echo in both directions ([`reach`]); neighbours that age, with the Linux kernel as the other end
//! ([`age`]); a lagg to a Linux bridge whose primary changes under load ([`mod@lagg`]); a firewall between two Linux
//! namespaces, flooded and reloaded ([`firewall`]); an interface that is detached and
//! attached again and again with timers and traffic in flight ([`churn`]). A table says what has come of it, and whether all was as expected. Where no namespace can be made, the
//! wire is in memory and the peer is a second stack of ours, and the first line says so.
//!
//! # Locks
//!
//! None of its own but the observer's log ([`watch`]). The main thread speaks to the stack; requests of the peer
//! come from threads that end with their act.
//!
//! # Teardown
//!
//! Whatever happens in an act, the interface is detached, workers are stopped, everything is put back, and the
//! table is printed, as far as it goes. Ctrl-C does the same; a second one ends the process.

mod age;
mod churn;
mod echo;
mod far;
mod firewall;
mod gate;
mod given;
mod lagg;
mod linux;
mod memory;
mod options;
mod outcome;
mod place;
mod progress;
mod raw;
mod reach;
mod scene;
mod stop;
mod table;
mod watch;

use std::env;
use std::io;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use echo::with_ctx;
use linux::Linux;
use memory::Memory;
pub(crate) use options::Options;
use outcome::Outcome;
use place::Place;
use progress::Progress;
use scene::Scene;
use siding_runtime::EventWake;
use stop::Stop;
use table::Style;

/// `memory` asks for the in-memory wire even where there is a real one. For tests.
const WIRE_VARIABLE: &str = "SIDING_DEMO_WIRE";

/// What all that is not churn may take at the most. It takes two thirds of that; the rest is for a busy machine.
const REST: Duration = Duration::from_secs(16);

/// How much of the time is left for the end.
const END: Duration = Duration::from_secs(1);

/// As a shell says that a program was ended by Ctrl-C.
const INTERRUPTED: u8 = 130;

/// Runs the demonstration. Success only if everything was as expected.
///
/// To be called while the process has one thread: else an unprivileged caller gets no namespace.
///
/// # Errors
///
/// It could not even begin, or the table could not be written.
pub(crate) fn run(options: Options) -> anyhow::Result<ExitCode> {
    // A capture as long as a file may be lacks the rest, and is no reason to end.
    siding_drivers::kernel::hold_signal(libc::SIGXFSZ);
    let churning = Duration::from_secs(options.seconds);
    let stop = Stop::new(churning + REST)?;
    let mut progress = Progress::new();
    let (place, wake) = choose()?;
    let mut outcome = Outcome { place: place.describe(), workers: place.workers(), ..Outcome::default() };
    progress.say(&format!("Siding on {}", outcome.place));
    let mut scene = Scene::new(place, wake, &options)?;
    let acts = acts(&mut scene, churning, &stop, &mut progress, &mut outcome);
    outcome.checks.expect_end("the demonstration", &acts);
    end(scene, &stop, &mut outcome);
    progress.clear();
    drop(progress);
    let color = io::stdout().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    siding_output::print(table::render(&outcome, Style { color })?)?;
    Ok(match (outcome.checks.failed.is_empty(), outcome.interrupted) {
        (false, _) => ExitCode::FAILURE,
        (true, true) => ExitCode::from(INTERRUPTED),
        (true, false) => ExitCode::SUCCESS,
    })
}

/// The real wire if there can be one, else that in memory; with what will rouse our workers.
fn choose() -> anyhow::Result<(Box<dyn Place>, Arc<EventWake>)> {
    let why = if env::var_os(WIRE_VARIABLE).is_some_and(|value| value == "memory") {
        format!("{WIRE_VARIABLE}=memory asks for it")
    } else {
        match Linux::new() {
            Ok(linux) => {
                let wake = EventWake::new(linux.workers())?;
                return Ok((Box::new(linux), wake));
            }
            Err(error) => format!("no real wire here: {error:#}"),
        }
    };
    let wake = EventWake::new(1)?;
    Ok((Box::new(Memory::new(why, wake.clone())?), wake))
}

fn acts(
    scene: &mut Scene,
    churning: Duration,
    stop: &Stop,
    progress: &mut Progress,
    outcome: &mut Outcome,
) -> anyhow::Result<()> {
    let attached = reach::bring_up(scene, stop, progress, outcome)?;
    let first = reach::run(scene, stop, progress, outcome)
        .and_then(|()| age::run(scene, &attached, stop, progress, outcome));
    // Whatever became of them, the interface does not stay.
    let detached = with_ctx(|ctx| scene.detach(ctx, &attached))?;
    first?;
    detached?;
    lagg::run(scene, stop, progress, outcome)?;
    firewall::run(scene, stop, progress, outcome)?;
    let time = churning.min(stop.left().saturating_sub(END));
    churn::run(scene, time, stop, progress, outcome)
}

/// Ends everything, and checks what must hold now.
fn end(scene: Scene, stop: &Stop, outcome: &mut Outcome) {
    let watch = scene.watch.clone();
    outcome.drops = scene.stack.drops().into_iter().filter(|drop| drop.count > 0).collect();
    let remains = scene.close();
    let (sent, received) = watch.frames();
    outcome.transitions = watch.transitions();
    outcome.frames.sent = sent;
    outcome.frames.received = received;
    outcome.frames.after_detach = watch.after_detach();
    outcome.interrupted = stop.is_called();
    outcome.took = stop.elapsed();
    let checks = &mut outcome.checks;
    let after = watch.after_detach();
    checks.expect(after == 0, "frames that left after a detach had returned, by our own tap", 0, after);
    let departed: u64 = remains.types.iter().map(|kind| kind.total().departed).sum();
    if !outcome.detaches.is_empty() && !outcome.interrupted {
        checks.expect(departed > 0, "packets that a detach met in a queue", "some", departed);
    }
    let nothing = |found: &Option<String>| found.clone().unwrap_or_default();
    checks.expect(
        remains.imbalance.is_none(),
        "the conservation identity",
        "accepted = handled + departed + flushed + dropped_oldest + resident",
        nothing(&remains.imbalance),
    );
    let resident: u64 = remains.types.iter().map(|kind| kind.total().resident).sum();
    checks.expect(resident == 0, "packets left in queues", 0, resident);
    checks.expect(
        remains.missing == 0,
        "the pool",
        "every buffer back",
        format!("{} missing", remains.missing),
    );
    checks.expect(
        remains.panic.is_none(),
        "the workers",
        "to run until they are stopped",
        nothing(&remains.panic),
    );
    let troubles = watch.troubles();
    checks.expect(troubles.is_empty(), "the stack", "nothing to complain of", troubles.join("; "));
    let left = &remains.left_behind;
    checks.expect(left.is_empty(), "what was changed", "everything put back", left.join("; "));
    outcome.remains = remains;
}
