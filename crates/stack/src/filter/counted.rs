//! At which places each flow of a worker is counted: several, if several rules count it.
//!
//! A flow's state has room for one number, which names the first of its places here; each names the next. Room for them is
//! reserved when rules are loaded, by the worker in the turn that takes them up, and at no other time.

use super::counts::Counts;

/// The places of all flows of one worker.
#[derive(Debug, Default)]
pub(super) struct Counted {
    places: Vec<Place>,
    /// The first that is free; 0 for none.
    free: u32,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// As [`Counts`] numbers it.
    index: u32,
    /// The flow's next one, or the next free one; 0 for none.
    next: u32,
}

impl Counted {
    /// Room for so many at least: more than before, if rules count at more places now. Without the memory it stays as it is, and
    /// what finds no place counts as one too many.
    pub(super) fn make_room(&mut self, room: usize) {
        let _as_much_as_there_is = self.places.try_reserve_exact(room.saturating_sub(self.places.len()));
    }

    /// The places of a flow whose first is `first`.
    pub(super) fn of(&self, first: u32) -> impl Iterator<Item = u32> {
        let at = |number: u32| self.places.get((number as usize).checked_sub(1)?);
        std::iter::successors(at(first), move |place| at(place.next)).map(|place| place.index)
    }

    /// One more place of a flow whose first was `first`: which is its first now. `None` if there is no room.
    pub(super) fn add(&mut self, first: u32, index: u32) -> Option<u32> {
        let place = Place { index, next: first };
        if let Some(free) = (self.free as usize).checked_sub(1).and_then(|at| self.places.get_mut(at)) {
            let number = self.free;
            self.free = std::mem::replace(free, place).next;
            return Some(number);
        }
        if self.places.len() == self.places.capacity() {
            return None;
        }
        self.places.push(place);
        Some(self.places.len() as u32)
    }

    /// A flow is counted no more.
    pub(super) fn remove(&mut self, first: u32, counts: &Counts) {
        let mut number = first;
        while let Some(place) = (number as usize).checked_sub(1).and_then(|at| self.places.get_mut(at)) {
            counts.remove(place.index);
            let next = std::mem::replace(&mut place.next, self.free);
            self.free = std::mem::replace(&mut number, next);
        }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_flow_has_several_places_and_gives_back_all_of_them() {
        let (counts, mut counted) = (Counts::new(), Counted::default());
        counted.make_room(4);
        // More than any memory: as before.
        counted.make_room(usize::MAX);
        let room = counted.places.capacity();
        let mut flow = |places: &[u64]| {
            places.iter().fold(0, |first, place| {
                let (index, _) = counts.add(*place).unwrap_or((0, 0));
                counted.add(first, index).unwrap_or(0)
            })
        };
        let (one, other) = (flow(&[7, 8]), flow(&[8]));
        assert_eq!((counted.of(one).count(), counted.of(other).count(), counted.of(0).count()), (2, 1, 0));
        assert!(counted.of(one).any(|index| counts.is_at(index, 7)));
        counted.remove(one, &counts);
        assert_eq!((counts.of(7), counts.of(8)), (0, 1));
        // Places are used again, and no more than there were.
        for _ in 0..room {
            if let Some(first) = counted.add(0, 0) {
                counted.remove(first, &counts);
            }
        }
        let added = (0..2 * room).filter_map(|_| counted.add(0, 0)).count();
        assert_eq!(added, room - 1);
    }
}
