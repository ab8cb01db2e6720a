//! The ranked lock.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ops::DerefMut;

use crate::Rank;
use crate::stays::StaysHere;
use crate::sync;
use crate::witness;

/// A lock of rank `R` round a `T`. Only [`Ctx::lock`](crate::Ctx::lock) takes it.
///
/// What many read and few change is better a snapshot; where it must be a lock, there is [`RwLock`](crate::RwLock).
pub struct Mutex<R, T> {
    inner: sync::Mutex<T>,
    // Invariant: a lock has one rank, whatever that is a subtype of.
    rank: PhantomData<fn(R) -> R>,
}

impl<R: Rank, T> Mutex<R, T> {
    /// A lock that nobody holds. May stand in a `static`.
    #[cfg(not(any(siding_loom, siding_shuttle)))]
    pub const fn new(value: T) -> Mutex<R, T> {
        Mutex { inner: sync::Mutex::new(value), rank: PhantomData }
    }

    /// A lock that nobody holds. Not `const`: the checkers' locks cannot be.
    #[cfg(any(siding_loom, siding_shuttle))]
    pub fn new(value: T) -> Mutex<R, T> {
        Mutex { inner: sync::Mutex::new(value), rank: PhantomData }
    }

    /// The value, for its only owner: no lock is needed.
    pub fn into_inner(self) -> T {
        sync::into_inner(self.inner)
    }
}

impl<R: Rank, T> fmt::Debug for Mutex<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mutex").field("rank", &R::NAME).finish_non_exhaustive()
    }
}

#[track_caller]
pub(crate) fn acquire<R: Rank, T>(mutex: &Mutex<R, T>) -> Guard<'_, R, T> {
    let held = witness::Class::of_rank::<R>().enter();
    Guard { inner: sync::lock(&mutex.inner), _held: held, rank: PhantomData, stays: PhantomData }
}

/// None if somebody has it.
#[track_caller]
pub(crate) fn try_acquire<R: Rank, T>(mutex: &Mutex<R, T>) -> Option<Guard<'_, R, T>> {
    let inner = sync::try_lock(&mutex.inner)?;
    // Afterwards: who only tries waits for nobody, so there is no order to be kept.
    let held = witness::Class::of_rank::<R>().tried();
    Some(Guard { inner, _held: held, rank: PhantomData, stays: PhantomData })
}

/// A lock that is held. Dropping it gives the outer token back.
///
/// It stays on its thread, whose token knows of it. Others may look at what it guards if that is `Sync`.
///
/// A guard that is [forgotten](core::mem::forget) gives the outer token back too, and its lock stays held: that a
/// token says what is held is true of guards that are dropped, be it by a panic. See [`Entered::ctx`](crate::Entered).
#[must_use = "the lock is held for as long as the guard lives"]
pub struct Guard<'a, R, T> {
    inner: sync::MutexGuard<'a, T>,
    _held: witness::Held,
    rank: PhantomData<fn(R) -> R>,
    // The guard within may not mind where it is dropped.
    stays: StaysHere,
}

impl<R, T> Deref for Guard<'_, R, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<R, T> DerefMut for Guard<'_, R, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<R: Rank, T: fmt::Debug> fmt::Debug for Guard<'_, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(R::NAME).field(&self.inner).finish()
    }
}
