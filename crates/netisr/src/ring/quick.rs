//! A claim where nothing need be noted, as most are: told from all other ways by one look at the claim word.
//!
//! Who finds that there is something goes the long way with what he has seen.

use super::*;

impl<T> Ring<T> {
    /// Whether nothing need be noted of a claim, as far as was seen: the consumer looks here, nothing is reserved, and the position is
    /// not timed.
    #[inline(always)]
    pub(crate) fn is_quick(&self, Seen(word): &Seen) -> bool {
        let ignored = if mutant("quick-claim-wakes-nobody") { IDLE } else { 0 };
        word & (CLOSED | IDLE | RESERVED) & !ignored == 0 && !self.is_timed_at(*word)
    }

    /// Claims one position, for an item that names no interfaces but `names`, where the claim [is quick](Self::is_quick): if there
    /// surely is room, and nobody else has claimed meanwhile. `None` decides nothing; [`claim_seen`](Self::claim_seen) goes on with
    /// what was seen.
    #[inline(always)]
    pub(crate) fn claim_quick(&self, Seen(word): &mut Seen, names: u64) -> Option<Alone> {
        let claim = &self.intake.0.claim;
        self.intake.0.named.raise(names);
        if !self.is_surely_free(*word, 1) {
            return None;
        }
        let next = word.wrapping_add(1 << TAIL);
        if claim.compare_exchange(*word, next, Ordering::AcqRel, Ordering::Relaxed).is_err() {
            backoff(&mut 0);
            *word = claim.load(Ordering::Acquire);
            return None;
        }
        Some(Alone(if mutant("quick-claim-wakes-nobody") { next & !IDLE } else { next }))
    }

    /// Leaves a position empty that was claimed alone.
    #[cold]
    pub(crate) fn publish_void_alone(&self, Alone(mark): Alone) {
        let first = mark.wrapping_sub(1 << TAIL) >> TAIL;
        self.publish_void(&mut Claim { first, end: (first + 1) & POSITION, idle: false });
    }
}
