//! The ring: bounded, many producers, one consumer, one item per slot.
//!
//! After Dmitry Vyukov's bounded queue (<https://www.1024cores.net/home/lock-free-algorithms/queues>), with
//! these differences: the limit is exact and need not be a power of two; room can be reserved beforehand;
//! intake can be closed in the same word that gives out positions; the consumer writes no sequence numbers.
//!
//! `claim` is `[tail: 47 | closed: 1 | idle: 1 | reserved: 15]`. Whoever wants room changes this one word, so
//! "is there room" and "take it" are one step. The tail is uppermost so that it wraps without touching the rest.
//! A slot's `ready` is its position + 1 once the item is in it; the position's 47 bits tell laps apart.
//!
//! Every change of `claim` is an acquire and a release, and three things lean on that:
//!
//! - Whoever claims a position knows the head that the claims and reservations before it knew, and so that the
//!   slot is free. Producers keep the head that they last saw beside `claim` and look at the true one, which the
//!   consumer writes all the time, only when there seems to be no room.
//! - *Idle*: the consumer sets the bit, and only while nothing is claimed, when it will look here no more; the
//!   claim that finds it set clears it, and its producer must call the consumer. No fence is needed: the claim
//!   comes before the bit, and the consumer sees it, or after, and the producer sees the bit.
//! - *Departure*: a sweep changes the word too ([`mark_end`](Ring::mark_end)). A claim comes before that, and the
//!   sweep waits until it is filled; or after, and then its producer, who looks at the gates once more *after* it
//!   claimed, sees the mark and leaves a void. So a claim does what a pin would do.
//!
//! A producer that stalls between claiming and publishing delays what comes after it and tears nothing. A void
//! takes up its room until the consumer has passed it, as would a packet that departs in that moment.
//!
//! # Locks
//!
//! None; no operation waits. # Teardown: dropping the ring drops what is in it, once.

use alloc::boxed::Box;
use core::mem::MaybeUninit;

use crate::pad::CachePadded;
use crate::sync::UnsafeCell;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;
use crate::sync::spin_loop;

const RESERVED: u64 = IDLE - 1;
const IDLE: u64 = 1 << 15;
const CLOSED: u64 = 1 << 16;
const TAIL: u32 = 17;
/// In the word of the head.
const ASIDE: u64 = (1 << 15) - 1;
pub(crate) const POSITION: u64 = (1 << 47) - 1;
/// In `ready`, while somebody takes the item out (drop-oldest only).
const TAKEN: u64 = 1 << 63;
/// In `ready`, when the producer left the slot empty.
const VOID: u64 = 1 << 62;

/// The largest limit: what the reserved bits can count.
pub(crate) const MOST: u32 = RESERVED as u32;

/// Why there is no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoRoom {
    Full,
    Closed,
}

/// Positions that were claimed and must be filled: `count` of them from `first`.
#[must_use]
pub(crate) struct Claim {
    pub(crate) first: u64,
    pub(crate) count: u32,
    /// The consumer looks elsewhere: call it when the positions are filled.
    pub(crate) idle: bool,
}

pub(crate) struct Ring<T> {
    intake: CachePadded<Intake>,
    /// `[head: 47 | unused: 2 | aside: 15]`: the oldest position that is not free, and how many items were taken off
    /// the ring but still count against the limit. One word, so that an item which is put aside counts once at every
    /// moment. Moved by the consumer; with `shared_head` by producers too.
    head: CachePadded<AtomicU64>,
    /// Positions that were claimed and left empty.
    voids: AtomicU64,
    /// As many of them as the head has passed.
    voids_passed: AtomicU64,
    slots: Box<[Slot<T>]>,
    /// When the timed items came, as their producers said: of every position that is a multiple of `time_mask` + 1.
    /// Atomic, for the control side looks at them from outside.
    stamps: Box<[AtomicU64]>,
    time_mask: u64,
    time_shift: u32,
    limit: u64,
    shared_head: bool,
}

