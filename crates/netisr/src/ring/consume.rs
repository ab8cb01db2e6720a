//! The consumer's side of the ring: items are looked at in their slots, and moved when they are taken.
//!
//! What a departure or a flush takes from the middle leaves its slot dead: it is among the `gone`, so that its room is
//! free at once, and the consumer passes it when its turn comes. Where a queue has no slots to spare for that, the
//! items before a dead slot are moved up ([`close_up`](Ring::close_up)).
//!
//! User code is called with everything settled: a panic in `look` leaves the item where it is, unless its caller
//! [condemns](Ring::condemn) it; one in `take` or `bury` concerns an item that is off the ring and has its fate.

use core::cell::Cell;

use super::*;
use crate::IfId;

/// How far a review of the ring has come: from here to the line that it was begun with.
#[derive(Clone, Copy)]
pub(crate) struct Reviewed {
    at: u64,
    end: u64,
}

impl Reviewed {
    /// How many slots are looked at in one go, of all rings: more would keep the handlers waiting for too long.
    pub(crate) const AT_ONCE: u64 = 1 << 16;
}

/// What whoever looks at an item says of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Look {
    /// It is to be taken.
    Live,
    /// It is to be looked at once more.
    Again,
    /// It is none of those that are taken here.
    Odd,
}

/// Why no more items are taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    /// None is ready.
    Dry,
    /// There were as many as were wanted.
    Enough,
    /// Something is out of the ordinary.
    Odd,
}

/// What a review asks and tells whoever keeps things beside the ring.
pub(crate) trait Beside<T> {
    /// The first interface that an item names, if the item is to go.
    fn goes(&mut self, item: &T, at: u64) -> Option<IfId>;
    /// The item at `at` goes, for certain: to be counted.
    fn settle(&mut self, first: IfId, at: u64);
    /// An item was taken out.
    fn bury(&mut self, fate: Fate, item: T);
    /// An item was moved.
    fn moved(&mut self, from: u64, to: u64);
}

impl<T> Ring<T> {
    /// Takes items, oldest first, until none is ready or `more` says, after each, that it was the last. Each is shown to `look` in
    /// its place; if it is live it goes to `take`, and need be moved but once.
    ///
    /// Ends as odd as soon as anything else is met, or the next position is a timed one:
    /// [`consume_any`](Self::consume_any) goes on there.
    ///
    /// For the consumer only, and only where nobody else marks items, and nothing [is odd](Self::odd).
    #[inline(always)]
    pub(crate) fn consume_live(
        &self,
        more: impl Fn() -> bool,
        mut look: impl FnMut(&T) -> Look,
        mut take: impl FnMut(T),
    ) -> End {
        debug_assert!(!self.drops_oldest && !self.has_gone());
        loop {
            // Nobody else moves the head, whatever `take` calls; it is read again, so that it need not be kept meanwhile.
            let word = self.head.0.load(Ordering::Relaxed);
            if self.is_timed_at(word) {
                return End::Odd;
            }
            let slot = self.slot_at(word);
            // With nothing gone it is what `ready` says as well. It wraps by itself.
            let passed = word.wrapping_add(1 << TAIL);
            if slot.ready.load(Ordering::Acquire) != passed {
                // Else it is of another lap: nothing is here yet.
                let is_marked = slot.ready.load(Ordering::Acquire) & !FLAGS == passed;
                return if is_marked { End::Odd } else { End::Dry };
            }
            // JUSTIFICATION: as in `publish`.
            // SAFETY: `ready` (acquire) says that the item of this very position is in the slot, and it stays
            // there until the head moves, which only this call does, below. The reference ends before that.
            match slot.item.with(|place| look(unsafe { (*place).assume_init_ref() })) {
                Look::Live => {}
                Look::Again => continue,
                Look::Odd => return End::Odd,
            }
            // JUSTIFICATION: as in `publish`.
            // SAFETY: as above; the head moves past the item at once, so it is read this once.
            let item = slot.item.with_mut(|place| unsafe { (*place).assume_init_read() });
            let release = if mutant("freed-without-release") { Ordering::Relaxed } else { Ordering::Release };
            self.head.0.store(passed, release);
            take(item);
            if !more() {
                return End::Enough;
            }
        }
    }

