//! Packets that go on where they were handed over: fragments on the worker that puts them together, and our own packets, on
//! their way out and to ourselves.
//!
//! These handlers stand above both families of IP, which dispatch to them and know but the queues.

mod fragments;
mod own;

pub(crate) use fragments::Fragments;
pub(crate) use fragments::expire;
pub(crate) use own::Own;
pub(crate) use own::ip_out;
