//! The periodic transmission machine: how often the partner hears from us (IEEE 802.1AX-2014 s6.4.13).

use core::fmt;
use core::time::Duration;

use siding_netisr::Instant;

use super::FAST_PERIODIC_TIME;
use super::SLOW_PERIODIC_TIME;

/// Where the periodic machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PeriodicState {
    /// NO_PERIODIC: nothing is sent at all.
    None,
    /// FAST_PERIODIC: each second.
    Fast,
    /// SLOW_PERIODIC: every 30 seconds.
    Slow,
}

impl PeriodicState {
    fn period(self) -> Duration {
        match self {
            PeriodicState::Fast => FAST_PERIODIC_TIME,
            PeriodicState::Slow | PeriodicState::None => SLOW_PERIODIC_TIME,
        }
    }
}

impl fmt::Display for PeriodicState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            PeriodicState::None => "no periodic",
            PeriodicState::Fast => "fast periodic",
            PeriodicState::Slow => "slow periodic",
        })
    }
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Periodic {
    state: PeriodicState,
    due: Option<Instant>,
}

impl Periodic {
    pub(super) const fn new() -> Periodic {
        Periodic { state: PeriodicState::None, due: None }
    }

    /// `allowed`: link up, LACP enabled, one end at least active. `short`: the partner's timeout is short.
    /// True when a PDU is due.
    //= IEEE 802.1AX s6.4.13 [LACP-6]: the partner's timeout sets our rate; from long to short sends at once
    pub(super) fn step(&mut self, now: Instant, allowed: bool, short: bool) -> bool {
        let wanted = if short { PeriodicState::Fast } else { PeriodicState::Slow };
        match (self.state, self.due) {
            _ if !allowed => {
                *self = Periodic::new();
                false
            }
            (state, Some(due)) if state == wanted => {
                if now < due {
                    return false;
                }
                // From when it was due, not from when somebody looked: otherwise each round comes later.
                let next = due + state.period();
                self.due = Some(if next > now { next } else { now + state.period() });
                true
            }
            (before, _) => {
                // Beginning to speak does not wait for a first period: a link that comes up is used sooner.
                *self = Periodic { state: wanted, due: Some(now + wanted.period()) };
                before == PeriodicState::None || short
            }
        }
    }

    pub(super) fn state(&self) -> PeriodicState {
        self.state
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_nanos(millis * 1_000_000)
    }

    #[test]
    fn the_partner_sets_the_rate_lacp_6() {
        let mut periodic = Periodic::new();
        assert!(!periodic.step(at(0), false, true));
        assert_eq!((periodic.state(), periodic.deadline()), (PeriodicState::None, None));
        assert!(periodic.step(at(0), true, false));
        assert_eq!((periodic.state(), periodic.deadline()), (PeriodicState::Slow, Some(at(30_000))));
        assert!(!periodic.step(at(29_999), true, false));
        assert!(periodic.step(at(30_000), true, false));
        assert!(periodic.step(at(40_000), true, true), "from long to short at once");
        assert_eq!((periodic.state(), periodic.deadline()), (PeriodicState::Fast, Some(at(41_000))));
        assert!(!periodic.step(at(40_500), true, false), "from short to long says nothing");
        assert_eq!(periodic.deadline(), Some(at(70_500)));
        assert!(!periodic.step(at(80_000), false, false));
        assert_eq!(periodic.state(), PeriodicState::None);
    }

    #[test]
    fn late_looks_do_not_add_up_lacp_6() {
        let mut periodic = Periodic::new();
        assert!(periodic.step(at(0), true, true));
        for round in 1..=50 {
            assert!(periodic.step(at(round * 1_000 + 300), true, true));
            assert_eq!(periodic.deadline(), Some(at((round + 1) * 1_000)));
        }
        // Held up for ten periods: one PDU, not ten.
        assert!(periodic.step(at(61_000), true, true));
        assert!(!periodic.step(at(61_001), true, true));
        assert_eq!(periodic.deadline(), Some(at(62_000)));
        // By one period to the moment: what is due now has just been sent.
        assert!(periodic.step(at(63_000), true, true));
        assert_eq!(periodic.deadline(), Some(at(64_000)));
    }
}
