//! Handles for one thread at a time: who has one in use already is told so, and nothing is harmed.
//!
//! In use is a handle while a call with it is under way: on another thread, or further down on this one's stack, where that
//! call has called a function of the C side's.
//!
//! # Locks
//!
//! None: nobody waits. # Teardown: a handle that is in use is not given back.

use std::cell::UnsafeCell;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::Deref;
use std::ops::DerefMut;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;

use crate::callback;
use crate::error::Failure;
use crate::error::SIDING_E_LOCKED;
use crate::error::SIDING_E_TAKEN;
use crate::pointers::if_given;
use crate::trip::step;

/// What one thread at a time may use.
pub(crate) struct Single<T> {
    in_use: AtomicBool,
    what: UnsafeCell<T>,
}

/// A [`Single`] in use.
pub(crate) struct InUse<'s, T>(&'s Single<T>);

/// A handle that points to one.
pub(crate) trait Handle {
    type What;
    fn single(&self) -> &Single<Self::What>;
}

impl<T> Single<T> {
    pub(crate) fn new(what: T) -> Single<T> {
        Single { in_use: AtomicBool::new(false), what: UnsafeCell::new(what) }
    }

    pub(crate) fn take(&self) -> Result<InUse<'_, T>, Failure> {
        if !self.in_use.swap(true, Ordering::Acquire) {
            let in_use = InUse(self);
            step();
            return Ok(in_use);
        }
        Err(match callback::running() {
            Some(name) => Failure(
                SIDING_E_LOCKED,
                format!(
                    "the handle is in use, by another thread or by the call that has called this `{name}`"
                ),
            ),
            None => Failure(SIDING_E_TAKEN, "another thread is using the handle".into()),
        })
    }
}

impl<T> Deref for InUse<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // JUSTIFICATION: C may come from two threads at once, or again from a callback: a `&mut` must not be made then.
        // SAFETY: `in_use` gives this to one at a time.
        unsafe { &*self.0.what.get() }
    }
}

impl<T> DerefMut for InUse<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // JUSTIFICATION: as above.
        // SAFETY: as above.
        unsafe { &mut *self.0.what.get() }
    }
}

impl<T> Drop for InUse<'_, T> {
    fn drop(&mut self) {
        self.0.in_use.store(false, Ordering::Release);
    }
}

impl<T> fmt::Debug for Single<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Single").field("in_use", &self.in_use).finish_non_exhaustive()
    }
}

/// Takes a handle back, unless it is in use.
///
/// # Safety
///
/// NULL, or a handle that was handed out and was not taken back.
pub(crate) unsafe fn give_back<H: Handle>(handle: *mut H) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    let Some(given) = unsafe { if_given(handle) }? else { return Ok(()) };
    let single = given.single();
    // Never again to be used: what is called while it is dropped finds it in use.
    std::mem::forget(single.take()?);
    // JUSTIFICATION: a box that is dropped by itself is free memory before, or unique while, what was in it is dropped.
    // SAFETY: nobody else uses it, and it is dropped this once.
    unsafe { std::ptr::drop_in_place(single.what.get()) };
    // JUSTIFICATION: as above.
    // SAFETY: handles are handed out from a box, and this one has come back; what was in it has been dropped.
    drop(unsafe { Box::from_raw(handle.cast::<MaybeUninit<H>>()) });
    Ok(())
}
