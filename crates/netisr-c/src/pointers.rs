//! The C side's pointers: looked at before anything is done.

use std::ffi::CStr;
use std::ffi::c_char;

use crate::error::Failure;

/// What a pointer of the C side's points to.
///
/// # Safety
///
/// NULL, or a pointer to a `T` that lives and is not changed while the answer is in use.
pub(crate) unsafe fn given<'a, T>(pointer: *const T) -> Result<&'a T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_ref() }.ok_or_else(|| Failure::argument("a pointer is NULL"))
}

/// The same for what is used by one thread at a time.
///
/// # Safety
///
/// NULL, or a pointer to a `T` that lives, and that nobody else uses while the answer is in use.
pub(crate) unsafe fn given_mut<'a, T>(pointer: *mut T) -> Result<&'a mut T, Failure> {
    // SAFETY: the caller's promise.
    unsafe { pointer.as_mut() }.ok_or_else(|| Failure::argument("a pointer is NULL"))
}

/// Puts a new handle where the C side wants it.
///
/// # Safety
///
/// NULL, or a place that may be written.
pub(crate) unsafe fn hand_out<T>(place: *mut *mut T, value: T) -> Result<(), Failure> {
    // SAFETY: the caller's promise.
    let place = unsafe { given_mut(place) }?;
    *place = Box::into_raw(Box::new(value));
    Ok(())
}

/// Takes a handle back.
///
/// # Safety
///
/// NULL, or a handle that was handed out, was not taken back, and is not in use.
pub(crate) unsafe fn take_back<T>(handle: *mut T) -> Option<T> {
    // SAFETY: handles are handed out by `hand_out`, from a box, and come back once, says the caller.
    (!handle.is_null()).then(|| *unsafe { Box::from_raw(handle) })
}

/// A text of the C side's.
///
/// # Safety
///
/// NULL, or a text that ends in a zero byte and is not changed while the answer is in use.
pub(crate) unsafe fn text<'a>(pointer: *const c_char) -> Result<&'a str, Failure> {
    if pointer.is_null() {
        return Err(Failure::argument("a text is NULL"));
    }
    // SAFETY: the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|why| Failure::argument(&why.to_string()))
}
