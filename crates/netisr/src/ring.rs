//! The ring: bounded, many producers, one consumer, one item per slot.
//!
//! After Dmitry Vyukov's bounded queue (<https://www.1024cores.net/home/lock-free-algorithms/queues>), with
//! these differences: the limit is exact and need not be a power of two; room can be reserved beforehand;
//! intake can be closed in the same word that gives out positions; the consumer writes no sequence numbers.
//!
//! `claim` is `[tail: 47 | closed: 1 | idle: 1 | reserved: 15]`. Whoever wants room changes this one word, so
//! "is there room" and "take it" are one step. The tail is uppermost so that it wraps without touching the rest.
//! A slot's `ready` is `[position + 1: 47 | flags: 17]` once the item is in it: laid out as the words of tail and head are, so
//! that a position is told from that of another lap by one comparison.
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
//! takes up its room until the consumer has passed it. What departs, is flushed or is dropped to make room while it waits
//! has its slot marked *dead*, and its room is free at once: the word of the head counts how many of those there are.
//! The consumer's side is in `consume`, how much room there is in `room`, making some in `evict`, and what is known of
//! the interfaces that items name in `named`.
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

pub(crate) use consume::Beside;
pub(crate) use consume::End;
pub(crate) use consume::Look;
pub(crate) use consume::Reviewed;
pub(crate) use named::Named;
pub(crate) use odd::Odd;

const RESERVED: u64 = IDLE - 1;
const IDLE: u64 = 1 << 15;
const CLOSED: u64 = 1 << 16;
const TAIL: u32 = 17;
/// In the word of the head.
const GONE: u64 = (1 << 17) - 1;
pub(crate) const POSITION: u64 = (1 << 47) - 1;
/// The position that a ring begins with. Where assertions are checked, they wrap after 64 packets, and where schedules
/// are, after the first: so everything that is tested is tested across the wrap.
const FIRST: u64 = match (cfg!(debug_assertions), cfg!(any(siding_loom, siding_shuttle, siding_mutants))) {
    (_, true) => POSITION,
    (true, false) => POSITION - 63,
    (false, false) => 0,
};
/// In `ready`, while the consumer takes the item out (drop-oldest only).
const TAKEN: u64 = 1 << 16;
/// In `ready`, when there is no item in the slot.
const VOID: u64 = 1 << 15;
/// In `ready`, when the slot is among the `GONE`: it takes up no room. With the [`Fate`] of its item, if there is one.
const DEAD: u64 = 1 << 14;
/// In `ready`, while a producer marks the item as dropped to make room.
const BUSY: u64 = 1 << 13;
const FATE: u32 = 11;
const FLAGS: u64 = (TAKEN << 1) - (1 << FATE);
/// In `ready`, before the slot's first use: no position's.
const UNUSED: u64 = 1;

/// What `ready` says when the item of this position is in the slot.
#[inline(always)]
const fn filled(position: u64) -> u64 {
    position.wrapping_add(1) << TAIL
}

/// From this limit on a queue is long: its slots are no longer in a cache that is quick.
const LONG: u32 = 2048;

/// The largest limit: what the reserved bits can count.
pub(crate) const MOST: u32 = RESERVED as u32;

/// Why a packet that was accepted is not handled.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// An interface that it names has departed.
    Departed,
    /// Its type was unregistered, or stopped.
    Flushed,
    /// It made room for a newer one.
    DroppedOldest,
    /// [`Packet::interfaces`](crate::Packet::interfaces) or [`Metadata::interfaces`](crate::Metadata::interfaces)
    /// panicked on the worker, so that nobody knows what it names. Counts as departed.
    Panicked,
}

impl Fate {
    const ALL: [Fate; 4] = [Fate::Departed, Fate::Flushed, Fate::DroppedOldest, Fate::Panicked];

    /// As `ready` has it.
    fn mark(self) -> u64 {
        DEAD | (self as u64) << FATE
    }

    fn of(ready: u64) -> Fate {
        Fate::ALL[(ready >> FATE) as usize & 3]
    }
}

/// Why there is no room.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NoRoom {
    Full,
    Closed,
}

/// Positions that were claimed and must be filled: from `first`, the next one, up to `end`.
#[must_use]
pub(crate) struct Claim {
    pub(crate) first: u64,
    end: u64,
    /// The consumer looks elsewhere: call it when the positions are filled.
    pub(crate) idle: bool,
}

/// Fills a claim, and notes how far that has come when it is dropped, were it by a panic.
struct Filling<'c> {
    claim: &'c mut Claim,
    /// The next position, where a word has it.
    word: u64,
}

impl Drop for Filling<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.claim.first = self.word >> TAIL;
    }
}