/// What producers write: on one cache line, which no consumer touches while packets flow.
struct Intake {
    claim: AtomicU64,
    /// Tails up to here leave the level within `high_water`, as far as was seen when this was written; by now there
    /// may be more room, not less.
    free_until: AtomicU64,
    /// The most items and permits that there ever were at once.
    high_water: AtomicU64,
}

/// The item first: where slots are a multiple of 16 bytes, vector copies of it then never straddle two cache lines.
#[repr(C)]
struct Slot<T> {
    item: UnsafeCell<MaybeUninit<T>>,
    ready: AtomicU64,
}

// SAFETY: an item is written by the producer that claimed its position and read by whoever takes that
// position, once, after `ready` was published with release and read with acquire: a move between threads.
unsafe impl<T: Send> Sync for Ring<T> {}
// SAFETY: the ring owns its items.
unsafe impl<T: Send> Send for Ring<T> {}

impl<T> Ring<T> {
    /// A ring that holds at most `limit` items (1 to [`MOST`]) and times one in `time_every`, a power of two.
    /// With `shared_head`, producers may take the oldest item out.
    pub(crate) fn new(limit: u32, shared_head: bool, time_every: u64) -> Ring<T> {
        debug_assert!(time_every.is_power_of_two());
        let size = (limit as usize).next_power_of_two();
        let slot = || Slot { ready: AtomicU64::new(0), item: UnsafeCell::new(MaybeUninit::uninit()) };
        let timed = size.checked_div(time_every as usize).unwrap_or(0).max(1);
        Ring {
            intake: CachePadded(Intake {
                // Nobody looks here yet.
                claim: AtomicU64::new(IDLE),
                free_until: AtomicU64::new(0),
                high_water: AtomicU64::new(0),
            }),
            head: CachePadded(AtomicU64::new(0)),
            voids: AtomicU64::new(0),
            voids_passed: AtomicU64::new(0),
            slots: (0..size).map(|_| slot()).collect(),
            stamps: (0..timed).map(|_| AtomicU64::new(0)).collect(),
            time_mask: time_every - 1,
            time_shift: time_every.trailing_zeros(),
            limit: u64::from(limit),
            shared_head,
        }
    }

