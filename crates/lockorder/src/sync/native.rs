//! Outside the checkers: `core`'s atomics, and std's locks where there is std.

pub use core::hint::spin_loop;

/// Atomics.
pub mod atomic {
    pub use core::sync::atomic::*;
}

/// A cell whose accesses loom can see.
#[derive(Debug)]
#[repr(transparent)]
pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell with `value` in it.
    pub const fn new(value: T) -> Self {
        UnsafeCell(core::cell::UnsafeCell::new(value))
    }

    /// Shows the value's place to `look`, which reads.
    #[inline(always)]
    pub fn with<O>(&self, look: impl FnOnce(*const T) -> O) -> O {
        look(self.0.get())
    }

    /// Shows the value's place to `change`, which may write.
    #[inline(always)]
    pub fn with_mut<O>(&self, change: impl FnOnce(*mut T) -> O) -> O {
        change(self.0.get())
    }
}

#[cfg(feature = "std")]
mod locks {
    pub use std::sync::Mutex;
    pub use std::sync::MutexGuard;
    pub use std::thread_local;

    use std::sync::PoisonError;

    /// Locks. A panic elsewhere does not poison: what our locks guard is whole between statements.
    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the value out.
    pub fn into_inner<T>(mutex: Mutex<T>) -> T {
        mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets another thread run.
    #[cfg(not(siding_mutants))]
    pub fn yield_now() {
        std::thread::yield_now();
    }

    #[cfg(siding_mutants)]
    static YIELD: std::sync::OnceLock<fn()> = std::sync::OnceLock::new();

    /// Lets another thread run: whichever the simulator says, if it is there.
    #[cfg(siding_mutants)]
    pub fn yield_now() {
        match YIELD.get() {
            Some(pass) => pass(),
            None => std::thread::yield_now(),
        }
    }

    /// Has the simulator decide who runs next.
    #[cfg(siding_mutants)]
    pub fn set_yield(pass: fn()) {
        // One simulator for a process: a second one is the same.
        let _ = YIELD.set(pass);
    }
}

#[cfg(not(feature = "std"))]
mod locks {
    pub use crate::sync::spin::Mutex;
    pub use crate::sync::spin::MutexGuard;

    /// Locks.
    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock()
    }

    /// Takes the value out.
    pub fn into_inner<T>(mutex: Mutex<T>) -> T {
        mutex.into_inner()
    }

    /// Lets another thread run, as far as `core` can.
    pub fn yield_now() {
        core::hint::spin_loop();
    }
}

pub use locks::*;
