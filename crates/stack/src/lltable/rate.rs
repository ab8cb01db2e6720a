//! The token bucket of one interface's solicitations, with an order of who may empty it.
//!
//! One word says when the bucket will be full again (the "virtual scheduling" form of the leaky bucket, ITU-T I.371):
//! taking a token moves that moment on by what one costs. A taker of low priority must leave tokens in it, so those of
//! higher priority are served first however hard the others press; no queue is needed for that.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_netisr::Instant;

use super::limits::NeighborLimits;
use super::limits::Priority;
use crate::limits::LimitReport;
use crate::limits::Usage;

pub(crate) const NANOS: u64 = 1_000_000_000;

/// A bucket; full to begin with.
#[derive(Debug, Default)]
pub(crate) struct SolicitRate {
    /// The moment when it will be full, in nanoseconds. Past: it is.
    full_at: AtomicU64,
    usage: Usage,
}

impl SolicitRate {
    /// A token for one solicitation, if there is one for this priority.
    //= RFC 6583 s7.2 [6583-2]: the operator bounds the rate at which an interface asks.
    //= RFC 6583 s7.1 [6583-1]: others' packets leave a part of the bucket to our own, and both leave some to probes.
    #[must_use]
    pub(crate) fn take(&self, now: Instant, limits: &NeighborLimits, priority: Priority) -> bool {
        let (now, cost) = (now.as_nanos(), limits.solicit_cost());
        let depth = cost.saturating_mul(room(limits, priority));
        let step = |full_at: u64| {
            let then = full_at.max(now).saturating_add(cost);
            (then - now <= depth).then_some(then)
        };
        let taken = self.full_at.fetch_update(Ordering::Relaxed, Ordering::Relaxed, step).is_ok();
        if !taken {
            self.usage.refuse();
        }
        taken
    }

    /// The burst, and how much of it is used up now.
    pub(crate) fn report(&self, now: Instant, limits: &NeighborLimits) -> LimitReport {
        let burst = usize::try_from(limits.solicit_burst.max(1)).unwrap_or(usize::MAX);
        let report = LimitReport::new("solicitations-at-once", burst, self.taken(now, limits));
        // Nobody looks how far it is emptied each time: it would be a division for each packet of a scan.
        LimitReport { highest: None, ..report.with(&self.usage) }
    }

    fn taken(&self, now: Instant, limits: &NeighborLimits) -> usize {
        let owed = self.full_at.load(Ordering::Relaxed).saturating_sub(now.as_nanos());
        usize::try_from(owed.div_ceil(limits.solicit_cost())).unwrap_or(usize::MAX)
    }
}

/// How far down this priority may empty the bucket.
fn room(limits: &NeighborLimits, priority: Priority) -> u64 {
    let burst = u64::from(limits.solicit_burst.max(1));
    let own = burst - burst / 8;
    let room = match priority {
        Priority::Probe => burst,
        Priority::Own => own,
        Priority::Forwarded => own * u64::from(limits.forwarded.min(100)) / 100,
    };
    room.max(1)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const T0: Instant = Instant::from_nanos(7 * NANOS);

    fn limits(rate: u32, burst: u32) -> NeighborLimits {
        NeighborLimits {
            solicit_rate: rate,
            solicit_burst: burst,
            forwarded: 50,
            ..NeighborLimits::default()
        }
    }

    fn drain(bucket: &SolicitRate, now: Instant, limits: &NeighborLimits, priority: Priority) -> usize {
        (0..100_000).take_while(|_| bucket.take(now, limits, priority)).count()
    }

    #[test]
    fn each_priority_leaves_the_next_its_part_6583_1() {
        let (bucket, limits) = (SolicitRate::default(), limits(100, 80));
        assert_eq!(drain(&bucket, T0, &limits, Priority::Forwarded), 35);
        assert_eq!(drain(&bucket, T0, &limits, Priority::Own), 35);
        assert_eq!(drain(&bucket, T0, &limits, Priority::Probe), 10);
        assert_eq!(bucket.taken(T0, &limits), 80);
    }

    #[test]
    fn while_our_own_press_on_others_get_nothing_6583_1() {
        let (bucket, limits) = (SolicitRate::default(), limits(100, 80));
        assert_eq!(drain(&bucket, T0, &limits, Priority::Own), 70);
        let (mut own, mut others) = (0, 0);
        for tick in 1..=1000 {
            let now = T0 + Duration::from_millis(10) * tick;
            others += drain(&bucket, now, &limits, Priority::Forwarded);
            own += drain(&bucket, now, &limits, Priority::Own);
        }
        assert_eq!((own, others), (1000, 0), "every token that was earned went to ours");
    }

    #[test]
    fn burst_then_average_6583_2() {
        let (bucket, limits) = (SolicitRate::default(), limits(3, 7));
        assert_eq!(drain(&bucket, T0, &limits, Priority::Probe), 7);
        let mut taken = 0;
        for tick in 1..=30_000 {
            let now = T0 + Duration::from_millis(1) * tick;
            taken += usize::from(bucket.take(now, &limits, Priority::Probe));
        }
        assert!((89..=90).contains(&taken), "{taken} in 30 s at 3 a second");
        assert_eq!(drain(&bucket, T0 + Duration::from_secs(3600), &limits, Priority::Probe), 7);
    }

    #[test]
    fn a_clock_that_goes_back_earns_nothing() {
        let (bucket, limits) = (SolicitRate::default(), limits(1, 1));
        assert!(bucket.take(T0 + Duration::from_secs(5), &limits, Priority::Probe));
        assert!(!bucket.take(T0, &limits, Priority::Probe));
        assert!(bucket.take(T0 + Duration::from_secs(6), &limits, Priority::Forwarded), "one is for all");
    }
}
