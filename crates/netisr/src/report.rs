//! What the facility tells of itself.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::string::ToString;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use crate::IfId;
use crate::Local;
use crate::Metadata;
use crate::Netisr;
use crate::Packet;
use crate::PacketType;
use crate::counters::Refusals;
use crate::histogram::Histogram;
use crate::packet_type::TypeState;
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
    /// [`Netisr::end_of_worker`] says by which.
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

impl<P: Packet, M: Metadata, W> PacketType<P, M, W> {
    /// What its packets came to; also when it has been unregistered, and is gone from [`Netisr::types`].
    pub fn report(&self) -> TypeReport {
        let workers = (0..self.shared.lanes.len()).map(|worker| self.shared.report_at(worker)).collect();
        TypeReport { name: self.shared.name.clone(), limit: self.shared.limit(), workers }
    }
}

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    pub(crate) fn report_at(&self, worker: usize) -> LaneReport {
        let lane = &self.lanes[worker];
        let fates = &lane.fates;
        let refused = fates.refusals();
        let resident = lane.ring().resident();
        let accepted = lane.ring().accepted();
        debug_assert!(accepted <= POSITION);
        LaneReport {
            accepted,
            handled: fates.handled.value(),
            departed: fates.departed.value(),
            flushed: fates.flushed.value(),
            dropped_oldest: fates.dropped_oldest.value(),
            resident,
            panicked: lane.panicked.value(),
            reserved: self.while_limit_stays(|held| lane.ring().reserved().saturating_sub(held)),
            high_water: self.high_water(worker),
            oldest_age: lane
                .ring()
                .oldest_stamp()
                .map(|stamp| self.core.clock.now().since(crate::Instant::from_nanos(stamp))),
            refused,
            residence: lane.residence.read(),
        }
    }
}

impl<P: Packet, W: Local> Netisr<P, W> {
    /// Every type that is registered, in order of registration. Of one that is gone its [handle](crate::PacketType::report) tells.
    pub fn types(&self) -> Vec<TypeReport> {
        let report = |kind: &alloc::sync::Arc<dyn crate::any_type::AnyType<P, W>>| TypeReport {
            name: kind.name().to_string(),
            limit: kind.limit(),
            workers: (0..self.workers()).map(|worker| kind.report(worker)).collect(),
        };
        self.inner.types().iter().map(report).collect()
    }

    /// Every worker.
    pub fn worker_reports(&self) -> Vec<WorkerReport> {
        let workers = self.inner.core.workers.iter().map(|padded| &padded.0);
        workers
            .map(|worker| WorkerReport {
                polls: worker.polls.value(),
                sleeps: worker.sleeps.value(),
                wakeups: worker.wakeups.value(),
                panicked: worker.panicked.value(),
                sleeping: worker.pending.0.is_sleeping(),
                claimed: worker.claimed.load(crate::sync::atomic::Ordering::Relaxed),
                ended: false,
            })
            .enumerate()
            .map(|(index, report)| WorkerReport { ended: self.end_of_worker(index).is_some(), ..report })
            .collect()
    }

    /// By what panic the [thread](crate::threads) of a worker has ended, if it has, and nobody runs the worker since.
    pub fn end_of_worker(&self, worker: usize) -> Option<String> {
        (worker < self.workers()).then(|| self.inner.core.end_of(worker)).flatten()
    }

    /// What became of an interface's packets. Of one that has gone, too, until another one has its slot; zeros from then on, and for one
    /// that there never was.
    pub fn interface(&self, id: IfId) -> InterfaceReport {
        let mut report = InterfaceReport::default();
        if !self.inner.core.gates.is_current(id) {
            return report;
        }
        for fates in self.inner.core.workers.iter().filter_map(|worker| worker.0.interfaces.of(id)) {
            report.handled += fates.handled.value();
            report.departed += fates.departed.value();
            report.flushed += fates.flushed.value();
            report.dropped_oldest += fates.dropped_oldest.value();
            report.refused.add(&fates.refusals());
        }
        report
    }

    /// Checks the conservation identity of every type at every worker. To be called when nothing is under
    /// way.
    ///
    /// # Errors
    ///
    /// The first lane whose counters do not add up.
    pub fn check_conservation(&self) -> Result<(), Box<Imbalance>> {
        for kind in self.types() {
            if let Some(worker) = kind.workers.iter().position(|lane| !lane.is_conserved()) {
                let lane = kind.workers[worker].clone();
                return Err(Box::new(Imbalance { name: kind.name, worker, lane }));
            }
        }
        Ok(())
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

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use crate::Netisr;
    use crate::Packet;
    use crate::TypeSpec;

    struct Nothing;

    impl Packet for Nothing {
        fn interfaces(&self, _visit: &mut impl FnMut(crate::IfId)) {}
    }

    #[test]
    fn a_packet_with_two_fates_is_told_of() {
        let netisr = Netisr::<Nothing>::builder().workers(2).build().expect("sizes in range");
        let register = |name| netisr.register(TypeSpec::new(name), |_ctx, _: &mut (), _, ()| {});
        let kinds = ["one", "two"].map(|name| register(name).expect("a name of its own"));
        assert_eq!(netisr.check_conservation(), Ok(()));
        kinds[1].shared.lanes[1].fates.handled.add(1);
        let imbalance = netisr.check_conservation().expect_err("nothing was accepted");
        assert_eq!((imbalance.name.as_str(), imbalance.worker, imbalance.lane.handled), ("two", 1, 1));
    }
}
