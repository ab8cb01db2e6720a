//! The ring: bounded, many producers, one consumer, one item per slot.
//!
//! After Dmitry Vyukov's bounded queue (<https://www.1024cores.net/home/lock-free-algorithms/queues>), with
//! these differences: the limit is exact and need not be a power of two; room can be reserved beforehand;
//! intake can be closed in the same word that gives out positions; the consumer writes no sequence numbers.
//!
//! `claim` is `[tail: 48 | closed: 1 | reserved: 15]`. Whoever wants room changes this one word, so "is there
//! room" and "take it" are one step. The tail is uppermost so that it wraps without touching the rest.
//! A slot's `ready` is its position + 1 once the item is in it; the position's 48 bits tell laps apart.
//!
//! Every change of `claim` is an acquire and a release: whoever claims a position knows the head that the
//! claims and reservations before it knew, and so that the slot is free.
//!
//! A producer that stalls between claiming and publishing delays what comes after it and tears nothing.
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

const RESERVED: u64 = CLOSED - 1;
const CLOSED: u64 = 1 << 15;
const TAIL: u32 = 16;
pub(crate) const POSITION: u64 = (1 << 48) - 1;
/// In `ready`, while somebody takes the item out (drop-oldest only).
const TAKEN: u64 = 1 << 63;

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
}

pub(crate) struct Ring<T> {
    claim: CachePadded<AtomicU64>,
    /// The oldest position that is not free. Moved by the consumer; with `shared_head` by producers too.
    head: CachePadded<AtomicU64>,
    /// Items that were taken off the ring but still count against the limit.
    aside: AtomicU64,
    slots: Box<[Slot<T>]>,
    limit: u64,
    shared_head: bool,
}

struct Slot<T> {
    ready: AtomicU64,
    /// When the item came, as the producer said. Atomic, for the control side looks at it from outside.
    stamp: AtomicU64,
    item: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: an item is written by the producer that claimed its position and read by whoever takes that
// position, once, after `ready` was published with release and read with acquire: a move between threads.
unsafe impl<T: Send> Sync for Ring<T> {}
// SAFETY: the ring owns its items.
unsafe impl<T: Send> Send for Ring<T> {}

impl<T> Ring<T> {
    /// A ring that holds at most `limit` items (1 to [`MOST`]). With `shared_head`, producers may take the
    /// oldest item out.
    pub(crate) fn new(limit: u32, shared_head: bool) -> Ring<T> {
        let slots = (0..(limit as usize).next_power_of_two())
            .map(|_| Slot {
                ready: AtomicU64::new(0),
                stamp: AtomicU64::new(0),
                item: UnsafeCell::new(MaybeUninit::uninit()),
            })
            .collect();
        Ring {
            claim: CachePadded(AtomicU64::new(0)),
            head: CachePadded(AtomicU64::new(0)),
            aside: AtomicU64::new(0),
            slots,
            limit: u64::from(limit),
            shared_head,
        }
    }

