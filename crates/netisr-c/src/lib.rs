//! The facility for C: register, dispatch, poll, attach, detach, unregister, and reports.
//!
//! The header is `include/siding_netisr.h`; `tests/stack.c` is a small stack that uses all of it. What the facility
//! promises is said in [`siding_netisr`]; here is what differs in C.
//!
//! # Instead of the compile-time token
//!
//! In Rust, who holds a lock has no token to send with. C has no tokens: what the compiler would say is checked at run
//! time. Code that takes a lock says so, [`siding_lock_taken`], and again when it lets go, [`siding_lock_released`]; both
//! only touch the thread's own state. Whatever must not be called under a lock asks: polling, waiting,
//! and [`siding_may_send`], which belongs at the top of the C side's own output. It answers [`SIDING_E_LOCKED`], and
//! [`siding_last_error`] names both places, where the lock was taken and where the call stands. What nobody has told is not
//! seen: the check is as good as the lock wrappers that tell it. To dispatch is right under any locks, and is never checked.
//!
//! # Who owns what
//!
//! - A packet is the C side's: a [`SidingPacket`] is a view of it, which is copied; `data` is never looked into. When a
//!   dispatch has answered 0 the facility owns what `data` points to; otherwise the caller still does. The handler is given
//!   it back for good. What is accepted and not handled goes to the type's `drop`, once, with its fate, on the worker
//!   while it is polled; or, with [`SidingFate::Abandoned`], where the last handle on the facility is given back.
//! - Handles (`struct SidingNetisr *` and so on) are the caller's until given to the function that ends them, which
//!   takes NULL too. They may be ended in any order. A worker, a permit, a departure and an unregistering are for one thread at a
//!   time; a facility and a type for any number. A worker, departure or unregistering that is in use, on another thread or
//!   by the call that a callback was called from, is neither used nor ended: the answer is [`SIDING_E_TAKEN`], or
//!   [`SIDING_E_LOCKED`] in a callback.
//! - `arg` and `state` are the C side's, and are passed on as they are; what they point to must live until the type is
//!   gone, or the worker released, and be fit for the threads that poll.
//! - Texts are valid until the thread's next call that fails ([`siding_last_error`]), or for ever ([`siding_error_text`]).
//!
//! # In a callback
//!
//! A handler, `drop`, `depart` and `wake` are called in the middle of something: a poll, a wait, a dispatch. In none of them may
//! any worker be polled or sent to sleep, nor may anything be waited for: the answer is [`SIDING_E_LOCKED`], at once, with
//! the name of the callback. All else may be done in all of them: to dispatch, attach, detach, register, unregister, claim. What a
//! handler dispatches is its worker's; what the others dispatch goes where another thread's would. Rust gives `on_drop`, the like
//! of `drop`, no token.
//!
//! # Panics
//!
//! None crosses into C: it ends in [`SIDING_E_PANIC`], with its message. A callback of the C side must return, and not
//! leave by `longjmp` or an exception.
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(unsafe_code)] // C's pointers are what this crate is about.

mod batch;
mod callback;
mod error;
mod facility;
mod handle;
mod held;
mod interfaces;
mod packet;
mod permit;
mod pointers;
mod report;
mod types;
mod worker;

pub use batch::*;
pub use error::*;
pub use facility::*;
pub use held::*;
pub use interfaces::*;
pub use packet::*;
pub use permit::*;
pub use report::*;
pub use types::*;
pub use worker::*;
