//! A queue for packets that must be sent later.
//!
//! A neighbour's timer holds the neighbour's lock and has to send a solicitation. To send is to go down through an
//! interface, a VLAN, a link aggregation, each with locks of its own: from here that is a lock order reversal, or a
//! deadlock. So the timer lets go of its lock and sends. Between the two, another thread detaches the interface, frees
//! its addresses, and the timer reads the MAC of an interface that has none any more.
//!
//! Here the timer keeps its lock, and *dispatches* the packet, which costs one slot of a ring. A worker calls the
//! handler of the packet's type later, with no lock held, and never with an interface that has gone.
//!
//! From a thread that is no worker, that is two lines:
//!
//! ```
//! # use siding_netisr::{IfId, Local, Netisr, Packet, Root, TypeSpec};
//! # struct Frame(&'static str);
//! # impl Packet for Frame { fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {} }
//! # #[derive(Default)] struct Wire(Vec<(IfId, &'static str)>);
//! # impl Local for Wire { fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {} }
//! # let netisr = Netisr::<Frame, Wire>::builder().build()?;
//! # let output = netisr.register(TypeSpec::new("output"), |_ctx, wire: &mut Wire, frame: Frame, out: IfId| {
//! #     wire.0.push((out, frame.0));
//! # })?;
//! # let em0 = netisr.attach().expect("a free slot");
//! let mut root = Root::new(); // once for each thread, which may stay entered for as long as it lives
//! output.dispatch(&root.enter()?.ctx(), Frame("hello"), em0)?;
//! # let (mut worker, mut wire) = (netisr.worker(0).expect("nobody else polls it"), Wire::default());
//! # worker.poll(&mut wire, 64);
//! # assert_eq!(wire.0, [(em0, "hello")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! All of it, with the lock, the worker and the departure. This crate is the only one to depend on:
//!
//! ```
//! use std::time::Duration;
//!
//! use siding_netisr::{Cause, IfId, Local, Mutex, Netisr, Packet, Root, TypeSpec, rank};
//!
//! struct Frame(&'static str);
//!
//! impl Packet for Frame {
//!     fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
//! }
//!
//! /// What the worker owns: here, a wire.
//! #[derive(Default)]
//! struct Wire(Vec<(IfId, &'static str)>);
//!
//! impl Local for Wire {
//!     fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
//! }
//!
//! /// What the timer holds.
//! struct Neighbor {
//!     tries: u32,
//! }
//!
//! rank!(Entry after Unlocked);
//!
//! let netisr = Netisr::<Frame, Wire>::builder().build()?;
//! let output = netisr.register(TypeSpec::new("output"), |_ctx, wire: &mut Wire, frame: Frame, out: IfId| {
//!     wire.0.push((out, frame.0)); // `_ctx` is of no lock: here one may send
//! })?;
//! let em0 = netisr.attach().expect("a free slot");
//!
//! // The timer, on a thread of its own: under the entry's lock throughout.
//! let entry = Mutex::<Entry, _>::new(Neighbor { tries: 0 });
//! let mut root = Root::new();
//! {
//!     let mut entered = root.enter()?;
//!     let mut ctx = entered.ctx();
//!     let (mut entry, ctx) = ctx.lock(&entry);
//!     if output.dispatch(&ctx, Frame("solicitation"), em0).is_ok() {
//!         entry.tries += 1; // what is refused burns no try
//!     }
//! }
//!
//! // The worker, in a loop of its own (or let `threads::run` have one for each).
//! let mut worker = netisr.worker(0).expect("nobody else polls it");
//! let mut wire = Wire::default();
//! assert!(wire.0.is_empty(), "never on the caller's stack");
//! worker.poll(&mut wire, 64);
//! assert_eq!(wire.0, [(em0, "solicitation")]);
//! drop(worker);
//!
//! // The interface goes: marked first, before anything of it is torn down.
//! let mut entered = root.enter()?;
//! let mut ctx = entered.ctx();
//! let mut departure = netisr.detach(&ctx, em0)?;
//! let late = output.dispatch(&ctx, Frame("too late"), em0).unwrap_err();
//! assert_eq!(late.cause, Cause::Departed);
//! departure.wait(&mut ctx, Duration::from_secs(1))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Model
//!
//! - A [`Netisr`] has *workers*, each polled by one thread ([`Worker::poll`], or `threads`), and *interfaces*, each with an
//!   identity that is never used again ([`IfId`]).
//! - A *type* of packet is [registered](Netisr::register) with its metadata type and handler, its limit and its
//!   policies, and gives a [`PacketType`] to [`dispatch`](PacketType::dispatch) with.
//! - Who dispatches shows a token, [`Ctx`]: a thread's [`Root`] lends it, a handler is given it. Locks that have a
//!   [`rank!`] are taken with it, and lend it on.
//! - The facility is generic over the [`Packet`], so that a stack with its own buffers can use it alone.
//!
//! Who knows FreeBSD's netisr finds its calls, policies and tunables in [`from_freebsd`].
//!
//! # Promises
//!
//! | | |
//! |---|---|
//! | G1 | [`dispatch`](PacketType::dispatch) never runs a handler in its caller's context, never blocks, locks or allocates. |
//! | G2 | It may be called under any locks: any [`Ctx`] will do. Handlers get `Ctx<'_, Unlocked>`. |
//! | G3 | Metadata is typed, captured at dispatch, kept with its packet and dropped once. |
//! | G4 | A packet has one fate: refused, with the reason, or one of `handled + departed + flushed + dropped_oldest + resident`. What was accepted and is not handled is dropped, or [handed over](TypeSpec::on_drop), on a worker that is polled, never on the stack of whoever dispatches, detaches or unregisters. |
//! | G5 | When a [departure](Departure) is complete, no handler runs or will run with the interface, and none of its packets waits. Other interfaces' packets go on meanwhile. |
//! | G6 | [`unregister`](Netisr::unregister) stops intake, drains or flushes, waits for what runs, and may be called from the type's own handler. |
//! | G7 | Packets of one type and flow key are handled in the order of their dispatch. |
//! | G8 | Limits are exact. A [`Permit`] in hand, a dispatch can fail only by departure. |
//! | G9 | No wake-up is lost; an idle worker sleeps; waiting times are measured. |
//! | G10 | Gate, ring and wake-up are model-checked: all atomics and locks come from one `sync` facade. |
//!
//! They hold whatever the embedder's own code does: [`Packet::interfaces`], a packet's `Drop`, a handler, a clock or a
//! flow key may panic or call the facility again. A packet that panics when a worker asks what it names departs. What a
//! handler's panic leads to is [to be chosen](OnPanic).
//!
//! # A loop of one's own
//!
//! A loop that also waits for sockets builds the facility with a [`Wake`]: under the feature `eventfd` (Linux) there is
//! `eventfd::EventFdWake`, with one descriptor for each worker; without it, anything that ends the loop's wait from another
//! thread will do. It polls until nothing is left ([`Polled::more`]), asks [`Worker::prepare_sleep`], waits only if that says yes,
//! says [`Worker::awake`], clears the descriptor, and begins anew. Where the thread needs no other token,
//! [`Worker::on_thread`] spares it taking the worker's anew for each call. From C there is `siding-netisr-c`, whose page says what differs there.
//!
//! # Features and targets
//!
//! `std`, which is on unless told, has `SystemClock`, `threads` and waits that block; `eventfd` (Linux) has `eventfd::EventFdWake`.
//!
//! `no_std` with `alloc`, on 64 and on 32 bits. Where there are no atomics of 64 bits they are `portable-atomic`'s, which by
//! itself guards each access by a lock of a few instructions: whoever dispatches from interrupt handlers there enables
//! its feature `critical-section`, for a handler must not wait for what it has interrupted.
//!
//! # What it does not do
//!
//! It carries no bulk traffic between workers, and it does not order packets of different types.
//!
//! What neither types nor the facility can see is for its embedder to answer for. G2 speaks of guards that are dropped
//! and of one thread: see [`lockorder`] for those that are forgotten and for threads that are started under a
//! lock. Without `std`, nobody sees that a worker is polled from within another one's handler, under its locks, or while the
//! thread has another token by an [`OnThread`]; with it, that is a panic. What is [forgotten](core::mem::forget) keeps what it has: a [`Worker`] its place (nobody polls it,
//! and departures wait), an [`OnThread`] its thread's token as well, a [`Pin`] its interface, a [`Permit`] its room; a [`Departure`] and an [`Unregistering`] go on
//! by themselves. What waits when the last handle on the facility goes is dropped there and then.
#![no_std]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod any_type;
mod clock;
mod control;
mod core_state;
mod counters;
mod departure;
#[cfg(all(feature = "eventfd", target_os = "linux"))]
pub mod eventfd;
pub mod from_freebsd;
mod gate;
mod here;
mod histogram;
mod ifid;
mod lane;
mod leaving;
mod local;
mod netisr;
mod packet;
mod packet_type;
mod pad;
mod panics;
mod permit;
mod pin;
mod pins;
mod report;
mod ring;
mod serving;
mod spec;
mod still_held;
#[cfg(feature = "std")]
pub mod threads;
mod time;
mod unregister;
mod visits;
mod wait;
mod wake;
mod worker;

