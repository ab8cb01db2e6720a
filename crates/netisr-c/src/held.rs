//! What a thread has told of its locks: the check in place of the token.
//!
//! # Locks
//!
//! None: all of it is the thread's own. # Teardown: goes with the thread.

use std::cell::RefCell;
use std::ffi::CString;
use std::ffi::c_char;
use std::ffi::c_int;

use crate::callback;
use crate::error::Failure;
use crate::error::SIDING_E_LOCKED;
use crate::error::guarded;
use crate::pointers::text;

/// A lock that is held.
struct Taken {
    lock: *const std::ffi::c_void,
    at: CString,
}

thread_local! {
    static HELD: RefCell<Vec<Taken>> = const { RefCell::new(Vec::new()) };
}

/// This thread has taken `lock`, at the place `here` (`SIDING_HERE`), which is copied. Belongs in the C side's lock wrapper.
///
/// # Safety
///
/// `here` is a text that ends in a zero byte. `lock` is only compared.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn siding_lock_taken(lock: *const std::ffi::c_void, here: *const c_char) -> c_int {
    guarded(|| {
        // SAFETY: as promised for `here`.
        let at = CString::new(unsafe { text(here) }?).unwrap_or_default();
        HELD.with(|held| held.borrow_mut().push(Taken { lock, at }));
        Ok(())
    })
}

/// This thread lets go of `lock`, which it said it had taken.
#[unsafe(no_mangle)]
pub extern "C" fn siding_lock_released(lock: *const std::ffi::c_void) -> c_int {
    guarded(|| {
        HELD.with(|held| {
            let mut held = held.borrow_mut();
            let place = held.iter().rposition(|taken| taken.lock == lock);
            let place = place.ok_or_else(|| Failure::argument("a lock is let go that was not taken here"))?;
            held.remove(place);
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
    HELD.with(|held| match held.borrow().last() {
        None => Ok(()),
        Some(taken) => {
            let at = taken.at.to_string_lossy();
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
