//! Under shuttle.

pub use shuttle::hint::spin_loop;
pub use shuttle::sync::Mutex;
pub use shuttle::sync::MutexGuard;
pub use shuttle::sync::RwLock;
pub use shuttle::sync::RwLockReadGuard;
pub use shuttle::sync::RwLockWriteGuard;
pub use shuttle::sync::atomic;
pub use shuttle::thread::yield_now;
pub use shuttle::thread_local;

use std::sync::PoisonError;
use std::sync::TryLockError;
use std::sync::TryLockResult;

/// A cell. Shuttle does not watch plain memory; its own scheduler runs one thread at a time.
#[derive(Debug)]
pub struct UnsafeCell<T>(core::cell::UnsafeCell<T>);

impl<T> UnsafeCell<T> {
    /// A cell with `value` in it.
    pub const fn new(value: T) -> Self {
        UnsafeCell(core::cell::UnsafeCell::new(value))
    }

    /// Shows the value's place to `look`, which reads.
    pub fn with<O>(&self, look: impl FnOnce(*const T) -> O) -> O {
        look(self.0.get())
    }

    /// Shows the value's place to `change`, which may write.
    pub fn with_mut<O>(&self, change: impl FnOnce(*mut T) -> O) -> O {
        change(self.0.get())
    }
}

/// Locks.
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
