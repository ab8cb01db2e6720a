//! A permit: room for one packet, reserved beforehand.
//!
//! A permit keeps to the order of its flow: its packet goes to the worker that a dispatch of that packet by the same
//! caller would have gone to. Where that worker is not known beforehand, the permit is room at each.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Metadata;
use crate::Packet;
use crate::PacketType;
use crate::Refused;
use crate::counters::Cause;
use crate::gate::Names;
use crate::packet_type::Place;
use crate::packet_type::TypeState;
use crate::packet_type::add_all;
use crate::spec::Steer;
use crate::sync::mutant;
use crate::wait;

/// Room for one packet of a type. Dropping it gives the room back; one that is forgotten takes up its room for as long
/// as its type lives, and an unregistering of the type waits for it.
#[must_use = "a permit that is dropped gives its room back"]
pub struct Permit<P: Packet, M: Metadata, W: 'static = ()> {
    of: Arc<TypeState<P, M, W>>,
    room: Room,
    /// The key that it was reserved with, where the type has a flow key.
    key: Option<u64>,
}

/// At which worker there was no room, and why.
type Refusal = (usize, Cause);

/// Where the room is.
#[derive(Clone, Copy, Debug)]
enum Room {
    At(usize),
    /// One place at each worker: the packet says which it will be.
    Everywhere,
    /// None: it was used.
    Nowhere,
}

impl<P: Packet, M: Metadata, W: 'static> PacketType<P, M, W> {
    /// Sets room for one packet aside, before a lock is taken, say. With the permit in hand the dispatch
    /// cannot fail but by departure.
    ///
    /// The room is where a dispatch would put the packet. On a type with a flow key, `key` is that of the packet to
    /// come. Without one, the room is at the worker that holds `ctx`, `key` means nothing, and the permit is to be used
    /// on the same worker. What a thread that is no worker will dispatch, or a packet whose flow key is not given,
    /// may go to any worker: the permit then takes up a place at each of them until it is used or dropped. Where one of
    /// them has none it takes none; but if somebody else takes the last one there while this call is at it, what was taken
    /// elsewhere was taken for that moment.
    ///
    /// # Errors
    ///
    /// [`Cause::Full`], [`Cause::Closed`] or [`Cause::Stopped`].
    pub fn reserve<L>(&self, ctx: &Ctx<'_, L>, key: Option<u64>) -> Result<Permit<P, M, W>, Cause> {
        self.try_reserve(ctx, key).map_err(|refusal| self.count(refusal))
    }

    /// [`reserve`](Self::reserve), which waits for room, at most `timeout`: by the facility's clock or by the system's.
    ///
    /// The token shows that no lock is held. A worker does not wait, for it is the one who makes room; nor does what runs
    /// while one is polled.
    ///
    /// # Errors
    ///
    /// As there; [`Cause::Full`] when time is up. That is counted once.
    pub fn reserve_within(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        key: Option<u64>,
        timeout: Duration,
    ) -> Result<Permit<P, M, W>, Cause> {
        let mut outcome = self.try_reserve(ctx, key);
        // How the wait ended, the outcome says.
        let _ended = wait::complete(&self.shared.core, ctx, timeout, || {
            if matches!(outcome, Err((_, Cause::Full))) {
                outcome = self.try_reserve(ctx, key);
            }
            !matches!(outcome, Err((_, Cause::Full)))
        });
        outcome.map_err(|refusal| self.count(refusal))
    }

    fn count(&self, (worker, cause): Refusal) -> Cause {
        self.shared.lanes[worker].fates.refuse(cause, 1);
        cause
    }

    fn try_reserve<L>(&self, ctx: &Ctx<'_, L>, key: Option<u64>) -> Result<Permit<P, M, W>, Refusal> {
        let this = &*self.shared;
        let key = key.filter(|_| matches!(this.steer, Steer::Key(_) | Steer::Chosen(_)));
        let own = this.core.worker_of(ctx.seat());
        let worker = match (&this.steer, key) {
            _ if this.lanes.len() == 1 => Some(0),
            (_, Some(key)) => Some(this.worker_by(key)),
            (Steer::At(worker), _) => Some(*worker),
            (Steer::Own, _) => own,
            _ => None,
        };
        let mut permit = Permit { of: self.shared.clone(), room: Room::Nowhere, key };
        match worker {
            Some(worker) => {
                this.reserve_at(worker)?;
                permit.room = Room::At(worker);
            }
            None => {
                // Looked for everywhere before any is taken: what is taken and given back is missing meanwhile, and who
                // waits for room comes here again and again.
                this.lanes.iter().enumerate().try_for_each(|(worker, lane)| {
                    lane.ring().look().map_err(|why| (worker, this.cause(why.into())))
                })?;
                for worker in 0..this.lanes.len() {
                    if let Err(refusal) = this.reserve_at(worker) {
                        this.lanes[..worker].iter().for_each(|lane| lane.ring().unreserve());
                        return Err(refusal);
                    }
                }
                permit.room = Room::Everywhere;
            }
        }
        Ok(permit)
    }
}

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    fn reserve_at(&self, worker: usize) -> Result<(), Refusal> {
        self.lanes[worker].ring().reserve().map_err(|why| (worker, self.cause(why.into())))
    }

    /// What a permit for this packet would be reserved with, where packets are told apart.
    fn key_of(&self, packet: &P, meta: &M) -> Option<u64> {
        match &self.steer {
            Steer::Key(key) => Some(key(packet, meta)),
            Steer::Chosen(choose) => Some(choose(packet, meta) as u64),
            Steer::Own | Steer::At(_) => None,
        }
    }

    /// The worker for packets of a [key](Self::key_of).
    fn worker_by(&self, key: u64) -> usize {
        match &self.steer {
            Steer::Chosen(_) => (key % self.lanes.len() as u64) as usize,
            _ => self.worker_of_key(key),
        }
    }
}