    /// Takes items as long as `more` says so, whatever is met. Those that are not to be taken go to `bury`, as do all dead items.
    /// True if none is ready any more.
    fn consume(
        &self,
        more: impl Fn() -> bool,
        mut look: impl FnMut(&T, u64) -> bool,
        mut take: impl FnMut(T),
        bury: &mut dyn FnMut(Fate, T),
    ) -> bool {
        debug_assert!(!self.drops_oldest);
        let mut word = self.head.0.load(Ordering::Relaxed);
        while more() {
            let head = word >> TAIL;
            let slot = self.slot(head);
            // The head's own bits are uppermost: it wraps, and leaves those of the gone alone.
            let passed = word.wrapping_add(1 << TAIL);
            let ready = slot.ready.load(Ordering::Acquire);
            if ready != passed & !GONE {
                if ready & FLAGS == 0 || !self.pass_if(head, ready, bury) {
                    return true;
                }
                word = self.head.0.load(Ordering::Relaxed);
                continue;
            }
            // JUSTIFICATION: as in `publish`.
            // SAFETY: as in `consume_live`.
            if !slot.item.with(|place| look(unsafe { (*place).assume_init_ref() }, head)) {
                self.strike(head, Fate::Departed.mark());
                continue;
            }
            // JUSTIFICATION: as in `publish`.
            // SAFETY: as in `consume_live`.
            let item = slot.item.with_mut(|place| unsafe { (*place).assume_init_read() });
            self.head.0.store(passed, Ordering::Release);
            word = passed;
            take(item);
        }
        false
    }

    /// The same where producers may mark items as dropped: who takes one marks it first.
    fn consume_marked(
        &self,
        more: impl Fn() -> bool,
        mut look: impl FnMut(&T, u64) -> bool,
        mut take: impl FnMut(T),
        bury: &mut dyn FnMut(Fate, T),
    ) -> bool {
        while more() {
            let head = self.head.0.load(Ordering::Relaxed) >> TAIL;
            if !self.seize(head) {
                if !self.pass(bury) {
                    return true;
                }
                continue;
            }
            let slot = self.slot(head);
            // JUSTIFICATION: as in `publish`.
            // SAFETY: as in `consume_live`: the item is there, and only the consumer, who has it marked, takes items out.
            if !slot.item.with(|place| look(unsafe { (*place).assume_init_ref() }, head)) {
                self.strike(head, Fate::Departed.mark());
                continue;
            }
            // JUSTIFICATION: as in `publish`.
            // SAFETY: as above; the head moves past the item at once, so it is read this once.
            let item = slot.item.with_mut(|place| unsafe { (*place).assume_init_read() });
            // Added, for producers change the number of the gone meanwhile.
            self.head.0.fetch_add(1 << TAIL, Ordering::AcqRel);
            take(item);
        }
        false
    }

    /// Passes what is at the head and is no live item. False if there is no such thing.
    #[cold]
    pub(crate) fn pass(&self, bury: &mut dyn FnMut(Fate, T)) -> bool {
        let head = self.head.0.load(Ordering::Relaxed) >> TAIL;
        self.pass_if(head, self.slot(head).ready.load(Ordering::Acquire), bury)
    }

    /// The same where the slot at `head` was seen to be `ready`.
    fn pass_if(&self, head: u64, ready: u64, bury: &mut dyn FnMut(Fate, T)) -> bool {
        let slot = self.slot(head);
        if ready & !FLAGS != filled(head) || ready & (VOID | DEAD) == 0 {
            return false;
        }
        if ready & DEAD == 0 {
            self.voids_passed.fetch_add(1, Ordering::Relaxed);
            self.head.0.fetch_add(1 << TAIL, Ordering::AcqRel);
            return true;
        }
        // JUSTIFICATION: as in `publish`.
        // SAFETY: a dead item is there (acquire), and nobody but the consumer takes items out. The head moves past it
        // at once, so it is read this once.
        let item =
            (ready & VOID == 0).then(|| slot.item.with_mut(|place| unsafe { (*place).assume_init_read() }));
        // One place further, and one fewer gone.
        let before = self.head.0.fetch_add((1 << TAIL) - 1, Ordering::AcqRel);
        if before & GONE == 1 {
            self.is_not(Odd::GONE);
        }
        if let Some(item) = item {
            bury(Fate::of(ready), item);
        }
        true
    }

