//! A lane: the packets of one type that wait for one worker.
//!
//! # Locks
//!
//! None. The consumer's part (`aside`) belongs to whoever holds the worker; see [`Consumer`].
//! # Teardown
//!
//! A sweep takes every packet off the ring and puts those that stay `aside`, in order; the consumer serves
//! `aside` first, so nothing overtakes. Packets aside still count against the limit.

use alloc::boxed::Box;
use alloc::collections::VecDeque;

use crate::IfId;
use crate::Metadata;
use crate::Packet;
use crate::Refused;
use crate::core_state::Core;
use crate::counters::Cause;
use crate::counters::FateCounters;
use crate::counters::Single;
use crate::histogram::Recorder;
use crate::ring::Claim;
use crate::ring::NoRoom;
use crate::ring::Ring;
use crate::spec::Overflow;
use crate::sync::UnsafeCell;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::Ordering;

/// One packet in its slot.
pub(crate) struct Item<P, M> {
    pub(crate) packet: P,
    pub(crate) meta: M,
    /// Whose share it is charged to.
    charged: IfId,
}

/// An item with its stamp: when it was dispatched, in nanoseconds; 0 if it is not one that is timed.
type Stamped<P, M> = (Item<P, M>, u64);

/// Proof of being a lane's one consumer: only the worker's holder makes one.
pub(crate) struct Consumer<'w> {
    pub(crate) core: &'w Core,
    pub(crate) worker: usize,
}

pub(crate) struct Lane<P, M> {
    ring: Ring<Item<P, M>>,
    aside: UnsafeCell<VecDeque<Stamped<P, M>>>,
    /// Packets that each interface has here, where there are shares.
    shares: Option<(u32, Box<[AtomicU32]>)>,
    overflow: Overflow,
    time_mask: u64,
    pub(crate) fates: FateCounters,
    pub(crate) high_water: Single,
    pub(crate) residence: Recorder,
}

// SAFETY: `aside` is touched only through a `Consumer`, of which a lane has one at a time: `Worker` holds
// its seat exclusively (`WorkerShared::claimed`, acquire and release). The rest is `Sync` by itself.
unsafe impl<P: Send, M: Send> Sync for Lane<P, M> {}
// SAFETY: the lane owns its packets.
unsafe impl<P: Send, M: Send> Send for Lane<P, M> {}

impl<P: Packet, M: Metadata> Lane<P, M> {
    pub(crate) fn new(
        limit: u32,
        overflow: Overflow,
        share: Option<u32>,
        time_every: u64,
        interfaces: usize,
    ) -> Self {
        Lane {
            ring: Ring::new(limit, overflow == Overflow::DropOldest),
            aside: UnsafeCell::new(VecDeque::new()),
            shares: share.map(|share| (share, (0..interfaces).map(|_| AtomicU32::new(0)).collect())),
            overflow,
            time_mask: time_every.next_power_of_two() - 1,
            fates: FateCounters::default(),
            high_water: Single::default(),
            residence: Recorder::new(),
        }
    }

    /// Puts one packet on the ring. The caller has seen to it that its interfaces stay.
    #[inline]
    pub(crate) fn push(&self, core: &Core, worker: usize, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        let charged = charged(&packet, &meta);
        if let Err(cause) = self.charge(charged) {
            return Err(Refused { packet, meta, cause });
        }
        let mut claim = loop {
            match self.ring.claim(1) {
                Ok(claim) => break claim,
                Err(NoRoom::Full)
                    if self.overflow == Overflow::DropOldest && self.drop_oldest(core, worker) => {}
                Err(why) => {
                    self.discharge(charged);
                    return Err(Refused { packet, meta, cause: why.into() });
                }
            }
        };
        self.fill(core, &mut claim, packet, meta, charged);
        Ok(())
    }

    /// Fills the next claimed position.
    #[inline]
    pub(crate) fn fill(&self, core: &Core, claim: &mut Claim, packet: P, meta: M, charged: IfId) {
        let stamp = if claim.first & self.time_mask == 0 { self.stamp(core) } else { 0 };
        self.ring.publish(claim, Item { packet, meta, charged }, stamp);
    }

    pub(crate) fn ring(&self) -> &Ring<Item<P, M>> {
        &self.ring
    }

    /// Charges the interface's share.
    #[inline]
    pub(crate) fn charge(&self, id: IfId) -> Result<(), Cause> {
        let Some((share, used)) = &self.shares else { return Ok(()) };
        let Some(used) = used.get(id.slot()).filter(|_| !id.is_none()) else { return Ok(()) };
        if used.fetch_add(1, Ordering::Relaxed) < *share {
            return Ok(());
        }
        used.fetch_sub(1, Ordering::Relaxed);
        Err(Cause::Share)
    }