/// The claim word, as it was.
pub(crate) struct Seen(u64);

/// A position that must be filled, as the mark of its item.
#[must_use]
pub(crate) struct Alone(u64);

impl Claim {
    #[inline(always)]
    fn new(word: u64, count: u64) -> Claim {
        let first = word >> TAIL;
        Claim { first, end: (first + count) & POSITION, idle: word & IDLE != 0 }
    }

    /// How many positions are still to be filled.
    #[inline(always)]
    pub(crate) fn count(&self) -> usize {
        (self.end.wrapping_sub(self.first) & POSITION) as usize
    }

    /// The position of a claim of one.
    #[inline(always)]
    pub(crate) fn alone(self) -> Alone {
        debug_assert_eq!(self.count(), 1);
        Alone(filled(self.first))
    }

    /// What is left of it.
    #[inline(always)]
    pub(crate) fn rest(&self) -> Claim {
        Claim { ..*self }
    }

    #[inline(always)]
    pub(crate) fn is_filled(&self) -> bool {
        self.first == self.end
    }
}

pub(crate) struct Ring<T> {
    intake: CachePadded<Intake>,
    /// `[head: 47 | gone: 17]`: the oldest position that is not free, and how many from there on take up no room, for
    /// their items have had their fate. One word, so that the level is right at every moment. Moved by the consumer;
    /// with `drops_oldest`, producers count the gone up.
    head: CachePadded<AtomicU64>,
    /// Where the next eviction begins to look. A hint.
    oldest: CachePadded<AtomicU64>,
    /// Positions that were claimed and left empty.
    voids: AtomicU64,
    /// As many of them as the head has passed.
    voids_passed: AtomicU64,
    /// A power of two of them.
    slots: Box<[Slot<T>]>,
    slot_mask: usize,
    /// The same, where a word has its position.
    slot_bits: u64,
    /// When the timed items came, as their producers said: of every position that is a multiple of `time_mask` + 1.
    /// Atomic, for the control side looks at them from outside.
    stamps: Box<[AtomicU64]>,
    time_mask: u64,
    /// The same, where a word has its position.
    time_bits: u64,
    time_shift: u32,
    limit: u64,
    drops_oldest: bool,
    /// What [`Odd`] says, of each reason a bit.
    odd: AtomicU64,
}

/// What producers write: on one cache line, which no consumer touches while packets flow.
struct Intake {
    claim: AtomicU64,
    /// Tails up to here leave the level within `high_water`, as far as was seen when this was written; by now there
    /// may be more room, not less.
    free_until: AtomicU64,
    /// The most items and permits that there ever were at once: where the words of tail and head have their positions.
    high_water: AtomicU64,
    /// Which interfaces items may name. Written when an interface first comes up.
    named: Named,
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
    /// With `drops_oldest`, producers may [`evict`](Self::evict) the oldest item.
    pub(crate) fn new(limit: u32, drops_oldest: bool, time_every: u64) -> Ring<T> {
        Ring::starting_at(FIRST, limit, drops_oldest, time_every)
    }

    /// The same, from another position.
    pub(crate) fn starting_at(start: u64, limit: u32, drops_oldest: bool, time_every: u64) -> Ring<T> {
        debug_assert!(time_every.is_power_of_two());
        // What was dropped to make room waits in its slot. Where queues are long, so may what departs from their
        // middle: there, moving the others up costs more than memory does.
        let spare = match limit {
            _ if drops_oldest => limit.max(255),
            LONG.. => limit / 4,
            _ => 0,
        };
        let size = (limit as usize + spare as usize).next_power_of_two();
        debug_assert!(size as u64 <= GONE, "all may be gone");
        let slot = || Slot { ready: AtomicU64::new(UNUSED), item: UnsafeCell::new(MaybeUninit::uninit()) };
        let timed = size.checked_div(time_every as usize).unwrap_or(0).max(1);
        Ring {
            intake: CachePadded(Intake {
                // Nobody looks here yet.
                claim: AtomicU64::new(start << TAIL | IDLE),
                free_until: AtomicU64::new(start),
                high_water: AtomicU64::new(0),
                named: Named::new(),
            }),
            head: CachePadded(AtomicU64::new(start << TAIL)),
            oldest: CachePadded(AtomicU64::new(start)),
            voids: AtomicU64::new(start),
            voids_passed: AtomicU64::new(start),
            slots: (0..size).map(|_| slot()).collect(),
            slot_mask: size - 1,
            slot_bits: (size as u64 - 1) << TAIL,
            stamps: (0..timed).map(|_| AtomicU64::new(0)).collect(),
            time_mask: time_every - 1,
            time_bits: (time_every - 1) << TAIL,
            time_shift: time_every.trailing_zeros(),
            limit: u64::from(limit),
            drops_oldest,
            odd: AtomicU64::new(0),
        }
    }

