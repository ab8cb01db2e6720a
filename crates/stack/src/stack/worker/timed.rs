//! What the steps of a turn take, looked at in one turn of many.
//!
//! A clock that is read for each step of each packet would cost more than what it measures. So one in [`EVERY`] of the turns
//! that have packets is timed, from step to step; of the others each step costs a look at a flag. What reading the clock
//! takes is found by reading it twice, and taken off.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::Instant;

/// One turn is timed of so many that have packets. The first is.
const EVERY: u32 = 1024;

/// Whether any of this is built: not where it is counted what it costs (tests/all/costs.rs).
const THERE: bool = !cfg!(siding_untimed);

/// A step of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimedStep {
    /// The devices are asked for frames.
    Receive,
    /// What is plain, a batch at a time: from its headers to its port's queue.
    Express,
    /// The link layer's header, with VLANs, laggs and bridges above the device.
    Link,
    /// The IP header, and whose the packet is.
    Ip,
    /// What the filter's rules and states say.
    Filter,
    /// The way of a packet for others, and whether it may go it.
    Route,
    /// The next hop's address, the header in front, and a place in the device's queue.
    Neighbor,
    /// What is for this node, or dropped, and what answers it.
    Local,
    /// What was deferred is handled, with all that comes of it.
    Deferred,
    /// What is due, with all that comes of it.
    Timers,
    /// The devices are handed what is queued. A frame counts when one has taken it.
    Transmit,
    /// What a turn does beside.
    Other,
}

impl TimedStep {
    /// All, in a packet's order.
    pub const ALL: [TimedStep; 12] = [
        TimedStep::Receive,
        TimedStep::Express,
        TimedStep::Link,
        TimedStep::Ip,
        TimedStep::Filter,
        TimedStep::Route,
        TimedStep::Neighbor,
        TimedStep::Local,
        TimedStep::Deferred,
        TimedStep::Timers,
        TimedStep::Transmit,
        TimedStep::Other,
    ];

    /// As it is told.
    pub fn name(self) -> &'static str {
        match self {
            TimedStep::Receive => "receive",
            TimedStep::Express => "express",
            TimedStep::Link => "link",
            TimedStep::Ip => "ip",
            TimedStep::Filter => "filter",
            TimedStep::Route => "route",
            TimedStep::Neighbor => "neighbor",
            TimedStep::Local => "local",
            TimedStep::Deferred => "deferred",
            TimedStep::Timers => "timers",
            TimedStep::Transmit => "transmit",
            TimedStep::Other => "other",
        }
    }
}

/// What one step took in the turns of a worker that were timed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StepReport {
    /// The step.
    pub step: TimedStep,
    /// Packets that came to it. A packet may come by it twice, as by a filter with two hooks.
    pub packets: u64,
    /// All of them together, in nanoseconds.
    pub nanos: u64,
}

/// The turns of a worker that were timed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepsReport {
    /// So many.
    pub turns: u64,
    /// Packets in them: frames received, and deferred packets handled.
    pub packets: u64,
    /// What each step took, in a packet's order.
    pub steps: Vec<StepReport>,
}

/// Packets and nanoseconds, by step.
type Sums = [[u64; 2]; TimedStep::ALL.len()];

/// What one worker adds to and others read.
#[derive(Debug, Default)]
pub(crate) struct StepTimes {
    turns: AtomicU64,
    packets: AtomicU64,
    sums: [[AtomicU64; 2]; TimedStep::ALL.len()],
}

impl StepTimes {
    fn add(&self, packets: u64, sums: &Sums) {
        self.turns.fetch_add(1, Ordering::Relaxed);
        self.packets.fetch_add(packets, Ordering::Relaxed);
        for (sum, by) in self.sums.iter().flatten().zip(sums.iter().flatten()) {
            sum.fetch_add(*by, Ordering::Relaxed);
        }
    }

    pub(crate) fn report(&self) -> StepsReport {
        let step = |(step, [packets, nanos]): (TimedStep, &[AtomicU64; 2])| StepReport {
            step,
            packets: packets.load(Ordering::Relaxed),
            nanos: nanos.load(Ordering::Relaxed),
        };
        StepsReport {
            turns: self.turns.load(Ordering::Relaxed),
            packets: self.packets.load(Ordering::Relaxed),
            steps: TimedStep::ALL.into_iter().zip(&self.sums).map(step).collect(),
        }
    }
}