    /// [`consume`](Self::consume), whoever else marks items.
    pub(crate) fn consume_any(
        &self,
        more: impl Fn() -> bool,
        look: impl FnMut(&T, u64) -> bool,
        take: impl FnMut(T),
        bury: &mut dyn FnMut(Fate, T),
    ) -> bool {
        if self.drops_oldest {
            self.consume_marked(more, look, take, bury)
        } else {
            self.consume(more, look, take, bury)
        }
    }

    /// Takes every item that is ready, as flushed. Each is shown to `look` first.
    pub(crate) fn flush(&self, mut look: impl FnMut(&T, u64), bury: &mut dyn FnMut(Fate, T)) {
        loop {
            let flushed = Cell::new(None);
            let more = Cell::new(true);
            let look = |item: &T, at| {
                look(item, at);
                true
            };
            let take = |item| {
                more.set(false);
                flushed.set(Some(item));
            };
            self.consume_any(|| more.get(), look, take, bury);
            let Some(item) = flushed.take() else { return };
            bury(Fate::Flushed, item);
        }
    }

    /// Begins a review, of what was claimed [by now](Self::mark_end).
    pub(crate) fn begin_review(&self) -> Reviewed {
        Reviewed { end: self.mark_end(), at: self.head.0.load(Ordering::Relaxed) >> TAIL }
    }

    /// Looks at the live items of a review in their places, and takes those out that go. False if `left` slots have
    /// been looked at, or a producer is in the middle of something, so that what lies behind was not reached: to be
    /// called again, with the same `reviewed`.
    pub(crate) fn review(
        &self,
        reviewed: &mut Reviewed,
        left: &mut u64,
        beside: &mut impl Beside<T>,
    ) -> bool {
        let head = self.head.0.load(Ordering::Relaxed) >> TAIL;
        if reviewed.at.wrapping_sub(head) & POSITION > POSITION / 2 {
            reviewed.at = head;
        }
        if reviewed.end.wrapping_sub(head) & POSITION > POSITION / 2 {
            return true; // All of it has been taken meanwhile.
        }
        loop {
            let at = reviewed.at;
            if reviewed.end.wrapping_sub(at).wrapping_sub(1) & POSITION > POSITION / 2 {
                break;
            }
            let slot = self.slot(at);
            let ready = slot.ready.load(Ordering::Acquire);
            if *left == 0 || ready & !FLAGS != filled(at) || ready & BUSY != 0 {
                return false;
            }
            *left -= 1;
            if ready & (VOID | DEAD) == DEAD {
                // JUSTIFICATION: as in `publish`.
                // SAFETY: a dead item is there (acquire), only the consumer takes items out, and the slot is said to
                // be empty before anybody looks again.
                let item = slot.item.with_mut(|place| unsafe { (*place).assume_init_read() });
                slot.ready.store(filled(at) | VOID | DEAD, Ordering::Release);
                beside.bury(Fate::of(ready), item);
            }
            if ready & (VOID | DEAD) == 0 {
                // JUSTIFICATION: as in `publish`.
                // SAFETY: the item of this position is there (acquire), and only the consumer takes items out.
                let goes = slot.item.with(|place| beside.goes(unsafe { (*place).assume_init_ref() }, at));
                if let Some(first) = goes {
                    if !self.seize(at) {
                        continue; // It was dropped to make room, at this moment.
                    }
                    beside.settle(first, at);
                    // JUSTIFICATION: as in `publish`.
                    // SAFETY: as above; and the slot is said to be empty before anybody looks again.
                    let item = slot.item.with_mut(|place| unsafe { (*place).assume_init_read() });
                    self.strike(at, VOID | DEAD);
                    beside.bury(Fate::Departed, item);
                }
            }
            reviewed.at = (at + 1) & POSITION;
        }
        self.close_up(reviewed.end, beside);
        true
    }

    /// Marks an item, which the consumer was looking at, as of unknown names. False if it was dropped to make room.
    pub(crate) fn condemn(&self, at: u64) -> bool {
        let seized = self.seize(at);
        if seized {
            self.strike(at, Fate::Panicked.mark());
        }
        seized
    }

