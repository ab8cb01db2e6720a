//! Under shuttle.

pub use shuttle::hint::spin_loop;
pub use shuttle::sync::Mutex;
pub use shuttle::sync::MutexGuard;
pub use shuttle::sync::atomic;
pub use shuttle::thread::yield_now;
pub use shuttle::thread_local;

use std::sync::PoisonError;

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
