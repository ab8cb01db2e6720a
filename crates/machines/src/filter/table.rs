//! All states of one worker.

use std::fmt;

use siding_netisr::Instant;

use super::Key;
use super::Slot;
use super::Sources;
use super::State;
use super::Timeouts;
use super::sought::Hints;
use super::state::NONE;
use super::timeouts::Times;
use super::track::Fresh;

/// Bounds of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StateLimits {
    /// States.
    pub states: usize,
    /// Of them, half-open ones.
    pub half_open: usize,
    /// States of one source; `None` for no bound.
    pub per_source: Option<u32>,
    /// How long the prefix is that is one source, of IPv6.
    pub source_bits: u8,
    /// Whether a connection that was begun before anybody looked is picked up in its middle.
    pub loose: bool,
}

impl Default for StateLimits {
    fn default() -> StateLimits {
        let states = 1 << 20;
        StateLimits { states, half_open: states / 2, per_source: None, source_bits: 64, loose: true }
    }
}

/// Why there is no state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Full {
    /// All states are flows with traffic both ways.
    #[error("the table of states is full")]
    Table,
    /// The source has all it may have.
    #[error("the source has all the states that it may have")]
    Source,
}

/// What a table has, and had to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Usage {
    /// States.
    pub states: usize,
    /// Of them, half-open.
    pub half_open: usize,
    /// The most states at a time.
    pub highest: usize,
    /// States that there ever were.
    pub inserted: u64,
    /// Of them, those that were silent for too long.
    pub expired: u64,
    /// Half-open ones that had to make room.
    pub evicted: u64,
    /// Flows that got none.
    pub refused: u64,
    /// The same, by what their source may have.
    pub refused_source: u64,
}

/// All states of one worker. Pure: time comes in, nothing is sent.
///
/// Addresses for as many states as there may be are reserved when it is made; the system gives memory for them as they are
/// first used. Nothing is allocated afterwards.
pub struct States {
    pub(super) limits: StateLimits,
    pub(super) times: Times,
    pub(super) slots: Vec<State>,
    /// The first state of each bucket.
    buckets: Vec<u32>,
    pub(super) hints: Hints,
    free: u32,
    /// The ends of the list of half-open states.
    oldest: u32,
    newest: u32,
    sources: Option<Sources>,
    secret: u64,
    began: Instant,
    pub(super) usage: Usage,
    pub(super) hand: usize,
    pub(super) round: Instant,
    /// What states were counted in that are gone, or whose flows are over.
    pub(super) uncounted: Vec<u32>,
    /// Buckets whose last state has gone.
    emptied: Vec<u32>,
}

impl States {
    /// An empty table. `secret` is what peers must not know.
    ///
    /// Buckets are `buckets`, a power of two, so that several tables can name the same bucket by the same number; each
    /// is four bytes. Twice as many as states is a good number.
    pub fn new(now: Instant, limits: StateLimits, times: Timeouts, secret: u64, buckets: usize) -> States {
        let states = limits.states.clamp(1, NONE as usize - 1);
        let half_open = limits.half_open.clamp(1, states);
        let limits = StateLimits { states, half_open, ..limits };
        States {
            times: Times::new(times, &[]),
            slots: Vec::with_capacity(states),
            buckets: vec![NONE; buckets.next_power_of_two()],
            hints: Hints::new(states, secret),
            free: NONE,
            oldest: NONE,
            newest: NONE,
            sources: limits.per_source.map(|limit| Sources::new(limit, limits.source_bits, states, secret)),
            secret,
            began: now,
            usage: Usage::default(),
            hand: 0,
            round: now,
            uncounted: Vec::new(),
            emptied: Vec::with_capacity(4096),
            limits,
        }
    }

    /// The bounds.
    pub fn limits(&self) -> &StateLimits {
        &self.limits
    }

    /// The times of silence of flows that have no others.
    pub fn timeouts(&self) -> &Timeouts {
        self.times.of(0)
    }

    /// Changes the times of silence, for the states that there are, too; `policies` are those of numbers from 1 on.
    pub fn set_timeouts(&mut self, times: Timeouts, policies: &[Timeouts]) {
        self.times = Times::new(times, policies);
    }

