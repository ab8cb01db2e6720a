//! crossbeam's bounded queue: many producers, many consumers, a sequence number in each slot.

use crossbeam_queue::ArrayQueue;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Pair;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::payload::Payload;
use crate::payload::Tally;

/// `crossbeam_queue::ArrayQueue`. It has no batch calls.
#[derive(Debug)]
pub struct ArrayQueuePeer(ArrayQueue<Payload>);

impl Contestant for ArrayQueuePeer {
    const NAME: &'static str = "crossbeam ArrayQueue";
    const PRODUCERS: usize = usize::MAX;
    type Producer<'a> = &'a ArrayQueue<Payload>;
    type Consumer<'a> = &'a ArrayQueue<Payload>;
    type Both<'a> = Pair<Self::Producer<'a>, Self::Consumer<'a>>;

    fn new(capacity: usize) -> Result<Self, BenchError> {
        Ok(Self(ArrayQueue::new(capacity)))
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

impl Producer for &ArrayQueue<Payload> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        ArrayQueue::push(self, payload).is_ok()
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        payloads.iter().take_while(|payload| ArrayQueue::push(self, **payload).is_ok()).count()
    }
}

impl Consumer for &ArrayQueue<Payload> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        for taken in 0..limit {
            let Some(payload) = self.pop() else { return taken };
            tally.take(&payload);
        }
        limit
    }
}