    /// Keeps producers from marking the live item at `at`. False if there is none.
    fn seize(&self, at: u64) -> bool {
        let ready = &self.slot(at).ready;
        let next = filled(at);
        if !self.drops_oldest {
            return ready.load(Ordering::Acquire) == next;
        }
        match ready.compare_exchange(next, next | TAKEN, Ordering::Acquire, Ordering::Acquire) {
            Ok(_) => true,
            // Left so by a look that panicked.
            Err(now) => now == next | TAKEN,
        }
    }

    /// Says that the item at `at`, which is seized, takes up no room any more.
    #[cold]
    fn strike(&self, at: u64, mark: u64) {
        let gone = if mutant("room-given-back-twice") { 2 } else { 1 };
        if !mutant("gone-unseen-by-a-drain") {
            self.is(Odd::GONE);
        }
        self.head.0.fetch_add(gone, Ordering::AcqRel);
        self.slot(at).ready.store(filled(at) | mark, Ordering::Release);
    }

    /// Whether anything before the tail takes up no room: it is dead, and may wait to be buried.
    #[inline(always)]
    pub(crate) fn has_gone(&self) -> bool {
        self.head.0.load(Ordering::Relaxed) & GONE != 0
    }

    /// The oldest position that is not free. For the consumer.
    pub(crate) fn at_head(&self) -> u64 {
        self.head.0.load(Ordering::Relaxed) >> TAIL
    }

    /// Whether the consumer would find an item, or something to pass.
    pub(crate) fn has_ready(&self) -> bool {
        let head = self.head.0.load(Ordering::Relaxed) >> TAIL;
        self.slot(head).ready.load(Ordering::Acquire) & !FLAGS == filled(head)
    }

    /// Moves live items up, in order, into dead slots before `end`, if the ring has no slots to spare for those.
    /// Everything before `end` must be ready.
    fn close_up(&self, end: u64, beside: &mut impl Beside<T>) {
        let word = self.head.0.load(Ordering::Relaxed);
        let (head, gone) = (word >> TAIL, word & GONE);
        if self.drops_oldest || gone <= self.slots.len() as u64 - self.limit {
            return;
        }
        let (mut to, mut voids, mut dead) = (end, 0, 0);
        let mut from = end;
        while from != head {
            from = from.wrapping_sub(1) & POSITION;
            let ready = self.slot(from).ready.load(Ordering::Relaxed);
            debug_assert!(ready & (VOID | DEAD) != DEAD, "a dead item was left by the review");
            if ready & (VOID | DEAD) != 0 {
                dead += u64::from(ready & DEAD != 0);
                voids += u64::from(ready & DEAD == 0);
                continue;
            }
            to = to.wrapping_sub(1) & POSITION;
            if to != from {
                self.move_up(from, to);
                beside.moved(from, to);
            }
        }
        if mutant("closing-up-reorders") && to != head && end.wrapping_sub(to) & POSITION > 1 {
            self.move_up((to + 1) & POSITION, to.wrapping_sub(1) & POSITION);
            (to, dead) = (to.wrapping_sub(1) & POSITION, dead - 1);
        }
        self.voids_passed.fetch_add(voids, Ordering::Relaxed);
        self.head.0.store(to << TAIL | (gone - dead), Ordering::Release);
        if gone == dead {
            self.is_not(Odd::GONE);
        }
    }

    fn move_up(&self, from: u64, to: u64) {
        // JUSTIFICATION: as in `publish`.
        // SAFETY: the item at `from` is there, for the consumer saw it ready, and nobody else takes or marks items.
        let item = self.slot(from).item.with_mut(|place| unsafe { (*place).assume_init_read() });
        // JUSTIFICATION: as in `publish`.
        // SAFETY: the slot at `to` is empty: it was dead and void, or its item was moved up before.
        self.slot(to).item.with_mut(|place| unsafe { (*place).write(item) });
        if self.is_timed(to) {
            let stamp = if self.is_timed(from) { self.stamp(from) } else { 0 };
            self.stamp_of(to).store(stamp, Ordering::Relaxed);
        }
        self.slot(from).ready.store(filled(from) | VOID | DEAD, Ordering::Release);
        self.slot(to).ready.store(filled(to), Ordering::Release);
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        if !mutant("ring-leaks") {
            self.flush(|_, _| {}, &mut |_, item| drop(item));
        }
    }
}