    /// Slots that were ever in use: all states lie below.
    pub fn slots(&self) -> usize {
        self.slots.len()
    }

    /// What there is.
    pub fn usage(&self) -> Usage {
        self.usage
    }

    /// The bucket of a flow.
    #[inline]
    pub fn bucket(&self, key: &Key) -> usize {
        key.hash(self.secret) as usize & (self.buckets.len() - 1)
    }

    /// Whether a bucket has no state.
    pub fn is_empty(&self, bucket: usize) -> bool {
        self.buckets.get(bucket).is_none_or(|first| *first == NONE)
    }

    /// The first state of a bucket.
    #[inline]
    pub(super) fn first(&self, bucket: usize) -> u32 {
        self.buckets.get(bucket).copied().unwrap_or(NONE)
    }

    /// The state of a slot.
    pub fn get(&self, slot: Slot) -> Option<&State> {
        self.slots.get(slot.0 as usize).filter(|state| state.is_in_use())
    }

    /// The same, to set what is its keeper's.
    pub fn get_mut(&mut self, slot: Slot) -> Option<&mut State> {
        self.slots.get_mut(slot.0 as usize).filter(|state| state.is_in_use())
    }

    /// All states that are not too old.
    pub fn iter(&self, now: Instant) -> impl Iterator<Item = (Slot, &State)> {
        let (now, share) = (self.millis(now), self.share());
        self.slots
            .iter()
            .enumerate()
            .filter(move |(_, state)| state.is_in_use() && !state.is_over(now, &self.times, share))
            .map(|(slot, state)| (Slot(slot as u32), state))
    }

    /// How long ago a state's last packet came, in milliseconds.
    pub fn silent(&self, now: Instant, state: &State) -> u32 {
        self.millis(now).wrapping_sub(state.touched)
    }

    /// How long a state has left at this filling, in milliseconds.
    pub fn left(&self, now: Instant, state: &State) -> u32 {
        let time = u64::from(state.time(&self.times)) * u64::from(self.share()) / 256;
        u32::try_from(time).unwrap_or(u32::MAX).saturating_sub(self.silent(now, state))
    }

    /// Where the state of a flow is, if it has one that is not too old.
    pub fn slot_of(&self, now: Instant, key: &Key) -> Option<Slot> {
        self.find(self.bucket(key), key, self.millis(now))
    }

    /// The state of a flow, if it is not too old.
    #[inline]
    pub(super) fn find(&self, bucket: usize, key: &Key, now: u32) -> Option<Slot> {
        self.find_any(bucket, key).filter(|slot| !self.is_over(*slot, now))
    }

    /// Whether the state of a slot is too old.
    #[inline]
    pub(super) fn is_over(&self, Slot(slot): Slot, now: u32) -> bool {
        self.slots[slot as usize].is_over(now, &self.times, self.share())
    }

    /// Gives a flow its state: all rules have let its first packet pass.
    ///
    /// # Errors
    /// [`Full`], and nothing has changed.
    pub fn insert(&mut self, now: Instant, fresh: &Fresh) -> Result<Slot, Full> {
        let bucket = self.bucket(&fresh.key);
        // One that is too old, or over, is in the way.
        if let Some(before) = self.find_any(bucket, &fresh.key) {
            self.remove(before);
        }
        let full = self.usage.states >= self.limits.states;
        if full && self.oldest == NONE {
            self.usage.refused += 1;
            return Err(Full::Table);
        }
        let source = fresh.key.tuple(fresh.from_low).src;
        if let Some(sources) = &mut self.sources
            && !sources.add(source)
        {
            self.usage.refused_source += 1;
            return Err(Full::Source);
        }
        // Nobody has answered it: it belongs to those that make room.
        if full || self.usage.half_open >= self.limits.half_open {
            self.remove(Slot(self.oldest));
            self.usage.evicted += 1;
        }
        let slot = self.take_slot(fresh.state(self.millis(now)));
        let state = &mut self.slots[slot as usize];
        state.next = self.buckets[bucket];
        self.buckets[bucket] = slot;
        self.hints.set(&fresh.key, slot);
        self.link(slot);
        self.usage.states += 1;
        self.usage.inserted += 1;
        self.usage.highest = self.usage.highest.max(self.usage.states);
        Ok(Slot(slot))
    }

