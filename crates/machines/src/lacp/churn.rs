//! Churn detection: an end that does not come in sync (IEEE 802.1AX-2014 s6.4.17).

use siding_netisr::Instant;

use super::CHURN_DETECTION_TIME;

/// One end's churn machine.
//= IEEE 802.1AX s6.4.17 [LACP-3]: 60 s out of sync is churn; coming in sync ends it
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Churn {
    /// Nothing is expected: the link is down.
    Idle,
    /// Out of sync; churn at this moment.
    Monitor(Instant),
    InSync,
    Churned,
}

impl Churn {
    /// `held`: nobody expects sync. True when [`Churn::churned`] changed.
    pub(super) fn step(&mut self, now: Instant, held: bool, in_sync: bool) -> bool {
        let before = self.churned();
        *self = match *self {
            _ if held => Churn::Idle,
            _ if in_sync => Churn::InSync,
            Churn::Idle | Churn::InSync => Churn::Monitor(now + CHURN_DETECTION_TIME),
            Churn::Monitor(until) if now >= until => Churn::Churned,
            other => other,
        };
        self.churned() != before
    }

    pub(super) fn churned(self) -> bool {
        self == Churn::Churned
    }

    pub(super) fn deadline(self) -> Option<Instant> {
        match self {
            Churn::Monitor(until) => Some(until),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixty_seconds_out_of_sync_lacp_3() {
        let at = |secs: u64| Instant::from_nanos(secs * 1_000_000_000);
        let mut churn = Churn::Idle;
        assert!(!churn.step(at(0), true, false));
        assert_eq!(churn.deadline(), None);
        assert!(!churn.step(at(10), false, false));
        assert!(!churn.step(at(69), false, false));
        assert_eq!(churn.deadline(), Some(at(70)));
        assert!(churn.step(at(70), false, false) && churn.churned());
        assert_eq!(churn.deadline(), None);
        assert!(churn.step(at(80), false, true) && !churn.churned());
        assert!(!churn.step(at(90), false, false));
        assert_eq!(churn.deadline(), Some(at(150)), "the time begins anew");
        assert!(churn.step(at(150), false, false));
        assert!(churn.step(at(151), true, false), "a link that is down does not churn");
    }
}
