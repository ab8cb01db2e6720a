//! A lane: the packets of one type that wait for one worker.
//!
//! User code is asked for what a packet names ([`Packet::interfaces`], [`Metadata::interfaces`]) and dropped with it,
//! and may panic or come back here. So nothing is half done when it is called: a packet has its fate, and is off
//! the ring, before it is dropped; one whose names are asked for is where it was, and is condemned if the
//! question panics. Who pays for a packet's share is noted beside its slot, so that it is asked for once.
//!
//! # Locks
//!
//! `buried` has one, a leaf. The consumer's part belongs to whoever holds the worker; see [`Consumer`].
//! # Teardown
//!
//! A packet that goes is dropped, or handed to the type's hook, by a worker that is polled. What goes while nobody
//! holds the worker, and is cleared in its stead, waits among the `buried`.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use core::cell::Cell;
// Outside the facade: the consumer's own, ordered by the claim of its worker; or a hint.
use core::sync::atomic::AtomicBool;

use crate::IfId;
use crate::Metadata;
use crate::Packet;
use crate::core_state::Core;
use crate::core_state::WorkerState;
use crate::counters::Cause;
use crate::counters::FateCounters;
use crate::counters::PerInterface;
use crate::counters::Single;
use crate::histogram::Recorder;
use crate::packet::charged;
use crate::packet::lone;
use crate::pad::CachePadded;
use crate::ring::Alone;
use crate::ring::Beside;
use crate::ring::Claim;
use crate::ring::End;
use crate::ring::Fate;
use crate::ring::Named;
use crate::ring::NoRoom;
use crate::ring::Odd;
use crate::ring::Reviewed;
use crate::ring::Ring;
use crate::ring::Seen;
use crate::spec::Hook;
use crate::spec::Overflow;
use crate::spec::TypeSpec;
use crate::sync;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;
use crate::sync::plain::AtomicU64;

mod fate;
mod own;
mod share;
mod sweep;

use fate::Asking;
pub(crate) use fate::Last;
use own::Sent;
use share::Shares;
use sweep::Sweep;

/// One packet in its slot.
pub(crate) struct Item<P, M> {
    pub(crate) packet: P,
    pub(crate) meta: M,
}

/// Proof of being a lane's one consumer: only the worker's holder makes one.
pub(crate) struct Consumer {
    pub(crate) core: Arc<Core>,
    /// The worker's.
    pub(crate) state: Arc<CachePadded<WorkerState>>,
    pub(crate) worker: usize,
    /// Whether this is somebody else in the worker's stead, who may hold locks: packets are not dropped here.
    pub(crate) vacant: bool,
    /// How many packets a drain has handled that a panic has ended.
    pub(crate) handled: Cell<usize>,
}

/// What a lane is to be swept for.
pub(crate) struct Order<'s> {
    /// The bits, in a lane's names, of all interfaces that are departing.
    pub(crate) going: u64,
    /// Where the sweep of this lane has come to, if it was begun.
    pub(crate) begun: &'s mut Option<Reviewed>,
    /// How many more slots may be looked at for now.
    pub(crate) left: &'s mut u64,
}

pub(crate) struct Lane<P, M> {
    ring: Ring<Item<P, M>>,
    sent: Sent,
    /// Whether there are no shares, and only the consumer decides over packets that wait.
    plain: bool,
    /// Where interfaces have shares, or packets are dropped to make room.
    shares: Option<Shares>,
    overflow: Overflow,
    pub(crate) fates: FateCounters,
    /// At how many packets handled the drain that runs is to end; 0 while none runs.
    stop: AtomicU64,
    pub(crate) residence: Recorder,
    /// Panics of the type's handler at this worker.
    pub(crate) panicked: Single,
    hook: Option<Arc<Hook<P, M>>>,
    /// What went while the worker was vacant, until it is polled.
    buried: sync::Mutex<VecDeque<(Fate, Item<P, M>)>>,
    has_buried: AtomicBool,
}