    /// Forgets a state.
    pub fn remove(&mut self, slot: Slot) {
        let Some(state) = self.get(slot).copied() else { return };
        let bucket = self.bucket(&state.key);
        let mut at = self.buckets[bucket];
        if at == slot.0 {
            self.buckets[bucket] = state.next;
        } else {
            while let Some(before) = self.slots.get_mut(at as usize) {
                if before.next == slot.0 {
                    before.next = state.next;
                    break;
                }
                at = before.next;
            }
        }
        if self.buckets[bucket] == NONE {
            self.emptied.push(bucket as u32);
        }
        if state.is_half_open() {
            self.unlink(slot.0);
        }
        if let Some(sources) = &mut self.sources {
            sources.remove(state.original().src);
        }
        if state.count != 0 {
            self.uncounted.push(state.count);
        }
        let state = &mut self.slots[slot.0 as usize];
        state.free();
        state.next = std::mem::replace(&mut self.free, slot.0);
        self.usage.states -= 1;
    }

    /// What states were counted in that have gone since this was asked last, or whose flows are over.
    pub fn take_uncounted(&mut self) -> impl Iterator<Item = u32> {
        self.uncounted.drain(..)
    }

    /// Buckets whose last state has gone since this was asked last; some may have a new one.
    pub fn take_emptied(&mut self) -> impl Iterator<Item = u32> {
        self.emptied.drain(..)
    }

    /// Puts a state among those that make room, or takes it away from there, as far as it has come by now.
    #[inline]
    pub(super) fn settle(&mut self, slot: Slot) {
        let state = &self.slots[slot.0 as usize];
        match (state.may_go(), state.is_half_open()) {
            (true, false) => self.link(slot.0),
            (false, true) => self.unlink(slot.0),
            _ => {}
        }
    }

    /// How much of its time a flow has, of 256: all of it up to 60 % of the table, and less and less up to nothing at
    /// 120 %, which is never reached.
    #[inline]
    pub(super) fn share(&self) -> u32 {
        let (states, limit) = (self.usage.states as u64, self.limits.states as u64);
        if states * 10 <= limit * 6 {
            return 256;
        }
        ((limit * 12 - states * 10) * 256 / (limit * 6)) as u32
    }

    /// The moment on the table's own clock, which wraps.
    #[inline]
    pub(super) fn millis(&self, now: Instant) -> u32 {
        (now.since(self.began).as_nanos() / 1_000_000) as u32
    }

    /// The state of a flow, however old.
    #[inline]
    pub(super) fn find_any(&self, bucket: usize, key: &Key) -> Option<Slot> {
        let mut at = *self.buckets.get(bucket)?;
        while let Some(state) = self.slots.get(at as usize) {
            if state.key == *key {
                return Some(Slot(at));
            }
            at = state.next;
        }
        None
    }

    fn take_slot(&mut self, state: State) -> u32 {
        match self.slots.get_mut(self.free as usize) {
            Some(free) => {
                let slot = self.free;
                self.free = std::mem::replace(free, state).next;
                slot
            }
            None => {
                self.slots.push(state);
                self.slots.len() as u32 - 1
            }
        }
    }

    /// Puts a state behind the half-open ones.
    fn link(&mut self, slot: u32) {
        let before = std::mem::replace(&mut self.newest, slot);
        let state = &mut self.slots[slot as usize];
        state.set_half_open(true);
        (state.older, state.newer) = (before, NONE);
        match self.slots.get_mut(before as usize) {
            Some(before) => before.newer = slot,
            None => self.oldest = slot,
        }
        self.usage.half_open += 1;
    }

    fn unlink(&mut self, slot: u32) {
        let state = &mut self.slots[slot as usize];
        state.set_half_open(false);
        let (older, newer) = (state.older, state.newer);
        match self.slots.get_mut(older as usize) {
            Some(older) => older.newer = newer,
            None => self.oldest = newer,
        }
        match self.slots.get_mut(newer as usize) {
            Some(newer) => newer.older = older,
            None => self.newest = older,
        }
        self.usage.half_open -= 1;
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("States")
            .field("limits", &self.limits)
            .field("usage", &self.usage)
            .finish_non_exhaustive()
    }
}
