//! rtrb: one producer, one consumer, each remembering where it last saw the other.

use std::sync::Mutex;
use std::sync::PoisonError;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Pair;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::payload::Payload;
use crate::payload::Tally;

/// `rtrb::RingBuffer`; its batch calls are slices in and chunks out.
#[derive(Debug)]
pub struct RtrbPeer {
    producer: Mutex<Option<rtrb::Producer<Payload>>>,
    consumer: Mutex<Option<rtrb::Consumer<Payload>>>,
}

impl Contestant for RtrbPeer {
    const NAME: &'static str = "rtrb (SPSC)";
    const PRODUCERS: usize = 1;
    type Producer<'a> = rtrb::Producer<Payload>;
    type Consumer<'a> = rtrb::Consumer<Payload>;
    type Both<'a> = Pair<Self::Producer<'a>, Self::Consumer<'a>>;

    fn new(capacity: usize) -> Result<Self, BenchError> {
        let (producer, consumer) = rtrb::RingBuffer::new(capacity);
        Ok(Self { producer: Mutex::new(Some(producer)), consumer: Mutex::new(Some(consumer)) })
    }

    fn producer(&self) -> Result<Self::Producer<'_>, BenchError> {
        take_half(&self.producer)
    }

    fn consumer(&self) -> Result<Self::Consumer<'_>, BenchError> {
        take_half(&self.consumer)
    }

    fn both(&self) -> Result<Self::Both<'_>, BenchError> {
        Ok(Pair { producer: self.producer()?, consumer: self.consumer()? })
    }
}

impl Producer for rtrb::Producer<Payload> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        rtrb::Producer::push(self, payload).is_ok()
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        self.push_partial_slice(payloads).0.len()
    }
}

impl Consumer for rtrb::Consumer<Payload> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        if limit == 1 {
            let Ok(payload) = self.pop() else { return 0 };
            tally.take(&payload);
            return 1;
        }
        // A full batch is asked for first: then the producer's index is read only when the remembered one is short.
        let count = if self.cached_slots() >= limit { limit } else { self.slots().min(limit) };
        let Ok(chunk) = self.read_chunk(count) else { return 0 };
        let (front, back) = chunk.as_slices();
        front.iter().chain(back).for_each(|payload| tally.take(payload));
        chunk.commit_all();
        count
    }
}

fn take_half<T>(half: &Mutex<Option<T>>) -> Result<T, BenchError> {
    let mut half = half.lock().unwrap_or_else(PoisonError::into_inner);
    half.take().ok_or(BenchError::SetUp { name: RtrbPeer::NAME, reason: "this half is taken" })
}
