//! Who produces, who consumes, on which core and how many at a time.
//!
//! *Locks*: none of the harness; threads meet at a spinning barrier, so that nobody is asleep when the clock starts.
//!
//! *Teardown*: a thread that fails (a corrupt payload, or a phase longer than
//! [`STALL_LIMIT`](crate::meeting::STALL_LIMIT)) raises the meeting's `failed`, which every spin loop
//! looks at; the threads are scoped, so the round ends when all of them have.

use std::mem;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::ScopedJoinHandle;
use std::time::Duration;
use std::time::Instant;

use serde::Serialize;

use crate::affinity;
use crate::contestant::Consumer;
use crate::contestant::Contestant;
use crate::contestant::Producer;
use crate::error::BenchError;
use crate::meeting::Meeting;
use crate::meeting::Patience;
use crate::payload::Aligned;
use crate::payload::EMPTY;
use crate::payload::MAX_BATCH;
use crate::payload::MAX_PRODUCERS;
use crate::payload::Payload;
use crate::payload::Source;
use crate::payload::Tally;

/// A cell's column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Scenario {
    /// One thread: dispatch one, handle one.
    SameThreadSingle,
    /// One thread: dispatch a batch, handle a batch.
    SameThreadBatch,
    /// Core 1 produces, core 0 consumes, one at a time.
    AcrossSingle,
    /// Core 1 produces, core 0 consumes, in batches.
    AcrossBatch,
    /// Cores 0 and 1 produce, core 0 also consumes, one at a time.
    TwoProducersSingle,
    /// Cores 0 and 1 produce, core 0 also consumes, in batches.
    TwoProducersBatch,
}

impl Scenario {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 6] = [
        Self::SameThreadSingle,
        Self::SameThreadBatch,
        Self::AcrossSingle,
        Self::AcrossBatch,
        Self::TwoProducersSingle,
        Self::TwoProducersBatch,
    ];

    /// The column's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::SameThreadSingle => "same thread, single",
            Self::SameThreadBatch => "same thread, batch 32",
            Self::AcrossSingle => "1 -> 1 cores, single",
            Self::AcrossBatch => "1 -> 1 cores, batch 32",
            Self::TwoProducersSingle => "2 producers -> 1, single",
            Self::TwoProducersBatch => "2 producers -> 1, batch 32",
        }
    }

    /// How many producers it needs.
    pub fn producers(self) -> usize {
        match self {
            Self::TwoProducersSingle | Self::TwoProducersBatch => 2,
            _ => 1,
        }
    }

    /// How many cores it needs.
    pub fn cores(self) -> usize {
        match self {
            Self::SameThreadSingle | Self::SameThreadBatch => 1,
            _ => 2,
        }
    }

    /// How many payloads are handed over in one call.
    pub fn batch(self) -> usize {
        match self {
            Self::SameThreadSingle | Self::AcrossSingle | Self::TwoProducersSingle => 1,
            _ => MAX_BATCH,
        }
    }
}

/// The size of one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Plan {
    /// Payloads of each producer that pass before the clock starts.
    pub warm_up: u64,
    /// Payloads that are timed, of all producers together. Rounded up to whole batches of each producer.
    pub items: u64,
    /// Slots of the bounded queues.
    pub capacity: usize,
}

impl Plan {
    /// How many payloads each producer sends: to warm up, then on the clock.
    fn shares(&self, scenario: Scenario) -> [u64; 2] {
        let batch = scenario.batch() as u64;
        let share = self.items.div_ceil(scenario.producers() as u64);
        [self.warm_up.next_multiple_of(batch), share.next_multiple_of(batch)]
    }
}

/// One round of `scenario` on a fresh `C`: nanoseconds per payload, from the moment that all threads are ready to the
/// moment that the last payload was handled.
///
/// # Errors
/// Any [`BenchError`]: a round that did not deliver every payload once and in order has no time.
pub fn run<C: Contestant>(scenario: Scenario, plan: &Plan) -> Result<f64, BenchError> {
    match scenario.batch() {
        1 => run_round::<C, 1>(scenario, plan),
        _ => run_round::<C, MAX_BATCH>(scenario, plan),
    }
}

fn run_round<C: Contestant, const BATCH: usize>(scenario: Scenario, plan: &Plan) -> Result<f64, BenchError> {
    let round = Round::<BATCH> {
        name: C::NAME,
        shares: plan.shares(scenario),
        producers: scenario.producers(),
        meeting: Meeting::of(scenario.cores()),
    };
    let queue = C::new(plan.capacity)?;
    thread::scope(|scope| {
        let first = scope.spawn(|| round.guard(|| round.consume(&queue, scenario)));
        let other = (scenario.cores() > 1).then(|| scope.spawn(|| round.guard(|| round.produce(&queue))));
        let produced = other.map_or(Ok(()), |thread| round.join(thread));
        let time = round.join(first);
        // The first cause, rather than the stall of those who waited for the failed thread.
        match (time, produced) {
            (Err(BenchError::Stalled { .. }), Err(cause)) => Err(cause),
            (time, Err(BenchError::Stalled { .. })) if time.is_err() => time,
            (time, produced) => produced.and(time),
        }
    })
}

/// What the threads of one round share. The batch is a constant, so that the single-item loops hold no trace of
/// batches.
struct Round<const BATCH: usize> {
    name: &'static str,
    shares: [u64; 2],
    producers: usize,
    meeting: Meeting,
}

