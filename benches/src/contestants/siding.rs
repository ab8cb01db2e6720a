//! Siding: the facility, with all that it promises: gates looked at on both sides, fates counted per type and per
//! interface, one packet in 64 timed.

use siding_lockorder::Ctx;
use siding_lockorder::Entered;
use siding_lockorder::Root;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Nameless;
use siding_netisr::Netisr;
use siding_netisr::OnThread;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::TypeSpec;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Producer;
use crate::error::BenchError;
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

impl Nameless for Frame {}

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
        // As with a producer's root: a worker's token borrows the worker, and is kept for as long as the thread measures.
        let worker = Box::leak(Box::new(self.netisr.worker(0).ok_or(set_up("the worker is taken"))?));
        Ok(SidingWorker { queue: self, here: worker.on_thread() })
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
        self.queue.push_batch(&self.token.ctx(), payloads)
    }
}

/// The worker's thread, which dispatches with the worker's own token.
#[derive(Debug)]
pub struct SidingWorker<'a> {
    queue: &'a SidingPeer,
    here: OnThread<'static, Frame, Tally>,
}

impl Producer for SidingWorker<'_> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        let SidingPeer { output, out, .. } = self.queue;
        output.dispatch(&self.here.ctx(), Frame(payload), *out).is_ok()
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        self.queue.push_batch(&self.here.ctx(), payloads)
    }
}

impl Consumer for SidingWorker<'_> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        self.here.poll(tally, limit).handled
    }
}

impl SidingPeer {
    /// What was accepted is the front: it is taken up to where there is no room.
    #[inline(always)]
    fn push_batch<L>(&self, ctx: &Ctx<'_, L>, payloads: &[Payload]) -> usize {
        let mut frames = payloads.iter().map(|payload| Frame(*payload));
        self.output.dispatch_from(ctx, &self.out, &mut frames).unwrap_or(0)
    }
}

fn set_up(reason: &'static str) -> BenchError {
    BenchError::SetUp { name: SidingPeer::NAME, reason }
}
