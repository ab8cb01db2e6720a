//! At most so many in any span of time.

use core::time::Duration;

use siding_netisr::Instant;

/// Lets `N` pass in any `span`, wherever that span begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit<const N: usize> {
    span: Duration,
    /// The last `N` that passed, a ring.
    passed: [Option<Instant>; N],
    oldest: usize,
}

impl<const N: usize> Limit<N> {
    pub(super) const fn new(span: Duration) -> Limit<N> {
        Limit { span, passed: [None; N], oldest: 0 }
    }

    /// One passed.
    pub(super) fn record(&mut self, now: Instant) {
        self.passed[self.oldest] = Some(now);
        self.oldest = (self.oldest + 1) % N;
    }

    /// When the next may pass.
    pub(super) fn free_at(&self) -> Instant {
        self.passed[self.oldest].map_or(Instant::ZERO, |oldest| oldest + self.span)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_in_any_second_lacp_3() {
        let at = |millis: u64| Instant::from_nanos(millis * 1_000_000);
        let mut limit = Limit::<3>::new(Duration::from_secs(1));
        for millis in [100, 900, 950] {
            assert!(limit.free_at() <= at(millis));
            limit.record(at(millis));
        }
        assert_eq!(limit.free_at(), at(1_100));
        limit.record(at(1_100));
        assert_eq!(limit.free_at(), at(1_900), "the window slides; it does not begin anew");
    }
}
