//! One queue: what is due, by interface, so that all that one has armed leaves at once.
//!
//! Each interface has a lane, by its slot, and another map has the first of each lane. To arm costs what it does in one map of the lane's
//! alone, but for who is the first of his lane; to take one out, two steps more in the map of firsts, which is as small as there are interfaces.

use std::collections::BTreeMap;

use siding_netisr::IfId;
use siding_netisr::Instant;

use super::Due;
use crate::alarm::Key;

/// What an interface had in a queue when it departed.
pub(crate) type Gone<W> = BTreeMap<Key, Box<dyn Due<W>>>;

#[derive(Debug)]
pub(super) struct Queue<W> {
    /// What is no interface's, and then by slot.
    lanes: Vec<Lane<W>>,
    /// The first of each lane that has any, and which lane that is.
    firsts: BTreeMap<Key, usize>,
    /// So far: equal deadlines run in the order of arming, whosever they are.
    armed: u64,
}

/// What one interface has armed.
#[derive(Debug)]
struct Lane<W> {
    on: IfId,
    /// It has departed.
    closed: bool,
    /// By deadline, then in the order of arming.
    entries: BTreeMap<Key, Box<dyn Due<W>>>,
    /// As it stands in `firsts`.
    first: Option<Key>,
}

impl<W> Default for Queue<W> {
    fn default() -> Queue<W> {
        Queue { lanes: Vec::new(), firsts: BTreeMap::new(), armed: 0 }
    }
}

impl<W> Queue<W> {
    /// Puts something in; nothing, if its interface has departed.
    pub(super) fn put(&mut self, at: Instant, due: impl Due<W> + 'static) -> Option<Key> {
        let on = due.interface();
        let place = self.place(on);
        let lane = &mut self.lanes[place];
        // One that came later in the same slot has it now.
        if lane.on != on || lane.closed {
            return None;
        }
        self.armed += 1;
        let key = (at, self.armed);
        lane.entries.insert(key, Box::new(due));
        if lane.first.is_none_or(|first| key < first) {
            self.note_first(place);
        }
        Some(key)
    }

    /// Takes something out, if it is there.
    pub(super) fn remove(&mut self, on: IfId, key: Key) {
        let place = self.place(on);
        let lane = &mut self.lanes[place];
        lane.entries.remove(&key);
        if lane.first == Some(key) {
            self.note_first(place);
        }
    }

    /// Takes out the first of all that is due by `now`.
    pub(super) fn pop(&mut self, now: Instant) -> Option<Box<dyn Due<W>>> {
        let place = *self.firsts.first_entry().filter(|first| first.key().0 <= now)?.get();
        let first = self.lanes[place].entries.pop_first();
        self.note_first(place);
        first.map(|(_, due)| due)
    }

    /// Takes out all that an interface has, which has nothing from now on.
    pub(super) fn purge(&mut self, on: IfId) -> Gone<W> {
        let place = self.place(on);
        let lane = &mut self.lanes[place];
        if lane.on != on {
            return Gone::new();
        }
        lane.closed = true;
        let gone = std::mem::take(&mut lane.entries);
        self.note_first(place);
        gone
    }

    /// When the first of all is due; [`Instant::NEVER`] for never.
    pub(super) fn next(&self) -> Instant {
        self.firsts.first_key_value().map_or(Instant::NEVER, |((at, _), _)| *at)
    }

    #[cfg(any(test, siding_loom, siding_shuttle, siding_mutants))]
    pub(super) fn len(&self) -> usize {
        self.lanes.iter().map(|lane| lane.entries.len()).sum()
    }

    /// Where an interface's lane is, which is there afterwards. It is the interface's own, unless another has its slot.
    fn place(&mut self, on: IfId) -> usize {
        let place = if on.is_none() { 0 } else { on.slot() + 1 };
        if self.lanes.len() <= place {
            self.lanes.resize_with(place + 1, Lane::default);
        }
        let lane = &mut self.lanes[place];
        if lane.on.generation() < on.generation() {
            (lane.on, lane.closed) = (on, false);
        }
        place
    }

    /// The first of a lane may be another.
    fn note_first(&mut self, place: usize) {
        let lane = &mut self.lanes[place];
        if let Some(before) = lane.first.take() {
            self.firsts.remove(&before);
        }
        lane.first = lane.entries.first_key_value().map(|(key, _)| *key);
        self.firsts.extend(lane.first.map(|first| (first, place)));
    }
}

impl<W> Default for Lane<W> {
    fn default() -> Lane<W> {
        Lane { on: IfId::NONE, closed: false, entries: BTreeMap::new(), first: None }
    }
}
