//! What workers judge by: published as one, like the configuration.

use std::sync::Arc;

use siding_machines::filter::CtState;
use siding_machines::filter::StateLimits;
use siding_machines::filter::States;
use siding_machines::filter::Timeouts;
use siding_netisr::Instant;
use siding_netisr::sync;
use siding_netisr::sync::mutant;

use super::Hook;
use super::Judge;
use super::Part;
use super::Policy;
use super::ask::Mailbox;
use super::counts::Counts;
use super::fragments::Trails;
use super::owners::Owners;
use super::report::Gauge;
use crate::ifnet::Version;
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
    pub(crate) rules: Snapshot<Option<Rules>>,
    pub(crate) mailboxes: Vec<Mailbox>,
    pub(crate) gauges: Vec<Gauge>,
    pub(crate) secret: u64,
}

/// What is published.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) judge: Arc<dyn Judge>,
    /// By hook, and by part.
    has: [[bool; 2]; 4],
    /// What passes for its state alone, by hook and version: a bit for each state.
    alone: [[u8; 2]; 4],
    /// Whether rules ask for the frames that packets came in.
    pub(crate) sees_frames: bool,
    pub(crate) timeouts: Timeouts,
    /// The times of flows that rules have given others; the first is number 1.
    pub(crate) policies: Vec<Policy>,
    /// At how many places rules may count one flow.
    pub(crate) places: usize,
    limits: StateLimits,
    pub(crate) tables: Option<Arc<Tables>>,
}

/// The tables of states, and what their keepers share.
#[derive(Debug)]
pub(crate) struct Tables {
    pub(crate) owners: Owners,
    pub(crate) trails: Trails,
    pub(crate) counts: Counts,
    /// Each worker's, until it comes for it: made by control, which may take its time.
    fresh: Vec<sync::Mutex<Option<Box<States>>>>,
    /// Of each worker.
    limits: StateLimits,
    buckets: usize,
    secret: u64,
}

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

impl Shared {
    /// Publishes what workers are to judge by. For one after the other.
    pub(crate) fn set(&self, setup: Option<FilterSetup>, now: Instant) {
        let before = self.rules.load();
        let rules = setup.map(|FilterSetup { judge, limits, timeouts }| {
            let kept = before.as_ref().as_ref().filter(|before| before.limits == limits);
            let kept = kept.and_then(|before| before.tables.clone());
            let tables = judge
                .needs_states()
                .then(|| kept.unwrap_or_else(|| Arc::new(Tables::new(self, &limits, timeouts, now))));
            let hooks = [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output];
            let parts = [Part::BeforeStates, Part::AfterStates];
            let has = hooks.map(|hook| parts.map(|part| judge.has_rules(hook, part)));
            let versions = [Version::V4, Version::V6];
            let alone = hooks.map(|hook| versions.map(|version| alone(&*judge, &has, hook, version)));
            let sees_frames = judge.sees_frames();
            let policies = judge.policies(&timeouts);
            let places = judge.places();
            Rules { judge, has, alone, sees_frames, timeouts, policies, places, limits, tables }
        });
        self.rules.publish(rules);
    }
}

impl Rules {
    pub(crate) fn has(&self, hook: Hook, part: Part) -> bool {
        self.has[hook as usize][part as usize]
    }

    /// Whether all packets of this version that are this to their flows pass a hook, whatever else they have.
    #[inline]
    pub(crate) fn lets_pass(&self, hook: Hook, version: Version, state: CtState) -> bool {
        self.alone[hook as usize][version as usize] & 1 << state as u8 != 0
    }

    /// Whether rules look at more of a packet than its flow says before they ask for that.
    #[inline]
    pub(crate) fn sees_more(&self) -> bool {
        self.sees_frames || self.has(Hook::Prerouting, Part::BeforeStates)
    }

    /// What passes both hooks on its way to others, as of [`lets_pass`](Self::lets_pass), by version; a bit for each state.
    pub(crate) fn alone_for_others(&self) -> [u8; 2] {
        // A packet is nothing else to a flow that is known.
        const FOLLOWED: u8 =
            1 << CtState::New as u8 | 1 << CtState::Established as u8 | 1 << CtState::Invalid as u8;
        let [prerouting, _, forward, _] = self.alone;
        let both = std::array::from_fn(|version| match mutant("express-asks-one-hook") {
            false => prerouting[version] & forward[version] & FOLLOWED,
            true => forward[version],
        });
        let asked_before = self.sees_more() && !mutant("express-overlooks-rules-before-states");
        if asked_before || self.tables.is_none() { [0; 2] } else { both }
    }

    /// Counts packets that a hook lets pass for that.
    #[inline]
    pub(crate) fn count_passed(
        &self,
        at: (usize, Instant),
        hook: Hook,
        kind: (Version, CtState),
        sums: (u64, u64),
    ) {
        if self.has[hook as usize].contains(&true) {
            self.judge.count_passed(at, hook, kind, sums);
        }
    }

    /// The bounds of the states, if any are kept.
    pub(crate) fn state_limits(&self) -> Option<&StateLimits> {
        self.tables.as_ref().map(|_| &self.limits)
    }
}

/// The states of those whom a hook lets pass for these alone; all, if nobody has rules there.
fn alone(judge: &dyn Judge, has: &[[bool; 2]; 4], hook: Hook, version: Version) -> u8 {
    let asked = has[hook as usize].contains(&true);
    let pass = CtState::ALL.into_iter().filter(|state| !asked || judge.lets_pass(hook, version, *state));
    pass.fold(0, |all, state| all | 1 << state as u8)
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
            counts: Counts::new(),
            fresh: (0..workers).map(|_| sync::Mutex::new(Some(fresh()))).collect(),
            limits: own,
            buckets,
            secret: shared.secret,
        }
    }

    /// A worker's table. One that is claimed anew, after its thread has ended, begins with an empty one.
    pub(crate) fn take(&self, worker: usize, now: Instant) -> Box<States> {
        let made = self.fresh.get(worker).and_then(|fresh| sync::lock(fresh).take());
        let anew = || Box::new(States::new(now, self.limits, Timeouts::default(), self.secret, self.buckets));
        made.unwrap_or_else(anew)
    }
}
