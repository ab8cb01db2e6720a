//! What a thread has told of its locks, and whether it runs a handler: the check in place of the token.
//!
//! # Locks
//!
//! None: all of it is the thread's own. # Teardown: goes with the thread.

use std::cell::Cell;
use std::cell::RefCell;
use std::ffi::CString;
use std::ffi::c_char;
use std::ffi::c_int;

use siding_netisr::Ctx;
use siding_netisr::Root;
use siding_netisr::Unlocked;

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
    /// The token of the worker whose handler this thread runs.
    static TOKEN: Cell<*const Ctx<'static, Unlocked>> = const { Cell::new(std::ptr::null()) };
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

/// Neither holds this thread a lock nor does it run a handler.
pub(crate) fn free_of_all(here: &str) -> Result<(), Failure> {
    no_lock(here)?;
    match TOKEN.get().is_null() {
        true => Ok(()),
        false => {
            Err(Failure(SIDING_E_LOCKED, format!("called at {here} in a handler, which must return first")))
        }
    }
}

/// Runs `work` as a handler with this token: what it calls here is this worker's.
pub(crate) fn as_handler<O>(ctx: &Ctx<'_, Unlocked>, work: impl FnOnce() -> O) -> O {
    struct Ends(*const Ctx<'static, Unlocked>);
    impl Drop for Ends {
        fn drop(&mut self) {
            TOKEN.set(self.0);
        }
    }
    let _ends = Ends(TOKEN.replace(std::ptr::from_ref(ctx).cast()));
    work()
}

/// Lends `work` this thread's token: the worker's in a handler, else one of a thread that is no worker.
pub(crate) fn with_token<O>(work: impl FnOnce(&mut Token<'_, '_>) -> O) -> Result<O, Failure> {
    let token = TOKEN.get();
    if !token.is_null() {
        // JUSTIFICATION: C passes no token on, so it waits where the thread finds it.
        // SAFETY: set by `as_handler` alone, to a token that it borrows until it has taken it away again; and the thread
        // is in there.
        return Ok(work(&mut Token::Worker(unsafe { &*token })));
    }
    let mut root = Root::new();
    let mut entered = root.enter().map_err(|why| Failure(SIDING_E_LOCKED, why.to_string()))?;
    Ok(work(&mut Token::Own(&mut entered.ctx())))
}

/// A thread's token.
pub(crate) enum Token<'t, 'c> {
    Worker(&'t Ctx<'c, Unlocked>),
    Own(&'t mut Ctx<'c, Unlocked>),
}

impl<'c> Token<'_, 'c> {
    pub(crate) fn get(&self) -> &Ctx<'c, Unlocked> {
        match self {
            Token::Worker(ctx) => ctx,
            Token::Own(ctx) => ctx,
        }
    }

    /// To wait with: not in a handler.
    pub(crate) fn for_a_wait(&mut self) -> Result<&mut Ctx<'c, Unlocked>, Failure> {
        match self {
            Token::Worker(_) => Err(Failure(SIDING_E_LOCKED, "a handler does not wait".into())),
            Token::Own(ctx) => Ok(ctx),
        }
    }
}
