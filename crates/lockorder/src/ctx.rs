//! The tokens: what a thread may lock, and whether it may send.

use core::fmt;
use core::marker::PhantomData;
use core::num::NonZeroU64;
use core::sync::atomic::Ordering;

use crate::After;
use crate::Guard;
use crate::Level;
use crate::Mutex;
use crate::ReadGuard;
use crate::RwLock;
use crate::Unlocked;
use crate::WriteGuard;
use crate::lock;
use crate::rwlock;
use crate::sync::plain::AtomicU64;
use crate::thread;
use crate::witness;

/// Which worker a token belongs to. To know a seat gives no right to it: tokens of a seat come from its [`Seats`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seat(NonZeroU64);

impl Seat {
    /// No seat has 0.
    #[inline(always)]
    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }
}

/// The seats of one facility's workers, unique in the process. Who has this can make their tokens, so a facility
/// keeps it to itself; nobody else can have the same ones.
#[derive(Debug)]
pub struct Seats {
    first: NonZeroU64,
    count: u32,
}

/// The next seat that nobody has. Outside the facade: identity is no protocol.
static NEXT_SEAT: AtomicU64 = AtomicU64::new(1);

impl Seats {
    /// So many seats, that nobody had before.
    ///
    /// # Panics
    ///
    /// When 2^64 seats have been given out.
    pub fn new(count: u32) -> Seats {
        match Seats::out_of(&NEXT_SEAT, count) {
            Some(seats) => seats,
            None => panic!("the numbers for seats are used up"),
        }
    }

    /// None rather than numbers that come round.
    fn out_of(next: &AtomicU64, count: u32) -> Option<Seats> {
        let more = |next: u64| next.checked_add(u64::from(count));
        let first = next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more).ok()?;
        // The first of all is 1, and the numbers only grow.
        Some(Seats { first: NonZeroU64::new(first)?, count })
    }

    /// Seat `index`, if there are so many.
    pub fn seat(&self, index: u32) -> Option<Seat> {
        if index < self.count { Some(Seat(self.first.saturating_add(u64::from(index)))) } else { None }
    }

    /// Which of these seats `seat` is; none if it is another facility's.
    #[inline]
    pub fn index_of(&self, seat: Seat) -> Option<u32> {
        let index = seat.0.get().wrapping_sub(self.first.get());
        if index < u64::from(self.count) { Some(index as u32) } else { None }
    }

    /// The number of the first.
    pub(crate) fn first(&self) -> u64 {
        self.first.get()
    }

    /// Which of these seats the root is of that this thread has entered, if it is of one.
    #[cfg(feature = "std")]
    pub fn entered_here(&self) -> Option<u32> {
        self.index_of(Seat(NonZeroU64::new(thread::entered())?))
    }

    /// A root for the worker that holds seat `index`. It is for the facility to see that a seat has one holder at a
    /// time.
    #[cfg(feature = "std")]
    pub fn root(&self, index: u32) -> Option<Root> {
        self.seat(index).map(|seat| Root { seat: Some(seat), checked: true })
    }
}

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

    /// A root whose [`enter`](Root::enter) cannot see what else the thread has entered, for targets without
    /// thread-local state.
    ///
    /// # Safety
    ///
    /// No two roots may be entered on one thread at the same time: with two, the compiler no longer knows
    /// which locks are held: the lock order and "no handler under a lock" do not hold otherwise. And `seat`, if any, is the
    /// caller's: no other root has it. Workers keep what is theirs alone without locks, and with two of one seat on two threads
    /// that is a data race.
    #[allow(unsafe_code)] // Declared so that breaking the promise needs the word `unsafe`; there is no unsafe operation.
    pub const unsafe fn unchecked(seat: Option<Seat>) -> Root {
        Root { seat, checked: false }
    }

    /// Makes this the thread's one source of tokens until the result is dropped.
    ///
    /// # Errors
    ///
    /// Another root is entered on this thread: this is a handler, say, that would forge a token. A thread that
    /// [forgets](core::mem::forget) its [`Entered`] has no token ever after.
    #[inline]
    pub fn enter(&mut self) -> Result<Entered<'_>, AlreadyEntered> {
        if self.checked && !thread::claim(self.number()) && !forgery_is_allowed() {
            return Err(AlreadyEntered);
        }
        let noted = Noted { is_noted: self.checked, not_send: PhantomData };
        Ok(Entered { seat: self.seat, root: self, noted })
    }

    /// Its seat as a number; without one, what is no seat's.
    #[inline]
    fn number(&self) -> u64 {
        self.seat.map_or(u64::MAX, |seat| seat.0.get())
    }
}

/// An entered root: lends the thread's token.
#[derive(Debug)]
pub struct Entered<'r> {
    /// The root's, which is asked for each time.
    seat: Option<Seat>,
    root: &'r mut Root,
    noted: Noted,
}

