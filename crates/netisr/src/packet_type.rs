//! A registered type of packet: dispatching.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Metadata;
use crate::Packet;
use crate::core_state::Core;
use crate::counters::Cause;
use crate::gate::NoPin;
use crate::gate::Pins;
use crate::lane::Lane;
use crate::lane::charged;
use crate::permit::Permit;
use crate::spec::FlowKey;
use crate::sync::atomic::AtomicBool;

/// What is called for each packet, on a worker, with no lock held: the worker's token, the worker's own
/// state, and the packet with its metadata.
pub type Handler<P, M, W> = dyn Fn(&mut Ctx<'_, Unlocked>, &mut W, P, M) + Send + Sync;

/// A packet that was not accepted goes back to its caller, with the reason.
#[derive(Clone, PartialEq, Eq)]
pub struct Refused<P, M> {
    /// The packet.
    pub packet: P,
    /// Its metadata.
    pub meta: M,
    /// Why.
    pub cause: Cause,
}

impl<P, M> fmt::Debug for Refused<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refused").field("cause", &self.cause).finish_non_exhaustive()
    }
}

impl<P, M> fmt::Display for Refused<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet refused: {}", self.cause)
    }
}

impl<P, M> core::error::Error for Refused<P, M> {}

/// A handle on a registered type: dispatches packets of it. Clones refer to the same type.
pub struct PacketType<P, M, W = ()> {
    pub(crate) shared: Arc<TypeState<P, M, W>>,
}

pub(crate) struct TypeState<P, M, W> {
    pub(crate) name: String,
    pub(crate) limit: u32,
    pub(crate) bit: u32,
    pub(crate) lanes: Box<[Lane<P, M>]>,
    pub(crate) handler: Box<Handler<P, M, W>>,
    pub(crate) flow_key: Option<FlowKey<P, M>>,
    /// Whether it is being unregistered.
    pub(crate) closed: AtomicBool,
    /// Workers flush instead of calling the handler: set when the type is unregistered so.
    pub(crate) flushing: AtomicBool,
    pub(crate) core: Arc<Core>,
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
    #[inline]
    pub fn dispatch<L>(&self, ctx: &Ctx<'_, L>, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        let this = &*self.shared;
        let own = this.core.worker_of(ctx.seat());
        let worker = this.worker_for(own, &packet, &meta);
        let lane = &this.lanes[worker];
        if own == Some(worker) {
            // A departure waits for this worker to come by, so a look at the gates is enough.
            if !this.core.all_open(&packet, &meta) {
                return Err(this.refuse(worker, packet, meta, Cause::Departed));
            }
            return match lane.push(&this.core, worker, packet, meta) {
                Ok(()) => {
                    this.core.workers[worker].0.pending.0.raise_own(this.bit);
                    Ok(())
                }
                Err(refused) => Err(this.refuse(worker, refused.packet, refused.meta, refused.cause)),
            };
        }
        // Held until the packet is on the ring, where a sweep finds it.
        let mut pins = Pins::new(&this.core.gates);
        if let Err(cause) = hold_all(&mut pins, &packet, &meta) {
            return Err(this.refuse(worker, packet, meta, cause));
        }
        match lane.push(&this.core, worker, packet, meta) {
            Ok(()) => {
                drop(pins);
                this.core.raise(worker, this.bit);
                Ok(())
            }
            Err(refused) => {
                drop(pins);
                Err(this.refuse(worker, refused.packet, refused.meta, refused.cause))
            }
        }
    }

    /// Queues several packets, in order, for the price of little more than one. What is accepted is taken out
    /// of `batch`; what is refused stays where it is. Gives the number accepted.
    ///
    /// All that is said of [`dispatch`](Self::dispatch) holds. A packet that is refused does not keep later
    /// ones from being accepted.
    pub fn dispatch_batch<L>(&self, ctx: &Ctx<'_, L>, batch: &mut [Option<(P, M)>]) -> usize {
        let this = &*self.shared;
        let own = this.core.worker_of(ctx.seat());
        let mut accepted = 0;
        let mut rest = batch;
        while let Some(start) = rest.iter().position(Option::is_some) {
            rest = &mut rest[start..];
            let (run, worker, pins) = this.run(own, rest);
            if run == 0 {
                // The first of the rest is refused, or needs the slow way: let `dispatch` say why.
                if let Some((packet, meta)) = rest[0].take() {
                    match self.dispatch(ctx, packet, meta) {
                        Ok(()) => accepted += 1,
                        Err(refused) => rest[0] = Some((refused.packet, refused.meta)),
                    }
                }
                rest = &mut rest[1..];
                continue;
            }
            let (now, later) = rest.split_at_mut(run);
            rest = later;
            let lane = &this.lanes[worker];
            let Ok(mut claim) = lane.ring().claim(run as u32) else {
                drop(pins);
                for entry in now.iter_mut() {
                    if let Some((packet, meta)) = entry.take() {
                        match self.dispatch(ctx, packet, meta) {
                            Ok(()) => accepted += 1,
                            Err(refused) => *entry = Some((refused.packet, refused.meta)),
                        }
                    }
                }
                continue;
            };
            let got = claim.count as usize;
            for (packet, meta) in now[..got].iter_mut().filter_map(Option::take) {
                let charged = charged(&packet, &meta);
                lane.fill(&this.core, &mut claim, packet, meta, charged);
            }
            accepted += got;
            drop(pins);
            if own == Some(worker) {
                this.core.workers[worker].0.pending.0.raise_own(this.bit);
            } else {
                this.core.raise(worker, this.bit);
            }
            for entry in now[got..].iter_mut() {
                if let Some((packet, meta)) = entry.take() {
                    match self.dispatch(ctx, packet, meta) {
                        Ok(()) => accepted += 1,
                        Err(refused) => *entry = Some((refused.packet, refused.meta)),
                    }
                }
            }
        }
        accepted
    }

