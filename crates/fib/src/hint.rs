//! Words that will be wanted soon: the processor is told, and has them brought near while it does something else.

use siding_lockorder::sync::atomic::AtomicU64;

/// The word `at` of these will be wanted. Nothing, if there is none.
#[cfg(all(target_arch = "x86_64", not(any(siding_loom, siding_shuttle))))]
#[allow(unsafe_code, reason = "tells the processor an address, which changes nothing else")]
#[inline(always)]
pub(crate) fn soon(words: &[AtomicU64], at: usize) {
    use core::arch::x86_64::_MM_HINT_T0;
    use core::arch::x86_64::_mm_prefetch;

    if let Some(word) = words.get(at) {
        // JUSTIFICATION: there is no safe way to say it.
        // SAFETY: it reads nothing that the program sees, whatever the address; and this one is a word's that is there.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(std::ptr::from_ref(word).cast()) };
    }
}

#[cfg(not(all(target_arch = "x86_64", not(any(siding_loom, siding_shuttle)))))]
#[inline(always)]
pub(crate) fn soon(_words: &[AtomicU64], _at: usize) {}