/// A worker's own: where it is in the turn that is timed.
pub(crate) struct Timed {
    /// Each step of a packet says where it is.
    on: bool,
    clock: std::sync::Arc<dyn Fn() -> Instant + Send + Sync>,
    /// Turns with packets until the next that is timed.
    left: u32,
    step: TimedStep,
    since: Instant,
    /// What reading the clock took at the least, in nanoseconds.
    reading: u64,
    sums: Sums,
}

impl Timed {
    pub(crate) fn new(clock: std::sync::Arc<dyn Fn() -> Instant + Send + Sync>) -> Timed {
        Timed {
            on: false,
            clock,
            left: 0,
            step: TimedStep::Other,
            since: Instant::NEVER,
            reading: u64::MAX,
            sums: Default::default(),
        }
    }

    #[inline]
    fn is_on(&self) -> bool {
        THERE && self.on
    }

    /// A turn begins: whether it is timed. One that is for nothing, for want of packets, is not counted, and the next is in its
    /// place.
    #[inline]
    pub(crate) fn begin(&mut self) -> bool {
        let begins = THERE && self.left == 0;
        if begins {
            self.begin_timed();
        }
        begins
    }

    #[cold]
    fn begin_timed(&mut self) {
        self.sums = Sums::default();
        let once = (self.clock)();
        self.since = (self.clock)();
        self.reading = self.reading.min(nanos(once, self.since));
        (self.on, self.step) = (true, TimedStep::Other);
    }

    /// One packet comes to a step. Answers the step that it comes from.
    #[inline]
    pub(crate) fn enter(&mut self, step: TimedStep) -> TimedStep {
        if self.is_on() { self.change(step, 1) } else { step }
    }

    /// Goes to a step with no packet, or with those that have been there before.
    #[inline]
    pub(crate) fn back(&mut self, step: TimedStep) {
        if self.is_on() {
            self.change(step, 0);
        }
    }

    /// So many packets came to the step that this is.
    #[inline]
    pub(crate) fn count(&mut self, packets: usize) {
        if self.is_on() {
            self.sums[self.step as usize][0] += packets as u64;
        }
    }

    /// So many packets came to that step, in a turn that is timed.
    #[cold]
    pub(crate) fn count_at(&mut self, step: TimedStep, packets: usize) {
        self.sums[step as usize][0] += packets as u64;
    }

    #[cold]
    #[inline(never)]
    fn change(&mut self, step: TimedStep, packets: usize) -> TimedStep {
        let now = (self.clock)();
        self.sums[self.step as usize][1] += nanos(self.since, now).saturating_sub(self.reading);
        self.sums[step as usize][0] += packets as u64;
        self.since = now;
        std::mem::replace(&mut self.step, step)
    }

    /// A device is handed a full batch in the midst of another step: the answer is which.
    #[inline]
    pub(crate) fn sending(&mut self) -> TimedStep {
        if self.is_on() { self.change(TimedStep::Transmit, 0) } else { TimedStep::Transmit }
    }

    /// A step that others are part of, in a turn that is timed: they do not say where they are meanwhile. For its end,
    /// [`resume`](Self::resume).
    #[cold]
    #[inline(never)]
    pub(crate) fn enter_whole(&mut self, step: TimedStep) {
        self.change(step, 0);
        self.on = false;
    }

    /// A step that others are part of is over; so many packets were in it.
    #[cold]
    #[inline(never)]
    pub(crate) fn resume(&mut self, packets: usize) {
        self.on = true;
        self.count(packets);
        self.back(TimedStep::Other);
    }

    /// A turn that was not timed has ended, which had so many packets.
    #[inline]
    pub(crate) fn passed(&mut self, packets: usize) {
        if THERE && packets > 0 {
            self.left -= 1;
        }
    }

    /// A turn that was timed has ended.
    #[cold]
    #[inline(never)]
    pub(crate) fn end(&mut self, into: &StepTimes, packets: usize) {
        self.change(TimedStep::Other, 0);
        self.on = false;
        if packets > 0 {
            self.left = EVERY - 1;
            into.add(packets as u64, &self.sums);
        }
    }
}

fn nanos(from: Instant, to: Instant) -> u64 {
    to.as_nanos().saturating_sub(from.as_nanos())
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
#[allow(clippy::unwrap_used)] // Helpers of tests are tests.
mod tests;
