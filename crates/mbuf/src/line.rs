//! Words that several threads write, apart from each other.

use core::ops::Deref;

/// On cache lines of its own, which are fetched in pairs. What all write lies apart from what each reads for every
/// packet.
#[repr(align(128))]
pub(crate) struct Line<T>(pub(crate) T);

impl<T> Deref for Line<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}
