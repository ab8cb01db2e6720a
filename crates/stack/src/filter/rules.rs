//! What workers judge by: published as one, like the configuration.

use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_machines::filter::StateLimits;
use siding_machines::filter::States;
use siding_machines::filter::Timeouts;
use siding_netisr::Instant;
use siding_netisr::sync;
use siding_netisr::sync::atomic::AtomicU32;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;

use super::Hook;
use super::Judge;
use super::Part;
use super::ask::Mailbox;
use super::fragments::Trails;
use super::owners::Owners;
use super::report::Gauge;
use crate::Stack;
use crate::snapshot::Snapshot;

/// How a stack filters.
#[derive(Debug, Clone)]
pub struct FilterSetup {
    /// Who judges.
    pub judge: Arc<dyn Judge>,
    /// Bounds of the states of all workers together. Each has its part of them.
    pub limits: StateLimits,
    /// How long flows may be silent.
    pub timeouts: Timeouts,
}

/// What all workers share.
pub(crate) struct Shared {
    pub(super) rules: Snapshot<Option<Rules>>,
    pub(super) mailboxes: Vec<Mailbox>,
    pub(super) gauges: Vec<Gauge>,
    pub(super) secret: u64,
}

/// What is published.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(super) judge: Arc<dyn Judge>,
    /// By hook, and by part.
    has: [[bool; 2]; 4],
    pub(super) timeouts: Timeouts,
    limits: StateLimits,
    pub(super) tables: Option<Arc<Tables>>,
}

/// The tables of states, and what their keepers share.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) owners: Owners,
    pub(super) trails: Trails,
    pub(super) counts: Counts,
    /// Each worker's, until it comes for it: made by control, which may take its time.
    fresh: Vec<sync::Mutex<Option<Box<States>>>>,
    /// Of each worker.
    limits: StateLimits,
    buckets: usize,
    secret: u64,
}

/// How many flows are counted at each place, over all workers.
#[derive(Debug)]
pub(super) struct Counts(Box<[(AtomicU64, AtomicU32)]>);

/// Places that flows can be counted at.
const PLACES: usize = 1 << 16;

impl Shared {
    pub(crate) fn new(workers: usize, secret: u64) -> Shared {
        Shared {
            rules: Snapshot::new(None),
            mailboxes: (0..workers).map(|_| Mailbox::default()).collect(),
            gauges: (0..workers).map(|_| Gauge::default()).collect(),
            secret,
        }
    }
}

impl Rules {
    pub(super) fn has(&self, hook: Hook, part: Part) -> bool {
        self.has[hook as usize][part as usize]
    }

    /// The bounds of the states, if any are kept.
    pub(super) fn state_limits(&self) -> Option<&StateLimits> {
        self.tables.as_ref().map(|_| &self.limits)
    }
}

impl Tables {
    fn new(shared: &Shared, limits: &StateLimits, timeouts: Timeouts, now: Instant) -> Tables {
        let workers = shared.mailboxes.len();
        let share = |all: usize| all.div_ceil(workers);
        let own = StateLimits { states: share(limits.states), half_open: share(limits.half_open), ..*limits };
        let buckets = (2 * limits.states).next_power_of_two().clamp(1024, 1 << 24);
        let fresh = || Box::new(States::new(now, own, timeouts, shared.secret, buckets));
        Tables {
            owners: Owners::new(if workers > 1 { buckets } else { 0 }),
            trails: Trails::new(),
            counts: Counts((0..PLACES).map(|_| Default::default()).collect()),
            fresh: (0..workers).map(|_| sync::Mutex::new(Some(fresh()))).collect(),
            limits: own,
            buckets,
            secret: shared.secret,
        }
    }

    /// A worker's table. One that is claimed anew, after its thread has ended, begins with an empty one.
    pub(super) fn take(&self, worker: usize, now: Instant) -> Box<States> {
        let made = self.fresh.get(worker).and_then(|fresh| sync::lock(fresh).take());
        let anew = || Box::new(States::new(now, self.limits, Timeouts::default(), self.secret, self.buckets));
        made.unwrap_or_else(anew)
    }
}

impl Counts {
    /// The index of a place, from 1 on; a free one, if it has none. `None` if all are taken.
    pub(super) fn find(&self, place: u64) -> Option<u32> {
        let place = place.wrapping_add(1).max(1);
        let start = place.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 48;
        for step in 0..64 {
            let index = (start as usize + step) % PLACES;
            let (name, _) = &self.0[index];
            let there = match name.load(Ordering::Relaxed) {
                0 => match name.compare_exchange(0, place, Ordering::Relaxed, Ordering::Relaxed) {
                    Ok(_) => place,
                    Err(there) => there,
                },
                there => there,
            };
            if there == place {
                return Some(index as u32 + 1);
            }
        }
        None
    }

    /// One more, and how many that makes.
    pub(super) fn add(&self, index: u32) -> u32 {
        self.count(index).map_or(0, |count| count.fetch_add(1, Ordering::Relaxed) + 1)
    }

    pub(super) fn remove(&self, index: u32) {
        if let Some(count) = self.count(index) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
    }

    pub(super) fn of(&self, index: u32) -> u32 {
        self.count(index).map_or(0, |count| count.load(Ordering::Relaxed))
    }

    fn count(&self, index: u32) -> Option<&AtomicU32> {
        Some(&self.0.get((index as usize).checked_sub(1)?)?.1)
    }
}

impl Stack {
    /// Filters as `setup` says, from the next turn of each worker on; `None` stops it, and all states go. States stay
    /// from setup to setup as long as their bounds do.
    ///
    /// One step: no packet is judged by two setups, nor by none in between.
    pub fn set_filter(&self, ctx: &mut Ctx<'_, Unlocked>, setup: Option<FilterSetup>) {
        let shared = &self.shared.filter;
        let now = self.now();
        {
            // Whoever changes comes one after the other.
            let (_control, _ctx) = ctx.lock(&self.shared.control);
            let before = shared.rules.load();
            let rules = setup.map(|FilterSetup { judge, limits, timeouts }| {
                let kept = before.as_ref().as_ref().filter(|before| before.limits == limits);
                let kept = kept.and_then(|before| before.tables.clone());
                let tables = judge
                    .needs_states()
                    .then(|| kept.unwrap_or_else(|| Arc::new(Tables::new(shared, &limits, timeouts, now))));
                let hooks = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output];
                let parts = [Part::BeforeStates, Part::AfterStates];
                let has = hooks.map(|hook| parts.map(|part| judge.has_rules(hook, part)));
                Rules { judge, has, timeouts, limits, tables }
            });
            shared.rules.publish(rules);
        }
        self.shared.netisr.call_workers();
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_name() {
        let counts = Counts((0..PLACES).map(|_| Default::default()).collect());
        let places: Vec<u32> = (0..1000).map(|place| counts.find(place).unwrap_or(0)).collect();
        let mut distinct = places.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((distinct.len(), distinct[0] > 0), (1000, true));
        assert_eq!(counts.find(7), Some(places[7]));
        assert_eq!((counts.add(places[7]), counts.add(places[7])), (1, 2));
        counts.remove(places[7]);
        assert_eq!((counts.of(places[7]), counts.of(places[8])), (1, 0));
    }
}