    /// What a claim begins with.
    #[inline(always)]
    pub(crate) fn seen(&self) -> Seen {
        Seen(self.intake.0.claim.load(Ordering::Acquire))
    }

    /// Claims up to `want` positions, at least one, for items that name no interfaces but `names`.
    #[inline(always)] // Returned through memory, the claim would be read in other pieces than it was written in.
    pub(crate) fn claim(&self, want: u32, names: u64) -> Result<Claim, NoRoom> {
        self.claim_seen(self.seen(), want, names)
    }

    /// The same by who has looked at the claim word.
    #[inline(always)]
    pub(crate) fn claim_seen(&self, Seen(mut word): Seen, want: u32, names: u64) -> Result<Claim, NoRoom> {
        let claim = &self.intake.0.claim;
        let mut failures = 0;
        loop {
            self.intake.0.named.raise(names);
            if word & CLOSED != 0 {
                return Err(NoRoom::Closed);
            }
            let mut count = u64::from(want);
            if !self.is_surely_free(word, count) {
                count = self.room(word, count);
                if count == 0 {
                    let now = claim.load(Ordering::Acquire);
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
                    return Ok(Claim::new(word, count));
                }
                Err(_) => {
                    backoff(&mut failures);
                    word = claim.load(Ordering::Acquire);
                }
            }
        }
    }

