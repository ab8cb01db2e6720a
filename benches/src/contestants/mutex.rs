//! A list under a mutex, which the consumer takes whole: the shape of FreeBSD's netisr.

use std::collections::VecDeque;
use std::mem;
use std::sync::Mutex;
use std::sync::MutexGuard;
use std::sync::PoisonError;

use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Pair;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::payload::Payload;
use crate::payload::Tally;

/// `Mutex<VecDeque>`, bounded; the consumer swaps it for its own, emptied one.
///
/// The limit is on the shared list alone, as in FreeBSD: what the consumer has taken no longer counts.
#[derive(Debug)]
pub struct MutexPeer {
    waiting: Mutex<VecDeque<Payload>>,
    capacity: usize,
}

impl Contestant for MutexPeer {
    const NAME: &'static str = "Mutex<VecDeque>, taken whole";
    const PRODUCERS: usize = usize::MAX;
    type Producer<'a> = &'a MutexPeer;
    type Consumer<'a> = MutexConsumer<'a>;
    type Both<'a> = Pair<Self::Producer<'a>, Self::Consumer<'a>>;

    fn new(capacity: usize) -> Result<Self, BenchError> {
        Ok(Self { waiting: Mutex::new(VecDeque::with_capacity(capacity)), capacity })
    }

    fn producer(&self) -> Result<Self::Producer<'_>, BenchError> {
        Ok(self)
    }

    fn consumer(&self) -> Result<Self::Consumer<'_>, BenchError> {
        Ok(MutexConsumer { queue: self, taken: VecDeque::with_capacity(self.capacity) })
    }

    fn both(&self) -> Result<Self::Both<'_>, BenchError> {
        Ok(Pair { producer: self.producer()?, consumer: self.consumer()? })
    }
}

impl MutexPeer {
    fn lock(&self) -> MutexGuard<'_, VecDeque<Payload>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Producer for &MutexPeer {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        let mut waiting = self.lock();
        let room = waiting.len() < self.capacity;
        if room {
            waiting.push_back(payload);
        }
        room
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        let mut waiting = self.lock();
        let count = payloads.len().min(self.capacity - waiting.len());
        waiting.extend(&payloads[..count]);
        count
    }
}

/// The consumer and the list that it took.
#[derive(Debug)]
pub struct MutexConsumer<'a> {
    queue: &'a MutexPeer,
    taken: VecDeque<Payload>,
}

impl Consumer for MutexConsumer<'_> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        if self.taken.is_empty() {
            mem::swap(&mut *self.queue.lock(), &mut self.taken);
        }
        let count = limit.min(self.taken.len());
        self.taken.drain(..count).for_each(|payload| tally.take(&payload));
        count
    }
}
