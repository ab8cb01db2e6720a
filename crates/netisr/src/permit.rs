//! A permit: room for one packet, reserved beforehand.

use alloc::sync::Arc;
use core::fmt;

use siding_lockorder::Ctx;

use crate::Metadata;
use crate::Packet;
use crate::Refused;
use crate::core_state::Core;
use crate::counters::Cause;
use crate::gate::Names;
use crate::packet_type::Place;
use crate::packet_type::TypeState;
use crate::packet_type::add_all;

/// Room for one packet of a type, at one worker. Dropping it gives the room back.
#[must_use = "a permit that is dropped gives its room back"]
pub struct Permit<P: Packet, M: Metadata, W: 'static = ()> {
    of: Arc<TypeState<P, M, W>>,
    worker: usize,
    used: bool,
}

impl<P: Packet, M: Metadata, W: 'static> Permit<P, M, W> {
    pub(crate) fn new(of: Arc<TypeState<P, M, W>>, worker: usize) -> Self {
        Permit { of, worker, used: false }
    }

    /// Queues a packet in the room that was reserved, also while its type is being unregistered, which waits
    /// for the permits it has given out. Shares per interface are not applied: the room is there.
    ///
    /// # Errors
    ///
    /// Only [`Cause::Departed`], and [`Cause::TooManyInterfaces`], which no such packet can avoid.
    pub fn dispatch<L>(mut self, ctx: &Ctx<'_, L>, packet: P, meta: M) -> Result<(), Refused<P, M>> {
        let state = self.of.clone();
        let core: &Core = &state.core;
        let lane = &state.lanes[self.worker];
        let own = core.worker_of(ctx.seat()) == Some(self.worker);
        let mut names = Names::new(&core.gates);
        let named = match own {
            true if core.all_open(&packet, &meta) => Ok(()),
            true => Err(Cause::Departed),
            false => add_all(&mut names, &packet, &meta),
        };
        if let Err(cause) = named {
            return Err(state.refuse(self.worker, packet, meta, cause));
        }
        lane.charge_always(&packet, &meta);
        self.used = true;
        let claim = lane.ring().claim_reserved();
        let place = Place { of: &state, own: own.then_some(self.worker), worker: self.worker, claim };
        // A worker's own packets name nothing here: one look was enough.
        place.fill_if_open(&names, packet, meta)
    }
}

impl<P: Packet, M: Metadata, W: 'static> Drop for Permit<P, M, W> {
    fn drop(&mut self) {
        if !self.used {
            self.of.lanes[self.worker].ring().unreserve();
        }
    }
}

impl<P: Packet, M: Metadata, W> fmt::Debug for Permit<P, M, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit")
            .field("of", &self.of.name)
            .field("worker", &self.worker)
            .finish_non_exhaustive()
    }
}
