//! The ranked lock for many who look and few who change.

use core::fmt;
use core::marker::PhantomData;
use core::ops::Deref;
use core::ops::DerefMut;

use crate::Rank;
use crate::stays::StaysHere;
use crate::sync;
use crate::witness;

/// A lock of rank `R` round a `T`, which many may [read](crate::Ctx::read) at a time, or one may
/// [write](crate::Ctx::write).
///
/// To the order of locks the two are the same. Whether a writer who waits keeps further readers out is the system's
/// affair; without `std` it does not, and readers who never cease keep it waiting.
pub struct RwLock<R, T> {
    inner: sync::RwLock<T>,
    // Invariant: as a `Mutex`.
    rank: PhantomData<fn(R) -> R>,
}

impl<R: Rank, T> RwLock<R, T> {
    /// A lock that nobody holds. May stand in a `static`.
    #[cfg(not(any(siding_loom, siding_shuttle)))]
    pub const fn new(value: T) -> RwLock<R, T> {
        RwLock { inner: sync::RwLock::new(value), rank: PhantomData }
    }

    /// A lock that nobody holds. Not `const`: the checkers' locks cannot be.
    #[cfg(any(siding_loom, siding_shuttle))]
    pub fn new(value: T) -> RwLock<R, T> {
        RwLock { inner: sync::RwLock::new(value), rank: PhantomData }
    }

    /// The value, for its only owner: no lock is needed.
    pub fn into_inner(self) -> T {
        sync::rw_into_inner(self.inner)
    }
}

impl<R: Rank, T> fmt::Debug for RwLock<R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RwLock").field("rank", &R::NAME).finish_non_exhaustive()
    }
}

#[track_caller]
pub(crate) fn read<R: Rank, T>(lock: &RwLock<R, T>) -> ReadGuard<'_, R, T> {
    let held = witness::Class::of_rank::<R>().enter();
    ReadGuard { inner: sync::read(&lock.inner), _held: held, rank: PhantomData, stays: PhantomData }
}

#[track_caller]
pub(crate) fn try_read<R: Rank, T>(lock: &RwLock<R, T>) -> Option<ReadGuard<'_, R, T>> {
    let inner = sync::try_read(&lock.inner)?;
    let held = witness::Class::of_rank::<R>().tried();
    Some(ReadGuard { inner, _held: held, rank: PhantomData, stays: PhantomData })
}

#[track_caller]
pub(crate) fn write<R: Rank, T>(lock: &RwLock<R, T>) -> WriteGuard<'_, R, T> {
    let held = witness::Class::of_rank::<R>().enter();
    WriteGuard { inner: sync::write(&lock.inner), _held: held, rank: PhantomData, stays: PhantomData }
}

#[track_caller]
pub(crate) fn try_write<R: Rank, T>(lock: &RwLock<R, T>) -> Option<WriteGuard<'_, R, T>> {
    let inner = sync::try_write(&lock.inner)?;
    let held = witness::Class::of_rank::<R>().tried();
    Some(WriteGuard { inner, _held: held, rank: PhantomData, stays: PhantomData })
}

/// A lock that is held to look at what it guards. All that is said of [`Guard`](crate::Guard) holds.
#[must_use = "the lock is held for as long as the guard lives"]
pub struct ReadGuard<'a, R, T> {
    inner: sync::RwLockReadGuard<'a, T>,
    _held: witness::Held,
    rank: PhantomData<fn(R) -> R>,
    stays: StaysHere,
}

/// A lock that is held to change what it guards. All that is said of [`Guard`](crate::Guard) holds.
#[must_use = "the lock is held for as long as the guard lives"]
pub struct WriteGuard<'a, R, T> {
    inner: sync::RwLockWriteGuard<'a, T>,
    _held: witness::Held,
    rank: PhantomData<fn(R) -> R>,
    stays: StaysHere,
}

impl<R, T> Deref for ReadGuard<'_, R, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<R, T> Deref for WriteGuard<'_, R, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.inner
    }
}

impl<R, T> DerefMut for WriteGuard<'_, R, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.inner
    }
}

impl<R: Rank, T: fmt::Debug> fmt::Debug for ReadGuard<'_, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(R::NAME).field(&**self).finish()
    }
}

impl<R: Rank, T: fmt::Debug> fmt::Debug for WriteGuard<'_, R, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(R::NAME).field(&**self).finish()
    }
}