impl<P: Packet, M: Metadata> Lane<P, M> {
    pub(crate) fn new(spec: &TypeSpec<P, M>, core: &Arc<Core>) -> Self {
        let interfaces = core.gates.len();
        let drops_oldest = spec.overflow == Overflow::DropOldest;
        let ring = Ring::new(spec.ceiling(), drops_oldest, spec.time_every.next_power_of_two());
        ring.hold_back(u64::from(spec.ceiling() - spec.limit));
        let is_plain = spec.share.is_none() && !drops_oldest;
        if !is_plain {
            ring.is(Odd::NOT_PLAIN);
        }
        Lane {
            plain: is_plain,
            shares: (!is_plain).then(|| Shares::new(spec.share, interfaces, ring.slots())),
            ring,
            sent: Sent::new(&core.gates),
            overflow: spec.overflow,
            fates: FateCounters::default(),
            stop: AtomicU64::new(0),
            residence: Recorder::new(),
            panicked: Single::default(),
            hook: spec.hook.clone(),
            buried: sync::Mutex::new(VecDeque::new()),
            has_buried: AtomicBool::new(false),
        }
    }

    /// Claims a place for one packet, on a plain lane, by who has looked at the ring's claims. The packet names no interfaces
    /// but `names`.
    #[inline(always)]
    pub(crate) fn claim_seen(&self, seen: Seen, names: u64) -> Result<Claim, Cause> {
        self.ring.claim_seen(seen, 1, names).map_err(Cause::from)
    }

    /// The same where interface `first` is charged, or a place is made. The lane is worker `worker`'s.
    #[cold]
    pub(crate) fn claim_for(
        &self,
        core: &Core,
        worker: usize,
        first: IfId,
        names: u64,
    ) -> Result<Claim, Cause> {
        let interfaces = &core.workers[worker].0.interfaces;
        let payer = self.shares.as_ref().map(|shares| shares.charge(first)).transpose()?;
        loop {
            match self.ring.claim(1, names) {
                Ok(claim) => {
                    self.note_payer(&claim, payer.flatten());
                    return Ok(claim);
                }
                Err(NoRoom::Full) if mutant("dispatch-waits-for-room") => crate::sync::yield_now(),
                Err(NoRoom::Full) if self.drops_oldest() && self.drop_oldest(interfaces) => {}
                Err(why) => {
                    if let (Some(shares), Some(payer)) = (&self.shares, payer.flatten()) {
                        shares.give_back(payer);
                    }
                    return Err(why.into());
                }
            }
        }
    }

    /// Turns reserved room into a place, and charges the interface whatever its share.
    pub(crate) fn claim_reserved(&self, packet: &P, meta: &M, names: u64) -> Claim {
        let payer = self.shares.as_ref().and_then(|shares| shares.charge_always(charged(packet, meta)));
        let claim = self.ring.claim_reserved(names);
        self.note_payer(&claim, payer);
        claim
    }

    fn note_payer(&self, claim: &Claim, payer: Option<usize>) {
        if let Some(shares) = &self.shares {
            shares.note(self.ring.slot_number(claim.first), payer);
        }
    }

