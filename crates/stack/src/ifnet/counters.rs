//! An interface's counters.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use crate::named::Named;
use crate::named::Names;
use crate::named::Owned;

/// What is counted for each interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Their names say it.
pub enum IfCounter {
    /// What a protocol counts: it has named it in its folder.
    Own(&'static Named),
    RxPackets,
    RxBytes,
    TxPackets,
    TxBytes,
    TxDropped,
}

impl IfCounter {
    /// Those of every interface, whatever protocols there are.
    const SHARED: [IfCounter; 5] = [
        IfCounter::RxPackets,
        IfCounter::RxBytes,
        IfCounter::TxPackets,
        IfCounter::TxBytes,
        IfCounter::TxDropped,
    ];

    /// All of them, in order; those of protocols from the first stack on.
    pub fn all() -> impl Iterator<Item = IfCounter> {
        IfCounter::SHARED.into_iter().chain(OWN.all().iter().copied().map(IfCounter::Own))
    }

    /// The counter's name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            IfCounter::Own(own) => own.name(),
            IfCounter::RxPackets => "rx-packets",
            IfCounter::RxBytes => "rx-bytes",
            IfCounter::TxPackets => "tx-packets",
            IfCounter::TxBytes => "tx-bytes",
            IfCounter::TxDropped => "tx-dropped",
        }
    }
}

static OWN: Names = Names::new();

/// Gives the counters of all protocols their places.
pub(crate) fn settle(all: impl Iterator<Item = IfCounter>) {
    let own = |counter| match counter {
        IfCounter::Own(own) => Some(own),
        _ => None,
    };
    OWN.settle(|| all.filter_map(own).collect());
}

/// One interface's counters: each worker has its own and adds to them, whoever reads sums them.
#[derive(Debug)]
pub struct IfCounters(Box<[Lines]>);

/// What one worker has counted. No other worker's lies on its cache lines, which are fetched in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Lines {
    shared: [AtomicU64; IfCounter::SHARED.len()],
    own: Owned,
}

impl IfCounters {
    pub(crate) fn new(workers: usize) -> IfCounters {
        let lines = |_| Lines { shared: Default::default(), own: OWN.counters() };
        IfCounters((0..workers).map(lines).collect())
    }

    /// Adds to a counter. To be called by that worker only.
    #[inline]
    pub(crate) fn add(&self, worker: usize, counter: IfCounter, by: u64) {
        let Some(value) = self.0[worker].place(counter) else { return };
        // A seat has one holder at a time, so nobody else writes it, and no locked instruction is needed.
        value.store(value.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    /// A counter's value: what all workers have counted.
    pub fn of(&self, counter: IfCounter) -> u64 {
        let counted = self.0.iter().filter_map(|lines| lines.place(counter));
        counted.map(|value| value.load(Ordering::Relaxed)).sum()
    }
}

impl Lines {
    /// Where a counter is. Known where the counter is written down, but for those of protocols.
    #[inline(always)]
    fn place(&self, counter: IfCounter) -> Option<&AtomicU64> {
        self.shared.get(match counter {
            IfCounter::RxPackets => 0,
            IfCounter::RxBytes => 1,
            IfCounter::TxPackets => 2,
            IfCounter::TxBytes => 3,
            IfCounter::TxDropped => 4,
            IfCounter::Own(own) => return self.own.of(own),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_each_worker_counts_is_summed_and_shares_no_line() {
        let counters = IfCounters::new(3);
        for worker in 0..3 {
            counters.add(worker, IfCounter::RxPackets, 1 << worker);
        }
        counters.add(1, IfCounter::TxBytes, 10);
        assert_eq!((counters.of(IfCounter::RxPackets), counters.of(IfCounter::TxBytes)), (7, 10));
        let place = |worker: usize| &raw const counters.0[worker] as usize;
        assert!(place(0).is_multiple_of(128) && place(1) - place(0) >= 128);
    }
}
