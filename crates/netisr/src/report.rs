//! What the facility tells of itself.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::counters::Refusals;
use crate::histogram::Histogram;
use crate::ring::POSITION;

/// One type at one worker, or summed over workers.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LaneReport {
    /// Packets that were accepted, modulo 2^47 for each worker.
    pub accepted: u64,
    /// Packets that were given to the handler, the one that it has in hand included.
    pub handled: u64,
    /// Packets that were dropped because an interface they named departed.
    pub departed: u64,
    /// Packets that were dropped because their type was unregistered.
    pub flushed: u64,
    /// Packets that were dropped to make room for newer ones.
    pub dropped_oldest: u64,
    /// Packets that are waiting, without the one that the handler has in hand.
    pub resident: u64,
    /// How often the handler, the packets' own code before it, or the hook after it, has panicked. Packets that a handler was given
    /// count as handled.
    pub panicked: u64,
    /// Permits that are held.
    pub reserved: u64,
    /// The most packets that were seen waiting.
    pub high_water: u64,
    /// How long the oldest timed packet has been waiting.
    pub oldest_age: Option<Duration>,
    /// Packets that went back to their callers, by cause.
    pub refused: Refusals,
    /// How long the timed packets waited.
    pub residence: Histogram,
}

/// One type of packet.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TypeReport {
    /// Its name.
    pub name: String,
    /// How many packets may wait for each worker.
    pub limit: u32,
    /// What it has at each worker.
    pub workers: Vec<LaneReport>,
}

/// One worker.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct WorkerReport {
    /// How often it was polled.
    pub polls: u64,
    /// How often it fell asleep.
    pub sleeps: u64,
    /// How often somebody had to wake it.
    pub wakeups: u64,
    /// How often the [hook](crate::Local::polled) after its polls has panicked.
    pub panicked: u64,
    /// Whether it sleeps.
    pub sleeping: bool,
    /// Whether somebody holds it, to poll it.
    pub claimed: bool,
    /// Whether its [thread](crate::threads) has ended by a panic, and nobody runs it since:
    /// [`Netisr::end_of_worker`](crate::Netisr::end_of_worker) says by which.
    pub ended: bool,
}

/// What the packets of one interface came to, over all types and workers. How many were accepted is counted by type alone: one
/// packet may name several interfaces, and counts for the first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct InterfaceReport {
    /// Given to handlers.
    pub handled: u64,
    /// Dropped because an interface they named departed.
    pub departed: u64,
    /// Dropped because their type was unregistered.
    pub flushed: u64,
    /// Dropped to make room for newer ones.
    pub dropped_oldest: u64,
    /// Refused, by cause.
    pub refused: Refusals,
}

/// Packets that were accepted and whose fate is unknown, or known twice: there must be none.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Imbalance {
    /// The type.
    pub name: String,
    /// The worker.
    pub worker: usize,
    /// Its counters.
    pub lane: LaneReport,
}

impl LaneReport {
    /// Whether every accepted packet has one fate: `accepted = handled + departed + flushed +
    /// dropped_oldest + resident`. Holds whenever no dispatch or poll is under way.
    pub fn is_conserved(&self) -> bool {
        let fates = self.handled + self.departed + self.flushed + self.dropped_oldest + self.resident;
        self.accepted & POSITION == fates & POSITION
    }

    /// What has happened since an `earlier` reading of the same: counters as differences; what is a level and no counter
    /// (`resident`, `reserved`, `high_water`, `oldest_age`) as it is now.
    pub fn since(&self, earlier: &LaneReport) -> LaneReport {
        LaneReport {
            accepted: self.accepted.wrapping_sub(earlier.accepted) & POSITION,
            handled: self.handled.saturating_sub(earlier.handled),
            departed: self.departed.saturating_sub(earlier.departed),
            flushed: self.flushed.saturating_sub(earlier.flushed),
            dropped_oldest: self.dropped_oldest.saturating_sub(earlier.dropped_oldest),
            panicked: self.panicked.saturating_sub(earlier.panicked),
            refused: self.refused.since(&earlier.refused),
            residence: self.residence.since(&earlier.residence),
            resident: self.resident,
            reserved: self.reserved,
            high_water: self.high_water,
            oldest_age: self.oldest_age,
        }
    }

    fn add(&mut self, other: &LaneReport) {
        self.accepted += other.accepted;
        self.handled += other.handled;
        self.departed += other.departed;
        self.flushed += other.flushed;
        self.dropped_oldest += other.dropped_oldest;
        self.resident += other.resident;
        self.panicked += other.panicked;
        self.reserved += other.reserved;
        self.high_water = self.high_water.max(other.high_water);
        self.oldest_age = self.oldest_age.max(other.oldest_age);
        self.refused.add(&other.refused);
        self.residence.add(&other.residence);
    }
}

impl TypeReport {
    /// What has happened since an `earlier` reading of the same type, at each worker.
    pub fn since(&self, earlier: &TypeReport) -> TypeReport {
        let none = LaneReport::default();
        let before = |worker: usize| earlier.workers.get(worker).unwrap_or(&none);
        let workers =
            self.workers.iter().enumerate().map(|(worker, now)| now.since(before(worker))).collect();
        TypeReport { name: self.name.clone(), limit: self.limit, workers }
    }

    /// All workers together. The high-water mark and the oldest age are the highest of any.
    pub fn total(&self) -> LaneReport {
        let mut total = LaneReport::default();
        self.workers.iter().for_each(|lane| total.add(lane));
        total
    }
}

impl WorkerReport {
    /// What has happened since an `earlier` reading of the same worker; its state as it is now.
    pub fn since(&self, earlier: &WorkerReport) -> WorkerReport {
        WorkerReport {
            polls: self.polls.saturating_sub(earlier.polls),
            sleeps: self.sleeps.saturating_sub(earlier.sleeps),
            wakeups: self.wakeups.saturating_sub(earlier.wakeups),
            panicked: self.panicked.saturating_sub(earlier.panicked),
            ..*self
        }
    }
}

impl InterfaceReport {
    /// What has happened since an `earlier` reading of the same interface.
    pub fn since(&self, earlier: &InterfaceReport) -> InterfaceReport {
        InterfaceReport {
            handled: self.handled.saturating_sub(earlier.handled),
            departed: self.departed.saturating_sub(earlier.departed),
            flushed: self.flushed.saturating_sub(earlier.flushed),
            dropped_oldest: self.dropped_oldest.saturating_sub(earlier.dropped_oldest),
            refused: self.refused.since(&earlier.refused),
        }
    }
}

impl fmt::Display for Imbalance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LaneReport { accepted, handled, departed, flushed, dropped_oldest, resident, .. } = &self.lane;
        write!(
            f,
            "packets of '{}' at worker {} do not add up: {accepted} accepted, but {handled} handled + {departed} departed + \
             {flushed} flushed + {dropped_oldest} dropped + {resident} waiting",
            self.name, self.worker
        )
    }
}

impl core::error::Error for Imbalance {}