impl<const BATCH: usize> Round<BATCH> {
    /// The thread on core 0: it consumes; and it produces as well, unless another thread is the only producer.
    fn consume<C: Contestant>(&self, queue: &C, scenario: Scenario) -> Result<f64, BenchError> {
        affinity::pin(0)?;
        let total = self.shares.iter().sum();
        if scenario.cores() > 1 && self.producers == 1 {
            return self.on_the_clock(&mut queue.consumer()?, [0, total], |_, _, _| Ok(()));
        }
        let mut both = queue.both()?;
        let mut source = Source::new(0);
        if self.producers == 1 {
            self.on_the_clock(&mut both, [total, 0], |both, tally, share| {
                self.produce_and_drain::<1>(share, &mut source, both, tally)
            })
        } else {
            self.on_the_clock(&mut both, [total, total], |both, tally, share| {
                self.produce_and_drain::<2>(share, &mut source, both, tally)
            })
        }
    }

    /// Both phases: `produce` sends the share of this thread, if it has one, then all that is left is handled. Gives
    /// the nanoseconds per payload of the last phase, if what arrived is `made`.
    #[inline(always)]
    fn on_the_clock<H: Consumer>(
        &self,
        half: &mut H,
        made: [u64; MAX_PRODUCERS],
        mut produce: impl FnMut(&mut H, &mut Tally, u64) -> Result<(), BenchError>,
    ) -> Result<f64, BenchError> {
        let mut tally = Tally::default();
        let mut target = 0;
        let mut elapsed = Duration::ZERO;
        for share in self.shares {
            target += share * self.producers as u64;
            let mut patience = Patience::new(self.name, &self.meeting.failed);
            self.meeting.wait(&mut patience)?;
            let start = Instant::now();
            produce(half, &mut tally, share)?;
            while tally.total() < target {
                if half.drain(BATCH, &mut tally) == 0 {
                    patience.wait()?;
                }
            }
            elapsed = start.elapsed();
        }
        if !tally.is_complete(made) {
            return Err(BenchError::Corrupt { name: self.name });
        }
        let timed = self.shares[1] * self.producers as u64;
        Ok(elapsed.as_secs_f64() * 1e9 / timed as f64)
    }

    /// The producer's share of one phase on the consumer's own thread. After each batch it handles as much as all
    /// `PRODUCERS` put in meanwhile if they are equally fast, so that neither starves.
    #[inline(always)]
    fn produce_and_drain<const PRODUCERS: usize>(
        &self,
        share: u64,
        source: &mut Source,
        half: &mut (impl Producer + Consumer),
        tally: &mut Tally,
    ) -> Result<(), BenchError> {
        let mut patience = Patience::new(self.name, &self.meeting.failed);
        for _ in 0..share / BATCH as u64 {
            let mut feed = Feed::<BATCH>::of(source);
            while !feed.offer(half) {
                if half.drain(BATCH, tally) == 0 {
                    patience.wait()?;
                }
            }
            for _ in 0..PRODUCERS {
                half.drain(BATCH, tally);
            }
        }
        Ok(())
    }

    /// The thread on core 1, which only produces.
    fn produce<C: Contestant>(&self, queue: &C) -> Result<(), BenchError> {
        affinity::pin(1)?;
        let mut producer = queue.producer()?;
        let mut source = Source::new(MAX_PRODUCERS - 1);
        for share in self.shares {
            let mut patience = Patience::new(self.name, &self.meeting.failed);
            self.meeting.wait(&mut patience)?;
            for _ in 0..share / BATCH as u64 {
                let mut feed = Feed::<BATCH>::of(&mut source);
                while !feed.offer(&mut producer) {
                    patience.wait()?;
                }
            }
        }
        Ok(())
    }

    /// Runs a thread's work and lets the others know if it failed, by error or by panic.
    fn guard<T>(&self, work: impl FnOnce() -> Result<T, BenchError>) -> Result<T, BenchError> {
        let raise = RaiseOnDrop(&self.meeting.failed);
        let outcome = work();
        if outcome.is_ok() {
            mem::forget(raise);
        }
        outcome
    }

    fn join<T>(&self, thread: ScopedJoinHandle<'_, Result<T, BenchError>>) -> Result<T, BenchError> {
        thread.join().unwrap_or(Err(BenchError::Panicked { name: self.name }))
    }
}

struct RaiseOnDrop<'a>(&'a AtomicBool);

impl Drop for RaiseOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A batch that a producer has made, and how much of it is gone.
struct Feed<const BATCH: usize> {
    batch: Aligned<[Payload; BATCH]>,
    gone: usize,
}

impl<const BATCH: usize> Feed<BATCH> {
    #[inline(always)]
    fn of(source: &mut Source) -> Self {
        let mut batch = Aligned([EMPTY; BATCH]);
        batch.0.iter_mut().for_each(|slot| *slot = source.make());
        Self { batch, gone: 0 }
    }

    /// Offers what is left; whether that is now nothing.
    #[inline(always)]
    fn offer(&mut self, producer: &mut impl Producer) -> bool {
        if BATCH == 1 {
            return producer.push(self.batch.0[0]);
        }
        self.gone += producer.push_batch(&self.batch.0[self.gone..]);
        self.gone == BATCH
    }
}
