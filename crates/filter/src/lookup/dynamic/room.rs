//! How a set that rules fill makes room: for what files say, and of what is over.

use std::sync::atomic::Ordering::Acquire;
use std::sync::atomic::Ordering::Relaxed;

use super::Dynamic;
use super::Slot;
use super::WINDOW;
use crate::lookup::Key;

/// Places looked at when elements whose time is over are taken out, at once.
const SWEEP: usize = 4096;

impl Dynamic {
    /// Adds an element, and lets another go for it if there is no room, but none that is to stay. Whether it is in.
    pub(crate) fn put(
        &self,
        key: &Key,
        now: u64,
        timeout: Option<u64>,
        stays: &dyn Fn(&Key) -> bool,
    ) -> bool {
        // Whoever else is adding may only be slow. If it is not its own places that are full, it is the set.
        let added = || (0..8).any(|_| self.add(key, now, timeout, false).is_some());
        let home = self.home(key);
        added()
            || self.give_up((home, WINDOW), 1, now, stays) && added()
            || self.make_room(1, now, stays) && added()
    }

    /// Makes room for so many more. Whether there is.
    pub(crate) fn make_room(&self, more: usize, now: u64, stays: &dyn Fn(&Key) -> bool) -> bool {
        let missing = (self.len() + more).saturating_sub(self.size);
        missing == 0 || self.give_up((0, self.mask + 1), missing, now, stays)
    }

    /// Lets go of so many elements in so many places from `from` on: of those that go soonest, and else that came first.
    fn give_up(
        &self,
        (from, places): (usize, usize),
        count: usize,
        now: u64,
        stays: &dyn Fn(&Key) -> bool,
    ) -> bool {
        let at = |step: usize| {
            let at = (from + step) & self.mask;
            let written = self.word(at, 0).load(Acquire);
            let may = written != 0 && written & 1 == 0 && !stays(&self.key_at(at));
            let goes = Some(self.word(at, 1).load(Relaxed)).filter(|expires| *expires != 0);
            may.then_some((goes.map_or(u64::MAX, |expires| expires.max(now)), written, at))
        };
        let mut all: Vec<(u64, u64, usize)> = (0..places).filter_map(at).collect();
        all.sort_unstable();
        let taken = all.into_iter().filter(|(_, written, at)| self.take(Slot { at: *at, written: *written }));
        taken.take(count).count() == count
    }

    /// Takes out what is over, in a part of the table; the next part the next time.
    pub(crate) fn sweep(&self, now: u64) {
        self.sweep_part(now, SWEEP);
    }

    pub(super) fn sweep_part(&self, now: u64, places: usize) {
        let from = self.swept.fetch_add(places, Relaxed);
        for step in 0..places.min(self.mask + 1) {
            let at = from.wrapping_add(step) & self.mask;
            let written = self.word(at, 0).load(Acquire);
            if written != 0 && written & 1 == 0 && self.over(at, now) {
                self.take(Slot { at, written });
            }
        }
    }
}