    /// Claims up to `want` positions, at least one.
    #[inline]
    pub(crate) fn claim(&self, want: u32) -> Result<Claim, NoRoom> {
        let mut word = self.claim.0.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(NoRoom::Closed);
            }
            let room = self.room(word);
            let count = u64::from(want).min(room);
            if count == 0 {
                let now = self.claim.0.load(Ordering::Relaxed);
                if now == word {
                    return Err(NoRoom::Full);
                }
                word = now;
                continue;
            }
            match self.claim.0.compare_exchange_weak(
                word,
                word.wrapping_add(count << TAIL),
                Ordering::AcqRel,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(Claim { first: word >> TAIL, count: count as u32 }),
                Err(now) => word = now,
            }
        }
    }

    /// Sets room for one item aside until [`claim_reserved`](Self::claim_reserved) or
    /// [`unreserve`](Self::unreserve).
    pub(crate) fn reserve(&self) -> Result<(), NoRoom> {
        let mut word = self.claim.0.load(Ordering::Relaxed);
        loop {
            if word & CLOSED != 0 {
                return Err(NoRoom::Closed);
            }
            if self.room(word) == 0 {
                return Err(NoRoom::Full);
            }
            match self.claim.0.compare_exchange_weak(word, word + 1, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(_) => return Ok(()),
                Err(now) => word = now,
            }
        }
    }

    /// Turns room that was reserved into a position. Cannot fail, not even on a closed ring.
    pub(crate) fn claim_reserved(&self) -> Claim {
        let word = self.claim.0.fetch_add((1 << TAIL) - 1, Ordering::AcqRel);
        Claim { first: word >> TAIL, count: 1 }
    }

    /// Gives reserved room back.
    pub(crate) fn unreserve(&self) {
        self.claim.0.fetch_sub(1, Ordering::Release);
    }

    /// Fills the next claimed position.
    #[inline]
    pub(crate) fn publish(&self, claim: &mut Claim, item: T, stamp: u64) {
        debug_assert!(claim.count > 0);
        let slot = self.slot(claim.first);
        // JUSTIFICATION: a slot that is sometimes empty and moves between threads without a lock.
        // SAFETY: `claim` gave this position to this caller alone, and it was given out only when the item
        // of the lap before had been taken: `head` had passed it (release; acquire in `room`).
        slot.item.with_mut(|place| unsafe { (*place).write(item) });
        slot.stamp.store(stamp, Ordering::Relaxed);
        slot.ready.store((claim.first + 1) & POSITION, Ordering::Release);
        claim.first = (claim.first + 1) & POSITION;
        claim.count -= 1;
    }

    /// Takes the oldest item and its stamp. For the consumer only.
    #[inline]
    pub(crate) fn take(&self) -> Option<(T, u64)> {
        if self.shared_head {
            return self.take_shared();
        }
        let head = self.head.0.load(Ordering::Relaxed);
        let slot = self.slot(head);
        if slot.ready.load(Ordering::Acquire) != (head + 1) & POSITION {
            return None;
        }
        Some(self.take_out(slot, head))
    }

    /// Takes the oldest item, for anybody. `None` also while somebody else is taking it.
    pub(crate) fn take_shared(&self) -> Option<(T, u64)> {
        debug_assert!(self.shared_head);
        let head = self.head.0.load(Ordering::Acquire);
        let slot = self.slot(head);
        let ready = (head + 1) & POSITION;
        // The mark decides who takes it; the head moves when it is out, so the slot is free by then.
        slot.ready.compare_exchange(ready, ready | TAKEN, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(self.take_out(slot, head))
    }

    /// Takes the oldest item but keeps it counted against the limit. For the consumer only.
    pub(crate) fn take_aside(&self) -> Option<(T, u64)> {
        // Counted before the head moves: whoever sees the new head sees the count too.
        self.aside.store(self.aside.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        let item = self.take();
        if item.is_none() {
            self.drop_aside();
        }
        item
    }

    /// One item fewer is aside. For the consumer only.
    pub(crate) fn drop_aside(&self) {
        self.aside.store(self.aside.load(Ordering::Relaxed) - 1, Ordering::Release);
    }

    /// Refuses every further claim and reservation. Reserved room stays good.
    pub(crate) fn close(&self) {
        self.claim.0.fetch_or(CLOSED, Ordering::AcqRel);
    }

    /// Items on the ring and aside, those still being written included.
    pub(crate) fn resident(&self) -> u64 {
        // Head before claim: the head only follows the tail, so the difference cannot be negative.
        let head = self.head.0.load(Ordering::Acquire);
        let aside = self.aside.load(Ordering::Acquire);
        let tail = self.claim.0.load(Ordering::Acquire) >> TAIL;
        (tail.wrapping_sub(head) & POSITION) + aside
    }

    /// How many items were ever accepted, modulo 2^48.
    pub(crate) fn accepted(&self) -> u64 {
        self.claim.0.load(Ordering::Acquire) >> TAIL
    }

    /// Reservations that are still held.
    pub(crate) fn reserved(&self) -> u64 {
        self.claim.0.load(Ordering::Acquire) & RESERVED
    }

    /// The oldest stamp on the ring that is not 0. A look from outside: it may be out of date at once.
    pub(crate) fn oldest_stamp(&self) -> Option<u64> {
        let head = self.head.0.load(Ordering::Acquire);
        let tail = self.claim.0.load(Ordering::Acquire) >> TAIL;
        let waiting = tail.wrapping_sub(head) & POSITION;
        (0..waiting.min(self.slots.len() as u64))
            .map(|ahead| self.slot(head + ahead).stamp.load(Ordering::Relaxed))
            .find(|stamp| *stamp != 0)
    }

    /// Whether [`take`](Self::take) would find an item.
    pub(crate) fn has_ready(&self) -> bool {
        let head = self.head.0.load(Ordering::Relaxed);
        self.slot(head).ready.load(Ordering::Acquire) == (head + 1) & POSITION
    }

    /// Room at the moment at which `word` is the claim word.
    #[inline]
    fn room(&self, word: u64) -> u64 {
        let head = self.head.0.load(Ordering::Acquire);
        let aside = self.aside.load(Ordering::Relaxed);
        let used = (word >> TAIL).wrapping_sub(head) & POSITION;
        if used > POSITION / 2 {
            return 1; // `word` is stale: the head has passed its tail. The exchange fails and tells.
        }
        let permits = if mutant("permit-not-honoured") { 0 } else { word & RESERVED };
        let limit = if mutant("limit-off-by-one") { self.limit + 1 } else { self.limit };
        limit.saturating_sub(used + aside + permits)
    }

    #[inline]
    fn take_out(&self, slot: &Slot<T>, head: u64) -> (T, u64) {
        // JUSTIFICATION: as in `publish`.
        // SAFETY: `ready` (acquire) says that the item of this very position is in the slot. The head stands
        // here until this call moves it, and only one taker gets so far: the consumer, or who set `TAKEN`.
        let item = slot.item.with_mut(|place| unsafe { (*place).assume_init_read() });
        let stamp = slot.stamp.load(Ordering::Relaxed);
        self.head.0.store((head + 1) & POSITION, Ordering::Release);
        (item, stamp)
    }

    #[inline]
    fn slot(&self, position: u64) -> &Slot<T> {
        // A power of two divides 2^48, so the slot follows the position across its wrap.
        &self.slots[position as usize & (self.slots.len() - 1)]
    }
}

impl<T> Drop for Ring<T> {
    fn drop(&mut self) {
        while self.take().is_some() {}
    }
}