    /// Charges the interface for room that it has a permit for.
    pub(crate) fn charge_always(&self, id: IfId) {
        if let Some((_, used)) = &self.shares
            && let Some(used) = used.get(id.slot()).filter(|_| !id.is_none())
        {
            used.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(crate) fn discharge(&self, id: IfId) {
        if let Some((_, used)) = &self.shares
            && let Some(used) = used.get(id.slot()).filter(|_| !id.is_none())
        {
            used.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Whether interfaces have shares here.
    pub(crate) fn has_shares(&self) -> bool {
        self.shares.is_some()
    }

    /// Makes room by dropping the oldest packet. False if somebody else is taking it.
    fn drop_oldest(&self, core: &Core, worker: usize) -> bool {
        let Some((item, _)) = self.ring.take_shared() else { return false };
        self.discharge(item.charged);
        self.fates.dropped_oldest.add(1);
        if let Some(interface) = core.workers[worker].0.interfaces.of(item.charged) {
            interface.dropped_oldest.add(1);
        }
        true
    }

    /// Takes the oldest packet whose interfaces are all there; those that named one that has gone depart.
    #[inline]
    pub(crate) fn take(&self, consumer: &Consumer<'_>) -> Option<(P, M)> {
        loop {
            let (item, stamp) = self.take_any(consumer)?;
            self.discharge(item.charged);
            let interface = consumer.core.workers[consumer.worker].0.interfaces.of(item.charged);
            if consumer.core.all_open(&item.packet, &item.meta) {
                self.fates.handled.add(1);
                if let Some(interface) = interface {
                    interface.handled.add(1);
                }
                if stamp != 0 {
                    self.residence.record(consumer.core.clock.now().as_nanos().saturating_sub(stamp));
                }
                return Some((item.packet, item.meta));
            }
            self.fates.departed.add(1);
            if let Some(interface) = interface {
                interface.departed.add(1);
            }
        }
    }

    /// Drops every packet, as flushed.
    pub(crate) fn flush(&self, consumer: &Consumer<'_>) {
        while let Some((item, _)) = self.take_any(consumer) {
            self.discharge(item.charged);
            self.fates.flushed.add(1);
            if let Some(interface) = consumer.core.workers[consumer.worker].0.interfaces.of(item.charged) {
                interface.flushed.add(1);
            }
        }
    }

    /// Drops every packet that names an interface which has gone or is going. False if a producer is in the
    /// middle of something, so that what lies behind it was not reached: to be tried again.
    #[must_use]
    pub(crate) fn sweep(&self, consumer: &Consumer<'_>) -> bool {
        self.note_level();
        self.with_aside(consumer, |aside| {
            // What comes in meanwhile names no interface that is going: once round is enough.
            let mut left = self.ring.resident().saturating_sub(aside.len() as u64);
            while left > 0
                && let Some(item) = self.ring.take_aside()
            {
                aside.push_back(item);
                left -= 1;
            }
            aside.retain(|(item, _)| {
                let stays = consumer.core.all_open(&item.packet, &item.meta);
                if !stays {
                    self.ring.drop_aside();
                    self.discharge(item.charged);
                    self.fates.departed.add(1);
                    if let Some(interface) =
                        consumer.core.workers[consumer.worker].0.interfaces.of(item.charged)
                    {
                        interface.departed.add(1);
                    }
                }
                stays
            });
            left == 0 || self.ring.resident() == aside.len() as u64
        })
    }

    /// Whether a packet is ready to be taken.
    pub(crate) fn has_ready(&self, consumer: &Consumer<'_>) -> bool {
        self.ring.has_ready() || self.with_aside(consumer, |aside| !aside.is_empty())
    }

    /// Notes the level, for the high-water mark. Cheap enough once for each drain.
    #[inline]
    pub(crate) fn note_level(&self) {
        self.high_water.raise(self.ring.resident());
    }

    #[inline]
    fn take_any(&self, consumer: &Consumer<'_>) -> Option<Stamped<P, M>> {
        let waiting = self.with_aside(consumer, VecDeque::pop_front);
        if waiting.is_some() {
            self.ring.drop_aside();
            return waiting;
        }
        self.ring.take()
    }

    #[inline]
    fn with_aside<O>(
        &self,
        _consumer: &Consumer<'_>,
        work: impl FnOnce(&mut VecDeque<Stamped<P, M>>) -> O,
    ) -> O {
        // JUSTIFICATION: a lock here would be taken for every packet, by the one thread that ever comes.
        // SAFETY: there is one `Consumer` at a time, and `work` calls no handler and no other method that
        // comes here.
        self.aside.with_mut(|aside| work(unsafe { &mut *aside }))
    }

    #[cold]
    fn stamp(&self, core: &Core) -> u64 {
        core.clock.now().as_nanos().max(1)
    }
}

/// The interface whose share pays: the first that the metadata names, else the first that the packet does.
#[inline]
pub(crate) fn charged<P: Packet, M: Metadata>(packet: &P, meta: &M) -> IfId {
    let mut first = IfId::NONE;
    let mut visit = |id: IfId| {
        if first.is_none() {
            first = id;
        }
    };
    meta.interfaces(&mut visit);
    packet.interfaces(&mut visit);
    first
}
