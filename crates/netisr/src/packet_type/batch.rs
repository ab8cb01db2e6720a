//! Dispatching several packets at once.
//!
//! Neighbours for one worker have their places claimed together. Between the claim and the last place that is filled none of
//! the embedder's code runs, so that nobody else on the lane waits for it: which interfaces each packet names is known
//! before, should one of them be marked meanwhile; and what is refused is asked and shown afterwards.

use super::*;
use crate::ring::NoRoom;

/// The most packets that are decided in one go.
const MOST: usize = 64;

/// Neighbours of a batch that can be claimed in one go: all for one worker, with every interface open.
struct Run<'g> {
    length: usize,
    worker: usize,
    names: Names<'g>,
    /// Which of the names each packet has.
    marks: [u8; MOST],
}

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
        // As it is most often: by a worker, to itself, all of one interface, which the lane has seen before.
        let place = this.quick.place_of(ctx.seat());
        if let Some(lane) = this.lanes.get(place)
            && lane.is_open_to_all_of(batch)
        {
            return this.put_own(place, batch);
        }
        let own = this.core.worker_of(ctx.seat());
        let mut accepted = 0;
        let mut rest = batch;
        // The worker that has refused some of the neighbours before, for want of room.
        let mut full = None;
        while let Some(start) = rest.iter().position(Option::is_some) {
            rest = &mut rest[start..];
            let run = this.run(own, rest);
            // The first of the rest is refused, or needs the slow way: let `dispatch` say why.
            let (now, later) = rest.split_at_mut(run.length.max(1));
            rest = later;
            if run.length == 0 {
                full = None;
                accepted += self.dispatch_each(ctx, now);
            } else if full == Some(run.worker) {
                this.refuse_all(run.worker, now, Cause::Full);
            } else {
                let (more, is_full) = this.put(own, &run, now);
                full = is_full.then_some(run.worker);
                accepted += more;
            }
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
    /// How far the front of `batch` can be claimed in one go.
    #[inline]
    fn run(&self, own: Option<usize>, batch: &[Option<(P, M)>]) -> Run<'_> {
        let mut run = Run { length: 0, worker: 0, names: Names::new(&self.core.gates), marks: [0; MOST] };
        let Some((packet, meta)) = &batch[0] else { return run };
        let worker = self.worker_for(own, packet, meta);
        run.worker = worker;
        if !self.lanes[worker].is_plain() {
            return run; // Each packet is charged by itself, or makes its own room.
        }
        let all_to_one = self.lanes.len() == 1 || (own.is_some() && matches!(self.steer, Steer::Own));
        for (entry, marks) in batch.iter().zip(&mut run.marks) {
            let Some((packet, meta)) = entry else { break };
            let goes_there = all_to_one || self.worker_for(own, packet, meta) == worker;
            let Some(Ok(named)) = goes_there.then(|| add_all(&mut run.names, packet, meta)) else { break };
            *marks = named;
            run.length += 1;
        }
        run
    }

    /// Puts as many packets of a run on the ring as there is room for. Gives the number accepted, and whether there was
    /// too little room; the rest stays, and is refused.
    #[inline]
    fn put(&self, own: Option<usize>, run: &Run<'_>, packets: &mut [Option<(P, M)>]) -> (usize, bool) {
        let worker = run.worker;
        let lane = &self.lanes[worker];
        let claim = match lane.ring().claim(packets.len() as u32, run.names.bits()) {
            Ok(claim) => claim,
            Err(why) => {
                self.refuse_all(worker, packets, self.cause(why.into()));
                return (0, why == NoRoom::Full);
            }
        };
        if own == Some(worker) {
            lane.note(&self.core, run.names.first());
        }
        let got = claim.count();
        let mut place = Place { of: self, own, worker, claim };
        let (now, later) = packets.split_at_mut(got);
        let mut accepted = got;
        if own != Some(worker) && !run.names.are_open() {
            accepted = place.fill_those_open(now, run);
            drop(place);
            self.refuse_all(worker, now, Cause::Departed);
        } else {
            lane.fill_all(&self.core, &mut place.claim, now);
            drop(place);
        }
        if !later.is_empty() {
            self.refuse_all(worker, later, Cause::Full);
        }
        (accepted, !later.is_empty())
    }

    /// The same for a batch of worker `worker`'s own, all of whose packets are there, and name what the lane knows.
    #[inline]
    fn put_own(&self, worker: usize, packets: &mut [Option<(P, M)>]) -> usize {
        let lane = &self.lanes[worker];
        let wanted = u32::try_from(packets.len()).unwrap_or(u32::MAX);
        let claim = match lane.ring().claim(wanted, 0) {
            Ok(claim) => claim,
            Err(why) => {
                self.refuse_all(worker, packets, self.cause(why.into()));
                return 0;
            }
        };
        let mut place = Place { of: self, own: Some(worker), worker, claim };
        let got = place.claim.count();
        let (now, later) = packets.split_at_mut(got);
        lane.fill_all(&self.core, &mut place.claim, now);
        drop(place);
        if !later.is_empty() {
            self.refuse_all(worker, later, Cause::Full);
        }
        got
    }

    #[cold]
    fn refuse_all(&self, worker: usize, refused: &[Option<(P, M)>], cause: Cause) {
        for (packet, meta) in refused.iter().flatten() {
            self.count_refusal(worker, packet, meta, cause);
        }
    }
}

impl<P: Packet, M: Metadata, W> Place<'_, P, M, W> {
    /// Fills the places with those packets that name none of the interfaces which have been marked since.
    #[cold]
    fn fill_those_open(&mut self, packets: &mut [Option<(P, M)>], run: &Run<'_>) -> usize {
        let gone = run.names.gone();
        let mut accepted = 0;
        for (entry, marks) in packets.iter_mut().zip(run.marks) {
            match entry.take_if(|_| marks & gone == 0) {
                Some((packet, meta)) => {
                    self.fill_next(packet, meta);
                    accepted += 1;
                }
                None => self.of.lanes[self.worker].leave_void(&mut self.claim),
            }
        }
        accepted
    }
}