    /// Claims one position, for the consumer's own thread, where nothing needs be noted: there is room below the level that
    /// was reached before, nobody has reserved any, the consumer looks here, and the position is not timed. `None`
    /// decides nothing. Raises no names.
    ///
    /// The head is this thread's own. So the slot is free, whatever the claims before this one knew, and the level is the
    /// true one; other producers know it from this claim on.
    #[inline(always)]
    pub(crate) fn claim_own(&self) -> Option<Alone> {
        let claim = &self.intake.0.claim;
        let word = claim.load(Ordering::Relaxed);
        let head = self.head.0.load(Ordering::Relaxed);
        // Neither closed nor idle, nothing reserved, and nothing gone.
        let ignored = if mutant("own-claim-takes-reserved-room") { RESERVED } else { 0 };
        if (word | head) & GONE & !ignored != 0 || self.is_timed_at(word) {
            return None;
        }
        let one_more = u64::from(mutant("own-claim-off-by-one")) << TAIL;
        // Nothing is below the positions in either, so this is the level in its place.
        if word.wrapping_sub(head) >= self.intake.0.high_water.load(Ordering::Relaxed) + one_more {
            return None;
        }
        let next = word.wrapping_add(1 << TAIL);
        claim.compare_exchange(word, next, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        Some(Alone(next & !ignored))
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
                let now = claim.load(Ordering::Acquire);
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
    pub(crate) fn claim_reserved(&self, names: u64) -> Claim {
        let claim = &self.intake.0.claim;
        let mut word = claim.load(Ordering::Acquire);
        loop {
            self.intake.0.named.raise(names);
            // The idle bit stays: one call too many does no harm.
            let next = word.wrapping_add((1 << TAIL) - 1);
            match claim.compare_exchange_weak(word, next, Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => return Claim::new(word, 1),
                Err(now) => word = now,
            }
        }
    }

    /// Gives reserved room back.
    pub(crate) fn unreserve(&self) {
        self.intake.0.claim.fetch_sub(1, Ordering::Release);
    }

    /// Sets room aside that nobody is to use, whether it is free or not: then the ring is full until enough has gone.
    /// One step in the order of all claims, so each of them sees one limit or the other.
    pub(crate) fn hold_back(&self, more: u64) {
        let more = if mutant("limit-lowered-where-free") {
            self.room(self.intake.0.claim.load(Ordering::Acquire), more)
        } else {
            more
        };
        self.intake.0.claim.fetch_add(more, Ordering::AcqRel);
    }

    /// Lets go of room that was [held back](Self::hold_back).
    pub(crate) fn let_go(&self, less: u64) {
        self.intake.0.claim.fetch_sub(less, Ordering::Release);
    }

    /// The highest level is looked for anew, from `level` on.
    pub(crate) fn forget_high_water(&self, level: u64) {
        self.intake.0.high_water.store(level.min(self.limit) << TAIL, Ordering::Relaxed);
    }

    /// Fills the next claimed position.
    #[inline(always)]
    pub(crate) fn publish(&self, claim: &mut Claim, item: T) {
        debug_assert!(!claim.is_filled());
        self.publish_alone(Alone(filled(claim.first)), item);
        claim.first = (claim.first + 1) & POSITION;
    }

    /// Fills a position that was claimed alone.
    #[inline(always)]
    pub(crate) fn publish_alone(&self, Alone(mark): Alone, item: T) {
        debug_assert_eq!(mark & GONE, 0);
        let release = if mutant("published-without-release") { Ordering::Relaxed } else { Ordering::Release };
        let slot = self.slot_at(mark.wrapping_sub(1 << TAIL));
        // JUSTIFICATION: a slot that is sometimes empty and moves between threads without a lock.
        // SAFETY: the claim gave this position to this caller alone, and it was given out only when the item
        // of the lap before had been taken: `head` had passed it (release; acquire in `room`).
        slot.item.with_mut(|place| unsafe { (*place).write(item) });
        // The last position's.
        let stuck = if mutant("positions-do-not-wrap") && mark == 0 { UNUSED } else { 0 };
        slot.ready.store(mark | stuck, release);
    }

    /// Fills claimed positions with `items`. `stamp` is called for
    /// those that are timed, before they are filled.
    #[inline(always)]
    pub(crate) fn publish_all(
        &self,
        claim: &mut Claim,
        mut items: impl Iterator<Item = T>,
        mut stamp: impl FnMut(u64),
    ) {
        let end = claim.end << TAIL;
        let mut filling = Filling { word: claim.first << TAIL, claim };
        while filling.word != end {
            // First, so that the item goes straight into its slot.
            if self.is_timed_at(filling.word) {
                stamp(filling.word >> TAIL);
            }
            let Some(item) = items.next() else { break };
            let slot = self.slot_at(filling.word);
            // JUSTIFICATION: as in `publish`.
            // SAFETY: as in `publish`.
            slot.item.with_mut(|place| unsafe { (*place).write(item) });
            filling.word = filling.word.wrapping_add(1 << TAIL);
            slot.ready.store(filling.word, Ordering::Release);
        }
    }

    /// Leaves the next claimed position empty.
    #[cold]
    pub(crate) fn publish_void(&self, claim: &mut Claim) {
        debug_assert!(!claim.is_filled());
        self.voids.fetch_add(u64::from(!mutant("void-counts-as-packet")), Ordering::Relaxed);
        self.slot(claim.first).ready.store(filled(claim.first) | VOID, Ordering::Release);
        claim.first = (claim.first + 1) & POSITION;
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
            if word & IDLE != 0 {
                return true;
            }
            // Nothing is here, so nothing is named; were it not for a claim at this very moment.
            let named = if mutant("forgets-names-at-rest") { 0 } else { self.intake.0.named.forget() };
            match claim.compare_exchange_weak(word, word | IDLE, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => {
                    if mutant("forgets-names-at-rest") {
                        self.intake.0.named.forget();
                    }
                    return true;
                }
                Err(now) => word = now,
            }
            self.intake.0.named.remember(named);
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

    /// The names that are known, for the consumer's own thread: nobody else forgets them.
    #[inline(always)]
    pub(crate) fn named(&self) -> &Named {
        &self.intake.0.named
    }

    /// Whether an item before [a line](Self::mark_end) that was drawn by now, on the ring or in the hand of its
    /// producer, may name one of the interfaces of `names`.
    pub(crate) fn may_name(&self, names: u64) -> bool {
        self.intake.0.named.any(names)
    }

    /// Whether nothing is claimed, and nothing takes up room.
    pub(crate) fn is_empty(&self) -> bool {
        self.occupied() == 0
    }

    /// Items that wait, those still being written included. Exact when nothing is under way.
    pub(crate) fn resident(&self) -> u64 {
        // Occupied first: what is left empty later is not among it.
        let occupied = self.occupied();
        let passed = self.voids_passed.load(Ordering::Relaxed);
        occupied.saturating_sub(self.voids.load(Ordering::Relaxed).wrapping_sub(passed))
    }

    /// Positions that take up room.
    fn occupied(&self) -> u64 {
        // Head before claim: the head only follows the tail, so the difference cannot be negative.
        let head = self.head.0.load(Ordering::Acquire);
        let tail = self.intake.0.claim.load(Ordering::Acquire) >> TAIL;
        (tail.wrapping_sub(head >> TAIL) & POSITION).saturating_sub(head & GONE)
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
        self.intake.0.high_water.load(Ordering::Relaxed) >> TAIL
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
            let stamp = (ready == filled(position)).then(|| self.stamp(position))?;
            // What was moved here from a place that is not timed has none.
            (stamp != 0).then_some(stamp)
        })
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

mod consume;
mod evict;
mod named;
mod odd;
mod place;
mod quick;
mod room;

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests;
