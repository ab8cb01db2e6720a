//! Waking a worker that sleeps.
//!
//! One word per worker, `[sleeping: 1 | control: 1 | types: 62]`. A worker may fall asleep only from zero, in
//! one exchange, so "is there work" and "sleep" are one step. A type's bit stays set while packets keep
//! coming, so that a producer that finds it set writes nothing; the worker clears it when the lane has stayed
//! empty for a whole poll, and looks at the lane once more afterwards. Producer: publish, fence, look at the
//! bit. Worker: clear the bit, fence, look at the lane. One of the two sees the other.

use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::atomic::fence;
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
}

/// For workers that never sleep: an embedder's loop that polls all the time.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoWake;

impl Wake for NoWake {
    fn wake(&self, _worker: usize) {}
}

/// A worker's word.
pub(crate) struct Pending(AtomicU64);

impl Pending {
    pub(crate) fn new() -> Pending {
        Pending(AtomicU64::new(0))
    }

    /// The types that may have packets, and whether there are orders from control.
    #[inline]
    pub(crate) fn read(&self) -> (u64, bool) {
        let word = self.0.load(Ordering::Acquire);
        (word & TYPES, word & CONTROL != 0)
    }

    /// A packet of type `bit` was published by the worker itself, which is awake.
    #[inline]
    pub(crate) fn raise_own(&self, bit: u32) {
        if self.0.load(Ordering::Relaxed) & (1 << bit) == 0 {
            self.0.fetch_or(1 << bit, Ordering::Relaxed);
        }
    }

    /// A packet of type `bit` was published by somebody else. True if the worker must be woken, by exactly
    /// one of those that ask.
    #[must_use]
    pub(crate) fn raise(&self, bit: u32) -> bool {
        fence(Ordering::SeqCst);
        if self.0.load(Ordering::Relaxed) & (1 << bit) != 0 {
            return false; // The worker is awake: it cannot have slept with the bit set.
        }
        self.set(1 << bit)
    }

    /// There are orders from control. True if the worker must be woken.
    #[must_use]
    pub(crate) fn order(&self) -> bool {
        self.set(CONTROL)
    }

    /// The worker has seen the orders and will now look them up.
    pub(crate) fn accept_order(&self) {
        self.0.fetch_and(!CONTROL, Ordering::AcqRel);
    }

    /// The lane of type `bit` was empty for a whole poll. The caller looks at it again afterwards.
    pub(crate) fn retire(&self, bit: u32) {
        self.0.fetch_and(!(1 << bit), Ordering::AcqRel);
        if !mutant("wake-up-lost") {
            fence(Ordering::SeqCst);
        }
    }

    /// Falls asleep if nothing is pending.
    pub(crate) fn sleep(&self) -> bool {
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
