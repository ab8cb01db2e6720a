//! The residence-time histogram: how long packets waited.
//!
//! Its words are `core`'s own, outside the `sync` facade: they order nothing, and hundreds of them for each
//! lane would be all that a model checker has time for.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::sync::atomic::Ordering;
use core::time::Duration;

use crate::sync::plain::AtomicU64;

/// Four buckets for each power of two: a reading is at most a quarter above the truth.
const FINE: usize = 4;
const BUCKETS: usize = 64 * FINE;

/// Written by one consumer.
pub(crate) struct Recorder {
    buckets: Box<[AtomicU64]>,
    longest: AtomicU64,
}

impl Recorder {
    pub(crate) fn new() -> Recorder {
        Recorder { buckets: (0..BUCKETS).map(|_| AtomicU64::new(0)).collect(), longest: AtomicU64::new(0) }
    }

    pub(crate) fn record(&self, nanos: u64) {
        // One thread writes: no locked instruction.
        let count = &self.buckets[bucket(nanos)];
        count.store(count.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        if nanos > self.longest.load(Ordering::Relaxed) {
            self.longest.store(nanos, Ordering::Relaxed);
        }
    }

    pub(crate) fn read(&self) -> Histogram {
        Histogram {
            counts: self.buckets.iter().map(|count| count.load(Ordering::Relaxed)).collect(),
            longest: self.longest.load(Ordering::Relaxed),
        }
    }
}

/// Residence times that were measured, in nanoseconds.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Histogram {
    counts: Vec<u64>,
    longest: u64,
}

impl Histogram {
    /// How many packets were timed.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The time below which `percent` of the timed packets waited, at most a quarter too long and never
    /// above the longest. `None` if no packet was timed.
    pub fn percentile(&self, percent: f64) -> Option<Duration> {
        let total = self.count();
        if total == 0 {
            return None;
        }
        let rank = ((total as f64 * percent / 100.0) as u64).min(total - 1);
        let mut below = 0;
        let at = self.counts.iter().position(|count| {
            below += count;
            below > rank
        });
        at.map(|at| Duration::from_nanos(upper_bound(at).min(self.longest)))
    }

    /// How many of them waited no longer than `time`; exact one nanosecond before a power of two, and else too few by what is
    /// in the bucket that `time` falls into.
    pub fn at_most(&self, time: Duration) -> u64 {
        let nanos = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        // None beyond that which it falls into: of the last, there are no bounds.
        let at = bucket(nanos);
        let whole = if upper_bound(at) <= nanos { at + 1 } else { at };
        self.counts.iter().take(whole).sum()
    }

    /// The longest wait.
    pub fn longest(&self) -> Duration {
        Duration::from_nanos(self.longest)
    }

    /// What was measured since an `earlier` reading. The longest wait is that of all time, or where none was measured
    /// since, none.
    pub fn since(&self, earlier: &Histogram) -> Histogram {
        let before = earlier.counts.iter().copied().chain(core::iter::repeat(0));
        let counts: Vec<u64> =
            self.counts.iter().zip(before).map(|(now, before)| now.saturating_sub(before)).collect();
        let longest = if counts.iter().all(|count| *count == 0) { 0 } else { self.longest };
        Histogram { counts, longest }
    }

    pub(crate) fn add(&mut self, other: &Histogram) {
        self.counts.resize(BUCKETS, 0);
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.longest = self.longest.max(other.longest);
    }
}

fn bucket(nanos: u64) -> usize {
    if nanos < FINE as u64 {
        return nanos as usize;
    }
    let octave = nanos.ilog2() as usize;
    let within = (nanos >> (octave - 2)) as usize & (FINE - 1);
    (octave - 1) * FINE + within
}

/// The largest value that falls into the bucket.
fn upper_bound(bucket: usize) -> u64 {
    if bucket < FINE {
        return bucket as u64;
    }
    let (octave, within) = (bucket / FINE + 1, bucket % FINE);
    let step = 1u64 << (octave - 2);
    (step * (FINE + within) as u64).saturating_add(step - 1)
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    #[test]
    fn buckets_hold_what_their_bounds_say() {
        for nanos in (0..4096).chain((12..63).flat_map(|bit| [(1 << bit) - 1, 1 << bit, (1 << bit) + 1])) {
            let at = bucket(nanos);
            assert!(nanos <= upper_bound(at), "{nanos} lies above bucket {at}");
            assert!(at == 0 || nanos > upper_bound(at - 1), "{nanos} lies below bucket {at}");
        }
    }

    #[test]
    fn percentiles() {
        let recorder = Recorder::new();
        (1..=100).for_each(|n| recorder.record(n * 1000));
        let read = recorder.read();
        assert_eq!(read.count(), 100);
        let median = read.percentile(50.0).unwrap().as_nanos();
        assert!((50_000..=64_000).contains(&median), "{median}");
        assert_eq!(read.percentile(100.0), Some(Duration::from_micros(100)));
        let at_most = [999, 1000, 1023, 65_535, 131_071, u64::MAX].map(Duration::from_nanos);
        assert_eq!(at_most.map(|time| read.at_most(time)), [0, 0, 1, 65, 100, 100]);
        assert_eq!(Histogram::default().percentile(50.0), None);
    }
}
