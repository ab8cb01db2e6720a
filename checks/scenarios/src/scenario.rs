//! The list of scenarios.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::basics;
use crate::capacity;
use crate::departure;
use crate::edges;
use crate::embedder;
use crate::fib;
use crate::lagg;
use crate::order;
use crate::slab;
use crate::stack;
use crate::timers;
use crate::unregister;
use crate::wake;

/// Something that happens, and must go well under every schedule.
#[derive(Debug)]
pub struct Scenario {
    /// What it is called, in tables and on the command line.
    pub name: &'static str,
    /// At how many preemptions loom stops, where all interleavings would take too long.
    pub preemptions: Option<u64>,
    pub(crate) run: fn(),
}

const fn exhaustive(name: &'static str, run: fn()) -> Scenario {
    Scenario { name, preemptions: None, run }
}

const fn bounded(name: &'static str, preemptions: u64, run: fn()) -> Scenario {
    Scenario { name, preemptions: Some(preemptions), run }
}

/// All scenarios.
pub const SCENARIOS: &[Scenario] = &[
    exhaustive("dispatch-under-a-lock", basics::dispatch_under_a_lock),
    exhaustive("second-root", basics::second_root),
    exhaustive("read-write", basics::read_write),
    bounded("batches", 2, basics::batches),
    bounded("made-in-place", 2, basics::made_in_place),
    exhaustive("captured", basics::captured),
    exhaustive("left-behind", basics::left_behind),
    bounded("stale-identity", 3, basics::stale_identity),
    exhaustive("departure-foreign", departure::foreign),
    exhaustive("departure-foreign-quick", departure::foreign_quick),
    exhaustive("departure-made-in-place", departure::made_in_place),
    exhaustive("departure-foreign-vacant", departure::foreign_vacant),
    exhaustive("departure-queued", departure::queued),
    bounded("departure-foreign-polled", 3, departure::foreign_polled),
    bounded("departure-own", 3, departure::own),
    bounded("departure-alone", 3, departure::alone),
    bounded("departures-two", 2, departure::two),
    exhaustive("departure-late-producer", departure::late_producer),
    exhaustive("departure-pinned", departure::pinned),
    bounded("departure-vacant", 3, departure::vacant),
    exhaustive("departure-pins", edges::pins),
    exhaustive("departure-dropped", edges::dropped_departure),
    exhaustive("wait-ends", edges::wait_ends),
    exhaustive("polls-here", edges::polls_here),
    exhaustive("unregister-dropped", edges::dropped_unregistering),
    bounded("unregister-drain", 2, unregister::drain),
    bounded("unregister-flush", 2, unregister::flush),
    bounded("unregister-permit", 2, unregister::permit),
    exhaustive("unregister-own", edges::flush_own),
    exhaustive("limit", capacity::limit),
    bounded("limit-wide", 3, capacity::limit_wide),
    exhaustive("limit-own", capacity::own),
    exhaustive("limit-lowered", capacity::lowered),
    exhaustive("limit-refill", capacity::refill),
    exhaustive("limit-sweep", capacity::sweep),
    exhaustive("drop-oldest", capacity::drop_oldest),
    bounded("drop-oldest-two", 3, capacity::drop_oldest_two),
    bounded("share", 3, capacity::share),
    exhaustive("fifo-sweep", order::sweep),
    bounded("fifo-flow", 3, order::flow),
    bounded("fifo-permits", 2, order::permits),
    exhaustive("wake", wake::one),
    exhaustive("wake-quick", wake::quick),
    exhaustive("wake-two", wake::two),
    bounded("wake-two-apart", 2, wake::two_apart),
    bounded("wake-drop-oldest", 2, wake::drop_oldest),
    exhaustive("pool-reuse", slab::reuse),
    exhaustive("pool-last", slab::last),
    exhaustive("pool-end", slab::end),
    exhaustive("fib-publish", fib::publish),
    bounded("fib-reuse", 1, fib::reuse),
    bounded("fib-many", 3, fib::many),
    bounded("fib-skip", 3, fib::skip),
    exhaustive("wake-departure", wake::departure),
    exhaustive("panics", embedder::panics),
    exhaustive("under-locks", embedder::under_locks),
    exhaustive("departure-resting", embedder::resting),
    exhaustive("departure-noted", embedder::noted),
    exhaustive("departure-middle", embedder::middle),
    exhaustive("limit-departed", embedder::room_of_departed),
    bounded("stack-crash", 3, stack::crash),
    bounded("stack-crash-waiting", 2, stack::crash_waiting),
    exhaustive("stack-flush-order", stack::flush_order),
    bounded("stack-answer-unread", 2, stack::answer_unread),
    bounded("stack-timers-left", 2, stack::timers_left),
    exhaustive("timers-moved", timers::moved),
    bounded("lagg-failover", 2, lagg::failover),
    bounded("lagg-port-departs", 1, lagg::port_departs),
    bounded("lagg-lock-contended", 1, lagg::lock_contended),
    bounded("lagg-set-mac", 3, lagg::set_mac),
    bounded("lagg-destroyed", 2, lagg::destroyed),
];

static EXECUTIONS: AtomicU64 = AtomicU64::new(0);

/// How often a scenario was begun in this process.
pub fn executions() -> u64 {
    EXECUTIONS.load(Ordering::Relaxed)
}

pub(crate) fn execute(scenario: &Scenario) {
    EXECUTIONS.fetch_add(1, Ordering::Relaxed);
    (scenario.run)();
}
