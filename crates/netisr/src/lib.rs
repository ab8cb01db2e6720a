//! A queue for packets that must be sent later.
//!
//! A network stack must often send a packet from inside code that holds locks. Siding's facility lets it
//! *dispatch* the packet instead, under any locks: the packet waits, with its typed metadata, until a worker
//! calls the handler of its type with no lock held. Interfaces may depart meanwhile; that is dealt with once,
//! here, for everybody.
//!
//! # Model
//!
//! - A [`Netisr`] has *workers*, each polled by one thread ([`Worker::poll`]), and *interfaces*, each with an
//!   identity that is never used again ([`IfId`]).
//! - A *type* of packet is [registered](Netisr::register) with its metadata type and handler, its limit and its
//!   policies, and gives a [`PacketType`] to [`dispatch`](PacketType::dispatch) with.
//! - The facility is generic over the [`Packet`], so that a stack with its own buffers can use it alone.
//!
//! ```
//! use siding_netisr::{IfId, Local, Netisr, Packet, TypeSpec};
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
//! let netisr = Netisr::<Frame, Wire>::builder().build()?;
//! let output = netisr.register(TypeSpec::new("output"), |_ctx, wire: &mut Wire, frame: Frame, out: IfId| {
//!     wire.0.push((out, frame.0));
//! })?;
//! let em0 = netisr.attach().expect("a free slot");
//!
//! let mut worker = netisr.worker(0).expect("nobody else polls it");
//! let mut wire = Wire::default();
//! worker.with_ctx(|ctx| output.dispatch(ctx, Frame("hello"), em0))?;
//! assert!(wire.0.is_empty(), "never on the caller's stack");
//! worker.poll(&mut wire, 64);
//! assert_eq!(wire.0, [(em0, "hello")]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Promises
//!
//! | | |
//! |---|---|
//! | G1 | [`dispatch`](PacketType::dispatch) never runs a handler in its caller's context, never blocks, locks or allocates. |
//! | G2 | It may be called under any locks: any [`Ctx`](siding_lockorder::Ctx) will do. Handlers get `Ctx<'_, Unlocked>`. |
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
//! # What it does not do
//!
//! It carries no bulk traffic between workers, and it does not order packets of different types.
//!
//! What neither types nor the facility can see is for its embedder to answer for. G2 speaks of guards that are dropped
//! and of one thread: see `siding_lockorder` for those that are forgotten and for threads that are started under a
//! lock. Without `std`, nobody sees that a worker is polled from within another one's handler, and under its locks; with
//! it, that is a panic. What is [forgotten](core::mem::forget) keeps what it has: a [`Worker`] its place (nobody polls it,
//! and departures wait), a [`Pin`] its interface, a [`Permit`] its room; a [`Departure`] and an [`Unregistering`] go on
//! by themselves. What waits when the last handle on the facility goes is dropped there and then.
#![no_std]
extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod any_type;
mod clock;
mod core_state;
mod counters;
mod departure;
mod gate;
mod histogram;
mod ifid;
mod lane;
mod leaving;
mod netisr;
mod packet;
mod packet_type;
mod pad;
mod panics;
mod permit;
mod pin;
mod report;
mod ring;
mod spec;
#[cfg(feature = "std")]
pub mod threads;
mod time;
mod unregister;
mod wait;
mod wake;
mod worker;

pub use siding_lockorder::sync;

pub use clock::Clock;
pub use clock::NoClock;
#[cfg(feature = "std")]
pub use clock::SystemClock;
pub use counters::Cause;
pub use counters::Refusals;
pub use departure::Departure;
pub use departure::DetachError;
pub use departure::StillHeld;
pub use histogram::Histogram;
pub use ifid::IfId;
pub use netisr::BuildError;
pub use netisr::Builder;
pub use netisr::Netisr;
pub use packet::Metadata;
pub use packet::Packet;
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
pub use spec::TypeSpec;
pub use time::Instant;
pub use unregister::NotRegistered;
pub use unregister::Pending;
pub use unregister::Unregistering;
pub use wake::NoWake;
pub use wake::Wake;
pub use worker::Local;
pub use worker::Polled;
pub use worker::Worker;
