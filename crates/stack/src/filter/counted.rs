//! At which places each flow of a worker is counted: several, if several rules count it.
//!
//! A flow's state has room for one number, which names the first of its places here; each names the next. Room for them is
//! reserved when rules have been loaded, a piece in each turn: no turn takes long for it, and a turn's packets are hardly ever counted at
//! more places than a piece has.

use super::counts::Counts;

/// Places of a piece: half a megabyte. A few where what becomes of several is tested.
const PIECE: usize = if cfg!(test) { 16 } else { 1 << 16 };

/// Places of one flow that room is reserved for, of each that there may be. Where rules have more, flows that are counted at more use
/// that of others.
const RESERVED: usize = 16;

/// Places of all flows together that have more than room is reserved for: where one rule meets packets of a flow with several keys (hop
/// limits, lengths), or rules have been replaced since.
const SPARE: usize = PIECE;

/// Places of one flow at the most, unless rules count it at more: each of its packets looks through them.
const MOST: usize = if cfg!(test) { 6 } else { 32 };

/// Set in the index of a place that is one of [`SPARE`].
const IS_SPARE: u32 = 1 << 31;

/// Pieces that are given back where there is no memory for one more: eight megabytes for all others. Who cannot go on without memory
/// ends the program.
const LEFT_TO_OTHERS: usize = 16;

/// The places of all flows of one worker.
#[derive(Debug, Default)]
pub(crate) struct Counted {
    pieces: Vec<Vec<Place>>,
    /// So many pieces there are to be.
    wanted: usize,
    /// Places of one flow that room is reserved for.
    each: usize,
    /// How many places are spare ones.
    spare: usize,
    /// Places that were ever in use: all these lie below.
    used: usize,
    /// The first that is free; 0 for none.
    free: u32,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    /// As [`Counts`] numbers it, and [`IS_SPARE`].
    index: u32,
    /// The flow's next one, or the next free one; 0 for none.
    next: u32,
}

impl Counted {
    /// There is to be room for so many flows at least, each at `each` places, one at least, and for some more of those that are counted at
    /// more: so no sender takes others' room by packets that differ. More than before, if rules count at more places now. One piece is
    /// there at once.
    pub(super) fn make_room(&mut self, flows: usize, each: usize) {
        self.each = each;
        self.wanted = self.wanted.max((flows * each.min(RESERVED) + SPARE).div_ceil(PIECE));
        self.grow();
    }

    /// Reserves a piece, if there are to be more. Whether there are to be more yet. Without the memory what finds no place counts as one
    /// too many.
    pub(super) fn grow(&mut self) -> bool {
        self.grow_by(|| {
            let mut piece = Vec::new();
            piece.try_reserve_exact(PIECE).is_ok().then_some(piece)
        })
    }

    fn grow_by(&mut self, reserve: impl FnOnce() -> Option<Vec<Place>>) -> bool {
        if self.pieces.len() < self.wanted {
            match reserve() {
                Some(piece) => self.pieces.push(piece),
                None => {
                    let less = self.pieces.len().saturating_sub(LEFT_TO_OTHERS);
                    self.pieces.truncate(less.max(self.used.div_ceil(PIECE)));
                    self.wanted = self.pieces.len();
                }
            }
        }
        self.pieces.len() < self.wanted
    }

    /// How many places there is room for by now.
    #[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
    pub(super) fn room(&self) -> usize {
        self.pieces.len() * PIECE
    }

    /// The place of a number, from 1 on.
    fn at(&self, number: u32) -> Option<&Place> {
        let at = (number as usize).checked_sub(1)?;
        self.pieces.get(at / PIECE)?.get(at % PIECE)
    }

    fn at_mut(&mut self, number: u32) -> Option<&mut Place> {
        let at = (number as usize).checked_sub(1)?;
        self.pieces.get_mut(at / PIECE)?.get_mut(at % PIECE)
    }

    /// The places of a flow whose first is `first`.
    pub(super) fn of(&self, first: u32) -> impl Iterator<Item = u32> {
        self.places(first).map(Place::index)
    }

