//! A registered type of packet: dispatching.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;

use siding_lockorder::Ctx;
use siding_lockorder::Numbers;
use siding_lockorder::Seat;

use crate::IfId;
use crate::Metadata;
use crate::Packet;
use crate::core_state::Core;
use crate::counters::Cause;
use crate::gate::Names;
use crate::gate::NotOpen;
use crate::lane::Lane;
use crate::packet::charged;
use crate::packet::lone;
use crate::panics::OnPanic;
use crate::ring::Claim;
use crate::ring::Named;
use crate::ring::Seen;
use crate::spec::Steer;
use crate::spec::Trace;
use crate::spec::Traced;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;

mod batch;
mod from;
mod limits;
mod panicked;
mod refused;
mod report;

pub use limits::LimitError;
pub(crate) use limits::Limits;
pub use refused::Refused;

/// A handle on a registered type: dispatches packets of it. Clones refer to the same type. `W` is the [state](crate::Local) of the
/// facility's workers: who writes the handle's type in a struct or a function names it, too, if they have one.
pub struct PacketType<P, M, W = ()> {
    pub(crate) shared: Arc<TypeState<P, M, W>>,
}

pub(crate) struct TypeState<P, M, W> {
    /// Which tokens are those of workers that dispatch to their own, plain lane, whatever the packet.
    pub(crate) quick: Numbers,
    pub(crate) name: String,
    pub(crate) limit: u32,
    pub(crate) bit: u32,
    pub(crate) lanes: Box<[Arc<Lane<P, M>>]>,
    pub(crate) steer: Steer<P, M>,
    /// Where the limit can be changed.
    pub(crate) limits: Option<Limits>,
    pub(crate) trace: Option<Arc<Trace<P, M>>>,
    /// Whether it is being unregistered.
    pub(crate) closed: AtomicBool,
    /// Workers flush instead of calling the handler: set when the type is unregistered so.
    pub(crate) flushing: AtomicBool,
    /// Whether a panic of its handler has stopped it.
    pub(crate) stopped: AtomicBool,
    pub(crate) on_panic: OnPanic,
    pub(crate) core: Arc<Core>,
    pub(crate) of: PhantomData<fn(W)>,
}

impl<P: Packet, M: Metadata, W: 'static> PacketType<P, M, W> {
    /// Queues a packet with its metadata, to be handled later by a worker with no lock held.
    ///
    /// May be called under any locks. Never runs a handler, blocks, locks or allocates. Costs one slot of a
    /// ring that was allocated at registration; what is refused costs none.
    ///
    /// # Errors
    ///
    /// The packet comes back, with the [`Cause`]; nothing of it stays.
    #[inline(always)]
    pub fn dispatch<L>(&self, ctx: &Ctx<'_, L>, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        let this = &*self.shared;
        // As it is most often: by a worker, to itself, with room and with interfaces that the lane has seen before. A departure
        // waits for this worker to come by, so one look at the gates is enough. It is this worker, too, who forgets
        // what is named.
        if let Some(lane) = this.lanes.get(this.quick.place_of(ctx.seat()))
            && lane.are_open_and_known(&this.core, &packet, &meta)
            && let Some(claim) = lane.ring().claim_own()
        {
            lane.fill_alone(claim, packet, meta);
            return Ok(());
        }
        match ctx.seat() {
            None => this.dispatch_from_no_worker(packet, meta),
            Some(seat) => this.dispatch_any(seat, packet, meta),
        }
    }

    /// The name it was registered by.
    pub fn name(&self) -> &str {
        &self.shared.name
    }
}

impl<P, M, W> Clone for PacketType<P, M, W> {
    fn clone(&self) -> Self {
        PacketType { shared: self.shared.clone() }
    }
}

