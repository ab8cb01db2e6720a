//! How much room there is.

use super::*;

impl<T> Ring<T> {
    /// Whether there is room for `want` at the moment at which `word` is the claim word, without a look at the head.
    ///
    /// The level, `tail - head - gone`, rises by claims only: what goes lowers it, and what is passed leaves it as it is.
    /// So what was free still is, but for what was claimed and reserved since, which `word` tells.
    #[inline(always)]
    pub(super) fn is_surely_free(&self, word: u64, want: u64) -> bool {
        let free_until = self.intake.0.free_until.load(Ordering::Acquire);
        let taken = (word >> TAIL) + (word & RESERVED) + want;
        free_until.wrapping_sub(taken) & POSITION <= POSITION / 2
    }

    /// Whether one more could be reserved at this moment. Takes nothing, and notes nothing.
    pub(crate) fn look(&self) -> Result<(), NoRoom> {
        let mut word = self.intake.0.claim.load(Ordering::Acquire);
        loop {
            if word & CLOSED != 0 {
                return Err(NoRoom::Closed);
            }
            let head = self.head.0.load(Ordering::Acquire);
            let (head, gone) = (head >> TAIL, head & GONE);
            let (used, permits) = ((word >> TAIL).wrapping_sub(head) & POSITION, word & RESERVED);
            let has_slot = gone == 0 || used + permits < self.slots.len() as u64;
            if used > POSITION / 2 || (has_slot && used.saturating_sub(gone) + permits < self.limit) {
                return Ok(());
            }
            let now = self.intake.0.claim.load(Ordering::Acquire);
            if now == word {
                return Err(NoRoom::Full);
            }
            word = now;
        }
    }

    /// How many of `want` there is room for at the moment at which `word` is the claim word. Notes the level, and
    /// what is surely free.
    #[inline]
    pub(super) fn room(&self, word: u64, want: u64) -> u64 {
        let intake = &self.intake.0;
        let tail = word >> TAIL;
        let head = self.head.0.load(Ordering::Acquire);
        let (head, gone) = (head >> TAIL, head & GONE);
        let used = tail.wrapping_sub(head) & POSITION;
        if used > POSITION / 2 {
            return 1; // `word` is stale: the head has passed its tail. The exchange fails and tells.
        }
        if gone > 0 {
            return self.room_among_the_gone(word, want, head, gone);
        }
        let taken = used + if mutant("permit-not-honoured") { 0 } else { word & RESERVED };
        let limit = if mutant("limit-off-by-one") { self.limit + 1 } else { self.limit };
        let count = limit.saturating_sub(taken).min(want);
        // A permit is counted as the item that it will be: those that use it do not look here.
        let high_water = self.note_level(taken + count);
        intake.free_until.store(head.wrapping_add(high_water), Ordering::Release);
        count
    }

    /// The same where `gone` items take up slots, but no room.
    #[cold]
    fn room_among_the_gone(&self, word: u64, want: u64, head: u64, gone: u64) -> u64 {
        let used = (word >> TAIL).wrapping_sub(head) & POSITION;
        let permits = if mutant("permit-not-honoured") { 0 } else { word & RESERVED };
        // What is gone may be behind a tail that is stale.
        let taken = used.saturating_sub(gone) + permits;
        let slots = self.slots.len() as u64;
        let count = self.limit.saturating_sub(taken).min(slots.saturating_sub(used + permits)).min(want);
        let high_water = self.note_level(taken + count);
        let free = (high_water + gone).min(slots);
        self.intake.0.free_until.store(head.wrapping_add(free), Ordering::Release);
        count
    }

    /// Gives the highest level that there ever was.
    #[inline]
    fn note_level(&self, level: u64) -> u64 {
        let high_water = self.high_water();
        if level <= high_water { high_water } else { self.raise_high_water(level) }
    }

    #[cold]
    fn raise_high_water(&self, level: u64) -> u64 {
        let level = level.min(self.limit);
        self.intake.0.high_water.fetch_max(level << TAIL, Ordering::Relaxed);
        level
    }
}
