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
    /// Adds an element and how long it stays, of so many that are to come, itself included. If there is no room others go, but none that
    /// is to stay: for all that are to come at once, as to find which takes a look at all there are. Whether it is in.
    pub(crate) fn put(
        &self,
        (key, timeout): (&Key, Option<u64>),
        now: u64,
        left: usize,
        stays: &dyn Fn(&Key) -> bool,
    ) -> bool {
        // Whoever else is adding may only be slow. If it is not the set that is full, it is the places where it would lie.
        let added = || (0..8).any(|_| self.add(key, now, timeout, false).is_some());
        if added() {
            return true;
        }
        self.make_room(left.max(1), now, stays);
        added() || self.give_up((self.home(key), WINDOW), 1, now, stays) && added()
    }

    /// Makes room for so many more, as far as may be.
    pub(crate) fn make_room(&self, more: usize, now: u64, stays: &dyn Fn(&Key) -> bool) {
        let missing = (self.len() + more).saturating_sub(self.size);
        if missing > 0 {
            self.give_up((0, self.mask + 1), missing, now, stays);
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Type;

    /// Of all in the set, not only of those that lie where the new one would.
    #[test]
    fn in_a_full_set_that_goes_which_would_go_soonest_wherever_it_lies() {
        let key = |port: u128| {
            let mut key = Key::default();
            key[0] = port;
            key
        };
        let mut apart = 0;
        for new in 100..200 {
            let set = Dynamic::new(&[Type::Port], &[], 4, 0, [1, 2], 1);
            for port in 1..=4 {
                assert!(set.add(&key(port), 1, Some(port as u64 * 1000), false).is_some());
            }
            let first = set.get(&key(1), 1).map(|slot| slot.at.wrapping_sub(set.home(&key(new))) & set.mask);
            apart += usize::from(first.is_some_and(|steps| steps >= WINDOW));
            assert!(set.put((&key(new), Some(9000)), 1, 1, &|_| false));
            let left: Vec<bool> = (1..=4).map(|port| set.get(&key(port), 1).is_some()).collect();
            assert_eq!(left, [false, true, true, true], "{new}");
        }
        assert!(apart > 20, "{apart}: too few to say much");
    }

    /// Who would look for one at a time looks at a full set of millions for each of thousands.
    #[test]
    fn where_there_is_no_room_for_one_there_is_room_for_all_that_are_to_come_then() {
        let key = |port: u128| std::array::from_fn(|part| if part == 0 { port } else { 0 });
        for (left, stay, remain) in [(1, 0, 8), (5, 0, 4), (0, 0, 8), (5, 6, 7), (9, 0, 1)] {
            let set = Dynamic::new(&[Type::Port], &[], 8, 0, [1, 2], 1);
            assert!((1..=8).all(|port| set.add(&key(port), 1, None, false).is_some()));
            assert!(set.put((&key(100), None), 1, left, &|key| key[0] <= stay), "{left} {stay}");
            assert_eq!(set.len(), remain, "{left} {stay}");
        }
    }
}