    /// Sets room for one packet aside, before a lock is taken, say. With the permit in hand the dispatch
    /// cannot fail but by departure.
    ///
    /// The room is at the worker that holds `ctx`; a thread that is no worker chooses by `key`, as the type's
    /// flow key would. A permit is for a packet of that worker, so types with a flow key pass the same key.
    ///
    /// # Errors
    ///
    /// [`Cause::Full`] or [`Cause::Closed`].
    pub fn reserve<L>(&self, ctx: &Ctx<'_, L>, key: Option<u64>) -> Result<Permit<P, M, W>, Cause> {
        let this = &*self.shared;
        let worker = match (key, this.core.worker_of(ctx.seat())) {
            (Some(key), _) => this.worker_of_key(key),
            (None, Some(own)) => own,
            (None, None) => 0,
        };
        match this.lanes[worker].ring().reserve() {
            Ok(()) => Ok(Permit::new(self.shared.clone(), worker)),
            Err(why) => {
                let cause = Cause::from(why);
                this.lanes[worker].fates.refuse(cause, 1);
                Err(cause)
            }
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
    #[inline]
    pub(crate) fn worker_for(&self, own: Option<usize>, packet: &P, meta: &M) -> usize {
        match (self.flow_key, own) {
            (Some(key), _) => self.worker_of_key(key(packet, meta)),
            (None, Some(own)) => own,
            (None, None) => charged(packet, meta).slot() % self.lanes.len(),
        }
    }

    /// Counts a refusal, and gives the packet back.
    #[cold]
    pub(crate) fn refuse(&self, worker: usize, packet: P, meta: M, cause: Cause) -> Refused<P, M> {
        self.lanes[worker].fates.refuse(cause, 1);
        let interfaces = &self.core.workers[worker].0.interfaces;
        // An identity that is out of date must not be counted on its slot's next interface.
        let id = charged(&packet, &meta);
        if (cause != Cause::Departed || self.core.gates.is_current(id))
            && let Some(interface) = interfaces.of(id)
        {
            interface.refuse(cause, 1);
        }
        Refused { packet, meta, cause }
    }

    fn worker_of_key(&self, key: u64) -> usize {
        // Spreads keys that differ in few bits (Fibonacci hashing).
        let spread = key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        (spread as usize) % self.lanes.len()
    }

    /// How many packets from the front of `batch` can be claimed in one go: all for one worker, with every
    /// interface open and, from elsewhere, pinned.
    fn run(&self, own: Option<usize>, batch: &[Option<(P, M)>]) -> (usize, usize, Pins<'_>) {
        let mut pins = Pins::new(&self.core.gates);
        let Some((packet, meta)) = &batch[0] else { return (0, 0, pins) };
        let worker = self.worker_for(own, packet, meta);
        if self.lanes[worker].has_shares() {
            return (0, worker, pins); // Each packet is charged by itself.
        }
        let run = batch.iter().take_while(|entry| {
            let Some((packet, meta)) = entry else { return false };
            self.worker_for(own, packet, meta) == worker
                && if own == Some(worker) {
                    self.core.all_open(packet, meta)
                } else {
                    hold_all(&mut pins, packet, meta).is_ok()
                }
        });
        (run.count(), worker, pins)
    }
}

pub(crate) fn hold_all<P: Packet, M: Metadata>(
    pins: &mut Pins<'_>,
    packet: &P,
    meta: &M,
) -> Result<(), Cause> {
    let mut held = Ok(());
    let mut visit = |id| {
        if held.is_ok() {
            held = pins.hold(id);
        }
    };
    meta.interfaces(&mut visit);
    packet.interfaces(&mut visit);
    held.map_err(|why| match why {
        NoPin::Dying => Cause::Departed,
        NoPin::TooMany => Cause::TooManyInterfaces,
    })
}
