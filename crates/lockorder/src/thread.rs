//! Which root the thread has entered: by the number of its seat, 0 for none.

#[cfg(feature = "std")]
mod imp {
    use core::cell::Cell;

    #[cfg(not(any(siding_loom, siding_shuttle)))]
    std::thread_local! {
        static ENTERED: Cell<u64> = const { Cell::new(0) };
    }

    // Not `const`: the checkers' thread-local state cannot be.
    #[cfg(any(siding_loom, siding_shuttle))]
    crate::sync::thread_local! {
        static ENTERED: Cell<u64> = Cell::new(0);
    }

    /// Takes note of a root, unless there is one.
    #[inline]
    pub(crate) fn claim(number: u64) -> bool {
        ENTERED.with(|entered| {
            let is_first = entered.get() == 0;
            if is_first {
                entered.set(number);
            }
            is_first
        })
    }

    #[inline]
    pub(crate) fn release() {
        ENTERED.with(|entered| entered.set(0));
    }

    pub(crate) fn entered() -> u64 {
        ENTERED.with(Cell::get)
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    pub(crate) fn claim(_number: u64) -> bool {
        true
    }

    pub(crate) fn release() {}
}

pub(crate) use imp::*;