    /// Takes back what the packet at a position was charged for. Gives the slot of the interface that had paid.
    #[inline]
    fn discharge(&self, at: u64) -> Option<usize> {
        self.shares.as_ref()?.discharge(self.ring.slot_number(at))
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

    /// Fills a position that was claimed alone.
    #[inline(always)]
    pub(crate) fn fill_alone(&self, claim: Alone, packet: P, meta: M) {
        self.ring.publish_alone(claim, Item { packet, meta });
    }

    /// Leaves the next claimed position empty.
    #[cold]
    pub(crate) fn leave_void(&self, claim: &mut Claim) {
        self.discharge(claim.first);
        self.ring.publish_void(claim);
    }

    /// Leaves a position empty that was claimed alone, on a lane without shares.
    #[cold]
    pub(crate) fn leave_void_alone(&self, claim: Alone) {
        self.ring.publish_void_alone(claim);
    }

    /// Fills claimed positions with the packets of `batch`, from its front.
    #[inline(always)]
    pub(crate) fn fill_all(&self, core: &Core, claim: &mut Claim, batch: &mut [Option<(P, M)>]) {
        self.fill_from(core, claim, batch.iter_mut().filter_map(Option::take));
    }

    /// Fills claimed positions with `packets`.
    #[inline(always)]
    pub(crate) fn fill_from(&self, core: &Core, claim: &mut Claim, packets: impl Iterator<Item = (P, M)>) {
        let items = packets.map(|(packet, meta)| Item { packet, meta });
        self.ring.publish_all(claim, items, |position| self.stamp(core, position));
    }

    #[cold]
    pub(crate) fn stamp(&self, core: &Core, position: u64) {
        self.ring.set_stamp(position, core.clock.now().as_nanos().max(1));
    }

    pub(crate) fn ring(&self) -> &Ring<Item<P, M>> {
        &self.ring
    }

    /// Whether all interfaces that packet and metadata name may be named at this moment, and their bits are among the lane's names.
    /// For the worker itself.
    #[inline(always)]
    pub(crate) fn are_open_and_known(&self, core: &Core, packet: &P, meta: &M) -> bool {
        lone(packet, meta).is_some_and(|id| self.sent.is_open(id))
            || core.all_open_and_known(packet, meta, self.ring.named().bits())
    }

    /// Whether all packets of a batch, of which there are some, name one interface and no other, which may be named at this moment and
    /// whose bit is among the lane's names. For the worker itself.
    #[inline(always)]
    pub(crate) fn is_open_to_all_of(&self, batch: &[Option<(P, M)>]) -> bool {
        let Some(id) = self.sent.open() else { return false };
        !batch.is_empty()
            && batch
                .iter()
                .all(|entry| entry.as_ref().is_some_and(|(packet, meta)| lone(packet, meta) == Some(id)))
    }

    /// Notes an interface, if its bit is among the lane's names: who was asked twice what he names may have answered twice. For the
    /// worker itself.
    #[cold]
    pub(crate) fn note(&self, core: &Core, id: IfId) {
        if Named::bit(id) & !self.ring.named().bits() == 0 {
            self.sent.note(&core.gates, id);
        }
    }

    /// Whether no packet is charged by itself, or makes its own room.
    pub(crate) fn is_plain(&self) -> bool {
        self.plain
    }

    /// Whether a full lane makes room by dropping its oldest packet.
    fn drops_oldest(&self) -> bool {
        self.overflow == Overflow::DropOldest
    }

    /// Makes room by dropping the oldest packet, which the worker buries. False if that cannot be done now.
    #[cold]
    fn drop_oldest(&self, interfaces: &PerInterface) -> bool {
        self.ring.evict(|at| {
            self.fates.dropped_oldest.add(1);
            // As long as a packet waits that names it, its slot is no other interface's.
            if let Some(interface) = self.discharge(at).and_then(|payer| interfaces.of_slot(payer)) {
                interface.dropped_oldest.add(1);
            }
        })
    }

    /// Drops every packet that names an interface which has gone or is going. False if that is not done: a producer is
    /// in the middle of something, or enough was looked at; to be tried again from there.
    #[must_use]
    pub(crate) fn sweep(&self, consumer: &Consumer, order: Order<'_>) -> bool {
        if order.going == 0 {
            return true;
        }
        // What is claimed after this line names no interface that is going: its producer looks once more.
        let mut reviewed = order.begun.take().unwrap_or_else(|| self.ring.begin_review());
        if !self.ring.may_name(order.going) {
            return true;
        }
        // What was dropped to make room may name an interface, too. What is dropped from now on the review comes upon.
        while self.ring.has_gone() && self.ring.pass(&mut |fate, item| self.bury(consumer, fate, item)) {}
        let mut sweep = Sweep { lane: self, consumer };
        let is_done = self.ring.review(&mut reviewed, order.left, &mut sweep);
        *order.begun = (!is_done).then_some(reviewed);
        is_done
    }

    fn set_buried(&self, buried: bool) {
        self.has_buried.store(buried, Ordering::Relaxed);
        if buried {
            self.ring.is(Odd::BURIED);
        } else {
            self.ring.is_not(Odd::BURIED);
        }
    }

    /// Whether there is something to be taken, or to be buried.
    pub(crate) fn has_ready(&self) -> bool {
        self.ring.has_ready() || self.has_buried.load(Ordering::Relaxed)
    }

    /// Lets the consumer look elsewhere until a claim's `idle` calls it back. False if packets wait. For the worker itself.
    pub(crate) fn rest(&self, core: &Core) -> bool {
        // What is named here is forgotten.
        if !mutant("noted-through-a-rest") {
            self.sent.note(&core.gates, IfId::NONE);
        }
        !self.has_buried.load(Ordering::Relaxed) && self.ring.rest()
    }
}

impl Consumer {
    pub(crate) fn new(core: &Arc<Core>, worker: usize) -> Consumer {
        let state = core.workers[worker].clone();
        Consumer { core: core.clone(), state, worker, vacant: false, handled: Cell::new(0) }
    }

    /// The worker's counters for each interface.
    #[inline]
    fn interfaces(&self) -> &PerInterface {
        &self.state.0.interfaces
    }
}
