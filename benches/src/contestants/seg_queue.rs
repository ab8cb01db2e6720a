//! crossbeam's unbounded queue: linked blocks of 31 slots.

use crossbeam_queue::SegQueue;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Pair;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::payload::Payload;
use crate::payload::Tally;

/// `crossbeam_queue::SegQueue`. It has no batch calls and never refuses.
#[derive(Debug)]
pub struct SegQueuePeer(SegQueue<Payload>);

impl Contestant for SegQueuePeer {
    const NAME: &'static str = "crossbeam SegQueue (unbounded)";
    const PRODUCERS: usize = usize::MAX;
    type Producer<'a> = &'a SegQueue<Payload>;
    type Consumer<'a> = &'a SegQueue<Payload>;
    type Both<'a> = Pair<Self::Producer<'a>, Self::Consumer<'a>>;

    fn new(_capacity: usize) -> Result<Self, BenchError> {
        Ok(Self(SegQueue::new()))
    }

    fn producer(&self) -> Result<Self::Producer<'_>, BenchError> {
        Ok(&self.0)
    }

    fn consumer(&self) -> Result<Self::Consumer<'_>, BenchError> {
        Ok(&self.0)
    }

    fn both(&self) -> Result<Self::Both<'_>, BenchError> {
        Ok(Pair { producer: self.producer()?, consumer: self.consumer()? })
    }
}

impl Producer for &SegQueue<Payload> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        SegQueue::push(self, payload);
        true
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        payloads.iter().for_each(|payload| SegQueue::push(self, *payload));
        payloads.len()
    }
}

impl Consumer for &SegQueue<Payload> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        for taken in 0..limit {
            let Some(payload) = self.pop() else { return taken };
            tally.take(&payload);
        }
        limit
    }
}
