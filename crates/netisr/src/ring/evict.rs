//! Making room by dropping the oldest item, from any thread.
//!
//! The item is not moved, and none of its code runs: its slot is marked, and the consumer buries it when it comes by.
//! Until then it waits where it was, and takes up a slot, but no room. There are at least as many slots to spare
//! for that as the limit; when they are used up, no more is dropped until the consumer has come by.

use super::*;

impl<T> Ring<T> {
    /// Marks the oldest live item as dropped. False if there is none, the consumer is taking it at this moment, there
    /// is no slot for another, or its room would be nobody's, for all of it is reserved.
    #[cold]
    pub(crate) fn evict(&self, mut settle: impl FnMut(u64)) -> bool {
        debug_assert!(self.drops_oldest);
        let reserved = self.reserved();
        if reserved >= self.limit {
            return false; // Whatever goes, there is no room that is not reserved, or held back.
        }
        let word = self.head.0.load(Ordering::Acquire);
        let mut at = word >> TAIL;
        let tail = self.intake.0.claim.load(Ordering::Acquire) >> TAIL;
        let used = tail.wrapping_sub(at) & POSITION;
        if used > POSITION / 2 || used + reserved >= self.slots.len() as u64 {
            return false;
        }
        // What is gone lies together before the oldest live item, but for what departed from the middle.
        at = self.skip_to(at, tail);
        while at != tail {
            let ready = self.slot(at).ready.load(Ordering::Acquire);
            let next = filled(at);
            if ready & !FLAGS != next || ready & (TAKEN | BUSY) != 0 {
                return false;
            }
            if ready == next {
                let busy = next | BUSY;
                if self
                    .slot(at)
                    .ready
                    .compare_exchange(next, busy, Ordering::Acquire, Ordering::Relaxed)
                    .is_err()
                {
                    return false;
                }
                self.oldest.0.store((at + 1) & POSITION, Ordering::Relaxed);
                settle(at);
                // Counted before it is said to be gone: the consumer passes it only then, and counts down.
                self.head.0.fetch_add(u64::from(!mutant("dropped-takes-up-room")), Ordering::AcqRel);
                self.slot(at).ready.store(next | Fate::DroppedOldest.mark(), Ordering::Release);
                return true;
            }
            at = (at + 1) & POSITION;
        }
        false
    }

    /// The oldest position that may be live: where the last eviction was, if that is between `head` and `tail`.
    fn skip_to(&self, head: u64, tail: u64) -> u64 {
        let oldest = self.oldest.0.load(Ordering::Relaxed);
        let ahead = oldest.wrapping_sub(head) & POSITION;
        if ahead <= tail.wrapping_sub(head) & POSITION { oldest } else { head }
    }
}
