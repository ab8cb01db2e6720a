//! How many flows are counted at each place, over all workers.
//!
//! A place is named by rules, and has a word here as long as a flow is counted there: its name and the number, which change
//! together, by compare-and-swap. So a word that has come down to nothing is free for another place, and nobody counts at
//! a place that has just been given away.
//!
//! A place lies in one of the words behind the one that its name points at. Two workers that begin the same place at
//! once may take two words: each looks again when it has taken one, and who sees another takes its own back.

use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering::SeqCst;

/// Places that flows can be counted at, at a time.
const PLACES: usize = 1 << 16;

/// Words that a place may lie in.
const WINDOW: usize = 64;

/// Times that somebody begins anew whom others have disturbed.
const TRIES: usize = 16;

/// The bits of a word that count; the others are the name.
const COUNT: u64 = 0xff_ffff;

#[derive(Debug)]
pub(crate) struct Counts(Box<[AtomicU64]>);

impl Counts {
    pub(super) fn new() -> Counts {
        Counts((0..PLACES).map(|_| AtomicU64::new(0)).collect())
    }

    /// One more flow at a place: the place's index, from 1 on, and how many that makes. `None` if there is no room.
    pub(super) fn add(&self, place: u64) -> Option<(u32, u32)> {
        let name = name(place);
        for _ in 0..TRIES {
            let (index, seen) = match self.find(name) {
                Some(found) => found,
                None => (self.window(name).find(|index| self.0[*index].load(SeqCst) == 0)?, 0),
            };
            // There is no such number of states.
            if seen & COUNT == COUNT {
                return None;
            }
            let next = (seen & COUNT) + 1;
            if self.0[index].compare_exchange(seen, name | next, SeqCst, SeqCst).is_err() {
                continue;
            }
            let index = index as u32 + 1;
            if seen == 0 && self.is_elsewhere(name, index) {
                self.remove(index);
                continue;
            }
            return Some((index, next as u32));
        }
        None
    }

    /// One less, at an index that was given for it.
    pub(super) fn remove(&self, index: u32) {
        let Some(word) = (index as usize).checked_sub(1).and_then(|at| self.0.get(at)) else { return };
        let less = |word: u64| match word & COUNT {
            0 => None,
            1 => Some(0),
            _ => Some(word - 1),
        };
        // Of no use to anybody if it is nothing already.
        let _ = word.fetch_update(SeqCst, SeqCst, less);
    }

    /// How many flows are counted at a place.
    pub(super) fn of(&self, place: u64) -> u32 {
        self.find(name(place)).map_or(0, |(_, word)| (word & COUNT) as u32)
    }

    /// Whether an index is a place's.
    pub(super) fn is_at(&self, index: u32, place: u64) -> bool {
        let word = (index as usize).checked_sub(1).and_then(|at| self.0.get(at));
        word.is_some_and(|word| word.load(SeqCst) & !COUNT == name(place))
    }

    /// How many places have a word.
    #[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
    fn taken(&self) -> usize {
        self.0.iter().filter(|word| word.load(SeqCst) != 0).count()
    }

    fn window(&self, name: u64) -> impl Iterator<Item = usize> {
        let first = (name >> 48) as usize;
        (0..WINDOW).map(move |step| (first + step) % PLACES)
    }

    fn find(&self, name: u64) -> Option<(usize, u64)> {
        self.window(name)
            .map(|index| (index, self.0[index].load(SeqCst)))
            .find(|(_, word)| *word & !COUNT == name && word & COUNT != 0)
    }

    fn is_elsewhere(&self, name: u64, index: u32) -> bool {
        self.window(name).any(|at| at as u32 + 1 != index && self.0[at].load(SeqCst) & !COUNT == name)
    }
}

/// Forty bits of what a place is called, with the others 0. One to one for sixty-four of them, and spread: two of some
/// ten thousand are the same once in thousands of years of use.
fn name(place: u64) -> u64 {
    (place.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) & !COUNT).max(COUNT + 1)
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_name() {
        let counts = Counts::new();
        let indices: Vec<u32> = (0..1000).map(|place| counts.add(place).unwrap_or((0, 0)).0).collect();
        let mut distinct = indices.clone();
        distinct.sort_unstable();
        distinct.dedup();
        assert_eq!((distinct.len(), distinct[0] > 0), (1000, true));
        assert_eq!(counts.add(7), Some((indices[7], 2)));
        assert!(counts.is_at(indices[7], 7) && !counts.is_at(indices[7], 8));
        counts.remove(indices[7]);
        assert_eq!((counts.of(7), counts.of(8), counts.of(5000)), (1, 1, 0));
    }

    #[test]
    fn a_place_at_which_nobody_is_counted_is_free_for_another() {
        let counts = Counts::new();
        for place in 0..4 * PLACES as u64 {
            let (index, count) = counts.add(place << 24).unwrap_or_else(|| panic!("no room for {place}"));
            assert_eq!(count, 1);
            counts.remove(index);
        }
        assert_eq!(counts.taken(), 0);
    }

    #[test]
    fn many_at_once_count_as_one_after_the_other() {
        let counts = Counts::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..20_000_u64 {
                        let Some((index, count)) = counts.add(round % 3) else { continue };
                        assert!((1..=4).contains(&count), "{count}");
                        counts.remove(index);
                    }
                });
            }
        });
        assert_eq!(counts.taken(), 0);
    }
}
