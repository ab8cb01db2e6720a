//! Dispatching packets of one metadata, which are made in the places where they wait.
//!
//! What they have in common is looked at once: the worker, the interfaces and their gates, the room. So nothing may depend on
//! the single packet, which is not there yet: it names no interface itself, and has no flow of its own.

use super::*;
use crate::packet::Nameless;

impl<P: Packet, M: Metadata, W: 'static> PacketType<P, M, W> {
    /// Queues as many packets of `packets` as there is room for, in order, each with a copy of `meta`, and gives their number:
    /// the cheapest way to dispatch several. What is refused is not taken out of `packets`.
    ///
    /// All that is said of [`dispatch`](Self::dispatch) holds. `packets` makes each one in its place of the queue, while others
    /// wait for that place: it must not block, and what it does beforehand need not be done then. If it panics, or ends before
    /// its [length](ExactSizeIterator::len), the places that are left stay void until the worker has passed them. Refused
    /// packets count as such by their number, and are not [traced](crate::TypeSpec::trace), for they were never made.
    ///
    /// # Errors
    ///
    /// None was accepted, and why. [`Cause::OtherFlow`] on a type with several workers whose packets say to which one they
    /// go ([`flow_key`](crate::TypeSpec::flow_key), [`choose_worker`](crate::TypeSpec::choose_worker)): dispatch those as a
    /// [batch](Self::dispatch_batch).
    #[inline]
    pub fn dispatch_from<L>(
        &self,
        ctx: &Ctx<'_, L>,
        meta: &M,
        packets: &mut impl ExactSizeIterator<Item = P>,
    ) -> Result<usize, Cause>
    where
        P: Nameless,
        M: Clone,
    {
        let this = &*self.shared;
        let own = this.core.worker_of(ctx.seat());
        let common = this.common(own, meta);
        let Common { worker, first, .. } = common;
        let lane = &this.lanes[worker];
        let wanted = packets.len();
        if wanted == 0 {
            return Ok(0);
        }
        if let Err(cause) = common.outcome {
            return Err(this.refuse_unmade(worker, first, wanted, cause));
        }
        if !lane.is_plain() {
            return this.put_each(own, &common, meta, packets);
        }
        let claim = match lane.ring().claim(u32::try_from(wanted).unwrap_or(u32::MAX), common.names.bits()) {
            Ok(claim) => claim,
            Err(why) => return Err(this.refuse_unmade(worker, first, wanted, why.into())),
        };
        let got = claim.count();
        let mut place = Place { of: this, own, worker, claim };
        if own != Some(worker) && !common.names.are_open() {
            drop(place);
            return Err(this.refuse_unmade(worker, first, wanted, Cause::Departed));
        }
        lane.fill_from(&this.core, &mut place.claim, packets.map(|packet| (packet, meta.clone())));
        let accepted = got - place.claim.count();
        drop(place);
        if got < wanted {
            this.refuse_unmade(worker, first, wanted - got, Cause::Full);
        }
        Ok(accepted)
    }
}

/// What packets of one metadata have in common.
struct Common<'g> {
    worker: usize,
    /// The interface whose share pays.
    first: IfId,
    names: Names<'g>,
    /// Whether they may be dispatched at all.
    outcome: Result<(), Cause>,
}

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    #[inline]
    fn common(&self, own: Option<usize>, meta: &M) -> Common<'_> {
        let mut common =
            Common { worker: 0, first: IfId::NONE, names: Names::new(&self.core.gates), outcome: Ok(()) };
        meta.interfaces(&mut |id: IfId| {
            if common.first.is_none() {
                common.first = id;
            }
            if common.outcome.is_ok() {
                common.outcome = common.names.add(id).map(|_mark| ()).map_err(cause_of);
            }
        });
        if self.lanes.len() > 1 {
            match (&self.steer, own) {
                (Steer::At(worker), _) => common.worker = *worker,
                (Steer::Own, Some(own)) => common.worker = own,
                (Steer::Own, None) => common.worker = self.worker_of_key(common.first.slot() as u64),
                (Steer::Key(_) | Steer::Chosen(_), _) => common.outcome = Err(Cause::OtherFlow),
            }
        }
        common
    }

    /// The same where each packet is charged by itself, or makes its own room.
    #[cold]
    fn put_each(
        &self,
        own: Option<usize>,
        common: &Common<'_>,
        meta: &M,
        packets: &mut impl ExactSizeIterator<Item = P>,
    ) -> Result<usize, Cause>
    where
        M: Clone,
    {
        let Common { worker, first, names, .. } = common;
        let mut accepted = 0;
        while packets.len() > 0 {
            let refused = match self.lanes[*worker].claim_for(&self.core, *worker, *first, names.bits()) {
                Ok(claim) => {
                    let place = Place { of: self, own, worker: *worker, claim };
                    if own == Some(*worker) || names.are_open() {
                        let Some(packet) = packets.next() else { break };
                        place.fill(packet, meta.clone());
                        accepted += 1;
                        continue;
                    }
                    Cause::Departed
                }
                Err(cause) => cause,
            };
            let cause = self.refuse_unmade(*worker, *first, packets.len(), refused);
            return if accepted == 0 { Err(cause) } else { Ok(accepted) };
        }
        Ok(accepted)
    }

    /// Counts refusals of packets that were not made.
    #[cold]
    fn refuse_unmade(&self, worker: usize, first: IfId, packets: usize, cause: Cause) -> Cause {
        let cause = self.cause(cause);
        self.count_refusals(worker, first, packets as u64, cause);
        cause
    }
}
