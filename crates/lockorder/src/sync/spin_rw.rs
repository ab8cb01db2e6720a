//! A small spin lock for many who look or one who changes, for targets that have nothing better.

#![allow(unsafe_code)] // As `spin`.

use core::cell::UnsafeCell;
use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ops::DerefMut;
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;

/// Held by one who changes the value.
const WRITER: usize = usize::MAX;

/// Counts who looks, in one word. A writer waits until nobody does; those who come meanwhile go first.
pub struct RwLock<T> {
    /// How many look; or [`WRITER`].
    held: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lends `&mut T` to one thread at a time, which is a move of `T` between threads, or `&T` to several.
unsafe impl<T: Send + Sync> Sync for RwLock<T> {}

impl<T> RwLock<T> {
    /// A lock that nobody holds.
    pub const fn new(value: T) -> Self {
        RwLock { held: AtomicUsize::new(0), value: UnsafeCell::new(value) }
    }

    /// Spins until the value may be looked at.
    pub fn read(&self) -> RwLockReadGuard<'_, T> {
        loop {
            if let Some(guard) = self.try_read() {
                return guard;
            }
            core::hint::spin_loop();
        }
    }

    /// To look, if nobody changes the value at this moment.
    pub fn try_read(&self) -> Option<RwLockReadGuard<'_, T>> {
        // As many as can be counted short of `WRITER`: guards that are forgotten never make one.
        let more = |held: usize| held.checked_add(1).filter(|held| *held != WRITER);
        self.held.fetch_update(Ordering::Acquire, Ordering::Relaxed, more).ok()?;
        Some(RwLockReadGuard { lock: self, lends: PhantomData })
    }

    /// Spins until the lock is ours alone.
    pub fn write(&self) -> RwLockWriteGuard<'_, T> {
        loop {
            if let Some(guard) = self.try_write() {
                return guard;
            }
            while self.held.load(Ordering::Relaxed) != 0 {
                core::hint::spin_loop();
            }
        }
    }

    /// To change, if nobody has the lock.
    pub fn try_write(&self) -> Option<RwLockWriteGuard<'_, T>> {
        self.held.compare_exchange(0, WRITER, Ordering::Acquire, Ordering::Relaxed).ok()?;
        Some(RwLockWriteGuard { lock: self, lends: PhantomData })
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

/// The lock, held to look. For other threads it is what a `&T` would be.
#[must_use = "the lock is held for as long as the guard lives"]
pub struct RwLockReadGuard<'a, T> {
    lock: &'a RwLock<T>,
    // As in `spin`.
    lends: PhantomData<&'a T>,
}

/// The lock, held to change. For other threads it is what a `&mut T` would be.
#[must_use = "the lock is held for as long as the guard lives"]
pub struct RwLockWriteGuard<'a, T> {
    lock: &'a RwLock<T>,
    // As in `spin`.
    lends: PhantomData<&'a mut T>,
}

impl<T> Deref for RwLockReadGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // JUSTIFICATION: lending what the lock guards is what a lock is.
        // SAFETY: while a guard to look exists the lock is counted as held so, and nobody refers to the value to change
        // it.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> Deref for RwLockWriteGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // JUSTIFICATION: as above.
        // SAFETY: a guard to change exists only while its thread has the lock alone.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for RwLockWriteGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // JUSTIFICATION: as above.
        // SAFETY: as in `deref`, and `&mut self` keeps this guard from lending it twice.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for RwLockReadGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.held.fetch_sub(1, Ordering::Release);
    }
}

impl<T> Drop for RwLockWriteGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.held.store(0, Ordering::Release);
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockReadGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLockWriteGuard<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::RwLock;

    #[test]
    fn many_look_or_one_changes() {
        let value = RwLock::new(1);
        {
            let (one, two) = (value.read(), value.try_read().unwrap());
            assert!(*one == *two && value.try_write().is_none());
        }
        {
            let mut one = value.try_write().unwrap();
            *one += 1;
            assert!(value.try_read().is_none() && value.try_write().is_none());
        }
        assert_eq!(std::format!("{:?}", value.read()), "2");
        assert_eq!(std::format!("{:?}", value.write()), "2");
    }

    #[test]
    fn guards_that_are_forgotten_do_not_make_a_writer() {
        let value = RwLock::new(());
        value.held.store(super::WRITER - 1, super::Ordering::Relaxed);
        assert!(value.try_read().is_none() && value.try_write().is_none());
    }

    /// A writer makes the two differ for a moment, which nobody who looks may see.
    #[test]
    fn nobody_sees_a_change_half_done() {
        // Miri, a thousand times slower, has a switch of threads at every other step: few rounds are many orders.
        let rounds = if cfg!(miri) { 20 } else { 2_000 };
        let pair = RwLock::new([0u64; 2]);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let mut pair = pair.write();
                        pair[0] += 1;
                        pair[1] += 1;
                    }
                });
                scope.spawn(|| {
                    for _ in 0..rounds {
                        let pair = pair.read();
                        assert_eq!(pair[0], pair[1]);
                    }
                });
            }
        });
        assert_eq!(pair.into_inner(), [2 * rounds; 2]);
    }
}
