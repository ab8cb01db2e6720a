//! Why a drain of the ring is not an ordinary one: one word for all there is, so that an ordinary drain looks at one.

use super::*;

/// A reason.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Odd(u64);

impl Odd {
    /// Interfaces have shares, or others drop packets.
    pub(crate) const NOT_PLAIN: Odd = Odd(1);
    /// Something is to be buried.
    pub(crate) const BURIED: Odd = Odd(2);
    /// All packets are to be flushed.
    pub(crate) const FLUSHING: Odd = Odd(4);
    /// Something on the ring takes up no room any more. Known where nobody but the consumer marks items; else there is another
    /// reason.
    pub(crate) const GONE: Odd = Odd(8);
}

impl<T> Ring<T> {
    /// Whether there is any reason.
    #[inline(always)]
    pub(crate) fn is_odd(&self) -> bool {
        self.odd.load(Ordering::Relaxed) != 0
    }

    /// Whether there is this one.
    pub(crate) fn has(&self, reason: Odd) -> bool {
        self.odd.load(Ordering::Relaxed) & reason.0 != 0
    }

    pub(crate) fn is(&self, reason: Odd) {
        self.odd.fetch_or(reason.0, Ordering::Relaxed);
    }

    pub(crate) fn is_not(&self, reason: Odd) {
        self.odd.fetch_and(!reason.0, Ordering::Relaxed);
    }
}
