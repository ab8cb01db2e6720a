//! An interface's counters.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

/// What is counted for each interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // Their names say it.
pub enum IfCounter {
    RxPackets,
    RxBytes,
    TxPackets,
    TxBytes,
    TxDropped,
    NsIn,
    NsOut,
    NaIn,
    NaOut,
    RsIn,
    RsOut,
    RaIn,
    RaOut,
    RedirectIn,
    RedirectOut,
    ArpRequestIn,
    ArpRequestOut,
    ArpReplyIn,
    ArpReplyOut,
    MldOut,
    LacpIn,
    LacpOut,
    MldQueryIn,
    MldReportIn,
    FragmentsIn,
    Reassembled,
    FragmentsOut,
}

impl IfCounter {
    /// All of them, in order.
    pub const ALL: [IfCounter; 27] = [
        IfCounter::RxPackets,
        IfCounter::RxBytes,
        IfCounter::TxPackets,
        IfCounter::TxBytes,
        IfCounter::TxDropped,
        IfCounter::NsIn,
        IfCounter::NsOut,
        IfCounter::NaIn,
        IfCounter::NaOut,
        IfCounter::RsIn,
        IfCounter::RsOut,
        IfCounter::RaIn,
        IfCounter::RaOut,
        IfCounter::RedirectIn,
        IfCounter::RedirectOut,
        IfCounter::ArpRequestIn,
        IfCounter::ArpRequestOut,
        IfCounter::ArpReplyIn,
        IfCounter::ArpReplyOut,
        IfCounter::MldOut,
        IfCounter::LacpIn,
        IfCounter::LacpOut,
        IfCounter::MldQueryIn,
        IfCounter::MldReportIn,
        IfCounter::FragmentsIn,
        IfCounter::Reassembled,
        IfCounter::FragmentsOut,
    ];

    /// The counter's name in tables.
    pub const fn name(self) -> &'static str {
        match self {
            IfCounter::RxPackets => "rx-packets",
            IfCounter::RxBytes => "rx-bytes",
            IfCounter::TxPackets => "tx-packets",
            IfCounter::TxBytes => "tx-bytes",
            IfCounter::TxDropped => "tx-dropped",
            IfCounter::NsIn => "ns-in",
            IfCounter::NsOut => "ns-out",
            IfCounter::NaIn => "na-in",
            IfCounter::NaOut => "na-out",
            IfCounter::RsIn => "rs-in",
            IfCounter::RsOut => "rs-out",
            IfCounter::RaIn => "ra-in",
            IfCounter::RaOut => "ra-out",
            IfCounter::RedirectIn => "redirect-in",
            IfCounter::RedirectOut => "redirect-out",
            IfCounter::ArpRequestIn => "arp-request-in",
            IfCounter::ArpRequestOut => "arp-request-out",
            IfCounter::ArpReplyIn => "arp-reply-in",
            IfCounter::ArpReplyOut => "arp-reply-out",
            IfCounter::MldOut => "mld-out",
            IfCounter::LacpIn => "lacp-in",
            IfCounter::LacpOut => "lacp-out",
            IfCounter::MldQueryIn => "mld-query-in",
            IfCounter::MldReportIn => "mld-report-in",
            IfCounter::FragmentsIn => "fragments-in",
            IfCounter::Reassembled => "reassembled",
            IfCounter::FragmentsOut => "fragments-out",
        }
    }
}

/// One interface's counters: each worker has its own and adds to them, whoever reads sums them.
#[derive(Debug)]
pub struct IfCounters(Box<[Line]>);

/// What one worker has counted. No other worker's lies on its cache lines, which are fetched in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Line([AtomicU64; IfCounter::ALL.len()]);

impl IfCounters {
    pub(crate) fn new(workers: usize) -> IfCounters {
        let line = |_| Line(std::array::from_fn(|_| AtomicU64::new(0)));
        IfCounters((0..workers).map(line).collect())
    }

    /// Adds to a counter. To be called by that worker only.
    #[inline]
    pub(crate) fn add(&self, worker: usize, counter: IfCounter, by: u64) {
        let value = &self.0[worker].0[counter as usize];
        // A seat has one holder at a time, so nobody else writes it, and no locked instruction is needed.
        value.store(value.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    /// A counter's value: what all workers have counted.
    pub fn of(&self, counter: IfCounter) -> u64 {
        self.0.iter().map(|line| line.0[counter as usize].load(Ordering::Relaxed)).sum()
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