/// The thread's note of which root it has entered, until it is dropped.
#[derive(Debug)]
struct Noted {
    /// False where there is none to be taken.
    is_noted: bool,
    not_send: PhantomData<*const ()>,
}

impl<'r> Entered<'r> {
    /// The token of a thread that holds no lock.
    ///
    /// # Panics
    ///
    /// In debug builds, if the thread does hold one, which it can only by having [forgotten](core::mem::forget) a
    /// guard.
    #[inline]
    pub fn ctx(&mut self) -> Ctx<'_, Unlocked> {
        witness::expect_no_rank();
        Ctx { seat: self.seat, borrow: PhantomData, rank: PhantomData }
    }

    /// Leaves the root, as dropping this does, and gives it back to be entered again.
    #[inline]
    pub fn leave(self) -> &'r mut Root {
        let Entered { root, noted, .. } = self;
        drop(noted);
        root
    }
}

impl Drop for Noted {
    #[inline]
    fn drop(&mut self) {
        if self.is_noted {
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
    // Invariant: a token of one rank must not pass for one of another, that is its subtype.
    rank: PhantomData<fn(L) -> L>,
}

impl<L> Ctx<'_, L> {
    /// Takes a lock, and lends the token that its holder may go on with. This token is out of use until
    /// the guard and the new token are gone.
    #[track_caller]
    pub fn lock<'s, R, T>(&'s mut self, mutex: &'s Mutex<R, T>) -> (Guard<'s, R, T>, Ctx<'s, R>)
    where
        R: After<L>,
    {
        (lock::acquire(mutex), self.under())
    }

    /// Takes a lock if nobody has it; else gives `None`, and this token back.
    ///
    /// Trying keeps to the ranks as [`lock`](Self::lock) does, and lends the same token: that nobody waits makes the
    /// lock none the less held.
    #[track_caller]
    pub fn try_lock<'s, R, T>(&'s mut self, mutex: &'s Mutex<R, T>) -> Option<(Guard<'s, R, T>, Ctx<'s, R>)>
    where
        R: After<L>,
    {
        Some((lock::try_acquire(mutex)?, self.under()))
    }

    /// Takes a lock to look at what it guards, beside others who look. Lends a token as [`lock`](Self::lock) does: a
    /// second reading of a lock that one reads already may wait for a writer who waits for the first.
    #[track_caller]
    pub fn read<'s, R, T>(&'s mut self, rwlock: &'s RwLock<R, T>) -> (ReadGuard<'s, R, T>, Ctx<'s, R>)
    where
        R: After<L>,
    {
        (rwlock::read(rwlock), self.under())
    }

    /// [`read`](Self::read), if nobody has the lock to change it.
    #[track_caller]
    pub fn try_read<'s, R, T>(
        &'s mut self,
        rwlock: &'s RwLock<R, T>,
    ) -> Option<(ReadGuard<'s, R, T>, Ctx<'s, R>)>
    where
        R: After<L>,
    {
        Some((rwlock::try_read(rwlock)?, self.under()))
    }

    /// Takes a lock to change what it guards, alone.
    #[track_caller]
    pub fn write<'s, R, T>(&'s mut self, rwlock: &'s RwLock<R, T>) -> (WriteGuard<'s, R, T>, Ctx<'s, R>)
    where
        R: After<L>,
    {
        (rwlock::write(rwlock), self.under())
    }

    /// [`write`](Self::write), if nobody has the lock.
    #[track_caller]
    pub fn try_write<'s, R, T>(
        &'s mut self,
        rwlock: &'s RwLock<R, T>,
    ) -> Option<(WriteGuard<'s, R, T>, Ctx<'s, R>)>
    where
        R: After<L>,
    {
        Some((rwlock::try_write(rwlock)?, self.under()))
    }

    /// The token of one who has taken a lock of rank `R` under this one.
    fn under<'s, R: After<L>>(&'s mut self) -> Ctx<'s, R> {
        Ctx { seat: self.seat, borrow: PhantomData, rank: PhantomData }
    }

    /// The worker that this token belongs to, if it is a worker's.
    #[inline]
    pub fn seat(&self) -> Option<Seat> {
        self.seat
    }
}

impl<L: Level> fmt::Debug for Ctx<'_, L> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ctx").field("innermost", &L::LABEL).field("seat", &self.seat).finish()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g5_the_numbers_of_seats_do_not_come_round() {
        let next = AtomicU64::new(u64::MAX - 5);
        let last = Seats::out_of(&next, 4).unwrap();
        assert_eq!(last.seat(3).and_then(|seat| last.index_of(seat)), Some(3));
        assert!(Seats::out_of(&next, 2).is_none() && Seats::out_of(&next, u32::MAX).is_none());
        assert_eq!(Seats::out_of(&next, 1).unwrap().seat(0).map(|seat| last.index_of(seat)), Some(None));
    }
}
