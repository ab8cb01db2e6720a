//! Bounds on what peers and operators can make the stack store or send: what each is, and how near it has come.
//!
//! Every bound tells of itself in a [`LimitReport`]. Whoever keeps one keeps a [`Usage`] beside it, and adds its line in
//! [`Stack::limits`](crate::Stack::limits).

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::IfId;

use crate::icmp6::limit::DEFAULT_BURST;
use crate::icmp6::limit::DEFAULT_ERROR_BURST;
use crate::icmp6::limit::DEFAULT_ERROR_RATE;
use crate::icmp6::limit::DEFAULT_RATE;
use crate::reassembly::ReassemblyLimits;

/// The bounds of the stack as a whole. Those of one interface's neighbours are [`NeighborLimits`](crate::NeighborLimits).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// ICMP errors that may be sent at once, for what came in on one interface by one family. As many again are kept for
    /// senders that have caused few. TCP resets have a bound of their own that is the same.
    pub error_burst: u32,
    /// The same, a second in the long run; 0 sends no more than the burst, ever.
    pub error_rate: u32,
    /// The same for Packet Too Big and Fragmentation Needed, which are not counted with other errors.
    pub too_big_burst: u32,
    /// The same, a second in the long run.
    pub too_big_rate: u32,
    /// Redirects that may be sent at once on one interface, and as many again (RFC 4861 s8.2).
    pub redirect_burst: u32,
    /// Redirects a second in the long run; 0 sends no more than the burst, ever.
    pub redirect_rate: u32,
    /// Fragments and the datagrams that they make.
    pub reassembly: ReassemblyLimits,
    /// Buffers for packets that are larger than those of the pool: reassembled ones, and large ones of our own. Each
    /// takes up to 65,535 bytes, headers included.
    pub large_buffers: u32,
    /// Destinations whose path MTU is remembered.
    pub path_mtus: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            error_burst: DEFAULT_ERROR_BURST,
            error_rate: DEFAULT_ERROR_RATE,
            too_big_burst: DEFAULT_ERROR_BURST,
            too_big_rate: DEFAULT_ERROR_RATE,
            redirect_burst: DEFAULT_BURST,
            redirect_rate: DEFAULT_RATE,
            reassembly: ReassemblyLimits::default(),
            // In use for a moment each: while one is built, answered and cut.
            large_buffers: 64,
            path_mtus: 1024,
        }
    }
}

/// One bound, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitReport {
    /// What is bounded.
    pub name: String,
    /// On which interface; [`IfId::NONE`] for the whole stack.
    pub interface: IfId,
    /// The most that there may be.
    pub limit: u64,
    /// What there is.
    pub used: u64,
    /// The most that there was, if anybody kept count.
    pub highest: Option<u64>,
    /// How often something was refused, or pushed out, because of it.
    pub refused: u64,
}

impl LimitReport {
    /// A bound of the whole stack that has refused nothing, and whose highest use nobody knows.
    pub fn new(name: impl Into<String>, limit: usize, used: usize) -> LimitReport {
        LimitReport {
            name: name.into(),
            interface: IfId::NONE,
            limit: limit as u64,
            used: used as u64,
            highest: None,
            refused: 0,
        }
    }

    /// The same, on one interface.
    pub fn on(self, interface: IfId) -> LimitReport {
        LimitReport { interface, ..self }
    }

    /// The same, with what [`Usage`] knows.
    pub fn with(self, usage: &Usage) -> LimitReport {
        LimitReport {
            highest: Some(usage.highest.load(Ordering::Relaxed).max(self.used)),
            refused: usage.refused.load(Ordering::Relaxed),
            ..self
        }
    }
}

/// What a bound has seen so far. Counters only: they guard nothing.
#[derive(Debug, Default)]
pub struct Usage {
    highest: AtomicU64,
    refused: AtomicU64,
}

impl Usage {
    /// There are `used` now.
    pub fn note(&self, used: usize) {
        // Mostly a load: a new highest is rare.
        if self.highest.load(Ordering::Relaxed) < used as u64 {
            self.highest.fetch_max(used as u64, Ordering::Relaxed);
        }
    }

    /// The bound has refused something, or pushed something out.
    pub fn refuse(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_has_the_highest_use_and_the_refusals() {
        let usage = Usage::default();
        [3, 7, 5].into_iter().for_each(|used| usage.note(used));
        (0..2).for_each(|_| usage.refuse());
        let report = LimitReport::new("places", 8, 5).with(&usage);
        assert_eq!((report.limit, report.used, report.highest, report.refused), (8, 5, Some(7), 2));
        assert_eq!(LimitReport::new("places", 8, 8).with(&usage).highest, Some(8), "now is seen too");
        assert_eq!(LimitReport::new("places", 8, 5).highest, None);
    }
}
