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
use crate::core_state::Core;
use crate::counters::Cause;
use crate::counters::FateCounters;
use crate::counters::PerInterface;
use crate::counters::Single;
use crate::gate::Gate;
use crate::histogram::Recorder;
use crate::pad::CachePadded;
use crate::ring::Claim;
use crate::ring::NoRoom;
use crate::ring::Ring;
use crate::spec::Overflow;
use crate::sync::UnsafeCell;
use crate::sync::atomic::AtomicU32;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;

/// One packet in its slot.
pub(crate) struct Item<P, M> {
    pub(crate) packet: P,
    pub(crate) meta: M,
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
    pub(crate) fates: FateCounters,
    /// The first interface that the last packet named. The consumer's own.
    last: CachePadded<AtomicU64>,
    pub(crate) residence: Recorder,
    /// How many packets the drain that runs may still hand to the handler, those that it has handed counted.
    quota: AtomicU64,
    /// Panics of the type's handler at this worker.
    pub(crate) panicked: Single,
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
            ring: Ring::new(limit, overflow == Overflow::DropOldest, time_every.next_power_of_two()),
            aside: UnsafeCell::new(VecDeque::new()),
            shares: share.map(|share| (share, (0..interfaces).map(|_| AtomicU32::new(0)).collect())),
            overflow,
            fates: FateCounters::default(),
            last: CachePadded(AtomicU64::new(IfId::NONE.as_u64())),
            residence: Recorder::new(),
            quota: AtomicU64::new(0),
            panicked: Single::default(),
        }
    }

    /// Claims a place for one packet, and charges its interface.
    #[inline(always)]
    pub(crate) fn claim(&self, core: &Core, worker: usize, packet: &P, meta: &M) -> Result<Claim, Cause> {
        if self.shares.is_some() {
            self.charge(packet, meta)?;
        }
        loop {
            match self.ring.claim(1) {
                Ok(claim) => return Ok(claim),
                Err(NoRoom::Full) if mutant("dispatch-waits-for-room") => crate::sync::yield_now(),
                Err(NoRoom::Full) if self.drops_oldest() && self.drop_oldest(core, worker) => {}
                Err(why) => {
                    self.discharge(packet, meta);
                    return Err(why.into());
                }
            }
        }
    }

    /// Whether the next claimed position is to be [stamped](Self::stamp) before it is filled.
    #[inline(always)]
    pub(crate) fn is_timed(&self, claim: &Claim) -> bool {
        self.ring.is_timed(claim.first)
    }

    /// Fills the next claimed position.
    #[inline(always)]
    pub(crate) fn fill(&self, claim: &mut Claim, packet: P, meta: M) {
        self.ring.publish(claim, Item { packet, meta });
    }

    /// Fills claimed positions with the packets of `batch`, from its front.
    #[inline(always)]
    pub(crate) fn fill_all(&self, core: &Core, claim: &mut Claim, batch: &mut [Option<(P, M)>]) {
        let batch = batch.iter_mut().filter_map(Option::take);
        self.ring.publish_all(claim, batch.map(|(packet, meta)| Item { packet, meta }), |claim| {
            self.stamp(core, claim)
        });
    }

    pub(crate) fn ring(&self) -> &Ring<Item<P, M>> {
        &self.ring
    }

    /// Charges the interface for room that it has a permit for.
    pub(crate) fn charge_always(&self, packet: &P, meta: &M) {
        if let Some((_, used)) = self.share_of(packet, meta) {
            used.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Whether interfaces have shares here.
    pub(crate) fn has_shares(&self) -> bool {
        self.shares.is_some()
    }

    /// Whether a packet may go straight from its slot to the handler.
    #[inline]
    fn is_plain(&self) -> bool {
        self.shares.is_none() && self.ring.takes_in_place()
    }

    /// Whether a full lane makes room by dropping its oldest packet.
    pub(crate) fn drops_oldest(&self) -> bool {
        self.overflow == Overflow::DropOldest
    }

    /// Hands up to `quota` packets, oldest first, to `handle`, and says how many. Those that name an interface that
    /// has gone depart instead.
    #[inline(always)]
    pub(crate) fn drain(&self, consumer: &Consumer<'_>, quota: usize, mut handle: impl FnMut(P, M)) -> usize {
        self.quota.store(quota as u64, Ordering::Relaxed);
        // Nothing is put aside while handlers run.
        if self.ring.aside() > 0 || !self.is_plain() {
            return self.drain_the_long_way(consumer, &mut handle);
        }
        let last = self.last.0.load(Ordering::Relaxed);
        let mut known = Known::look_up(consumer, IfId::new((last & 0xffff) as usize, last >> 16));
        self.ring.consume(
            &self.quota,
            |item, at| self.deal(consumer, &mut known, &item.packet, &item.meta, at),
            |is_handled, Item { packet, meta }| {
                if is_handled {
                    handle(packet, meta);
                }
                is_handled
            },
        )
    }

    /// The same where there are shares, packets aside, or others who take packets.
    #[cold]
    fn drain_the_long_way(&self, consumer: &Consumer<'_>, handle: &mut dyn FnMut(P, M)) -> usize {
        let mut handled = 0;
        while (handled as u64) < self.quota.load(Ordering::Relaxed)
            && let Some((packet, meta)) = self.take(consumer)
        {
            handle(packet, meta);
            handled += 1;
        }
        handled
    }

    /// Takes the oldest packet whose interfaces are all there, the long way.
    fn take(&self, consumer: &Consumer<'_>) -> Option<(P, M)> {
        loop {
            let (Item { packet, meta }, stamp) = self.take_any(consumer)?;
            let asking = Asking { lane: self, aside: false };
            self.discharge(&packet, &meta);
            let is_handled = self.deal_anew(consumer, &mut None, &packet, &meta, stamp);
            core::mem::forget(asking);
            if is_handled {
                return Some((packet, meta));
            }
        }
    }

    /// Decides and counts the fate of a packet at position `at`: whether it is to be handled.
    ///
    /// What is `known` of the interface that the last packet named spares most packets the look-ups; the gate itself
    /// is read afresh each time.
    #[inline(always)]
    fn deal<'w>(
        &self,
        consumer: &Consumer<'w>,
        known: &mut Option<Known<'w>>,
        packet: &P,
        meta: &M,
        at: u64,
    ) -> bool {
        let timed = self.ring.is_timed(at);
        if let Some(Known { id: last, gate, counters }) = known
            && !timed
        {
            let (mut named, mut others) = (false, false);
            let mut visit = |id: IfId| {
                named |= id == *last;
                others |= id != *last && !id.is_none();
            };
            meta.interfaces(&mut visit);
            packet.interfaces(&mut visit);
            if named && !others && gate.is_open() {
                self.fates.handled.add(1);
                counters.handled.add(1);
                return true;
            }
        }
        let stamp = if timed { self.ring.stamp(at) } else { 0 };
        self.deal_anew(consumer, known, packet, meta, stamp)
    }

    #[cold]
    fn deal_anew<'w>(
        &self,
        consumer: &Consumer<'w>,
        known: &mut Option<Known<'w>>,
        packet: &P,
        meta: &M,
        stamp: u64,
    ) -> bool {
        let (first, open) = consumer.core.look(packet, meta);
        let counters = consumer.interfaces().of(first);
        *known = Known::look_up(consumer, first);
        self.last.0.store(first.as_u64(), Ordering::Relaxed);
        if open && stamp != 0 {
            self.record(consumer.core, stamp);
        }
        let fate = |fates: &FateCounters| if open { fates.handled.add(1) } else { fates.departed.add(1) };
        fate(&self.fates);
        counters.into_iter().for_each(fate);
        open
    }

    /// Drops every packet, as flushed.
    pub(crate) fn flush(&self, consumer: &Consumer<'_>) {
        while let Some((item, _)) = self.take_any(consumer) {
            self.discharge(&item.packet, &item.meta);
            self.fates.flushed.add(1);
            if let Some(interface) = consumer.interfaces().of(charged(&item.packet, &item.meta)) {
                interface.flushed.add(1);
            }
        }
    }

    /// Drops every packet that names an interface which has gone or is going. False if a producer is in the
    /// middle of something, so that what lies behind it was not reached: to be tried again.
    #[must_use]
    pub(crate) fn sweep(&self, consumer: &Consumer<'_>) -> bool {
        self.with_aside(consumer, |aside| {
            // What is claimed after this moment names no interface that is going: its producer looks once more.
            let end = self.ring.mark_end();
            while !self.ring.has_passed(end)
                && let Some(item) = self.ring.take_aside()
            {
                if mutant("sweep-reorders") { aside.push_front(item) } else { aside.push_back(item) }
            }
            let mut round = Round { unseen: aside.len(), aside };
            while let Some((item, stamp)) = round.next() {
                let asking = Asking { lane: self, aside: true };
                let (first, stays) = consumer.core.look(&item.packet, &item.meta);
                if stays {
                    core::mem::forget(asking);
                    round.aside.push_back((item, stamp));
                    continue;
                }
                self.discharge(&item.packet, &item.meta);
                core::mem::forget(asking);
                self.ring.drop_aside();
                self.fates.departed.add(u64::from(!mutant("departed-not-counted")));
                if let Some(interface) = consumer.interfaces().of(first) {
                    interface.departed.add(1);
                }
            }
            self.ring.has_passed(end)
        })
    }

    /// Ends the drain that runs, at the next packet. Its own handler's doing, it is certain; from another thread, it
    /// may come too early or too late, and the drain's caller looks.
    pub(crate) fn end_drain(&self) {
        self.quota.store(0, Ordering::Relaxed);
    }

    /// Whether a packet is ready to be taken.
    pub(crate) fn has_ready(&self, consumer: &Consumer<'_>) -> bool {
        self.ring.has_ready() || self.with_aside(consumer, |aside| !aside.is_empty())
    }

    /// Lets the consumer look elsewhere until a claim's `idle` calls it back. False if packets wait.
    pub(crate) fn rest(&self) -> bool {
        self.ring.aside() == 0 && self.ring.rest()
    }

    /// Charges the interface's share.
    #[cold]
    fn charge(&self, packet: &P, meta: &M) -> Result<(), Cause> {
        let Some((share, used)) = self.share_of(packet, meta) else { return Ok(()) };
        // One step: a charge that is taken back would make others be refused meanwhile.
        let charge = |now| (now < share).then_some(now + 1);
        match used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charge) {
            Ok(_) => Ok(()),
            Err(_) => Err(Cause::Share),
        }
    }

    /// Takes back what [`claim`](Self::claim) charged.
    #[inline]
    pub(crate) fn discharge(&self, packet: &P, meta: &M) {
        if let Some((_, used)) = self.share_of(packet, meta) {
            used.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// The share and what is used of it, if the packet has an interface to be charged.
    #[inline]
    fn share_of(&self, packet: &P, meta: &M) -> Option<(u32, &AtomicU32)> {
        let (share, used) = self.shares.as_ref()?;
        let id = charged(packet, meta);
        if id.is_none() { None } else { used.get(id.slot()).map(|used| (*share, used)) }
    }

    /// Makes room by dropping the oldest packet. False if somebody else is taking it.
    #[cold]
    fn drop_oldest(&self, core: &Core, worker: usize) -> bool {
        let Some((item, _)) = self.ring.take_shared() else { return false };
        self.discharge(&item.packet, &item.meta);
        self.fates.dropped_oldest.add(1);
        if let Some(interface) = core.workers[worker].0.interfaces.of(charged(&item.packet, &item.meta)) {
            interface.dropped_oldest.add(1);
        }
        true
    }

    fn take_any(&self, consumer: &Consumer<'_>) -> Option<Stamped<P, M>> {
        if mutant("newcomers-overtake")
            && let Some(newcomer) = self.ring.take()
        {
            return Some(newcomer);
        }
        if self.ring.aside() > 0
            && let Some(waiting) = self.with_aside(consumer, VecDeque::pop_front)
        {
            self.ring.drop_aside();
            return Some(waiting);
        }
        self.ring.take()
    }

    #[cold]
    pub(crate) fn stamp(&self, core: &Core, claim: &Claim) {
        self.ring.set_stamp(claim, core.clock.now().as_nanos().max(1));
    }

    #[cold]
    fn record(&self, core: &Core, stamp: u64) {
        self.residence.record(core.clock.now().as_nanos().saturating_sub(stamp));
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
}

/// A round of all packets that are aside, each of which is taken from the front and put back behind. A panic on the way
/// leaves them in their order.
struct Round<'a, P, M> {
    aside: &'a mut VecDeque<Stamped<P, M>>,
    unseen: usize,
}

impl<P, M> Round<'_, P, M> {
    fn next(&mut self) -> Option<Stamped<P, M>> {
        self.unseen = self.unseen.checked_sub(1)?;
        self.aside.pop_front()
    }
}

