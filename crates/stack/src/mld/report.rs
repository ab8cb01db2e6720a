//! Groups, for tables.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_wire::ip6;
use siding_wire::mld::is_reported;

use super::GroupReport;
use super::Machines;
use super::Why;
use crate::Stack;
use crate::ifnet::Interface;

impl Stack {
    /// Every group that is listened to, by interface.
    pub fn groups(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<GroupReport> {
        let (mut control, _ctx) = ctx.lock(&self.shared.control);
        let config = self.shared.config.load();
        let mut reports = Vec::new();
        for interface in config.interfaces().filter(|interface| interface.member_of.is_none()) {
            let id = interface.ifnet.id;
            let machine = control.rooms.of::<Machines>().get(&id).map(|machine| &machine.listener);
            let groups: BTreeSet<Ipv6Addr> = interface.groups(config.forwarding).collect();
            reports.extend(groups.into_iter().map(|group| GroupReport {
                interface: id,
                group,
                why: why(interface, group),
                told: machine.filter(|_| is_reported(group)).map(|told| told.is_told(group) == Some(true)),
                version1_until: machine.and_then(|machine| machine.version1_until()),
            }));
        }
        reports
    }
}

/// Why an interface listens to one of its groups.
fn why(interface: &Interface, group: Ipv6Addr) -> Why {
    match group {
        ip6::ALL_NODES | ip6::ALL_NODES_IFACE => Why::Node,
        _ if interface.joined.contains(&group) => Why::Asked,
        ip6::ALL_ROUTERS => Why::Router,
        _ => Why::Address,
    }
}
