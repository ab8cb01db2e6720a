//! Dispatching several packets at once.

use super::*;

impl<P: Packet, M: Metadata, W: 'static> PacketType<P, M, W> {
    /// Queues several packets, in order, for the price of little more than one. What is accepted is taken out
    /// of `batch`; what is refused stays where it is. Gives the number accepted.
    ///
    /// All that is said of [`dispatch`](Self::dispatch) holds. Neighbours that go to the same worker are decided
    /// together: where there is not room for all of them, it is the last ones that are refused. A packet that is
    /// refused for another reason does not keep later ones from being accepted.
    #[inline]
    pub fn dispatch_batch<L>(&self, ctx: &Ctx<'_, L>, batch: &mut [Option<(P, M)>]) -> usize {
        let this = &*self.shared;
        let own = this.core.worker_of(ctx.seat());
        let mut accepted = 0;
        let mut rest = batch;
        while let Some(start) = rest.iter().position(Option::is_some) {
            rest = &mut rest[start..];
            let (run, worker, names) = this.run(own, rest);
            // The first of the rest is refused, or needs the slow way: let `dispatch` say why.
            let (now, later) = rest.split_at_mut(run.max(1));
            rest = later;
            accepted +=
                if run == 0 { self.dispatch_each(ctx, now) } else { this.put(own, worker, &names, now) };
        }
        accepted
    }

    /// Dispatches one by one; what is refused stays where it is. Gives the number accepted.
    #[cold]
    fn dispatch_each<L>(&self, ctx: &Ctx<'_, L>, batch: &mut [Option<(P, M)>]) -> usize {
        let mut accepted = 0;
        for entry in batch {
            if let Some((packet, meta)) = entry.take() {
                match self.dispatch(ctx, packet, meta) {
                    Ok(()) => accepted += 1,
                    Err(refused) => *entry = Some((refused.packet, refused.meta)),
                }
            }
        }
        accepted
    }
}

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    /// How many packets from the front of `batch` can be claimed in one go: all for one worker, with every
    /// interface open. Gives their names too.
    #[inline]
    fn run(&self, own: Option<usize>, batch: &[Option<(P, M)>]) -> (usize, usize, Names<'_>) {
        let mut names = Names::new(&self.core.gates);
        let Some((packet, meta)) = &batch[0] else { return (0, 0, names) };
        let worker = self.worker_for(own, packet, meta);
        if !self.lanes[worker].is_plain() {
            return (0, worker, names); // Each packet is charged by itself, or makes its own room.
        }
        let all_to_one = self.lanes.len() == 1 || (own.is_some() && matches!(self.steer, Steer::Own));
        let run = batch.iter().take_while(|entry| {
            let Some((packet, meta)) = entry else { return false };
            (all_to_one || self.worker_for(own, packet, meta) == worker)
                && add_all(&mut names, packet, meta).is_ok()
        });
        (run.count(), worker, names)
    }

    /// Puts as many of a run on the ring as there is room for. Gives the number accepted; the rest stays, and is
    /// refused.
    #[inline]
    fn put(&self, own: Option<usize>, worker: usize, names: &Names<'_>, run: &mut [Option<(P, M)>]) -> usize {
        let lane = &self.lanes[worker];
        let claim = match lane.ring().claim(run.len() as u32, names.bits()) {
            Ok(claim) => claim,
            Err(why) => {
                self.refuse_all(worker, run, self.cause(why.into()));
                return 0;
            }
        };
        let got = claim.count();
        let mut place = Place { of: self, own, worker, claim };
        let (now, later) = run.split_at_mut(got);
        let accepted = if own != Some(worker) && !names.are_open() {
            place.fill_those_open(now)
        } else {
            lane.fill_all(&self.core, &mut place.claim, now);
            got
        };
        // Refusing asks the packets what they name: not before the places are filled.
        drop(place);
        if !later.is_empty() {
            self.refuse_all(worker, later, Cause::Full);
        }
        accepted
    }

    #[cold]
    fn refuse_all(&self, worker: usize, refused: &[Option<(P, M)>], cause: Cause) {
        for (packet, meta) in refused.iter().flatten() {
            self.count_refusal(worker, packet, meta, cause);
        }
    }
}

impl<P: Packet, M: Metadata, W> Place<'_, P, M, W> {
    /// The same for a batch, of which one interface was marked since: each packet is looked at by itself.
    #[cold]
    fn fill_those_open(&mut self, batch: &mut [Option<(P, M)>]) -> usize {
        let mut accepted = 0;
        for entry in batch {
            let open = entry.as_ref().is_some_and(|(packet, meta)| self.of.core.all_open(packet, meta));
            match entry.take_if(|_| open) {
                Some((packet, meta)) => {
                    self.fill_next(packet, meta);
                    accepted += 1;
                }
                None => {
                    self.of.lanes[self.worker].leave_void(&mut self.claim);
                    self.of.refuse_all(self.worker, core::slice::from_ref(entry), Cause::Departed);
                }
            }
        }
        accepted
    }
}
