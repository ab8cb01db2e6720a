//! Which workers the thread that asks is polling.
//!
//! A handler has its worker's token, and there is no other on its thread, so whoever waits there is known. But while a
//! worker carries out orders, or looks after what is gone, no token is lent: the embedder's code that runs then
//! (`Local::depart`, a hook, a `Drop`) may enter a root of its own and wait with that, for the very worker that it keeps.
//! So the thread takes note of it. Without `std` it has no place for that, and such a wait lasts until its time is up.

pub(crate) use imp::*;

#[cfg(feature = "std")]
mod imp {
    use core::cell::RefCell;

    /// How many may be polled one within another, each in what another one carries out: workers of several facilities.
    /// Those that are deeper are not noticed.
    const MOST: usize = 8;

    struct Stack {
        depth: usize,
        /// Facilities, by their addresses, and workers.
        workers: [(usize, usize); MOST],
    }

    impl Stack {
        const fn new() -> RefCell<Stack> {
            RefCell::new(Stack { depth: 0, workers: [(0, 0); MOST] })
        }

        fn find(&self, of: impl FnMut(&&(usize, usize)) -> bool) -> Option<usize> {
            self.workers.iter().take(self.depth).rev().find(of).map(|(_, worker)| *worker)
        }
    }

    #[cfg(not(any(siding_loom, siding_shuttle)))]
    std::thread_local! {
        static HERE: RefCell<Stack> = const { Stack::new() };
    }

    // Not `const`: the checkers' thread-local state cannot be.
    #[cfg(any(siding_loom, siding_shuttle))]
    crate::sync::thread_local! {
        static HERE: RefCell<Stack> = Stack::new();
    }

    /// This thread is busy with a worker until it is dropped.
    pub(crate) struct Busy(());

    impl Busy {
        pub(crate) fn with<F>(facility: &F, worker: usize) -> Busy {
            HERE.with(|here| {
                let mut here = here.borrow_mut();
                let depth = here.depth;
                if let Some(place) = here.workers.get_mut(depth) {
                    *place = (address(facility), worker);
                }
                here.depth += 1;
            });
            Busy(())
        }
    }

    impl Drop for Busy {
        fn drop(&mut self) {
            HERE.with(|here| here.borrow_mut().depth -= 1);
        }
    }

    fn address<F>(facility: &F) -> usize {
        core::ptr::from_ref(facility).addr()
    }

    /// A worker of this facility, which is known by its address, that this thread is busy with, if there is one.
    pub(crate) fn worker<F>(facility: &F) -> Option<usize> {
        HERE.with(|here| here.borrow().find(|(of, _)| *of == address(facility)))
    }

    pub(crate) fn is_busy<F>(facility: &F, worker: usize) -> bool {
        let this = (address(facility), worker);
        HERE.with(|here| here.borrow().find(|busy| **busy == this).is_some())
    }
}

#[cfg(not(feature = "std"))]
mod imp {
    pub(crate) struct Busy(());

    impl Busy {
        pub(crate) fn with<F>(_facility: &F, _worker: usize) -> Busy {
            Busy(())
        }
    }

    pub(crate) fn worker<F>(_facility: &F) -> Option<usize> {
        None
    }

    pub(crate) fn is_busy<F>(_facility: &F, _worker: usize) -> bool {
        false
    }
}
