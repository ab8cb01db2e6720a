//! LACP, for tables.

use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpSystem;

use super::LacpSpec;
use super::lacp::Cause;
use super::lacp::Group;
use super::lacp::LagId;
use super::lacp::MuxState;
use super::lacp::PeriodicState;
use super::lacp::Port;
use super::lacp::PortCounters;
use super::lacp::ReceiveState;
use super::lacp::Selected;

/// LACP on a lagg. The states print in full words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LacpReport {
    /// What is configured.
    pub spec: LacpSpec,
    /// Who we are to our partner.
    pub system: LacpSystem,
    /// What tells this lagg from our others.
    pub key: u16,
    /// The aggregator in use, or used last: which partner, and which of its keys.
    pub aggregator: Option<LagId>,
    /// Whether enough ports distribute.
    pub carrier: bool,
}

/// LACP on a port. The states print in full words; those of actor and partner are the eight bits of the PDU
/// ([`LacpState::words`](siding_wire::lacp::LacpState::words)).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LacpPortReport {
    /// Its number in our system.
    pub number: u16,
    /// Whether its link is there, and it and the lagg are up.
    pub enabled: bool,
    /// The receive machine: what is known of the partner.
    pub receive: ReceiveState,
    /// The mux machine: whether frames are taken and sent.
    pub mux: MuxState,
    /// The periodic machine: how often we speak.
    pub periodic: PeriodicState,
    /// What selection decided.
    pub selected: Selected,
    /// Why.
    pub why: Cause,
    /// What we say of ourselves.
    pub actor: LacpInfo,
    /// What we know of the partner; port 0 for nobody.
    pub partner: LacpInfo,
    /// Whether we have failed to come in sync for a minute.
    pub actor_churn: bool,
    /// Whether the partner has failed to come in sync for a minute.
    pub partner_churn: bool,
    /// What it counted.
    pub counters: PortCounters,
}

impl LacpReport {
    pub(crate) fn of(group: &Group, spec: LacpSpec, key: u16) -> LacpReport {
        let aggregator = group.in_use();
        LacpReport { spec, system: group.config().system, key, aggregator, carrier: group.carrier() }
    }
}

impl LacpPortReport {
    pub(crate) fn of(port: &Port) -> LacpPortReport {
        let (selected, why) = port.selected();
        LacpPortReport {
            number: port.number().get(),
            enabled: port.is_enabled(),
            receive: port.receive(),
            mux: port.mux(),
            periodic: port.periodic(),
            selected,
            why,
            actor: port.actor(),
            partner: port.partner(),
            actor_churn: port.actor_churn(),
            partner_churn: port.partner_churn(),
            counters: port.counters(),
        }
    }
}
