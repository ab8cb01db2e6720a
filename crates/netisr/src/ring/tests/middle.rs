//! What is looked at, taken out or dropped while others are in the middle of something.

use core::cell::Cell;
use std::vec;
use std::vec::Vec;

use super::super::*;
use super::Review;
use super::put;

/// What `goes` says is taken out; at that very moment, a producer wants to make room.
struct Evicting<'r>(&'r Ring<u32>, Vec<u32>);

impl Beside<u32> for Evicting<'_> {
    fn goes(&mut self, item: &u32, _at: u64) -> Option<crate::IfId> {
        (*item == 1).then_some(crate::IfId::NONE)
    }

    fn settle(&mut self, _first: crate::IfId, _at: u64) {
        assert!(!self.0.evict(|_| {}), "the consumer is at it");
    }

    fn bury(&mut self, fate: Fate, item: u32) {
        assert_eq!(fate, Fate::Departed);
        self.1.push(item);
    }

    fn moved(&mut self, from: u64, to: u64) {
        panic!("{from} was moved to {to}, where a producer may be looking");
    }
}

fn at_once() -> u64 {
    Reviewed::AT_ONCE
}

#[test]
fn a_place_that_is_not_filled_is_waited_for() {
    for drops_oldest in [false, true] {
        let ring = Ring::new(4, drops_oldest, 64);
        let mut claim = ring.claim(1, 0).unwrap();
        let first = claim.first;
        put(&ring, 2);
        let mut reviewed = ring.begin_review();
        let mut review = Review { goes: &|item| item == 2, went: Vec::new() };
        assert!(!ring.review(&mut reviewed, &mut at_once(), &mut review));
        assert!(!drops_oldest || !ring.evict(|_| {}), "the oldest is not there yet, and no other is dropped");
        assert_eq!((review.went.len(), ring.resident()), (0, 2));
        ring.publish(&mut claim, 1);
        assert!(ring.review(&mut reviewed, &mut at_once(), &mut review));
        assert_eq!((review.went, ring.resident()), (vec![2], 1));
        assert!(!drops_oldest || ring.evict(|at| assert_eq!(at, first)));
    }
}

#[test]
fn what_one_has_in_its_hands_no_other_takes_or_drops() {
    let ring = Ring::new(4, true, 64);
    (1..4).for_each(|item| _ = put(&ring, item));
    let look = |_: &u32, _| !ring.evict(|_| {});
    let mut evicting = Evicting(&ring, Vec::new());
    assert!(ring.review(&mut ring.begin_review(), &mut at_once(), &mut evicting));
    assert_eq!(evicting.1, [1]);
    let taken = Cell::new(None);
    let more = || {
        let first = taken.take();
        taken.set(first);
        first.is_none()
    };
    ring.consume_any(more, look, |item| taken.set(Some(item)), &mut |_, _| {});
    assert_eq!((taken.take(), ring.resident()), (Some(2), 1));
    // And what a producer has in its hands is nobody else's, until its slot says that it is gone.
    let settle = |_| {
        assert!(!ring.evict(|_| {}));
        assert!(ring.take().is_none());
    };
    assert!(ring.evict(settle) && !ring.evict(|_| {}));
    assert_eq!((ring.resident(), ring.has_ready()), (0, true));
}

/// What handlers took while a review was under way is not looked at again, whatever waits by then.
#[test]
fn a_review_that_was_overtaken_is_over() {
    let ring = Ring::new(4, false, 64);
    (0..2).for_each(|item| _ = put(&ring, item));
    let mut reviewed = ring.begin_review();
    (2..4).for_each(|item| _ = put(&ring, item));
    (0..3).for_each(|_| assert!(ring.take().is_some()));
    // The oldest that waits, behind the line, has gone, and the head has not passed it yet.
    assert!(ring.condemn(ring.head.0.load(Ordering::Relaxed) >> TAIL));
    let mut review = Review { goes: &|_| panic!("it was looked at"), went: Vec::new() };
    assert!(ring.review(&mut reviewed, &mut at_once(), &mut review));
    put(&ring, 4);
    assert_eq!((ring.resident(), ring.take().map(|taken| taken.0)), (1, Some(4)));
}

#[test]
fn voids_are_passed_where_items_are_moved_up() {
    let ring = Ring::new(4, false, 64);
    let mut claim = ring.claim(4, 0).unwrap();
    ring.publish(&mut claim, 1);
    ring.publish_void(&mut claim);
    ring.publish(&mut claim, 2);
    ring.publish(&mut claim, 3);
    let mut review = Review { goes: &|item| item == 2, went: Vec::new() };
    assert!(ring.review(&mut ring.begin_review(), &mut at_once(), &mut review));
    assert_eq!((ring.resident(), ring.accepted()), (2, 3));
    put(&ring, 4);
    put(&ring, 5);
    assert_eq!(ring.claim(1, 0).err(), Some(NoRoom::Full), "the void's room, and that of the one that went");
    let taken: Vec<_> = core::iter::from_fn(|| ring.take()).map(|taken| taken.0).collect();
    assert_eq!((taken, ring.resident()), (vec![1, 3, 4, 5], 0));
}

/// Producers look at the items of such a ring: its dead slots stay until the head has passed them, however many.
#[test]
fn nothing_is_moved_where_producers_drop_the_oldest() {
    let ring = Ring::new(2, true, 64);
    put(&ring, 0);
    let mut went = 0;
    while let Ok(mut claim) = ring.claim(1, 0) {
        ring.publish(&mut claim, 1);
        let mut evicting = Moveless(went);
        assert!(ring.review(&mut ring.begin_review(), &mut at_once(), &mut evicting));
        went = evicting.0;
    }
    assert_eq!((ring.resident(), went), (1, ring.slots() - 1), "all but the one that stays");
    assert_eq!(ring.take().map(|taken| taken.0), Some(0));
    while ring.pass(&mut |_, _| {}) {}
    assert!(ring.is_empty());
}

struct Moveless(usize);

impl Beside<u32> for Moveless {
    fn goes(&mut self, item: &u32, _at: u64) -> Option<crate::IfId> {
        (*item == 1).then_some(crate::IfId::NONE)
    }

    fn settle(&mut self, _first: crate::IfId, _at: u64) {}

    fn bury(&mut self, _fate: Fate, _item: u32) {
        self.0 += 1;
    }

    fn moved(&mut self, from: u64, to: u64) {
        panic!("{from} was moved to {to}, where a producer may be looking");
    }
}

#[test]
fn each_of_the_64_names_is_known() {
    let ring = Ring::new(64, false, 64);
    for bit in 0..64 {
        assert!(!ring.may_name(1 << bit));
        ring.publish(&mut ring.claim(1, 1 << bit).unwrap(), bit);
        assert!(ring.may_name(1 << bit));
    }
}
