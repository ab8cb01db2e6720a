//! Waking a worker that sleeps.
//!
//! One word per worker, `[sleeping: 1 | control: 1 | types: 62]`. A worker may fall asleep only from zero, in
//! one exchange, so "is there work" and "sleep" are one step. A type's bit stays set while packets keep
//! coming. When a lane has stayed empty for a while the worker clears the bit, and then lets the lane rest; if
//! that fails because a packet came in, it sets the bit again. A producer looks at this word only when its claim
//! found the lane at rest (see the `ring` module), and sets the bit after it has published: a bit that it sets
//! comes after the one that the worker cleared.

use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;

const SLEEPING: u64 = 1 << 63;
const CONTROL: u64 = 1 << 62;
const TYPES: u64 = CONTROL - 1;

/// How many types one facility can have: what the word has bits for.
pub(crate) const MOST_TYPES: usize = 62;

/// What rouses sleeping workers. Called from `dispatch`, under whatever locks its caller holds: it must not
/// block, lock or allocate. An unpark or a write to an eventfd will do.
pub trait Wake: Send + Sync + 'static {
    /// Lets worker `worker` return from its sleep, now or, if it is only about to sleep, at once then.
    fn wake(&self, worker: usize);

    /// How many workers this can rouse, counted from worker 0. A facility with more [is not built](crate::BuildError::Places): what is
    /// to be handled there would lie unseen. `None` for any number, or where a worker that cannot be roused looks for itself.
    fn places(&self) -> Option<usize> {
        None
    }
}

/// For workers that never sleep: an embedder's loop that polls all the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWake;

impl Wake for NoWake {
    fn wake(&self, _worker: usize) {}
}

/// A worker's word.
pub(crate) struct Pending(AtomicU64);

/// What it said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Word(u64);

impl Word {
    pub(crate) const NOTHING: Word = Word(0);
    /// What it never says.
    pub(crate) const NEVER: Word = Word(u64::MAX);

    /// All of it.
    #[inline(always)]
    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    /// The types that may have packets.
    #[inline(always)]
    pub(crate) fn types(self) -> u64 {
        self.0 & TYPES
    }

    /// Whether there are orders from control.
    #[inline(always)]
    pub(crate) fn is_ordered(self) -> bool {
        self.0 & CONTROL != 0
    }

    /// The only type that may have packets, if there is nothing else.
    #[inline]
    pub(crate) fn only_type(self) -> Option<u32> {
        (self.0.is_power_of_two() && self.0 <= TYPES).then(|| self.0.trailing_zeros())
    }
}

impl Pending {
    pub(crate) fn new() -> Pending {
        Pending(AtomicU64::new(0))
    }

    #[inline(always)]
    pub(crate) fn word(&self) -> Word {
        Word(self.0.load(Ordering::Acquire))
    }

    /// There is or may be a packet of type `bit`, says the worker itself, which is awake.
    #[inline]
    pub(crate) fn raise_own(&self, bit: u32) {
        if self.0.load(Ordering::Relaxed) & (1 << bit) == 0 {
            self.0.fetch_or(1 << bit, Ordering::Relaxed);
        }
    }

    /// A packet of type `bit` was published by somebody else, in a lane at rest. True if the worker must be
    /// woken, by exactly one of those that ask.
    #[must_use]
    pub(crate) fn raise(&self, bit: u32) -> bool {
        self.set(1 << bit)
    }

    /// There are orders from control. True if the worker must be woken.
    #[must_use]
    pub(crate) fn order(&self) -> bool {
        self.set(CONTROL)
    }

    /// The worker has seen the orders and will now look them up. Gives what the word said.
    pub(crate) fn accept_order(&self) -> Word {
        Word(self.0.fetch_and(!CONTROL, Ordering::AcqRel))
    }

    /// The worker will look no more at the lane of type `bit`, if it can be let rest afterwards.
    pub(crate) fn retire(&self, bit: u32) {
        self.0.fetch_and(!(1 << bit), Ordering::AcqRel);
    }

    /// Falls asleep if nothing is pending.
    pub(crate) fn sleep(&self) -> bool {
        if mutant("sleeps-on-work") {
            return self.0.fetch_or(SLEEPING, Ordering::AcqRel) & SLEEPING == 0;
        }
        self.0.compare_exchange(0, SLEEPING, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    /// Is awake again, woken or not.
    pub(crate) fn awake(&self) {
        self.0.fetch_and(!SLEEPING, Ordering::AcqRel);
    }

    pub(crate) fn is_sleeping(&self) -> bool {
        self.0.load(Ordering::Relaxed) & SLEEPING != 0
    }

    fn set(&self, bits: u64) -> bool {
        // Only the first to come upon a sleeper wakes it: until it wakes, its word is no longer bare.
        self.0.fetch_or(bits, Ordering::AcqRel) == SLEEPING
    }
}
