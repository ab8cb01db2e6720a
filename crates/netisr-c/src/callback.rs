//! Which of the C side's functions this thread is in, and the token that it may dispatch with there.
//!
//! While one runs, the call that it was called from is under way: a worker is in the middle of its poll, say. Who polls
//! or waits in there would do so within that. Every call of a function of the C side's goes through [`call`].
//!
//! # Locks
//!
//! None: all of it is the thread's own. # Teardown: nothing is to be dropped, so it is there until the thread's very end.

use std::cell::Cell;

use siding_netisr::Ctx;
use siding_netisr::Root;
use siding_netisr::Unlocked;

use crate::error::Failure;
use crate::error::SIDING_E_LOCKED;
use crate::trip::step;

#[derive(Clone, Copy)]
struct Inside {
    /// Which function, as `SidingTypeSpec` and its like call it.
    name: &'static str,
    /// The worker's token, in a handler; else NULL.
    token: *const Ctx<'static, Unlocked>,
}

thread_local! {
    static INSIDE: Cell<Option<Inside>> = const { Cell::new(None) };
}

/// Puts back what was there before.
struct Ends(Option<Inside>);

impl Drop for Ends {
    fn drop(&mut self) {
        INSIDE.set(self.0);
    }
}

/// Runs `work`, which calls the C side's function `name`; a handler with the token of its worker.
pub(crate) fn call<O>(name: &'static str, token: Option<&Ctx<'_, Unlocked>>, work: impl FnOnce() -> O) -> O {
    let token = token.map_or(std::ptr::null(), |token| std::ptr::from_ref(token).cast());
    let _ends = Ends(INSIDE.replace(Some(Inside { name, token })));
    work()
}

/// The function of the C side's that this thread is in.
pub(crate) fn running() -> Option<&'static str> {
    INSIDE.get().map(|inside| inside.name)
}

/// Lends `work` a token to dispatch with, which may be done anywhere and under any locks: the worker's in a handler, else
/// one of a thread that is no worker.
pub(crate) fn with_token<O>(work: impl FnOnce(&Ctx<'_, Unlocked>) -> O) -> Result<O, Failure> {
    if let Some(token) = INSIDE.get().map(|inside| inside.token).filter(|token| !token.is_null()) {
        // JUSTIFICATION: C passes no token on, so it waits where the thread finds it.
        // SAFETY: set by `call` alone, to a token that it borrows until it has taken it away again; and the thread is
        // in there.
        let token = unsafe { &*token };
        return Ok(stepping(|| work(token)));
    }
    // JUSTIFICATION: a `drop` that is called in a poll has no token, and the poll has the thread's root.
    // SAFETY: that no two are entered is so that the compiler knows which locks are held, and it knows nothing of C's.
    // The token goes to what takes one of any rank, and belongs to no worker; who waits has another.
    let mut root = unsafe { Root::unchecked(None) };
    let mut entered = root.enter().map_err(|why| Failure(SIDING_E_LOCKED, why.to_string()))?;
    Ok(stepping(|| work(&entered.ctx())))
}

/// Lends `work` a token to wait with, of a thread that has shown that it holds no lock and is in no function of the C
/// side's.
pub(crate) fn waiting<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> Result<O, Failure> {
    let mut root = Root::new();
    let mut entered = root.enter().map_err(|why| Failure(SIDING_E_LOCKED, why.to_string()))?;
    Ok(stepping(|| work(&mut entered.ctx())))
}

fn stepping<O>(work: impl FnOnce() -> O) -> O {
    step();
    let outcome = work();
    step();
    outcome
}
