//! Where the item of a position is, and what is kept beside it.

use super::*;

impl<T> Ring<T> {
    /// The slot of a position, for what is kept beside the ring for each slot.
    #[inline]
    pub(crate) fn slot_number(&self, position: u64) -> usize {
        // A power of two divides 2^47, so the slot follows the position across its wrap.
        position as usize & self.slot_mask
    }

    pub(crate) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// Whether the item at a position is one that is timed.
    #[inline(always)]
    pub(crate) fn is_timed(&self, position: u64) -> bool {
        position & self.time_mask == 0
    }

    /// The same of the position in the word of head or tail.
    #[inline(always)]
    pub(crate) fn is_timed_at(&self, word: u64) -> bool {
        word & self.time_bits == 0
    }

    /// The stamp of the item at a timed position.
    pub(crate) fn stamp(&self, position: u64) -> u64 {
        self.stamp_of(position).load(Ordering::Relaxed)
    }

    /// Stamps a claimed position, a timed one, before it is filled. 0 is not a time.
    pub(crate) fn set_stamp(&self, position: u64, stamp: u64) {
        self.stamp_of(position).store(stamp, Ordering::Relaxed);
    }

    #[inline(always)]
    pub(super) fn slot(&self, position: u64) -> &Slot<T> {
        // JUSTIFICATION: each packet's slot is looked up twice, and a check of what is known costs three instructions.
        // SAFETY: there are `slot_mask` + 1 slots, for as long as the ring lives.
        unsafe { self.slots.get_unchecked(self.slot_number(position)) }
    }

    /// The slot of the position in the word of head or tail. In bytes, for that is an instruction less for each packet, twice.
    #[inline(always)]
    pub(super) fn slot_at(&self, word: u64) -> &Slot<T> {
        // What a slot's size has for factors of two is left in the number.
        let shift = const {
            let zeros = size_of::<Slot<T>>().trailing_zeros();
            if zeros < TAIL { zeros } else { TAIL }
        };
        let scaled = ((word & self.slot_bits) >> (TAIL - shift)) as usize;
        // JUSTIFICATION: as above.
        // SAFETY: as above: this is the slot's number times its size, for `slot_bits` is `slot_mask` in a word's place.
        unsafe { &*self.slots.as_ptr().byte_add(scaled * (size_of::<Slot<T>>() >> shift)) }
    }

    /// The stamp of a timed position. Its place comes round again no sooner than the position's slot.
    #[inline]
    pub(super) fn stamp_of(&self, position: u64) -> &AtomicU64 {
        &self.stamps[(position >> self.time_shift) as usize & (self.stamps.len() - 1)]
    }
}
