//! What every bound tells of itself: what it is, and how near it has come.
//!
//! Whoever keeps a bound keeps a [`Usage`] beside it.

use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering;

use siding_netisr::IfId;

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