    fn places(&self, first: u32) -> impl Iterator<Item = &Place> {
        std::iter::successors(self.at(first), |place| self.at(place.next))
    }

    /// One more place of a flow whose first was `first`: which is its first now. If it has all that it may have, it is no longer counted
    /// where it has been the longest: by rules that have been replaced since, or for packets that differ. `None` if there is no room.
    pub(super) fn add(&mut self, first: u32, index: u32, counts: &Counts) -> Option<u32> {
        let (all, spare) = self
            .places(first)
            .fold((0, 0), |(all, spare), place| (all + 1, spare + usize::from(place.is_spare())));
        let (first, is_spare) = match () {
            () if all - spare < self.each => (first, false),
            () if all < MOST && self.spare < SPARE => (first, true),
            () => self.remove_last(first, counts),
        };
        let place = Place { index: index | if is_spare { IS_SPARE } else { 0 }, next: first };
        let number = self.put(place)?;
        self.spare += usize::from(is_spare);
        Some(number)
    }

    fn put(&mut self, place: Place) -> Option<u32> {
        let number = self.free;
        if let Some(free) = self.at_mut(number) {
            self.free = std::mem::replace(free, place).next;
            return Some(number);
        }
        self.pieces.get_mut(self.used / PIECE)?.push(place);
        self.used += 1;
        Some(self.used as u32)
    }

    /// The last of a flow's places goes. Its first one then, 0 if there is none left; and whether it was a spare one.
    fn remove_last(&mut self, first: u32, counts: &Counts) -> (u32, bool) {
        let (mut before, mut last) = (0, first);
        while let Some(next) = self.at(last).map(|place| place.next).filter(|next| *next != 0) {
            before = std::mem::replace(&mut last, next);
        }
        match self.at_mut(before) {
            Some(before) => before.next = 0,
            None => before = 0,
        }
        let is_spare = self.at(last).is_some_and(Place::is_spare);
        self.remove(last, counts);
        (if before == 0 { 0 } else { first }, is_spare)
    }

    /// A flow is counted no more.
    pub(super) fn remove(&mut self, first: u32, counts: &Counts) {
        let (mut number, mut free, mut spare) = (first, self.free, 0);
        while let Some(place) = self.at_mut(number) {
            counts.remove(place.index());
            spare += usize::from(place.is_spare());
            let next = std::mem::replace(&mut place.next, free);
            free = std::mem::replace(&mut number, next);
        }
        self.free = free;
        self.spare -= spare;
    }
}

impl Place {
    fn index(&self) -> u32 {
        self.index & !IS_SPARE
    }

