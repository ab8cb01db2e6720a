//! Siding: the facility, with all that it promises: gates looked at on both sides, fates counted per type and per
//! interface, one packet in 64 timed.

use siding_lockorder::Entered;
use siding_lockorder::Root;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::payload::MAX_BATCH;
use crate::payload::Payload;
use crate::payload::Tally;

/// One worker, one attached interface, and one type whose metadata names it.
#[derive(Debug)]
pub struct SidingPeer {
    netisr: Netisr<Frame, Tally>,
    output: PacketType<Frame, IfId, Tally>,
    out: IfId,
}

/// The payload; its interface is in the metadata.
#[derive(Debug)]
pub struct Frame(Payload);

impl Packet for Frame {
    #[inline(always)]
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

impl Local for Tally {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

impl Contestant for SidingPeer {
    const NAME: &'static str = "Siding";
    const PRODUCERS: usize = usize::MAX;
    type Producer<'a> = SidingProducer<'a>;
    type Consumer<'a> = SidingWorker<'a>;
    type Both<'a> = SidingWorker<'a>;

    fn new(capacity: usize) -> Result<Self, BenchError> {
        let netisr = Netisr::builder().build().map_err(|_| set_up("the sizes are out of range"))?;
        let limit = u32::try_from(capacity).map_err(|_| set_up("the limit is out of range"))?;
        let spec = TypeSpec::new("output").limit(limit);
        let output =
            netisr.register(spec, |_ctx, tally: &mut Tally, frame: Frame, _out: IfId| tally.take(&frame.0));
        let output = output.map_err(|_| set_up("the limit is out of range"))?;
        let out = netisr.attach().ok_or(set_up("no interface is free"))?;
        Ok(Self { netisr, output, out })
    }

    fn producer(&self) -> Result<Self::Producer<'_>, BenchError> {
        // A producer keeps its thread's token for as long as it lives, and a token borrows its root. Leaking these
        // few bytes each round is simpler than to thread a root through all contestants.
        let root: &'static mut Root = Box::leak(Box::new(Root::new()));
        let token = root.enter().map_err(|_| set_up("the thread has a token"))?;
        Ok(SidingProducer { queue: self, token })
    }

    fn consumer(&self) -> Result<Self::Consumer<'_>, BenchError> {
        let worker = self.netisr.worker(0).ok_or(set_up("the worker is taken"))?;
        Ok(SidingWorker { queue: self, worker })
    }

    fn both(&self) -> Result<Self::Both<'_>, BenchError> {
        self.consumer()
    }
}

/// A thread that is no worker.
#[derive(Debug)]
pub struct SidingProducer<'a> {
    queue: &'a SidingPeer,
    token: Entered<'static>,
}

impl Producer for SidingProducer<'_> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        self.queue.output.dispatch(&self.token.ctx(), Frame(payload), self.queue.out).is_ok()
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        let queue = self.queue;
        with_batch(payloads, queue.out, |batch| queue.output.dispatch_batch(&self.token.ctx(), batch))
    }
}

/// The worker's thread, which dispatches with the worker's own token.
#[derive(Debug)]
pub struct SidingWorker<'a> {
    queue: &'a SidingPeer,
    worker: Worker<Frame, Tally>,
}

impl Producer for SidingWorker<'_> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        let SidingPeer { output, out, .. } = self.queue;
        self.worker.with_ctx(|ctx| output.dispatch(ctx, Frame(payload), *out)).is_ok()
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        let SidingPeer { output, out, .. } = self.queue;
        with_batch(payloads, *out, |batch| self.worker.with_ctx(|ctx| output.dispatch_batch(ctx, batch)))
    }
}

impl Consumer for SidingWorker<'_> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        self.worker.poll(tally, limit).handled
    }
}

/// The payloads as `dispatch_batch` wants them. Refusals at the limit are the last ones of the batch, for there is
/// room or there is none: what was accepted is the front.
#[inline(always)]
fn with_batch(
    payloads: &[Payload],
    out: IfId,
    dispatch: impl FnOnce(&mut [Option<(Frame, IfId)>]) -> usize,
) -> usize {
    let mut batch = [const { None }; MAX_BATCH];
    let batch = &mut batch[..payloads.len().min(MAX_BATCH)];
    batch.iter_mut().zip(payloads).for_each(|(entry, payload)| *entry = Some((Frame(*payload), out)));
    dispatch(batch)
}

fn set_up(reason: &'static str) -> BenchError {
    BenchError::SetUp { name: SidingPeer::NAME, reason }
}