impl<P, M, W> fmt::Debug for PacketType<P, M, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PacketType").field("name", &self.shared.name).finish_non_exhaustive()
    }
}

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    /// [`dispatch`](PacketType::dispatch) by a thread that is no worker.
    #[inline(never)] // The quick way goes into its caller's code, and this does not.
    fn dispatch_from_no_worker(&self, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        self.dispatch_from_outside(self.worker_for(None, &packet, &meta), packet, meta)
    }

    /// The same by some facility's worker, whatever there is to be done.
    #[inline(never)]
    fn dispatch_any(&self, seat: Seat, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        let own = self.core.worker_of(Some(seat));
        let worker = self.worker_for(own, &packet, &meta);
        let lane = &self.lanes[worker];
        if own != Some(worker) {
            return self.dispatch_from_outside(worker, packet, meta);
        }
        let named = lane.ring().named();
        if !self.core.all_open_and_known(&packet, &meta, named.bits()) {
            let Some(names) = self.core.open_names(&packet, &meta) else {
                return Err(self.refuse(worker, packet, meta, Cause::Departed));
            };
            named.raise(names);
        }
        lane.note(&self.core, charged(&packet, &meta));
        let way = Way { lane, own, worker };
        match self.claim(&way, &packet, &meta, 0) {
            Ok(claim) => {
                self.fill(way, claim, packet, meta);
                Ok(())
            }
            Err(cause) => Err(self.refuse(worker, packet, meta, cause)),
        }
    }

    #[inline]
    pub(crate) fn worker_for(&self, own: Option<usize>, packet: &P, meta: &M) -> usize {
        if self.lanes.len() == 1 {
            return 0;
        }
        match (&self.steer, own) {
            (Steer::Key(key), _) if !mutant("flow-key-ignored") => self.worker_of_key(key(packet, meta)),
            (Steer::At(worker), _) => *worker,
            (Steer::Chosen(choose), _) => choose(packet, meta) % self.lanes.len(),
            (_, Some(own)) => own,
            (_, None) => self.worker_of_key(charged(packet, meta).slot() as u64),
        }
    }

    /// [`dispatch`](PacketType::dispatch) for a worker other than the one that calls, if it is one.
    #[inline(always)]
    fn dispatch_from_outside(&self, worker: usize, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        let lane = &*self.lanes[worker];
        if !lane.is_plain() || mutant("dispatch-waits-for-room") {
            return self.dispatch_the_long_way(worker, None, packet, meta);
        }
        let mut seen = lane.ring().seen();
        // As it is most often: with one interface at the most, and room that nobody has to look for. Its gate is looked up once, and
        // looked at twice. Kept apart from all other ways, for which much would have to be put aside.
        if lane.ring().is_quick(&seen)
            && let Some(first) = lone(&packet, &meta)
            && let Some(gate) = self.core.gates.gate_or_nothing(first)
            && gate.is_open()
            && let Some(claim) = lane.ring().claim_quick(&mut seen, Named::bit(first))
        {
            if gate.is_open() || mutant("quick-claim-without-second-look") {
                lane.fill_alone(claim, packet, meta);
                return Ok(());
            }
            lane.leave_void_alone(claim);
            return Err(self.refuse(worker, packet, meta, Cause::Departed));
        }
        self.dispatch_the_long_way(worker, Some(seen), packet, meta)
    }

    /// The same, whatever there is to be done.
    #[inline(never)]
    fn dispatch_the_long_way(
        &self,
        worker: usize,
        seen: Option<Seen>,
        packet: P,
        meta: M,
    ) -> Result<(), Refused<P, M>> {
        let Some(first) = lone(&packet, &meta) else {
            return self.dispatch_with_several(worker, packet, meta);
        };
        // One interface at the most, as nearly always: its gate is looked up once, and looked at twice.
        let gate = self.core.gates.gate(first);
        if !gate.map_or(first.is_none(), |gate| gate.is_open()) {
            return Err(self.refuse(worker, packet, meta, Cause::Departed));
        }
        let lane = &*self.lanes[worker];
        let way = Way { lane, own: None, worker };
        let claim = match seen {
            Some(seen) => lane.claim_seen(seen, Named::bit(first)),
            None => self.claim(&way, &packet, &meta, Named::bit(first)),
        };
        let claim = match claim {
            Ok(claim) => claim,
            Err(cause) => return Err(self.refuse(worker, packet, meta, cause)),
        };
        if gate.is_none_or(|gate| gate.is_open()) || mutant("claim-without-second-look") {
            self.fill(way, claim, packet, meta);
            return Ok(());
        }
        drop(Place { of: self, own: None, worker, claim });
        Err(self.refuse(worker, packet, meta, Cause::Departed))
    }

    /// The same for a packet that names several interfaces.
    #[inline(never)]
    fn dispatch_with_several(&self, worker: usize, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        let mut names = Names::new(&self.core.gates);
        if let Err(cause) = add_all(&mut names, &packet, &meta) {
            return Err(self.refuse(worker, packet, meta, cause));
        }
        let way = Way { lane: &self.lanes[worker], own: None, worker };
        let claim = match self.claim(&way, &packet, &meta, names.bits()) {
            Ok(claim) => claim,
            Err(cause) => return Err(self.refuse(worker, packet, meta, cause)),
        };
        if names.are_open() {
            self.fill(way, claim, packet, meta);
            return Ok(());
        }
        Place { of: self, own: None, worker, claim }.fill_if_open(&names, packet, meta)
    }

    /// Claims a place for one packet, and charges its interface. The packet names no interfaces but `names`.
    #[inline(always)]
    fn claim(&self, way: &Way<'_, P, M>, packet: &P, meta: &M, names: u64) -> Result<Claim, Cause> {
        if way.lane.is_plain() && !mutant("dispatch-waits-for-room") {
            return way.lane.claim_seen(way.lane.ring().seen(), names);
        }
        way.lane.claim_for(&self.core, way.worker, charged(packet, meta), names)
    }

    /// Fills a place that was claimed for one packet.
    #[inline(always)]
    fn fill(&self, way: Way<'_, P, M>, claim: Claim, packet: P, meta: M) {
        if claim.idle || way.lane.is_timed(&claim) {
            return self.fill_the_long_way(way, claim, packet, meta);
        }
        way.lane.fill_alone(claim.alone(), packet, meta);
    }

    #[cold]
    fn fill_the_long_way(&self, Way { own, worker, .. }: Way<'_, P, M>, claim: Claim, packet: P, meta: M) {
        Place { of: self, own, worker, claim }.fill(packet, meta);
    }

    /// Leaves void what is not filled, and calls the worker if need be.
    #[cold]
    fn leave(&self, own: Option<usize>, worker: usize, mut claim: Claim) {
        while !claim.is_filled() {
            self.lanes[worker].leave_void(&mut claim);
        }
        if claim.idle {
            self.call(own, worker);
        }
    }

    /// Calls the worker to a lane that it looks at no more.
    #[cold]
    fn call(&self, own: Option<usize>, worker: usize) {
        if own == Some(worker) {
            self.core.workers[worker].0.pending.0.raise_own(self.bit);
        } else {
            self.core.raise(worker, self.bit);
        }
    }

    /// Counts a refusal, and gives the packet back.
    #[cold]
    pub(crate) fn refuse(&self, worker: usize, packet: P, meta: M, cause: Cause) -> Refused<P, M> {
        let cause = self.cause(cause);
        self.count_refusal(worker, &packet, &meta, cause);
        Refused { packet, meta, cause }
    }

    /// Why a ring is closed, it does not know.
    pub(crate) fn cause(&self, cause: Cause) -> Cause {
        if cause == Cause::Closed
            && self.stopped.load(Ordering::Acquire)
            && !self.closed.load(Ordering::Acquire)
        {
            return Cause::Stopped;
        }
        cause
    }

    #[cold]
    fn count_refusal(&self, worker: usize, packet: &P, meta: &M, cause: Cause) {
        self.count_refusals(worker, charged(packet, meta), 1, cause);
        if let Some(trace) = &self.trace {
            trace(Traced::Refused(cause), packet, meta);
        }
    }

    /// Counts packets as refused that interface `id` would have paid for.
    fn count_refusals(&self, worker: usize, id: IfId, packets: u64, cause: Cause) {
        self.lanes[worker].fates.refuse(cause, packets);
        // An identity that is out of date must not be counted on its slot's next interface.
        if (cause != Cause::Departed || self.core.gates.is_current(id))
            && let Some(interface) = self.core.workers[worker].0.interfaces.of(id)
        {
            interface.refuse(cause, packets);
        }
    }

    /// Spreads keys that differ in few bits (Fibonacci hashing), without a division.
    #[inline]
    pub(crate) fn worker_of_key(&self, key: u64) -> usize {
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        ((spread * self.lanes.len() as u64) >> 32) as usize
    }
}

