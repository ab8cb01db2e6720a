use core::cell::Cell;
use std::vec::Vec;

use super::*;

mod middle;

impl<T> Ring<T> {
    /// Takes the oldest item, with its stamp.
    fn take(&self) -> Option<(T, u64)> {
        let (mut stamp, mut taken, more) = (0, None, Cell::new(true));
        let look = |_: &T, at| {
            stamp = if self.is_timed(at) { self.stamp(at) } else { 0 };
            true
        };
        let take = |item| {
            more.set(false);
            taken = Some(item);
        };
        self.consume_any(|| more.get(), look, take, &mut |_, _| {});
        taken.map(|item| (item, stamp))
    }
}

fn put(ring: &Ring<u32>, item: u32) -> bool {
    let Ok(mut claim) = ring.claim(1, 0) else { panic!("there is room") };
    let idle = claim.idle;
    ring.publish(&mut claim, item);
    idle
}

#[test]
fn a_void_is_passed_and_counts_as_no_packet() {
    let ring = Ring::new(4, false, 64);
    let mut claim = ring.claim(3, 0).unwrap();
    ring.publish(&mut claim, 1);
    ring.publish_void(&mut claim);
    ring.publish(&mut claim, 3);
    assert_eq!(ring.take().map(|taken| taken.0), Some(1));
    assert!(ring.has_ready());
    assert_eq!(ring.take().map(|taken| taken.0), Some(3));
    assert!(ring.take().is_none());
    assert_eq!(ring.accepted(), 2);
    assert_eq!(ring.claim(9, 0).map(|claim| claim.count()), Ok(4), "the void's room is free again");
}

#[test]
fn a_void_is_passed_by_those_who_drop_the_oldest() {
    let ring = Ring::new(2, true, 64);
    let mut claim = ring.claim(2, 0).unwrap();
    let second = (claim.first + 1) & POSITION;
    ring.publish_void(&mut claim);
    ring.publish(&mut claim, 2);
    assert!(ring.evict(|at| assert_eq!(at, second)) && !ring.evict(|_| panic!("there is no other")));
    assert_eq!((ring.resident(), ring.accepted()), (0, 1));
    let mut buried = Vec::new();
    while ring.pass(&mut |fate, item| buried.push((fate, item))) {}
    assert_eq!(buried, [(Fate::DroppedOldest, 2)]);
}

#[test]
fn the_first_claim_of_a_ring_at_rest_calls_and_the_next_does_not() {
    let ring = Ring::new(4, false, 64);
    assert!(put(&ring, 1), "nobody looked here yet");
    assert!(!put(&ring, 2));
    assert!(!ring.rest(), "two items wait");
    ring.take();
    let claim = ring.claim(1, 0).unwrap();
    ring.take();
    assert!(!ring.rest(), "one place is claimed");
    let mut claim = claim;
    ring.publish(&mut claim, 3);
    ring.take();
    assert!(ring.rest() && ring.rest());
    assert!(put(&ring, 4) && !put(&ring, 5));
}

#[test]
fn the_limit_is_exact_however_old_the_producers_view_is() {
    let ring = Ring::new(3, false, 64);
    for lap in 0..20 {
        (0..3).for_each(|item| _ = put(&ring, lap + item));
        assert_eq!(ring.claim(1, 0).err(), Some(NoRoom::Full));
        ring.take();
        assert!(!put(&ring, lap));
        assert_eq!(ring.reserve(), Err(NoRoom::Full));
        ring.take();
        assert_eq!(ring.reserve(), Ok(()));
        assert_eq!(ring.claim(1, 0).err(), Some(NoRoom::Full), "room that is reserved is not free");
        ring.publish(&mut ring.claim_reserved(0), lap);
        (0..3).for_each(|_| assert!(ring.take().is_some()));
    }
    assert_eq!(ring.high_water(), 3);
}

#[test]
fn high_water_is_the_highest_level() {
    let ring = Ring::new(100, false, 64);
    for level in [2, 7, 3, 7, 1] {
        (0..level).for_each(|item| _ = put(&ring, item));
        (0..level).for_each(|_| _ = ring.take());
    }
    assert_eq!(ring.high_water(), 7);
}

