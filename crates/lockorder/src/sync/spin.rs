//! A small spin lock, for targets that have nothing better.

#![allow(unsafe_code)] // A lock cannot be made of safe code; there are this one and the next, only for no_std.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ops::DerefMut;
use core::sync::atomic::AtomicBool;
use core::sync::atomic::Ordering;

/// A test-and-set lock that spins on a plain load.
pub struct Mutex<T> {
    held: AtomicBool,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lends `&mut T` to one thread at a time, which is a move of `T` between threads.
unsafe impl<T: Send> Sync for Mutex<T> {}

impl<T> Mutex<T> {
    /// A lock that nobody holds.
    pub const fn new(value: T) -> Self {
        Mutex { held: AtomicBool::new(false), value: UnsafeCell::new(value) }
    }

    /// Spins until the lock is ours.
    pub fn lock(&self) -> MutexGuard<'_, T> {
        while self.held.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            while self.held.load(Ordering::Relaxed) {
                core::hint::spin_loop();
            }
        }
        MutexGuard { mutex: self, lends: PhantomData }
    }

    /// The lock, if nobody has it.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        let taken = self.held.compare_exchange(false, true, Ordering::Acquire, Ordering::Relaxed);
        taken.ok().map(|_| MutexGuard { mutex: self, lends: PhantomData })
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

/// The lock, held. For other threads it is what a `&mut T` would be: it goes to them if `T` does, and they may look at
/// it if they may look at a `T`.
#[must_use = "the lock is held for as long as the guard lives"]
pub struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    // Without it the guard would be `Sync` as the lock is, for every `T` that may be sent.
    lends: PhantomData<&'a mut T>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // JUSTIFICATION: lending what the lock guards is what a lock is.
        // SAFETY: a guard exists only while its thread holds the lock, so nobody else refers to the value.
        unsafe { &*self.mutex.value.get() }
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // JUSTIFICATION: as in `deref`.
        // SAFETY: as in `deref`, and `&mut self` keeps this guard from lending it twice.
        unsafe { &mut *self.mutex.value.get() }
    }
}

impl<T> Drop for MutexGuard<'_, T> {
    fn drop(&mut self) {
        self.mutex.held.store(false, Ordering::Release);
    }
}

impl<T: fmt::Debug> fmt::Debug for MutexGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::Mutex;

    #[test]
    fn a_guard_shows_what_it_guards() {
        assert_eq!(std::format!("{:?}", Mutex::new([1, 2]).lock()), "[1, 2]");
    }

    #[test]
    fn a_lock_that_is_held_is_not_had_by_trying() {
        let total = Mutex::new(1);
        let guard = total.try_lock().unwrap();
        assert!(total.try_lock().is_none());
        drop(guard);
        assert_eq!(total.try_lock().map(|guard| *guard), Some(1));
    }

    #[test]
    fn two_threads_count_without_loss() {
        let total = Mutex::new(0u64);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| (0..10_000).for_each(|_| *total.lock() += 1));
            }
        });
        assert_eq!(total.into_inner(), 20_000);
    }
}
