//! The hand that goes round the table and takes what is too old.

use std::time::Duration;

use siding_netisr::Instant;

use super::Slot;
use super::States;

/// How often the hand comes by each state.
const ROUND: Duration = Duration::from_secs(4);

/// States that are looked at in one turn at the most.
const STEP: usize = 1024;

impl States {
    /// Goes on with the round, if one is due: looks at so many states and forgets those that are too old. `gone` is told
    /// of each before it goes. Whether there is more to do at once.
    ///
    /// A table that fills is gone round sooner: what is too old by then makes room.
    pub fn sweep(&mut self, now: Instant, mut gone: impl FnMut(&States, Slot)) -> bool {
        if self.usage.states == 0 || now < self.round {
            return false;
        }
        let (millis, share) = (self.millis(now), self.share());
        let until = (self.hand + STEP).min(self.slots.len());
        for slot in self.hand..until {
            let state = &self.slots[slot];
            if state.is_in_use() && state.is_over(millis, &self.times, share) {
                let slot = Slot(slot as u32);
                gone(self, slot);
                self.remove(slot);
                self.usage.expired += 1;
            }
        }
        self.hand = until;
        if until < self.slots.len() {
            return true;
        }
        self.hand = 0;
        self.round = now + ROUND * self.share() / 256;
        false
    }

    /// When the hand is to go on; [`Instant::NEVER`] if there is nothing to find.
    pub fn next_sweep(&self) -> Instant {
        if self.usage.states == 0 { Instant::NEVER } else { self.round }
    }

    /// Forgets the states that `goes` points at. How many those were.
    pub fn flush(&mut self, goes: impl Fn(&States, Slot) -> bool) -> usize {
        let before = self.usage.states;
        for slot in (0..self.slots.len() as u32).map(Slot) {
            if self.get(slot).is_some() && goes(self, slot) {
                self.remove(slot);
            }
        }
        before - self.usage.states
    }
}
