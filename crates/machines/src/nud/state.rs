//! Where an entry may stand, and what holds of it there.

use core::fmt;

use super::Nud;

/// Where a neighbour entry stands (RFC 4861 s7.3.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NudState {
    /// Being resolved: no link-layer address yet, packets are held.
    Incomplete,
    /// Known to have answered within ReachableTime.
    Reachable,
    /// Address known, reachability not; nobody asks until a packet goes out.
    Stale,
    /// A packet went out; its own progress may yet confirm the neighbour.
    Delay,
    /// Being probed.
    Probe,
    /// Silent, still used, probed ever more slowly (RFC 7048).
    Unreachable,
}

impl fmt::Display for NudState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            NudState::Incomplete => "INCOMPLETE",
            NudState::Reachable => "REACHABLE",
            NudState::Stale => "STALE",
            NudState::Delay => "DELAY",
            NudState::Probe => "PROBE",
            NudState::Unreachable => "UNREACHABLE",
        })
    }
}

impl Nud {
    /// What holds after each step.
    pub(super) fn check(&self) {
        use NudState::*;
        let known = self.lladdr.is_some();
        debug_assert_eq!(known, self.state != Incomplete, "an address is what INCOMPLETE lacks: {self:?}");
        let waits = match self.state {
            Incomplete | Delay | Probe => Some(true),
            Stale => Some(false),
            Reachable => Some(!self.fixed),
            // Nobody asks while nobody sends.
            Unreachable => None,
        };
        let timed = self.deadline.is_some();
        debug_assert!(
            waits.is_none_or(|waits| waits == timed),
            "it would never end, or end by itself: {self:?}"
        );
        debug_assert!(!self.fixed || self.state == Reachable, "what was given by hand stays: {self:?}");
        let confirmed = self.state != Reachable || self.fixed || self.confirmed.is_some();
        debug_assert!(confirmed, "REACHABLE is what was confirmed: {self:?}");
        debug_assert!(self.tries == 0 || self.last_solicit.is_some(), "a try is what was sent: {self:?}");
    }
}