pub use siding_lockorder as lockorder;
pub use siding_lockorder::AlreadyEntered;
pub use siding_lockorder::Ctx;
pub use siding_lockorder::Entered;
pub use siding_lockorder::Guard;
pub use siding_lockorder::Mutex;
pub use siding_lockorder::ReadGuard;
pub use siding_lockorder::Root;
pub use siding_lockorder::RwLock;
pub use siding_lockorder::Unlocked;
pub use siding_lockorder::WriteGuard;
pub use siding_lockorder::rank;
pub use siding_lockorder::sync;

pub use clock::Clock;
pub use clock::NoClock;
#[cfg(feature = "std")]
pub use clock::SystemClock;
pub use counters::Cause;
pub use counters::Refusals;
pub use departure::Departure;
pub use departure::DetachError;
pub use histogram::Histogram;
pub use ifid::IfId;
pub use local::Local;
pub use local::Polled;
pub use netisr::BuildError;
pub use netisr::Builder;
pub use netisr::Netisr;
pub use packet::Metadata;
pub use packet::Nameless;
pub use packet::Packet;
pub use packet_type::LimitError;
pub use packet_type::PacketType;
pub use packet_type::Refused;
pub use panics::OnPanic;
pub use panics::Panicked;
pub use permit::Permit;
pub use pin::Pin;
pub use report::Imbalance;
pub use report::InterfaceReport;
pub use report::LaneReport;
pub use report::TypeReport;
pub use report::WorkerReport;
pub use ring::Fate;
pub use spec::Overflow;
pub use spec::RegisterError;
pub use spec::Traced;
pub use spec::TypeSpec;
pub use still_held::StillHeld;
pub use time::Instant;
pub use unregister::NotRegistered;
pub use unregister::Pending;
pub use unregister::Unregistering;
pub use wake::NoWake;
pub use wake::Wake;
pub use worker::OnThread;
pub use worker::Worker;