impl<P, M> Drop for Round<'_, P, M> {
    fn drop(&mut self) {
        self.aside.rotate_left(self.unseen);
    }
}

/// A packet that was taken from its place is asked what it names. Dropped by a panic, that packet departs: nobody can say
/// that what it names is there.
struct Asking<'l, P, M> {
    lane: &'l Lane<P, M>,
    /// Whether it still counts as one that is aside.
    aside: bool,
}

impl<P, M> Drop for Asking<'_, P, M> {
    fn drop(&mut self) {
        if self.aside {
            self.lane.ring.drop_aside();
        }
        self.lane.fates.departed.add(1);
    }
}

impl<'w> Consumer<'w> {
    /// The worker's counters for each interface.
    #[inline]
    fn interfaces(&self) -> &'w PerInterface {
        &self.core.workers[self.worker].0.interfaces
    }
}

/// An interface whose gate and counters were looked up.
struct Known<'w> {
    id: IfId,
    gate: Gate<'w>,
    counters: &'w FateCounters,
}

impl<'w> Known<'w> {
    /// None for [`IfId::NONE`].
    #[inline]
    fn look_up(consumer: &Consumer<'w>, id: IfId) -> Option<Known<'w>> {
        let gate = consumer.core.gates.gate(id)?;
        let counters = consumer.interfaces().of(id)?;
        Some(Known { id, gate, counters })
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
