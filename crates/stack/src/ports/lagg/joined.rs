//! The group of machines that a lagg has in LACP, and what may be asked of it.

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;
use siding_wire::lacp::LacpSystem;

use super::LacpPortReport;
use super::LacpReport;
use super::LacpSpec;
use super::LaggSpec;
use super::lacp;
use super::lacp::Group;
use super::lacp::GroupConfig;
use super::lacp::Ignored;
use super::lacp::PortNumber;
use crate::alarm::Alarm;

/// The machines of one lagg, and what joins them to it.
#[derive(Debug)]
pub(crate) struct Joined {
    pub(crate) group: Group,
    pub(crate) spec: LacpSpec,
    key: u16,
    /// Our identity's address, once it has one that stays.
    pub(crate) mac: Option<Mac>,
    /// The generation that the lagg's view was made of.
    shown: u64,
    pub(crate) alarm: Alarm,
}

/// Whether an interface can be a port of an LACP lagg by its number.
pub(crate) fn is_port(id: IfId) -> bool {
    number(id).is_some()
}

/// A port's number: one more than its slot, so that no two ports of this stack have the same.
//= IEEE 802.1AX s6.3.4 [LACP-12]: 1 to 65535, and the port's own whichever lagg it is in
pub(crate) fn number(id: IfId) -> Option<PortNumber> {
    u16::try_from(id.slot() + 1).ok().and_then(PortNumber::new)
}

/// The slot of the port of that number.
pub(crate) fn slot(number: PortNumber) -> usize {
    usize::from(number.get()) - 1
}

impl Joined {
    /// The machines of a new lagg, whose address is `mac` for now.
    pub(crate) fn new(id: IfId, settings: &LaggSpec, mac: Mac) -> Joined {
        let spec = settings.lacp;
        // Slots are this stack's, so are laggs' keys; the last slot's wraps to 0, which is a key like others.
        let key = (id.slot() as u16).wrapping_add(1);
        let mut joined = Joined {
            group: Group::new(GroupConfig::new(LacpSystem { priority: spec.system_priority, mac })),
            spec,
            key,
            mac: settings.mac,
            shown: 0,
            alarm: Alarm::default(),
        };
        joined.group = Group::new(joined.config(mac));
        joined
    }

    /// Whether the view is of before the last step; it is made anew when this says so.
    pub(crate) fn has_moved(&mut self) -> bool {
        std::mem::replace(&mut self.shown, self.group.generation()) != self.group.generation()
    }

    /// Whether one more PDU of a port may be looked at.
    pub(crate) fn admit(&mut self, now: Instant, port: PortNumber) -> Result<(), Ignored> {
        self.group.admit(now, port)
    }

    /// Whether frames that come in on a port belong to the lagg: it cannot go without the partner's knowing.
    pub(crate) fn is_collecting(&self, port: IfId) -> bool {
        self.port(port).is_some_and(lacp::Port::is_collecting)
    }

    /// Whether the port is on its way out and may go.
    pub(crate) fn is_retired(&self, port: IfId) -> bool {
        self.port(port).is_some_and(lacp::Port::is_retired)
    }

    /// Whether the port sends frames, and the lagg has enough that do.
    pub(crate) fn is_sending(&self, port: IfId) -> bool {
        self.group.carrier() && self.port(port).is_some_and(lacp::Port::is_distributing)
    }

    pub(crate) fn report(&self) -> LacpReport {
        LacpReport::of(&self.group, self.spec, self.wanted_key())
    }

    pub(crate) fn report_port(&self, port: IfId) -> Option<LacpPortReport> {
        self.port(port).map(LacpPortReport::of)
    }

    pub(crate) fn config(&self, provisional: Mac) -> GroupConfig {
        let mac = self.spec.system_mac.or(self.mac).unwrap_or(provisional);
        GroupConfig {
            min_links: self.spec.min_links,
            max_links: self.spec.max_links,
            ..GroupConfig::new(LacpSystem { priority: self.spec.system_priority, mac })
        }
    }

    pub(crate) fn wanted_key(&self) -> u16 {
        self.spec.key.unwrap_or(self.key)
    }

    pub(crate) fn port(&self, id: IfId) -> Option<&lacp::Port> {
        self.group.port(number(id)?)
    }
}
