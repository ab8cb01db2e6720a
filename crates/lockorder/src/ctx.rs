//! The tokens: what a thread may lock, and whether it may send.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;

use crate::After;
use crate::Guard;
use crate::Mutex;
use crate::Unlocked;
use crate::lock;

/// Which worker a token belongs to: a number that its facility gave it, unique in the process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat(pub NonZeroU64);

/// Where a thread's tokens come from. Inert, and free to move, until [entered](Root::enter).
#[derive(Debug)]
pub struct Root {
    seat: Option<Seat>,
    checked: bool,
}

impl Root {
    /// A root for a thread that is no worker: it may lock and dispatch.
    #[cfg(feature = "std")]
    #[allow(clippy::new_without_default)] // Roots are made on purpose, never by default.
    pub fn new() -> Root {
        Root { seat: None, checked: true }
    }

    /// A root for the worker that holds `seat`.
    #[cfg(feature = "std")]
    pub fn seated(seat: Seat) -> Root {
        Root { seat: Some(seat), checked: true }
    }

    /// A root whose [`enter`](Root::enter) cannot see what else the thread has entered, for targets without
    /// thread-local state.
    ///
    /// # Safety
    ///
    /// No two roots may be entered on one thread at the same time: with two, the compiler no longer knows
    /// which locks are held. Memory stays safe; the lock order and "no handler under a lock" do not hold.
    #[allow(unsafe_code)] // Declared so that breaking the promise needs the word `unsafe`; there is no unsafe operation.
    pub const unsafe fn unchecked(seat: Option<Seat>) -> Root {
        Root { seat, checked: false }
    }

    /// Makes this the thread's one source of tokens until the result is dropped.
    ///
    /// # Errors
    ///
    /// Another root is entered on this thread: this is a handler, say, that would forge a token.
    #[inline]
    pub fn enter(&mut self) -> Result<Entered<'_>, AlreadyEntered> {
        if self.checked && !thread::claim() && !forgery_is_allowed() {
            return Err(AlreadyEntered);
        }
        Ok(Entered { root: self, not_send: PhantomData })
    }
}

/// An entered root: lends the thread's token.
#[derive(Debug)]
pub struct Entered<'r> {
    root: &'r mut Root,
    not_send: PhantomData<*const ()>,
}

impl Entered<'_> {
    /// The token of a thread that holds no lock.
    #[inline]
    pub fn ctx(&mut self) -> Ctx<'_, Unlocked> {
        Ctx { seat: self.root.seat, borrow: PhantomData, rank: PhantomData }
    }
}

impl Drop for Entered<'_> {
    #[inline]
    fn drop(&mut self) {
        if self.root.checked {
            thread::release();
        }
    }
}

/// A thread's permission to take locks, while the innermost lock it holds has rank `L`.
///
/// `&mut Ctx<'_, Unlocked>` proves that no lock is held and is what sending needs; `&Ctx<'_, L>` for any
/// `L` is enough to dispatch.
pub struct Ctx<'a, L> {
    seat: Option<Seat>,
    // Raw pointer: a token is `!Send` and `!Sync`, for what a thread holds is its own affair.
    borrow: PhantomData<(&'a mut (), *const ())>,
    rank: PhantomData<fn(L)>,
}

impl<L> Ctx<'_, L> {
    /// Takes a lock, and lends the token that its holder may go on with. This token is out of use until
    /// the guard and the new token are gone.
    #[track_caller]
    pub fn lock<'s, R, T>(&'s mut self, mutex: &'s Mutex<R, T>) -> (Guard<'s, R, T>, Ctx<'s, R>)
    where
        R: After<L>,
    {
        (lock::acquire(mutex), Ctx { seat: self.seat, borrow: PhantomData, rank: PhantomData })
    }

    /// The worker that this token belongs to, if it is a worker's.
    #[inline]
    pub fn seat(&self) -> Option<Seat> {
        self.seat
    }
}

impl<L: crate::Rank> fmt::Debug for Ctx<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("innermost", &L::NAME).field("seat", &self.seat).finish()
    }
}

/// A second root was entered on a thread that has one already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlreadyEntered;

impl fmt::Display for AlreadyEntered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("this thread has a token already: use the one that was passed down instead of a new root")
    }
}

impl core::error::Error for AlreadyEntered {}

/// Whether a second root is let through: in the checkers' builds alone, where a mutant breaks this promise or another
/// for whose sake it exists.
fn forgery_is_allowed() -> bool {
    use crate::sync::mutant;
    mutant("second-root-allowed") || mutant("announcement-sent-inline")
}

/// Whether this thread has entered a root.
#[cfg(feature = "std")]
mod thread {
    mod state {
        use core::cell::Cell;

        #[cfg(not(any(siding_loom, siding_shuttle)))]
        std::thread_local! {
            pub(super) static ENTERED: Cell<bool> = const { Cell::new(false) };
        }

        // Not `const`: the checkers' thread-local state cannot be.
        #[cfg(any(siding_loom, siding_shuttle))]
        crate::sync::thread_local! {
            pub(super) static ENTERED: Cell<bool> = Cell::new(false);
        }
    }

    #[inline]
    pub(super) fn claim() -> bool {
        state::ENTERED.with(|entered| !entered.replace(true))
    }

    #[inline]
    pub(super) fn release() {
        state::ENTERED.with(|entered| entered.set(false));
    }
}

#[cfg(not(feature = "std"))]
mod thread {
    pub(super) fn claim() -> bool {
        true
    }

    pub(super) fn release() {}
}
