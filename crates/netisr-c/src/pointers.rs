//! The C side's pointers: looked at before anything is done.

use std::ffi::CStr;
use std::ffi::c_char;

use crate::error::Failure;
use crate::trip::step;

/// Says what is wrong with a pointer, as far as that can be seen.
fn look<T>(pointer: *const T) -> Result<(), Failure> {
    step();
    if pointer.is_null() {
        return Err(Failure::argument("a pointer is NULL"));
    }
    if !pointer.is_aligned() {
        return Err(Failure::argument("a pointer is not aligned as what it points to must be"));
    }
    Ok(())
}

/// What a pointer of the C side's points to.
///
/// # Safety
///
/// NULL, or a pointer to a `T` that lives and is not changed while the answer is in use.
pub(crate) unsafe fn given<'a, T>(pointer: *const T) -> Result<&'a T, Failure> {
    look(pointer)?;
    // SAFETY: not NULL, aligned, and for the rest the caller's promise.
    Ok(unsafe { &*pointer })
}

/// The same for what may be left out.
///
/// # Safety
///
/// As there.
pub(crate) unsafe fn if_given<'a, T>(pointer: *const T) -> Result<Option<&'a T>, Failure> {
    // SAFETY: the caller's promise.
    if pointer.is_null() { Ok(None) } else { unsafe { given(pointer) }.map(Some) }
}

/// The C side's array; it may be NULL if there is nothing in it.
///
/// # Safety
///
/// NULL, or a pointer to so many `T`, that nobody else uses while the answer is in use.
pub(crate) unsafe fn given_many<'a, T>(pointer: *mut T, count: usize) -> Result<&'a mut [T], Failure> {
    if count == 0 {
        return Ok(&mut []);
    }
    look(pointer)?;
    if count > isize::MAX as usize / size_of::<T>() {
        return Err(Failure::argument("so many there cannot be: the number is out of its range"));
    }
    // SAFETY: not NULL, aligned, no larger than memory, and for the rest the caller's promise.
    Ok(unsafe { std::slice::from_raw_parts_mut(pointer, count) })
}

/// Where the C side wants a result. Looked at before anything is done: what is done and cannot be told would be lost.
/// Nothing is read there, for nobody has to have put anything there.
pub(crate) struct Place<T>(*mut T);

impl<T> Place<T> {
    pub(crate) fn put(&self, value: T) {
        // SAFETY: a place is made of a pointer that may be written through while the place is in use, and nothing is
        // dropped there.
        unsafe { self.0.write(value) };
    }
}

impl<T> Place<*mut T> {
    /// Puts a new handle there.
    pub(crate) fn hand_out(&self, value: T) {
        step();
        self.put(Box::into_raw(Box::new(value)));
    }
}

/// A place for a result.
///
/// # Safety
///
/// NULL, or a pointer that may be written through while the answer is in use.
pub(crate) unsafe fn place<T>(pointer: *mut T) -> Result<Place<T>, Failure> {
    look(pointer).map(|()| Place(pointer))
}

/// A place for a result that may be left out.
///
/// # Safety
///
/// As there.
pub(crate) unsafe fn place_if_given<T>(pointer: *mut T) -> Result<Option<Place<T>>, Failure> {
    // SAFETY: the caller's promise.
    if pointer.is_null() { Ok(None) } else { unsafe { place(pointer) }.map(Some) }
}

/// Takes a handle back.
///
/// # Safety
///
/// NULL, or a handle that was handed out, was not taken back, and is not in use.
pub(crate) unsafe fn take_back<T>(handle: *mut T) -> Option<T> {
    // SAFETY: handles are handed out by [`Place::hand_out`], from a box, and come back once, says the caller.
    (!handle.is_null()).then(|| *unsafe { Box::from_raw(handle) })
}

/// A text of the C side's, whatever it is encoded in.
///
/// # Safety
///
/// NULL, or a text that ends in a zero byte and is not changed while the answer is in use.
pub(crate) unsafe fn bytes<'a>(pointer: *const c_char) -> Result<&'a [u8], Failure> {
    if pointer.is_null() {
        return Err(Failure::argument("a text is NULL"));
    }
    // SAFETY: the caller's promise.
    Ok(unsafe { CStr::from_ptr(pointer) }.to_bytes())
}

/// A text of the C side's.
///
/// # Safety
///
/// As there.
pub(crate) unsafe fn text<'a>(pointer: *const c_char) -> Result<&'a str, Failure> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { bytes(pointer) }?;
    std::str::from_utf8(bytes).map_err(|why| Failure::argument(&why.to_string()))
}
