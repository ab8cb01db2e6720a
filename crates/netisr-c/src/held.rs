//! What a thread has told of its locks: the check in place of the token.
//!
//! # Locks
//!
//! None: all of it is the thread's own. # Teardown: nothing to be dropped. A thread that ends with a lock held leaves what it
//! told of it.

use std::cell::RefCell;
use std::ffi::c_char;
use std::ffi::c_int;
use std::ffi::c_void;
use std::fmt;
use std::mem::ManuallyDrop;

use crate::callback;
use crate::error::Failure;
use crate::error::SIDING_E_LOCKED;
use crate::error::guarded;
use crate::pointers::bytes;
use crate::pointers::text;

/// A lock that is held.
struct Taken {
    lock: *const c_void,
    at: Place,
}

/// The end of a text: of a place, that is what tells most.
struct Place {
    text: [u8; Place::MOST],
    length: usize,
}

impl Place {
    const MOST: usize = 112;

    fn new(text: &[u8]) -> Place {
        let end = &text[text.len().saturating_sub(Place::MOST)..];
        let mut place = Place { text: [0; Place::MOST], length: end.len() };
        place.text[..end.len()].copy_from_slice(end);
        place
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(&self.text[..self.length]))
    }
}

thread_local! {
    /// Not dropped with the thread, whose end may run code of the C side's that locks: freed whenever nothing is held.
    static HELD: RefCell<ManuallyDrop<Vec<Taken>>> = const { RefCell::new(ManuallyDrop::new(Vec::new())) };
}

/// This thread has taken `lock`, at the place `here` (`SIDING_HERE`), which is copied, but for what its last 112 bytes leave
/// out. Belongs in the C side's lock wrapper. 0, unless `here` is NULL.
///
/// # Safety
///
/// `here` is a text that ends in a zero byte. `lock` is only compared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_lock_taken(lock: *const c_void, here: *const c_char) -> c_int {
    guarded(|| {
        // SAFETY: as promised for `here`.
        let at = Place::new(unsafe { bytes(here) }?);
        HELD.with_borrow_mut(|held| held.push(Taken { lock, at }));
        Ok(())
    })
}

/// This thread lets go of `lock`, which it said it had taken; `SIDING_E_ARGUMENT` if it did not.
#[unsafe(no_mangle)]
pub extern "C" fn siding_lock_released(lock: *const c_void) -> c_int {
    guarded(|| {
        HELD.with_borrow_mut(|held| {
            let place = held.iter().rposition(|taken| taken.lock == lock);
            let place = place.ok_or_else(|| Failure::argument("a lock is let go that was not taken here"))?;
            held.remove(place);
            if held.is_empty() {
                drop(std::mem::take(&mut **held));
            }
            Ok(())
        })
    })
}

/// Whether this thread may send: 0 if it holds no lock. Belongs at the top of what sends directly. A handler may send.
///
/// # Safety
///
/// `here` is a text that ends in a zero byte.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_may_send(here: *const c_char) -> c_int {
    guarded(|| {
        // SAFETY: as promised for `here`.
        no_lock(unsafe { text(here) }?)
    })
}

fn no_lock(here: &str) -> Result<(), Failure> {
    HELD.with_borrow(|held| match held.last() {
        None => Ok(()),
        Some(Taken { at, .. }) => {
            Err(Failure(SIDING_E_LOCKED, format!("called at {here} while the lock taken at {at} is held")))
        }
    })
}

/// Neither holds this thread a lock nor is it in a function of the C side's.
pub(crate) fn free_of_all(here: &str) -> Result<(), Failure> {
    no_lock(here)?;
    match callback::running() {
        None => Ok(()),
        Some(name) => {
            Err(Failure(SIDING_E_LOCKED, format!("called at {here} in a `{name}`, which must return first")))
        }
    }
}