/// By which lane a packet goes to which worker, and from which, if one sends it.
struct Way<'l, P, M> {
    lane: &'l Lane<P, M>,
    own: Option<usize>,
    worker: usize,
}

/// Claimed places on a lane, to be filled. What is left when it is dropped, were it by a panic of the packet's code,
/// is left void, and the worker is called if need be.
pub(crate) struct Place<'t, P: Packet, M: Metadata, W> {
    pub(crate) of: &'t TypeState<P, M, W>,
    pub(crate) own: Option<usize>,
    pub(crate) worker: usize,
    pub(crate) claim: Claim,
}

impl<P: Packet, M: Metadata, W> Place<'_, P, M, W> {
    #[inline(always)]
    pub(crate) fn fill(mut self, packet: P, meta: M) {
        self.fill_next(packet, meta);
    }

    /// For a place that was claimed from outside: fills it unless one of the interfaces was marked since.
    #[inline(always)]
    pub(crate) fn fill_if_open(self, names: &Names<'_>, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        if names.are_open() {
            self.fill(packet, meta);
            return Ok(());
        }
        let (of, worker) = (self.of, self.worker);
        drop(self);
        Err(of.refuse(worker, packet, meta, Cause::Departed))
    }

    #[inline(always)]
    fn fill_next(&mut self, packet: P, meta: M) {
        let lane = &self.of.lanes[self.worker];
        if lane.is_timed(&self.claim) {
            lane.stamp(&self.of.core, self.claim.first);
        }
        lane.fill(&mut self.claim, packet, meta);
    }
}

impl<P: Packet, M: Metadata, W> Drop for Place<'_, P, M, W> {
    #[inline(always)] // By value where there is something to be done: so the claim need not be in memory where there is not.
    fn drop(&mut self) {
        if self.claim.idle || !self.claim.is_filled() {
            self.of.leave(self.own, self.worker, self.claim.rest());
        }
    }
}

/// Notes all interfaces that a packet and its metadata name, if they are open. Gives their marks.
#[inline(always)]
pub(crate) fn add_all<P: Packet, M: Metadata>(
    names: &mut Names<'_>,
    packet: &P,
    meta: &M,
) -> Result<u8, Cause> {
    let mut outcome = Ok(0);
    let mut visit = |id| {
        if let Ok(marks) = outcome {
            outcome = names.add(id).map(|mark| marks | mark);
        }
    };
    meta.interfaces(&mut visit);
    packet.interfaces(&mut visit);
    outcome.map_err(cause_of)
}

fn cause_of(why: NotOpen) -> Cause {
    match why {
        NotOpen::Dying => Cause::Departed,
        NotOpen::TooMany => Cause::TooManyInterfaces,
    }
}