impl<P: Packet, M: Metadata, W: 'static> Permit<P, M, W> {
    /// Queues a packet in the room that was reserved, also while its type is being unregistered, which waits
    /// for the permits it has given out. Shares per interface are not applied: the room is there.
    ///
    /// # Errors
    ///
    /// Only [`Cause::Departed`], and what no such packet can avoid: [`Cause::TooManyInterfaces`], and
    /// [`Cause::OtherFlow`] when the packet's flow key is not the one that the permit was reserved with, or
    /// when a worker's permit is used elsewhere: it would overtake, or be overtaken.
    pub fn dispatch<L>(mut self, ctx: &Ctx<'_, L>, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        let state = self.of.clone();
        let core = &*state.core;
        let own = core.worker_of(ctx.seat());
        let worker = match (self.worker_for(own, &packet, &meta), self.room) {
            (Some(worker), Room::Everywhere) => worker,
            (Some(worker), Room::At(at)) if worker == at => worker,
            (_, room) => {
                let at = if let Room::At(at) = room { at } else { 0 };
                return Err(state.refuse(at, packet, meta, Cause::OtherFlow));
            }
        };
        let own = own == Some(worker);
        let mut names = Names::new(&core.gates);
        let named = match own {
            true => core.open_names(&packet, &meta).ok_or(Cause::Departed),
            false => add_all(&mut names, &packet, &meta).map(|_marks| names.bits()),
        };
        let bits = match named {
            Ok(bits) => bits,
            Err(cause) => return Err(state.refuse(worker, packet, meta, cause)),
        };
        let claim = state.lanes[worker].claim_reserved(&packet, &meta, bits);
        self.give_back(Some(worker));
        let place = Place { of: &state, own: own.then_some(worker), worker, claim };
        // A worker's own packets name nothing here: one look was enough.
        place.fill_if_open(&names, packet, meta)
    }

    /// The worker that a dispatch of this packet would choose; none if it is of another flow.
    fn worker_for(&self, own: Option<usize>, packet: &P, meta: &M) -> Option<usize> {
        let state = &*self.of;
        if mutant("permit-of-another-flow") {
            return Some(if let Room::At(at) = self.room { at } else { 0 });
        }
        match self.key {
            Some(key) => (state.key_of(packet, meta) == Some(key)).then(|| state.worker_by(key)),
            None => Some(state.worker_for(own, packet, meta)),
        }
    }

    /// Gives back what room there is, but for the place at worker `but`.
    fn give_back(&mut self, but: Option<usize>) {
        let lanes = &self.of.lanes;
        let places = match self.room {
            Room::At(worker) => worker..worker + 1,
            Room::Everywhere => 0..lanes.len(),
            Room::Nowhere => 0..0,
        };
        self.room = Room::Nowhere;
        places.filter(|worker| Some(*worker) != but).for_each(|worker| lanes[worker].ring().unreserve());
    }
}

impl<P: Packet, M: Metadata, W: 'static> Drop for Permit<P, M, W> {
    fn drop(&mut self) {
        self.give_back(None);
    }
}

impl<P: Packet, M: Metadata, W> fmt::Debug for Permit<P, M, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("of", &self.of.name)
            .field("room", &self.room)
            .field("key", &self.key)
            .finish_non_exhaustive()
    }
}
