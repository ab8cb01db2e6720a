//! Where a test has the library panic: none of its own code does, so there is no other way to see what a panic comes to.

/// The code of an exported function has come this far. Panics if the [wire](wire) ends here. Nothing outside this crate's own tests.
#[cfg(not(test))]
#[inline(always)]
pub(crate) fn step() {}

#[cfg(test)]
pub(crate) use wire::step;

#[cfg(test)]
pub(crate) mod wire {
    use std::cell::Cell;

    thread_local! {
        /// After how many steps of this thread's the next panic comes, if one is to come.
        static LEFT: Cell<Option<usize>> = const { Cell::new(None) };
    }

    pub(crate) const SAID: &str = "the wire is tripped over";

    pub(crate) fn step() {
        match LEFT.get() {
            Some(0) => {
                LEFT.set(None);
                panic!("{SAID}");
            }
            left => LEFT.set(left.map(|left| left - 1)),
        }
    }

    /// Has the thread panic after so many steps of what `work` calls. Gives what that answers, and whether it has come so far.
    pub(crate) fn after<O>(steps: usize, work: impl FnOnce() -> O) -> (O, bool) {
        LEFT.set(Some(steps));
        let answer = work();
        (answer, LEFT.take().is_none())
    }
}
