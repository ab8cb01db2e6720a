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

/// One interface's counters. Workers add to them once for a batch.
#[derive(Debug)]
pub struct IfCounters([AtomicU64; IfCounter::ALL.len()]);

impl Default for IfCounters {
    fn default() -> IfCounters {
        IfCounters(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl IfCounters {
    /// Adds to a counter.
    pub fn add(&self, counter: IfCounter, by: u64) {
        self.0[counter as usize].fetch_add(by, Ordering::Relaxed);
    }

    /// A counter's value.
    pub fn of(&self, counter: IfCounter) -> u64 {
        self.0[counter as usize].load(Ordering::Relaxed)
    }
}
