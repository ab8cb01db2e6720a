//! What a queue must offer to take part.

use crate::error::BenchError;
use crate::payload::Payload;
use crate::payload::Tally;

/// A queue under test. Its halves are made on the threads that use them, so that they need not be `Send`.
pub trait Contestant: Sized + Sync {
    /// The row's name, with what a reader must know to judge it.
    const NAME: &'static str;

    /// How many producers may exist at once; scenarios with more are left out.
    const PRODUCERS: usize;

    /// What a producer's thread holds.
    type Producer<'a>: Producer
    where
        Self: 'a;

    /// What the consumer's thread holds.
    type Consumer<'a>: Consumer
    where
        Self: 'a;

    /// What a thread holds that is both: [`Pair`], unless the two halves must share something on one thread.
    type Both<'a>: Producer + Consumer
    where
        Self: 'a;

    /// A fresh queue of `capacity` payloads; unbounded queues ignore the number.
    ///
    /// # Errors
    /// [`BenchError::SetUp`] if it cannot be built.
    fn new(capacity: usize) -> Result<Self, BenchError>;

    /// A producer's half, called at most [`PRODUCERS`](Self::PRODUCERS) times, on the thread that uses it.
    ///
    /// # Errors
    /// [`BenchError::SetUp`] if there are no more.
    fn producer(&self) -> Result<Self::Producer<'_>, BenchError>;

    /// The consumer's half, called once, on the thread that uses it.
    ///
    /// # Errors
    /// [`BenchError::SetUp`] if it is taken.
    fn consumer(&self) -> Result<Self::Consumer<'_>, BenchError>;

    /// A producer's half and the consumer's, for one thread; counts as a call of each.
    ///
    /// # Errors
    /// [`BenchError::SetUp`] if either is taken.
    fn both(&self) -> Result<Self::Both<'_>, BenchError>;
}

/// The half that puts payloads in. Neither call waits.
///
/// Implementations are `inline(always)`, as [`Consumer`]'s are: the harness calls them with constant sizes, and what
/// is measured is the code that a caller with a constant size would get.
pub trait Producer {
    /// Puts one in; `false` if there was no room.
    fn push(&mut self, payload: Payload) -> bool;

    /// Puts in as many of `payloads` as there is room for (or, where the queue does no part of a batch, all or none),
    /// from the front, in order, and says how many: the best way that the queue has for
    /// [`MAX_BATCH`](crate::payload::MAX_BATCH) payloads or fewer.
    fn push_batch(&mut self, payloads: &[Payload]) -> usize;
}

/// The half that takes payloads out.
pub trait Consumer {
    /// Hands at most `limit` payloads to `tally`, oldest first, and says how many; does not wait. With a `limit` of
    /// 1 it is the queue's way of taking a single one, with more the best way that it has of taking many.
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize;
}

/// Two halves that share nothing but the queue.
#[derive(Debug)]
pub struct Pair<P, C> {
    /// The half that puts in.
    pub producer: P,
    /// The half that takes out.
    pub consumer: C,
}

impl<P: Producer, C> Producer for Pair<P, C> {
    #[inline(always)]
    fn push(&mut self, payload: Payload) -> bool {
        self.producer.push(payload)
    }

    #[inline(always)]
    fn push_batch(&mut self, payloads: &[Payload]) -> usize {
        self.producer.push_batch(payloads)
    }
}

impl<P, C: Consumer> Consumer for Pair<P, C> {
    #[inline(always)]
    fn drain(&mut self, limit: usize, tally: &mut Tally) -> usize {
        self.consumer.drain(limit, tally)
    }
}
