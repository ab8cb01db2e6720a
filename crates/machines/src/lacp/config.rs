//! What is configured of a group and of each of its ports.

use core::time::Duration;

use siding_wire::lacp::LacpInfo;
use siding_wire::lacp::LacpSystem;

use super::PortNumber;

/// Whether a port speaks first (IEEE 802.1AX-2014 s6.4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Activity {
    /// It speaks without having been spoken to.
    Active,
    /// It speaks to an active partner only.
    Passive,
}

/// How often a port wants to hear its partner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rate {
    /// Each second; silent for 3 s is gone (short timeout).
    Fast,
    /// Every 30 seconds; silent for 90 s is gone (long timeout).
    Slow,
}

/// When the lagg may leave the aggregator that it uses for another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reselect {
    /// Only when none of its ports hears its partner any longer.
    WhenEmpty,
    /// Whenever another has more ports.
    MostPorts,
}

/// What all ports of one lagg have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupConfig {
    /// Our identity. It is configured apart from the lagg's MAC address and stays when that changes: a new
    /// identity makes the partner start again on every port.
    //= IEEE 802.1AX s6.3.2 [LACP-12]: the system's identity has nothing to do with which ports there are
    pub system: LacpSystem,
    /// Start and stop collecting and distributing together (s6.4.15, coupled control).
    pub coupled: bool,
    /// Distributing ports without which the lagg has no carrier; 0 counts as 1.
    pub min_links: usize,
    /// Ports that may be in use at once; the others are STANDBY. `None` for all; 0 counts as 1.
    pub max_links: Option<usize>,
    /// When to leave the aggregator in use.
    pub reselect: Reselect,
    /// Retiring a port: how long frames that are queued for it have to leave before the partner is told.
    pub retire_grace: Duration,
    /// Retiring a port: how long, after it was told, the partner has to stop sending.
    pub retire_patience: Duration,
    /// How soon a refused PDU is tried again.
    pub refused_retry: Duration,
}

impl GroupConfig {
    /// The default for the system `system`: independent control, all links, one is enough.
    pub const fn new(system: LacpSystem) -> GroupConfig {
        GroupConfig {
            system,
            coupled: false,
            min_links: 1,
            max_links: None,
            reselect: Reselect::WhenEmpty,
            retire_grace: Duration::from_millis(10),
            retire_patience: Duration::from_secs(2),
            refused_retry: Duration::from_millis(10),
        }
    }
}

/// What is configured of one port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortConfig {
    /// Its number; no other port of the same *system* may have it, also in another lagg.
    pub number: PortNumber,
    /// Lower is better; counts when not all ports may be in use.
    pub priority: u16,
    /// Only ports with the same key are aggregated. Laggs of one system need different keys.
    pub key: u16,
    /// Whether it speaks first.
    pub activity: Activity,
    /// How often the partner is asked to speak.
    pub rate: Rate,
    /// Whether it may share an aggregator; false for an individual port.
    pub aggregatable: bool,
    /// False: no LACP on this port; it is individual, and `partner_admin` is all that is known of the partner.
    pub lacp: bool,
    /// What to assume of a partner that does not speak. The default is nobody, out of sync: the port is not
    /// used. With its SYNCHRONIZATION and COLLECTING set, the port works without a partner that speaks.
    pub partner_admin: LacpInfo,
}

impl PortConfig {
    /// The default for a port: active, slow, aggregatable, of middle priority.
    pub fn new(number: PortNumber, key: u16) -> PortConfig {
        PortConfig {
            number,
            priority: 0x8000,
            key,
            activity: Activity::Active,
            rate: Rate::Slow,
            aggregatable: true,
            lacp: true,
            partner_admin: LacpInfo::default(),
        }
    }
}