#[test]
fn only_every_so_many_items_are_stamped() {
    let ring = Ring::new(16, false, 4);
    for position in 0u32..32 {
        let mut claim = ring.claim(1, 0).unwrap();
        assert_eq!(ring.is_timed(claim.first), position % 4 == 0);
        if ring.is_timed(claim.first) {
            ring.set_stamp(claim.first, 100 + u64::from(position));
        }
        ring.publish(&mut claim, position);
        if position >= 10 {
            let oldest = (position - 10).next_multiple_of(4);
            assert_eq!(ring.oldest_stamp(), Some(100 + u64::from(oldest)));
            let (item, stamp) = ring.take().unwrap();
            assert_eq!(stamp, if item % 4 == 0 { 100 + u64::from(item) } else { 0 });
        }
    }
}

/// Takes out those that `goes` says.
struct Review<'r> {
    goes: &'r dyn Fn(u32) -> bool,
    went: Vec<u32>,
}

impl Beside<u32> for Review<'_> {
    fn goes(&mut self, item: &u32, _at: u64) -> Option<crate::IfId> {
        (self.goes)(*item).then_some(crate::IfId::NONE)
    }

    fn settle(&mut self, _first: crate::IfId, _at: u64) {}

    fn bury(&mut self, fate: Fate, item: u32) {
        assert_eq!(fate, Fate::Departed);
        self.went.push(item);
    }

    fn moved(&mut self, from: u64, to: u64) {
        assert_ne!(from, to);
    }
}

fn review(ring: &Ring<u32>, goes: &dyn Fn(u32) -> bool) -> Vec<u32> {
    let mut review = Review { goes, went: Vec::new() };
    assert!(
        ring.review(&mut ring.begin_review(), &mut Reviewed::AT_ONCE.clone(), &mut review),
        "all is ready"
    );
    review.went
}

/// Shortly before each position at which something wraps: the slots, the stamps, the positions themselves.
fn starts() -> impl Iterator<Item = u64> {
    (0..20).chain((0..20).map(|before| POSITION - before)).chain([
        POSITION / 2 - 3,
        POSITION / 2,
        (1 << 32) - 2,
    ])
}

#[test]
fn the_same_at_every_wrap() {
    for start in starts() {
        for (limit, drops_oldest) in [(1, false), (3, false), (4, false), (6, false), (1, true), (3, true)] {
            let ring = Ring::starting_at(start, limit, drops_oldest, 4);
            let mut next = 0;
            for round in 0..40 {
                let before = next;
                while ring.resident() + ring.reserved() < u64::from(limit) {
                    assert!(ring.rest() || ring.resident() > 0);
                    put(&ring, next);
                    next += 1;
                }
                assert_eq!(ring.claim(1, 0).err(), Some(NoRoom::Full));
                assert_eq!(ring.reserve(), Err(NoRoom::Full));
                if round % 3 == 0 {
                    let went = review(&ring, &|item| item % 3 == 1);
                    assert_eq!(went, (before..next).filter(|item| item % 3 == 1).collect::<Vec<_>>());
                    assert_eq!(ring.resident(), u64::from(limit) - went.len() as u64);
                } else if drops_oldest && round % 3 == 1 {
                    assert!(ring.evict(|_| {}));
                    assert_eq!(ring.resident(), u64::from(limit) - 1);
                }
                assert_eq!(ring.accepted(), u64::from(next));
                let mut last = None;
                while let Some((item, _)) = ring.take() {
                    assert!(last < Some(item) && item < next, "start {start}: out of order");
                    last = Some(item);
                }
                assert!(ring.rest() && ring.is_empty() && !ring.has_ready());
            }
            assert_eq!(ring.high_water(), u64::from(limit));
        }
    }
}

#[test]
fn what_goes_from_the_middle_frees_its_room_at_once() {
    for limit in [1, 5, 8, 3000] {
        let ring = Ring::new(limit, false, 2);
        let mut next = 0;
        for round in 0..30 {
            let mut waiting = Vec::new();
            while ring.resident() < u64::from(limit) {
                put(&ring, next);
                next += 1;
            }
            assert_eq!(ring.claim(1, 0).err(), Some(NoRoom::Full));
            let went = review(&ring, &|item| (item * 7 + round) % 5 < 2);
            assert_eq!(ring.resident() + went.len() as u64, u64::from(limit), "limit {limit}, round {round}");
            if round % 4 == 3 {
                while let Some((item, _)) = ring.take() {
                    waiting.push(item);
                }
                assert!(waiting.is_sorted() && ring.is_empty());
            }
        }
    }
}

