//! Outside the checkers: `core`'s atomics, and std's locks where there is std. Where the target has no atomics of 64 bits,
//! they are `portable-atomic`'s.

pub use core::hint::spin_loop;

/// Atomics.
pub mod atomic {
    pub use core::sync::atomic::*;
    #[cfg(not(target_has_atomic = "64"))]
    pub use portable_atomic::AtomicU64;
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
    pub use std::sync::RwLock;
    pub use std::sync::RwLockReadGuard;
    pub use std::sync::RwLockWriteGuard;
    pub use std::thread_local;

    use std::sync::PoisonError;
    use std::sync::TryLockError;
    use std::sync::TryLockResult;

    /// Locks. A panic elsewhere does not poison: what our locks guard is whole between statements.
    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the value out.
    pub fn into_inner<T>(mutex: Mutex<T>) -> T {
        mutex.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks, if nobody else has it.
    pub fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
        had(mutex.try_lock())
    }

    /// Locks to look.
    pub fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
        lock.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks to look, if nobody else has it to change it.
    pub fn try_read<T>(lock: &RwLock<T>) -> Option<RwLockReadGuard<'_, T>> {
        had(lock.try_read())
    }

    /// Locks to change.
    pub fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
        lock.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Locks to change, if nobody else has it.
    pub fn try_write<T>(lock: &RwLock<T>) -> Option<RwLockWriteGuard<'_, T>> {
        had(lock.try_write())
    }

    /// Takes the value out.
    pub fn rw_into_inner<T>(lock: RwLock<T>) -> T {
        lock.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn had<G>(tried: TryLockResult<G>) -> Option<G> {
        match tried {
            Ok(guard) => Some(guard),
            Err(TryLockError::Poisoned(poisoned)) => Some(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => None,
        }
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
    pub use crate::sync::spin_rw::RwLock;
    pub use crate::sync::spin_rw::RwLockReadGuard;
    pub use crate::sync::spin_rw::RwLockWriteGuard;

    /// Locks.
    pub fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
        mutex.lock()
    }

    /// Locks, if nobody else has it.
    pub fn try_lock<T>(mutex: &Mutex<T>) -> Option<MutexGuard<'_, T>> {
        mutex.try_lock()
    }

    /// Takes the value out.
    pub fn into_inner<T>(mutex: Mutex<T>) -> T {
        mutex.into_inner()
    }

    /// Locks to look.
    pub fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
        lock.read()
    }

    /// Locks to look, if nobody else has it to change it.
    pub fn try_read<T>(lock: &RwLock<T>) -> Option<RwLockReadGuard<'_, T>> {
        lock.try_read()
    }

    /// Locks to change.
    pub fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
        lock.write()
    }

    /// Locks to change, if nobody else has it.
    pub fn try_write<T>(lock: &RwLock<T>) -> Option<RwLockWriteGuard<'_, T>> {
        lock.try_write()
    }

    /// Takes the value out.
    pub fn rw_into_inner<T>(lock: RwLock<T>) -> T {
        lock.into_inner()
    }

    /// Lets another thread run, as far as `core` can.
    pub fn yield_now() {
        core::hint::spin_loop();
    }
}

pub use locks::*;
