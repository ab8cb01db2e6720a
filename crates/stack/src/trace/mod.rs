//! The way of single packets, told step by step; and frames as they pass, or as they end.
//!
//! Somebody *watches* ([`Stack::watch`](crate::Stack::watch)): the lives of packets, or frames of an interface. A packet
//! whose life is recorded has a mark in its mbuf, which goes with it through queues, from worker to worker, and to its
//! copies. What becomes of it is recorded by whoever has it: those who deliver, queue, hold, judge, drop and send. (Not by
//! `walk`, through which all come: a look at the mark in each of its arms kept packets in memory that go in registers, for
//! 13 instructions each.) How long it waited is the time between two records.
//!
//! # What it costs
//!
//! While nobody watches, one look at a flag for each batch that comes in, and one for each packet when it leaves. While
//! somebody does, each frame is shown to whoever watches ([`Wants`]), and what is recorded is
//! copied: into room of a fixed size, at so many packets a second at most. What found no room is counted, and nobody waits.
//!
//! # Locks
//!
//! Each watch's records lie under a leaf lock that is held for one record, or while they are taken out. [`Wants`] is asked
//! with no lock held but what a worker has when it drops. # Teardown: a watch ends when it is dropped; marks of packets
//! that still live then mean nothing to the next one in its place, which knows packets by their first record.

mod record;
mod tracer;
mod watch;

pub use record::Record;
pub use record::Step;
pub(crate) use tracer::Tracer;
pub use watch::Missed;
pub(crate) use watch::Shared;
pub use watch::Subject;
pub use watch::TooManyWatches;
pub use watch::Wants;
pub use watch::Watch;
pub use watch::WatchSpec;
