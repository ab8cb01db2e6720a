//! Which port a failover lagg uses.

use siding_netisr::IfId;

use super::Reselect;
use crate::ports::lagg::Member;
use crate::ports::lagg::state::State;

/// The port that should be in use, given the one that is.
pub(crate) fn active(state: &State, reselect: Reselect) -> Option<IfId> {
    let usable = || state.ports.iter().filter(|port| port.usable);
    let current = usable().find(|port| Some(port.id) == state.active);
    let best = usable().max_by_key(|port| rank(state, port));
    match (current, best) {
        (Some(current), Some(best)) => {
            let change = match reselect {
                Reselect::Always => rank(state, best) > rank(state, current),
                Reselect::Better => best.priority > current.priority,
                Reselect::Failure => false,
            };
            Some(if change { best.id } else { current.id })
        }
        (None, best) => best.map(|port| port.id),
        (Some(current), None) => Some(current.id),
    }
}

/// The primary first, then by priority, then who joined first.
fn rank(state: &State, port: &Member) -> (bool, u16, std::cmp::Reverse<usize>) {
    let place = state.ports.iter().position(|other| other.id == port.id).unwrap_or(usize::MAX);
    (state.primary == Some(port.id), port.priority, std::cmp::Reverse(place))
}
