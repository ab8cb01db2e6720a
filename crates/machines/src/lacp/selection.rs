//! Selection: which ports may share an aggregator, which aggregator the lagg uses (IEEE 802.1AX-2014 s6.4.14).

use core::cmp::Reverse;
use core::fmt;

use siding_wire::lacp::LacpState;
use siding_wire::lacp::LacpSystem;

use super::Cause;
use super::Event;
use super::GroupConfig;
use super::MuxState;
use super::Port;
use super::PortNumber;
use super::Reselect;
use super::event::Log;

/// Ports with the same one may share an aggregator. Our own system is the same for all.
//= IEEE 802.1AX s6.3.6 [LACP-9]: system and key of both ends make the aggregate; an individual port is alone
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LagId {
    /// Our key.
    pub key: u16,
    /// The partner's system.
    pub partner: LacpSystem,
    /// The partner's key.
    pub partner_key: u16,
    /// The one port, when one end or the other is individual.
    pub alone: Option<PortNumber>,
}

impl LagId {
    /// Where `port` belongs by what is known of its partner now.
    pub(super) fn of(port: &Port) -> LagId {
        let (actor, partner) = (port.actor(), port.partner());
        let shares = actor.state.has(LacpState::AGGREGATION) && partner.state.has(LacpState::AGGREGATION);
        LagId {
            key: actor.key,
            partner: partner.system,
            partner_key: partner.key,
            alone: (!shares).then_some(port.number()),
        }
    }
}

impl fmt::Display for LagId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {} with {} key {}", self.key, self.partner, self.partner_key)?;
        match self.alone {
            Some(port) => write!(f, ", port {port} alone"),
            None => Ok(()),
        }
    }
}

/// What selection decided for a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Selected {
    /// It belongs to no aggregator.
    Unselected,
    /// It could be used and is not at present: out of sync, ready to take over.
    Standby,
    /// It belongs to the aggregator in use.
    Selected,
}

impl fmt::Display for Selected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Selected::Unselected => "unselected",
            Selected::Standby => "standby",
            Selected::Selected => "selected",
        })
    }
}

/// Selects anew among all `ports` (ascending by number); true when that changed anything.
pub(super) fn run(
    ports: &mut [Port],
    config: &GroupConfig,
    in_use: &mut Option<LagId>,
    log: &mut Log,
) -> bool {
    let standing: Vec<Standing> = ports.iter().map(|port| Standing::of(port, ports)).collect();
    let chosen = choose(&standing, config.reselect, *in_use);
    if chosen != *in_use {
        log.push(Event::Aggregator { old: *in_use, new: chosen });
        *in_use = chosen;
    }
    let max = config.max_links.unwrap_or(usize::MAX).max(1);
    let mut changed = false;
    for (port, own) in ports.iter_mut().zip(&standing) {
        if own.leaving {
            continue;
        }
        if own.looped {
            //= IEEE 802.1AX s6.4.14.1 [LACP-9]: ports of ours that are connected to each other stay apart
            changed |= port.unselect(Cause::LoopedBack, log);
            continue;
        }
        //= IEEE 802.1AX s6.4.14.1 [LACP-9]: whoever belongs elsewhere is detached before it is selected
        // Whatever changed where it belongs has unselected it, and the mux machine ran before selection.
        debug_assert!(port.lag.is_none_or(|lag| lag == own.lag), "{port:?}");
        debug_assert!(port.lag.is_some() || port.mux() == MuxState::Detached, "{port:?}");
        if port.selected == Selected::Unselected && !own.alive {
            continue;
        }
        let place = standing.iter().filter(|other| Some(other.lag) == chosen && other.rank < own.rank);
        let (to, why) = if Some(own.lag) != chosen {
            (Selected::Standby, Cause::OtherAggregator)
        } else if place.filter(|other| other.contends()).count() >= max {
            (Selected::Standby, Cause::TooManyLinks)
        } else if !own.alive {
            // It keeps its place while its partner may come back, and gets no better one.
            continue;
        } else {
            (Selected::Selected, Cause::Fits)
        };
        changed |= port.select(to, why, own.lag, log);
    }
    changed
}

/// Whether no port that is about to join `lag` has still to wait.
pub(super) fn ready(ports: &[Port], lag: Option<LagId>) -> bool {
    !ports.iter().any(|port| {
        port.selected == Selected::Selected
            && port.lag == lag
            && port.mux() == MuxState::Waiting
            && port.hears_partner()
            && !port.waited
    })
}

/// What selection looks at of one port, as it was before selection changed anything.
struct Standing {
    lag: LagId,
    /// It could be used now.
    alive: bool,
    looped: bool,
    leaving: bool,
    /// It has a place to lose.
    placed: bool,
    attached: bool,
    /// The lower comes first when not all may be in use.
    rank: (bool, bool, u16, u16, PortNumber),
}

impl Standing {
    fn of(port: &Port, ports: &[Port]) -> Standing {
        let (actor, partner) = (port.actor(), port.partner());
        let looped = partner.system.mac == actor.system.mac
            && ports.iter().any(|p| p.number().get() == partner.port && p.config().key == partner.key);
        let leaving = port.retiring.is_some();
        let alive = port.hears_partner() && !looped && !leaving;
        let attached = port.mux().is_attached();
        //= IEEE 802.1AX s6.4.14.2 [LACP-9]: the better system's order of ports counts for both
        let decides = if partner.system < actor.system { partner } else { actor };
        Standing {
            lag: LagId::of(port),
            alive,
            looped,
            leaving,
            placed: port.selected != Selected::Unselected,
            attached,
            rank: (!alive, !attached, decides.port_priority, decides.port, port.number()),
        }
    }

    fn contends(&self) -> bool {
        !self.looped && !self.leaving && (self.alive || self.placed)
    }
}

/// The aggregator to use; the module's documentation has the rule.
fn choose(standing: &[Standing], reselect: Reselect, in_use: Option<LagId>) -> Option<LagId> {
    let alive = || standing.iter().filter(|port| port.alive);
    let holds = alive().any(|port| port.attached && Some(port.lag) == in_use);
    if holds && reselect == Reselect::WhenEmpty {
        return in_use;
    }
    // With nobody alive there is nothing to change to, and old members may come back.
    let members = |lag: LagId| alive().filter(|port| port.lag == lag).count();
    alive()
        .enumerate()
        .max_by_key(|(i, port)| (members(port.lag), Some(port.lag) == in_use, Reverse(*i)))
        .map_or(in_use, |(_, port)| Some(port.lag))
}
