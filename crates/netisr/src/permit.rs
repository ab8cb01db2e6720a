//! A permit: room for one packet, reserved beforehand.

use alloc::sync::Arc;
use core::fmt;

use siding_lockorder::Ctx;

use crate::Metadata;
use crate::Packet;
use crate::Refused;
use crate::core_state::Core;
use crate::counters::Cause;
use crate::gate::Pins;
use crate::lane::charged;
use crate::packet_type::TypeState;
use crate::packet_type::hold_all;

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
        let mut pins = Pins::new(&core.gates);
        let held = match own {
            true if core.all_open(&packet, &meta) => Ok(()),
            true => Err(Cause::Departed),
            false => hold_all(&mut pins, &packet, &meta),
        };
        if let Err(cause) = held {
            return Err(state.refuse(self.worker, packet, meta, cause));
        }
        let charged = charged(&packet, &meta);
        lane.charge_always(charged);
        self.used = true;
        let mut claim = lane.ring().claim_reserved();
        lane.fill(core, &mut claim, packet, meta, charged);
        drop(pins);
        if own {
            core.workers[self.worker].0.pending.0.raise_own(state.bit);
        } else {
            core.raise(self.worker, state.bit);
        }
        Ok(())
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
