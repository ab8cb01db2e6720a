//! The timer queue.
//!
//! An entry says "look at this then", and is never taken out early: what it points to has its own deadline, and
//! is looked at again if that has moved.
//!
//! # Locks
//!
//! [`ranks::Timers`], innermost but leaves: timers are armed under a neighbour's lock and run under none of
//! this. # Teardown: a departing interface's entries are purged; one that is being run at that moment holds a
//! reference, finds its neighbour dead, and does nothing.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;

use crate::nd6::Asked;
use crate::neighbor::Lle;
use crate::ranks;

/// What to look at.
#[derive(Debug, Clone)]
pub(crate) enum Due {
    /// A neighbour.
    Neighbor(Arc<Lle>),
    /// Neighbours of an interface that nobody has used for long.
    NeighborAge(IfId),
    /// An address that is being probed for duplicates.
    Dad(IfId, Ipv6Addr),
    /// An IPv4 address that is probed, announced or defended.
    Acd(IfId, Ipv4Addr),
    /// An interface that advertises us as a router.
    Advertise(IfId),
    /// An interface's host.
    Host(IfId),
    /// A lagg that has something to announce, or an LACP timer.
    Lagg(IfId),
    /// An answer for an anycast address.
    Anycast(Asked),
    /// The groups of an interface that are to be reported.
    Mld(IfId),
}

impl Due {
    fn interface(&self) -> IfId {
        match self {
            Due::Neighbor(lle) => lle.interface,
            Due::Anycast(asked) => asked.on,
            Due::NeighborAge(interface)
            | Due::Dad(interface, _)
            | Due::Acd(interface, _)
            | Due::Advertise(interface)
            | Due::Host(interface)
            | Due::Lagg(interface)
            | Due::Mld(interface) => *interface,
        }
    }
}

/// The queue of all workers.
#[derive(Debug)]
pub(crate) struct Timers {
    /// The earliest deadline, so that an idle look is one load.
    earliest: AtomicU64,
    queue: Mutex<ranks::Timers, Queue>,
}

#[derive(Debug, Default)]
struct Queue {
    heap: BinaryHeap<Entry>,
    armed: u64,
}

#[derive(Debug)]
struct Entry {
    /// The deadline, then the order of arming: equal deadlines run in that order.
    at: Reverse<(Instant, u64)>,
    due: Due,
}

impl Timers {
    pub(crate) fn new() -> Timers {
        Timers { earliest: AtomicU64::new(u64::MAX), queue: Mutex::new(Queue::default()) }
    }

    /// Has `due` looked at when `at` has come.
    pub(crate) fn arm<L>(&self, ctx: &mut Ctx<'_, L>, at: Instant, due: Due)
    where
        ranks::Timers: After<L>,
    {
        let (mut queue, _ctx) = ctx.lock(&self.queue);
        queue.armed += 1;
        let number = queue.armed;
        queue.heap.push(Entry { at: Reverse((at, number)), due });
        self.note(&queue);
    }

    /// The next thing that is due.
    pub(crate) fn pop<L>(&self, ctx: &mut Ctx<'_, L>, now: Instant) -> Option<Due>
    where
        ranks::Timers: After<L>,
    {
        if self.next() > now {
            return None;
        }
        let (mut queue, _ctx) = ctx.lock(&self.queue);
        let due = queue.heap.peek().is_some_and(|entry| entry.at.0.0 <= now);
        let entry = if due { queue.heap.pop() } else { None };
        self.note(&queue);
        entry.map(|entry| entry.due)
    }

    /// Forgets an interface that departs.
    pub(crate) fn purge<L>(&self, ctx: &mut Ctx<'_, L>, interface: IfId)
    where
        ranks::Timers: After<L>,
    {
        let (mut queue, _ctx) = ctx.lock(&self.queue);
        queue.heap.retain(|entry| entry.due.interface() != interface);
        self.note(&queue);
    }

    /// How many entries lie in it.
    #[cfg(test)]
    pub(crate) fn len<L>(&self, ctx: &mut Ctx<'_, L>) -> usize
    where
        ranks::Timers: After<L>,
    {
        let (queue, _ctx) = ctx.lock(&self.queue);
        queue.heap.len()
    }

    /// When something is due next; [`Instant::NEVER`] for never.
    pub(crate) fn next(&self) -> Instant {
        Instant::from_nanos(self.earliest.load(Ordering::Acquire))
    }

    fn note(&self, queue: &Queue) {
        let next = queue.heap.peek().map_or(Instant::NEVER, |entry| entry.at.0.0);
        self.earliest.store(next.as_nanos(), Ordering::Release);
    }
}

impl PartialEq for Entry {
    fn eq(&self, other: &Entry) -> bool {
        self.at == other.at
    }
}

impl Eq for Entry {}

impl PartialOrd for Entry {
    fn partial_cmp(&self, other: &Entry) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Entry {
    fn cmp(&self, other: &Entry) -> std::cmp::Ordering {
        self.at.cmp(&other.at)
    }
}
