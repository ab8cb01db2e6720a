//! Which interfaces the items on a ring may name.
//!
//! One bit stands for all interfaces whose slots are equal modulo 64. A producer raises the bits of what it is about to
//! name *between* reading the claim word and exchanging it; the consumer forgets all of them only when it
//! lets an empty ring rest, *before* it sets the idle bit in that word. So bits that are forgotten behind a producer's
//! back cost it the exchange, and it raises them again. Whoever has drawn a line in the claim word thus finds the
//! bit of every interface that a claim before the line names: a departure whose bit is not set need not look at the
//! ring. Too many bits do no harm: they only make it look.

use crate::IfId;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;

pub(crate) struct Named(AtomicU64);

impl Named {
    pub(crate) fn new() -> Named {
        Named(AtomicU64::new(0))
    }

    /// The bit of an interface; none for [`IfId::NONE`].
    #[inline(always)]
    pub(crate) fn bit(id: IfId) -> u64 {
        u64::from(!id.is_none()) << (id.as_u64() & 63)
    }

    /// Written once for each interface: this word stays in the cache of all that read it.
    #[inline(always)]
    pub(crate) fn raise(&self, bits: u64) {
        if bits & !self.0.load(Ordering::Relaxed) != 0 && !mutant("names-not-raised") {
            self.raise_anew(bits);
        }
    }

    #[cold]
    fn raise_anew(&self, bits: u64) {
        self.0.fetch_or(bits, Ordering::Relaxed);
    }

    /// All bits that are set.
    #[inline(always)]
    pub(crate) fn bits(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn any(&self, bits: u64) -> bool {
        self.0.load(Ordering::Relaxed) & bits != 0
    }

    /// Clears all bits; gives those that were set.
    pub(super) fn forget(&self) -> u64 {
        if self.any(!0) { self.0.swap(0, Ordering::Relaxed) } else { 0 }
    }

    /// Sets bits again that were cleared too early.
    pub(super) fn remember(&self, bits: u64) {
        self.0.fetch_or(bits, Ordering::Relaxed);
    }
}
