//! Errors as numbers, with texts; and the boundary that no panic crosses.

use std::cell::Cell;
use std::cell::RefCell;
use std::ffi::CStr;
use std::ffi::CString;
use std::ffi::c_char;
use std::ffi::c_int;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;

use siding_netisr::Cause;

use crate::trip::step;

/// Done.
pub const SIDING_OK: c_int = 0;
/// Refused: an interface that it names is departing or has gone.
pub const SIDING_E_DEPARTED: c_int = -1;
/// Refused: the queue is at its limit.
pub const SIDING_E_FULL: c_int = -2;
/// Refused: the interface has used up its share of the queue.
pub const SIDING_E_SHARE: c_int = -3;
/// Refused: the type is being unregistered.
pub const SIDING_E_CLOSED: c_int = -4;
/// Refused: the type was stopped, by a panic of the library's own.
pub const SIDING_E_STOPPED: c_int = -5;
/// Refused: the permit is for another flow, or another worker's.
pub const SIDING_E_OTHER_FLOW: c_int = -6;
/// A pointer is NULL or not aligned, a text is no UTF-8, a number is out of its range, a name is another's, or a lock is let
/// go that was not taken: the text says which.
pub const SIDING_E_ARGUMENT: c_int = -20;
/// A lock is held, or a callback runs, where that must not be. The text names the place, and the lock's or
/// the callback.
pub const SIDING_E_LOCKED: c_int = -21;
/// Somebody else has the worker or is using the handle, or there is no worker of that number.
pub const SIDING_E_TAKEN: c_int = -22;
/// It is not there: not attached, not registered, or gone.
pub const SIDING_E_GONE: c_int = -23;
/// Time is up. The text says who is in the way.
pub const SIDING_E_TIMEOUT: c_int = -24;
/// There is no room for another interface or type.
pub const SIDING_E_NO_ROOM: c_int = -25;
/// Counters do not add up.
pub const SIDING_E_IMBALANCE: c_int = -26;
/// The library has panicked: a fault of its own. The text is the panic's. A packet that was to be dispatched is not the
/// caller's any more: it has gone to its type's `drop`.
pub const SIDING_E_PANIC: c_int = -99;

/// What went wrong, in a number and in words.
pub(crate) struct Failure(pub(crate) c_int, pub(crate) String);

impl Failure {
    pub(crate) fn argument(what: &str) -> Failure {
        Failure(SIDING_E_ARGUMENT, what.to_string())
    }
}

/// The number of a refusal.
pub(crate) fn refusal(cause: Cause) -> c_int {
    match cause {
        Cause::Departed => SIDING_E_DEPARTED,
        Cause::Full => SIDING_E_FULL,
        Cause::Share => SIDING_E_SHARE,
        Cause::Closed => SIDING_E_CLOSED,
        Cause::Stopped => SIDING_E_STOPPED,
        Cause::OtherFlow => SIDING_E_OTHER_FLOW,
        // A view has fewer places than that.
        Cause::TooManyInterfaces => SIDING_E_ARGUMENT,
    }
}

thread_local! {
    static TEXT: RefCell<CString> = RefCell::default();
    /// What failed last, if it has no text but that of its number; else 0.
    static NUMBER: Cell<c_int> = const { Cell::new(SIDING_OK) };
}

/// The answer of a dispatch: its failure, or the number of its refusal, which costs no memory.
pub(crate) fn or_refused(outcome: c_int, refused: c_int) -> c_int {
    if outcome != SIDING_OK {
        return outcome;
    }
    if refused != SIDING_OK {
        NUMBER.set(refused);
    }
    refused
}

/// Runs `work`; the number of its failure, whose text is kept for this thread.
pub(crate) fn guarded(work: impl FnOnce() -> Result<(), Failure>) -> c_int {
    let work = || {
        step();
        let outcome = work();
        step();
        outcome
    };
    let Failure(number, text) = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return SIDING_OK,
        Ok(Err(failure)) => failure,
        Err(payload) => {
            let text = payload.downcast_ref::<&str>().map(|text| text.to_string());
            let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
            // What was thrown may panic in its turn when it is dropped.
            std::mem::forget(payload);
            Failure(SIDING_E_PANIC, text.unwrap_or_default())
        }
    };
    let text = CString::new(text.replace('\0', " ")).unwrap_or_default();
    // Past the end of the thread's own things there is but the number.
    let told = TEXT.try_with(|last| last.replace(text)).is_ok();
    NUMBER.set(if told { SIDING_OK } else { number });
    number
}

/// What the thread's last call that failed, or whose packet was refused, says of it. Refused packets have no text but that of
/// their number. Valid until the thread's next call that fails. "" if none did.
#[unsafe(no_mangle)]
pub extern "C" fn siding_last_error() -> *const c_char {
    match NUMBER.get() {
        SIDING_OK => TEXT.try_with(|last| last.borrow().as_ptr()).unwrap_or(c"".as_ptr()),
        number => siding_error_text(number),
    }
}

/// What a number means. Valid for ever.
#[unsafe(no_mangle)]
pub extern "C" fn siding_error_text(number: c_int) -> *const c_char {
    let text: &CStr = match number {
        SIDING_OK => c"done",
        SIDING_E_DEPARTED => c"refused: an interface that it names is departing or has gone",
        SIDING_E_FULL => c"refused: the queue is at its limit",
        SIDING_E_SHARE => c"refused: the interface has used up its share of the queue",
        SIDING_E_CLOSED => c"refused: the packet type is being unregistered",
        SIDING_E_STOPPED => c"refused: the packet type was stopped",
        SIDING_E_OTHER_FLOW => c"refused: the permit is for another flow or another worker",
        SIDING_E_ARGUMENT => c"an argument is NULL or out of its range",
        SIDING_E_LOCKED => c"a lock is held, or a callback runs, where that must not be",
        SIDING_E_TAKEN => {
            c"somebody else has the worker or is using the handle, or there is no worker of that number"
        }
        SIDING_E_GONE => c"it is not attached or registered, or has gone",
        SIDING_E_TIMEOUT => c"time is up",
        SIDING_E_NO_ROOM => c"there is no room for another",
        SIDING_E_IMBALANCE => c"the counters of a packet type do not add up",
        SIDING_E_PANIC => c"the library has panicked",
        _ => c"no number of this library's",
    };
    text.as_ptr()
}