    fn is_spare(&self) -> bool {
        self.index & IS_SPARE != 0
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn a_flow_has_several_places_and_gives_back_all_of_them() {
        let (counts, mut counted) = (Counts::new(), Counted::default());
        counted.make_room(PIECE + 1, 1);
        assert_eq!(
            (counted.pieces.len(), counted.grow(), counted.grow(), counted.pieces.len()),
            (1, true, false, 3),
            "one piece after the other"
        );
        counted.make_room(PIECE, 2);
        let room = 3 * PIECE;
        let mut flow = |places: &[u64]| {
            places.iter().fold(0, |first, place| {
                let (index, _) = counts.add(*place).unwrap_or((0, 0));
                counted.add(first, index, &counts).unwrap_or(0)
            })
        };
        let (one, other) = (flow(&[7, 8]), flow(&[8]));
        assert_eq!((counted.of(one).count(), counted.of(other).count(), counted.of(0).count()), (2, 1, 0));
        assert!(counted.of(one).any(|index| counts.is_at(index, 7)));
        counted.remove(one, &counts);
        assert_eq!((counts.of(7), counts.of(8)), (0, 1));
        // Places are used again, and no more than there were.
        for _ in 0..room {
            if let Some(first) = counted.add(0, 0, &counts) {
                counted.remove(first, &counts);
            }
        }
        let added = (0..2 * room).filter_map(|_| counted.add(0, 0, &counts)).count();
        assert_eq!(added, room - 1);
        assert!(counted.add(0, 0, &counts).is_none());
        counted.make_room(3 * PIECE, 1);
        let last = counted.add(0, 9, &counts).unwrap_or(0);
        assert_eq!((last as usize, counted.of(last).collect::<Vec<_>>()), (room + 1, vec![9]));
    }

    /// Counts a flow at one more place.
    fn count_at(counted: &mut Counted, counts: &Counts, first: u32, place: u64) -> u32 {
        let index = counts.add(place).map_or(0, |(index, _)| index);
        let first = counted.add(first, index, counts).unwrap_or(0);
        assert!(counted.of(first).any(|index| counts.is_at(index, place)), "{place}");
        first
    }

    #[test]
    fn a_flow_is_counted_at_each_of_its_places_as_long_as_there_are_spare_ones() {
        let (counts, mut counted) = (Counts::new(), Counted::default());
        counted.make_room(16, 2);
        while counted.grow() {}
        assert_eq!(counted.room(), 16 * 2 + SPARE);
        let mut flows = [0; 5];
        for (flow, first) in flows.iter_mut().enumerate() {
            for place in 0..MOST as u64 {
                *first = count_at(&mut counted, &counts, *first, flow as u64 * 100 + place);
            }
        }
        // All of four; the fifth has its own ones, and is counted at the last of its places.
        assert_eq!(flows.map(|first| counted.of(first).count()), [MOST, MOST, MOST, MOST, 2]);
        assert_eq!([403, 404, 405].map(|place| counts.of(place)), [0, 1, 1]);
        // No flow has more than it may, be there spare ones or not, and nobody else's room was taken.
        flows[0] = count_at(&mut counted, &counts, flows[0], 50);
        assert_eq!((counted.of(flows[0]).count(), counts.of(0), counts.of(50)), (MOST, 0, 1));
        let own = (0..100).filter_map(|_| counted.add(0, 0, &counts)).count();
        assert_eq!(own, (16 - 5) * 2);
        // Who goes gives back what was spare.
        counted.remove(std::mem::take(&mut flows[1]), &counts);
        flows[4] = count_at(&mut counted, &counts, flows[4], 406);
        assert_eq!((counted.of(flows[4]).count(), counts.of(404), counted.spare), (3, 1, SPARE - 3));
        flows.into_iter().for_each(|first| counted.remove(first, &counts));
        assert_eq!(counted.spare, 0);
    }

    #[test]
    fn a_place_stays_what_it_is_when_rules_count_at_more_places() {
        let (counts, mut counted) = (Counts::new(), Counted::default());
        counted.make_room(8, 1);
        let first = (0..4).fold(0, |first, place| count_at(&mut counted, &counts, first, place));
        assert_eq!(counted.spare, 3);
        counted.make_room(8, 4);
        let first = count_at(&mut counted, &counts, first, 4);
        assert_eq!((counted.of(first).count(), counted.spare), (5, 3));
        counted.remove(first, &counts);
        assert_eq!(counted.spare, 0);
    }

    #[test]
    fn without_memory_for_more_some_is_left_to_others_but_what_is_in_use_stays() {
        let mut counted = Counted::default();
        counted.make_room(40 * PIECE, 1);
        while counted.pieces.len() < 20 {
            counted.grow();
        }
        let counts = Counts::new();
        assert!((0..3 * PIECE + 1).all(|_| counted.add(0, 7, &counts).is_some()));
        assert!(!counted.grow_by(|| None), "nothing more is wanted");
        assert_eq!((counted.pieces.len(), counted.grow()), (4, false));
        assert_eq!(counted.of(3 * PIECE as u32 + 1).next(), Some(7));
        counted.make_room(40 * PIECE, 1);
        assert!(!counted.grow_by(|| None));
        assert_eq!(counted.pieces.len(), 4, "that has a place in use");
        counted.make_room(40 * PIECE, 1);
        assert_eq!(counted.pieces.len(), 5, "another load of rules asks again");
    }
}