#[test]
fn evicted_items_wait_in_their_slots_and_there_are_some_to_spare() {
    let ring = Ring::new(2, true, 64);
    (0..2).for_each(|item| _ = put(&ring, item));
    let mut evicted = 0;
    while ring.evict(|_| {}) {
        put(&ring, 2 + evicted);
        evicted += 1;
        assert_eq!(ring.resident(), 2, "the limit is exact");
    }
    assert!(evicted >= 255, "{evicted}");
    assert_eq!(ring.claim(1, 0).err(), Some(NoRoom::Full));
    let mut buried = Vec::new();
    while ring.pass(&mut |fate, item| buried.push((fate, item))) {}
    assert_eq!(buried.len() as u32, evicted);
    assert!(buried.iter().enumerate().all(|(at, it)| *it == (Fate::DroppedOldest, at as u32)));
    assert!(ring.evict(|_| {}), "there is room again");
}

#[test]
fn names_are_known_until_the_ring_rests() {
    let ring = Ring::new(4, false, 64);
    let mut claim = ring.claim(1, 0b101).unwrap();
    assert!(ring.may_name(0b1) && ring.may_name(0b100) && !ring.may_name(0b10));
    assert!(!ring.rest() && ring.may_name(0b1));
    ring.publish(&mut claim, 1);
    ring.take();
    assert!(ring.may_name(0b1) && ring.rest());
    assert!(!ring.may_name(!0));
    ring.reserve().unwrap();
    ring.publish(&mut ring.claim_reserved(0b10), 2);
    assert!(ring.may_name(0b10) && !ring.may_name(0b1));
}

#[test]
fn a_ring_has_no_more_slots_than_it_needs() {
    // As many as the limit; from 2,048 on some to spare; and as many again, but 255 at the least, for those dropped.
    let plain = [(1, 1), (3, 4), (4, 4), (2047, 2048), (2048, 4096), (3000, 4096)];
    let dropping = [(1, 256), (2, 512), (256, 512), (257, 1024), (2048, 4096), (3000, 8192)];
    for (limit, slots) in plain {
        assert_eq!(Ring::<u32>::new(limit, false, 64).slots(), slots, "limit {limit}");
    }
    for (limit, slots) in dropping {
        assert_eq!(Ring::<u32>::new(limit, true, 64).slots(), slots, "limit {limit}, dropping the oldest");
    }
}

#[test]
fn high_water_is_exact_where_items_have_gone() {
    let ring = Ring::new(9, true, 64);
    for (puts, evictions, high) in [(3, 2, 3), (2, 0, 3), (1, 1, 4), (2, 0, 5), (1, 0, 6)] {
        (0..puts).for_each(|item| _ = put(&ring, item));
        (0..evictions).for_each(|_| assert!(ring.evict(|_| {})));
        assert_eq!(ring.high_water(), high);
        assert!(ring.resident() <= high);
    }
    ring.reserve().unwrap();
    assert_eq!((ring.resident(), ring.high_water()), (6, 7), "a permit is an item to come");
}

#[test]
fn the_oldest_stamp_is_found_wherever_the_positions_are() {
    for start in starts().chain((0..47).map(|bit| 1 << bit)) {
        let ring = Ring::starting_at(start, 4, false, 1);
        assert_eq!(ring.oldest_stamp(), None);
        let mut claim = ring.claim(1, 0).unwrap();
        ring.set_stamp(claim.first, 7);
        ring.publish(&mut claim, 0);
        assert_eq!(ring.oldest_stamp(), Some(7), "start {start}");
    }
}

/// A producer that was overtaken by whole laps tries its exchange, which fails, and notes nothing.
#[test]
fn who_looks_for_room_with_an_old_word_is_sent_back() {
    let ring = Ring::new(4, false, 64);
    let old = ring.intake.0.claim.load(Ordering::Relaxed);
    for item in 0..6 {
        put(&ring, item);
        ring.take();
    }
    assert_eq!((ring.room(old, 1), ring.high_water()), (1, 1));
}
