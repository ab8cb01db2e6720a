//! A permit: room for one packet, reserved beforehand.
//!
//! A permit keeps to the order of its flow: its packet goes to the worker that a dispatch of that packet by the same
//! caller would have gone to. Where that worker is not known beforehand, the permit is room at each.

use alloc::sync::Arc;
use core::fmt;

use siding_lockorder::Ctx;

use crate::Metadata;
use crate::Packet;
use crate::PacketType;
use crate::Refused;
use crate::counters::Cause;
use crate::gate::Names;
use crate::packet_type::Place;
use crate::packet_type::TypeState;
use crate::packet_type::add_all;
use crate::sync::mutant;

/// Room for one packet of a type. Dropping it gives the room back; one that is forgotten takes up its room for as long
/// as its type lives, and an unregistering of the type waits for it.
#[must_use = "a permit that is dropped gives its room back"]
pub struct Permit<P: Packet, M: Metadata, W: 'static = ()> {
    of: Arc<TypeState<P, M, W>>,
    room: Room,
    /// The key that it was reserved with, where the type has a flow key.
    key: Option<u64>,
}

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
    /// may go to any worker: the permit then takes up a place at each of them until it is used or dropped.
    ///
    /// # Errors
    ///
    /// [`Cause::Full`], [`Cause::Closed`] or [`Cause::Stopped`].
    pub fn reserve<L>(&self, ctx: &Ctx<'_, L>, key: Option<u64>) -> Result<Permit<P, M, W>, Cause> {
        let this = &*self.shared;
        let key = key.filter(|_| this.flow_key.is_some());
        let own = this.core.worker_of(ctx.seat()).filter(|_| this.flow_key.is_none());
        let worker = match (key, own) {
            _ if this.lanes.len() == 1 => Some(0),
            (Some(key), _) => Some(this.worker_of_key(key)),
            (None, own) => own,
        };
        let mut permit = Permit { of: self.shared.clone(), room: Room::Nowhere, key };
        match worker {
            Some(worker) => {
                this.reserve_at(worker)?;
                permit.room = Room::At(worker);
            }
            None => {
                for worker in 0..this.lanes.len() {
                    if let Err(cause) = this.reserve_at(worker) {
                        this.lanes[..worker].iter().for_each(|lane| lane.ring().unreserve());
                        return Err(cause);
                    }
                }
                permit.room = Room::Everywhere;
            }
        }
        Ok(permit)
    }
}

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    fn reserve_at(&self, worker: usize) -> Result<(), Cause> {
        self.lanes[worker].ring().reserve().map_err(|why| {
            let cause = self.cause(why.into());
            self.lanes[worker].fates.refuse(cause, 1);
            cause
        })
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
            false => add_all(&mut names, &packet, &meta).map(|()| names.bits()),
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
        match (state.flow_key, self.key) {
            (Some(flow_key), Some(key)) => (flow_key(packet, meta) == key).then(|| state.worker_of_key(key)),
            _ => Some(state.worker_for(own, packet, meta)),
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