    /// Claims up to `want` positions, at least one.
    #[inline(always)] // Returned through memory, the claim would be read in other pieces than it was written in.
    pub(crate) fn claim(&self, want: u32) -> Result<Claim, NoRoom> {
        let claim = &self.intake.0.claim;
        let mut word = claim.load(Ordering::Relaxed);
        let mut failures = 0;
        loop {
            if word & CLOSED != 0 {
                return Err(NoRoom::Closed);
            }
            let mut count = u64::from(want);
            if !self.is_surely_free(word, count) {
                count = self.room(word, count);
                if count == 0 {
                    let now = claim.load(Ordering::Relaxed);
                    if now == word {
                        return Err(NoRoom::Full);
                    }
                    word = now;
                    continue;
                }
            }
            let next = word.wrapping_add(count << TAIL) & !IDLE;
            match claim.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    return Ok(Claim { first: word >> TAIL, count: count as u32, idle: word & IDLE != 0 });
                }
                Err(_) => {
                    backoff(&mut failures);
                    word = claim.load(Ordering::Relaxed);
                }
            }
        }
    }

    /// Sets room for one item aside until [`claim_reserved`](Self::claim_reserved) or
    /// [`unreserve`](Self::unreserve).
    pub(crate) fn reserve(&self) -> Result<(), NoRoom> {
        let claim = &self.intake.0.claim;
        let mut word = claim.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(NoRoom::Closed);
            }
            if self.room(word, 1) == 0 {
                let now = claim.load(Ordering::Relaxed);
                if now == word {
                    return Err(NoRoom::Full);
                }
                word = now;
                continue;
            }
            match claim.compare_exchange_weak(word, word + 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }

    /// Turns room that was reserved into a position. Cannot fail, not even on a closed ring.
    pub(crate) fn claim_reserved(&self) -> Claim {
        // The idle bit stays: one call too many does no harm.
        let word = self.intake.0.claim.fetch_add((1 << TAIL) - 1, Ordering::AcqRel);
        Claim { first: word >> TAIL, count: 1, idle: word & IDLE != 0 }
    }

    /// Gives reserved room back.
    pub(crate) fn unreserve(&self) {
        self.intake.0.claim.fetch_sub(1, Ordering::Release);
    }

    /// Whether the item at a position is one that is timed.
    #[inline(always)]
    pub(crate) fn is_timed(&self, position: u64) -> bool {
        position & self.time_mask == 0
    }

    /// The stamp of the item at a timed position.
    pub(crate) fn stamp(&self, position: u64) -> u64 {
        self.stamp_of(position).load(Ordering::Relaxed)
    }

    /// Stamps the next claimed position, a timed one, before it is filled. 0 is not a time.
    pub(crate) fn set_stamp(&self, claim: &Claim, stamp: u64) {
        self.stamp_of(claim.first).store(stamp, Ordering::Relaxed);
    }

    /// Fills the next claimed position.
    #[inline(always)]
    pub(crate) fn publish(&self, claim: &mut Claim, item: T) {
        debug_assert!(claim.count > 0);
        let release = if mutant("published-without-release") { Ordering::Relaxed } else { Ordering::Release };
        let slot = self.slot(claim.first);
        // JUSTIFICATION: a slot that is sometimes empty and moves between threads without a lock.
        // SAFETY: `claim` gave this position to this caller alone, and it was given out only when the item
        // of the lap before had been taken: `head` had passed it (release; acquire in `room`).
        slot.item.with_mut(|place| unsafe { (*place).write(item) });
        let next = (claim.first + 1) & POSITION;
        slot.ready.store(next, release);
        claim.first = next;
        claim.count -= 1;
    }

    /// Fills claimed positions with `items`. `stamp` is called for
    /// those that are timed, before they are filled.
    #[inline(always)]
    pub(crate) fn publish_all(
        &self,
        claim: &mut Claim,
        mut items: impl Iterator<Item = T>,
        mut stamp: impl FnMut(&Claim),
    ) {
        let slots = &*self.slots;
        if slots.is_empty() {
            return; // Never: it spares the loop a check of its index.
        }
        let (slot_mask, time_mask) = (slots.len() - 1, self.time_mask);
        while claim.count > 0 {
            // First, so that the item goes straight into its slot.
            if claim.first & time_mask == 0 {
                stamp(claim);
            }
            let Some(item) = items.next() else { break };
            let slot = &slots[claim.first as usize & slot_mask];
            // JUSTIFICATION: as in `publish`.
            // SAFETY: as in `publish`.
            slot.item.with_mut(|place| unsafe { (*place).write(item) });
            let next = (claim.first + 1) & POSITION;
            slot.ready.store(next, Ordering::Release);
            claim.first = next;
            claim.count -= 1;
        }
    }

    /// Leaves the next claimed position empty.
    #[cold]
    pub(crate) fn publish_void(&self, claim: &mut Claim) {
        debug_assert!(claim.count > 0);
        let next = (claim.first + 1) & POSITION;
        self.voids.fetch_add(u64::from(!mutant("void-counts-as-packet")), Ordering::Relaxed);
        self.slot(claim.first).ready.store(next | VOID, Ordering::Release);
        claim.first = next;
        claim.count -= 1;
    }

    /// Takes the oldest item and its stamp. For the consumer only.
    #[inline]
    pub(crate) fn take(&self) -> Option<(T, u64)> {
        self.take_counting(0)
    }

    /// Takes the oldest item but keeps it counted against the limit. For the consumer only.
    pub(crate) fn take_aside(&self) -> Option<(T, u64)> {
        self.take_counting(1)
    }

    #[inline]
    fn take_counting(&self, aside: u64) -> Option<(T, u64)> {
        if self.shared_head {
            return self.take_from_shared(aside);
        }
        let mut taken = None;
        self.consume_counting(
            &AtomicU64::new(1),
            aside,
            |_, at| if self.is_timed(at) { self.stamp(at) } else { 0 },
            |stamp, item| {
                taken = Some((item, stamp));
                true
            },
        );
        taken
    }

    /// Takes items, oldest first, until `take` has said `quota` times that one counts, or none is ready; gives how
    /// many counted. Each is shown to `look` in its place, with its position, before it is taken and handed to `take`
    /// with what `look` said: so it need be moved but once. For the consumer only, and only where nobody else takes
    /// items ([`takes_in_place`](Self::takes_in_place)).
    #[inline(always)]
    pub(crate) fn consume<O>(
        &self,
        quota: &AtomicU64,
        look: impl FnMut(&T, u64) -> O,
        take: impl FnMut(O, T) -> bool,
    ) -> usize {
        self.consume_counting(quota, 0, look, take)
    }

    /// The same; each item counts as `aside` items that are aside.
    #[inline(always)]
    fn consume_counting<O>(
        &self,
        quota: &AtomicU64,
        aside: u64,
        mut look: impl FnMut(&T, u64) -> O,
        mut take: impl FnMut(O, T) -> bool,
    ) -> usize {
        debug_assert!(self.takes_in_place());
        // Nobody else moves the head, and the slots stay where they are, whatever `take` calls.
        let slots = &*self.slots;
        if slots.is_empty() {
            return 0; // Never: it spares the loop a check of its index.
        }
        let slot_mask = slots.len() - 1;
        let word = self.head.0.load(Ordering::Relaxed);
        let (mut head, mut all_aside) = (word >> TAIL, word & ASIDE);
        let mut counted = 0;
        while (counted as u64) < quota.load(Ordering::Relaxed) {
            let slot = &slots[head as usize & slot_mask];
            let next = (head + 1) & POSITION;
            let ready = slot.ready.load(Ordering::Acquire);
            if ready != next {
                if ready != next | VOID {
                    break;
                }
                self.pass_void();
                head = next;
                continue;
            }
            // JUSTIFICATION: as in `publish`.
            // SAFETY: `ready` (acquire) says that the item of this very position is in the slot, and it stays
            // there until the head moves, which only this call does, below. The reference ends before that.
            let seen = slot.item.with(|place| look(unsafe { (*place).assume_init_ref() }, head));
            // JUSTIFICATION: as in `publish`.
            // SAFETY: as above; the head moves past the item at once, so it is read this once.
            let item = slot.item.with_mut(|place| unsafe { (*place).assume_init_read() });
            all_aside += aside;
            let release = if mutant("freed-without-release") { Ordering::Relaxed } else { Ordering::Release };
            self.head.0.store(next << TAIL | all_aside, release);
            head = next;
            counted += usize::from(take(seen, item));
        }
        counted
    }

    /// Whether only the consumer takes items.
    #[inline]
    pub(crate) fn takes_in_place(&self) -> bool {
        !self.shared_head
    }

    /// Takes the oldest item, for anybody. `None` also while somebody else is taking it.
    pub(crate) fn take_shared(&self) -> Option<(T, u64)> {
        self.take_from_shared(0)
    }

    fn take_from_shared(&self, aside: u64) -> Option<(T, u64)> {
        debug_assert!(self.shared_head);
        loop {
            let head = self.head.0.load(Ordering::Acquire) >> TAIL;
            let slot = self.slot(head);
            let next = (head + 1) & POSITION;
            let ready = slot.ready.load(Ordering::Relaxed);
            if ready & !VOID != next {
                return None;
            }
            // The mark decides who takes it; the head moves when it is out, so the slot is free by then.
            slot.ready.compare_exchange(ready, ready | TAKEN, Ordering::Acquire, Ordering::Relaxed).ok()?;
            if ready == next {
                // JUSTIFICATION: as in `publish`.
                // SAFETY: `ready` (acquire) says that the item of this very position is in the slot. The head
                // stands here until it is moved below, and only one taker gets so far: who set `TAKEN`.
                let item = slot.item.with_mut(|place| unsafe { (*place).assume_init_read() });
                let stamp = if self.is_timed(head) { self.stamp(head) } else { 0 };
                // Added, for the consumer may change the number aside meanwhile.
                self.head.0.fetch_add((1 << TAIL) + aside, Ordering::AcqRel);
                return Some((item, stamp));
            }
            self.pass_void();
        }
    }

    /// One item fewer is aside. For the consumer only.
    pub(crate) fn drop_aside(&self) {
        self.head.0.fetch_sub(1, Ordering::AcqRel);
    }

    /// Refuses every further claim and reservation. Reserved room stays good.
    pub(crate) fn close(&self) {
        self.intake.0.claim.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Lets the consumer look elsewhere, until a claim's `idle` calls it back. False if something is claimed
    /// that was not taken. For the consumer only, which then must not count on being called for it.
    pub(crate) fn rest(&self) -> bool {
        let claim = &self.intake.0.claim;
        if mutant("wake-up-lost") {
            claim.fetch_or(IDLE, Ordering::AcqRel);
            return true;
        }
        let mut word = claim.load(Ordering::Relaxed);
        while word >> TAIL == self.head.0.load(Ordering::Acquire) >> TAIL {
            match claim.compare_exchange_weak(word, word | IDLE, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return true,
                Err(now) => word = now,
            }
        }
        false
    }

    /// Draws a line: the tail at this moment, in the order of all claims. Whoever claims later sees what the
    /// caller saw before.
    pub(crate) fn mark_end(&self) -> u64 {
        if mutant("line-drawn-by-a-look") {
            return self.intake.0.claim.load(Ordering::Acquire) >> TAIL;
        }
        self.intake.0.claim.fetch_or(0, Ordering::AcqRel) >> TAIL
    }

    /// Whether everything before `end` was taken.
    pub(crate) fn has_passed(&self, end: u64) -> bool {
        let head = self.head.0.load(Ordering::Acquire) >> TAIL;
        head.wrapping_sub(end) & POSITION <= POSITION / 2
    }

    /// Whether nothing is claimed, and nothing is on the ring or aside.
    pub(crate) fn is_empty(&self) -> bool {
        self.occupied() == 0
    }

    /// Items on the ring and aside, those still being written included. Exact when nothing is under way.
    pub(crate) fn resident(&self) -> u64 {
        // Occupied first: what is left empty later is not among it.
        let occupied = self.occupied();
        let passed = self.voids_passed.load(Ordering::Relaxed);
        occupied.saturating_sub(self.voids.load(Ordering::Relaxed).wrapping_sub(passed))
    }

    /// Positions that are not free, and items aside.
    fn occupied(&self) -> u64 {
        // Head before claim: the head only follows the tail, so the difference cannot be negative.
        let head = self.head.0.load(Ordering::Acquire);
        let tail = self.intake.0.claim.load(Ordering::Acquire) >> TAIL;
        (tail.wrapping_sub(head >> TAIL) & POSITION) + (head & ASIDE)
    }

    /// How many items are aside.
    #[inline]
    pub(crate) fn aside(&self) -> u64 {
        self.head.0.load(Ordering::Relaxed) & ASIDE
    }

    /// How many items were ever accepted, modulo 2^47.
    pub(crate) fn accepted(&self) -> u64 {
        let voids = self.voids.load(Ordering::Acquire);
        (self.intake.0.claim.load(Ordering::Acquire) >> TAIL).wrapping_sub(voids) & POSITION
    }

    /// Reservations that are still held.
    pub(crate) fn reserved(&self) -> u64 {
        self.intake.0.claim.load(Ordering::Acquire) & RESERVED
    }

    /// The most items and permits that there ever were at once.
    pub(crate) fn high_water(&self) -> u64 {
        self.intake.0.high_water.load(Ordering::Relaxed)
    }

    /// The oldest stamp on the ring. A look from outside: it may be out of date at once.
    pub(crate) fn oldest_stamp(&self) -> Option<u64> {
        let head = self.head.0.load(Ordering::Acquire) >> TAIL;
        let tail = self.intake.0.claim.load(Ordering::Acquire) >> TAIL;
        let to_timed = head.wrapping_neg() & self.time_mask;
        let waiting = (tail.wrapping_sub(head) & POSITION).min(self.slots.len() as u64);
        let timed = (to_timed..waiting).step_by(self.time_mask as usize + 1);
        timed.map(|ahead| (head + ahead) & POSITION).find_map(|position| {
            let ready = self.slot(position).ready.load(Ordering::Acquire);
            (ready == (position + 1) & POSITION).then(|| self.stamp(position))
        })
    }

    /// Whether [`take`](Self::take) would find an item, or a void to pass.
    pub(crate) fn has_ready(&self) -> bool {
        let head = self.head.0.load(Ordering::Relaxed) >> TAIL;
        self.slot(head).ready.load(Ordering::Acquire) & !VOID == (head + 1) & POSITION
    }

    /// Whether there is room for `want` at the moment at which `word` is the claim word, without a look at the head.
    ///
    /// The level, `tail - head + aside`, rises by claims only: what goes aside leaves the ring, and takings lower it.
    /// So what was free still is, but for what was claimed and reserved since, which `word` tells.
    #[inline(always)]
    fn is_surely_free(&self, word: u64, want: u64) -> bool {
        let free_until = self.intake.0.free_until.load(Ordering::Acquire);
        let taken = (word >> TAIL) + (word & RESERVED) + want;
        free_until.wrapping_sub(taken) & POSITION <= POSITION / 2
    }

    /// How many of `want` there is room for at the moment at which `word` is the claim word. Notes the level, and
    /// what is surely free.
    #[inline]
    fn room(&self, word: u64, want: u64) -> u64 {
        let intake = &self.intake.0;
        let tail = word >> TAIL;
        let head = self.head.0.load(Ordering::Acquire);
        let (head, aside) = (head >> TAIL, if mutant("aside-not-counted") { 0 } else { head & ASIDE });
        let used = tail.wrapping_sub(head) & POSITION;
        if used > POSITION / 2 {
            return 1; // `word` is stale: the head has passed its tail. The exchange fails and tells.
        }
        let permits = if mutant("permit-not-honoured") { 0 } else { word & RESERVED };
        let limit = if mutant("limit-off-by-one") { self.limit + 1 } else { self.limit };
        let count = limit.saturating_sub(used + aside + permits).min(want);
        // A permit is counted as the item that it will be: those that use it do not look here.
        let level = used + aside + permits + count;
        let mut high_water = intake.high_water.load(Ordering::Relaxed);
        if level > high_water {
            high_water = level.min(self.limit);
            intake.high_water.fetch_max(high_water, Ordering::Relaxed);
        }
        intake.free_until.store(head.wrapping_add(high_water).wrapping_sub(aside), Ordering::Release);
        count
    }

    /// Moves the head past a void. Like taking an item out, and nothing is in it.
    #[cold]
    fn pass_void(&self) {
        self.voids_passed.fetch_add(1, Ordering::Relaxed);
        self.head.0.fetch_add(1 << TAIL, Ordering::AcqRel);
    }

    #[inline(always)]
    fn slot(&self, position: u64) -> &Slot<T> {
        // A power of two divides 2^47, so the slot follows the position across its wrap.
        &self.slots[position as usize & (self.slots.len() - 1)]
    }

    /// The stamp of a timed position. Its place comes round again no sooner than the position's slot.
    #[inline]
    fn stamp_of(&self, position: u64) -> &AtomicU64 {
        &self.stamps[(position >> self.time_shift) as usize & (self.stamps.len() - 1)]
    }
}

/// Lets another producer, who was faster, get on: while two cores pull at one cache line neither does.
#[cold]
fn backoff(failures: &mut u32) {
    *failures = (*failures + 2).min(6);
    for _ in 0..*failures * *failures {
        spin_loop();
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        while !mutant("ring-leaks") && self.take().is_some() {}
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests;
