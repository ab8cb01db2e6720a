//! Lock ranks as types: taking locks in the wrong order does not compile.
//!
//! # Model
//!
//! Every lock has a [`Rank`], a type. [`rank!`] declares each rank *after* one other, so that ranks form
//! chains that begin at [`Unlocked`]. A thread's permission to take locks is a token, [`Ctx<'_, L>`](Ctx),
//! whose `L` is the rank of the innermost lock it holds. [`Ctx::lock`] borrows the token for as long as the
//! guard lives and lends a new one of the lock's rank:
//!
//! ```
//! use siding_lockorder::{Mutex, Root, rank};
//!
//! rank!(pub Table after Unlocked);
//! rank!(pub Entry after Table);
//!
//! let table = Mutex::<Table, _>::new(1);
//! let entry = Mutex::<Entry, _>::new(2);
//!
//! let mut root = Root::new();
//! let mut entered = root.enter().expect("no other token on this thread");
//! let mut ctx = entered.ctx();
//! let (one, mut ctx) = ctx.lock(&table);
//! let (two, _ctx) = ctx.lock(&entry); // the other way round does not compile
//! assert_eq!(*one + *two, 3);
//! ```
//!
//! What must run with no lock held (sending a packet) asks for `&mut Ctx<'_, Unlocked>`; what may run under
//! any (dispatching one) takes `&Ctx<'_, L>` for any `L`.
//!
//! # Promises
//!
//! - Taking a lock whose rank is not declared after the innermost held one, using an outer token while a
//!   guard lives, and declaring a cycle do not compile. The traits behind [`rank!`] may be implemented by hand; what
//!   they can be made to say is the same.
//! - The same holds of a [`RwLock`] whether it is read or written, and of every lock that is only tried.
//! - No lock gives a token of [`Unlocked`], which is no [`Rank`].
//! - A thread has one live token at a time ([`Root::enter`] refuses a second), and tokens and guards never leave their
//!   thread. For whom guards lend what they guard to, that is all: they are `Sync` if it is.
//! - A worker's tokens are made by who has the [`Seats`] it sits on, and by nobody else.
//! - In debug builds with `std`, the [`witness`] also orders locks that stand outside the declared ranks,
//!   and names both source positions of a reversal.
//!
//! # What it does not do
//!
//! Two locks of one rank are never held together: types cannot order them. That is where a packet is
//! dispatched instead.
//!
//! A token speaks of its own thread, and of guards that are dropped. What types cannot see, and is for whoever does it
//! to answer for: a guard that is [forgotten](core::mem::forget), whose lock stays held (debug builds panic at the
//! thread's next token); a thread that is started, or spoken to, under a lock and waited for there, which has a token of
//! its own; and, without `std`, a second root on one thread, which takes the word `unsafe`.
#![no_std]
#![deny(unsafe_code)]
#[cfg(feature = "std")]
extern crate std;

mod ctx;
mod lock;
mod numbers;
mod rank;
mod rwlock;
mod stays;
pub mod sync;
mod thread;
pub mod witness;

pub use ctx::AlreadyEntered;
pub use ctx::Ctx;
pub use ctx::Entered;
pub use ctx::Root;
pub use ctx::Seat;
pub use ctx::Seats;
pub use lock::Guard;
pub use lock::Mutex;
pub use numbers::Numbers;
pub use rank::After;
#[doc(hidden)]
pub use rank::Direct;
#[doc(hidden)]
pub use rank::Evidence;
pub use rank::Level;
pub use rank::Rank;
#[doc(hidden)]
pub use rank::Through;
pub use rank::Unlocked;
pub use rwlock::ReadGuard;
pub use rwlock::RwLock;
pub use rwlock::WriteGuard;
