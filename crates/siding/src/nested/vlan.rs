//! VLANs, shown.

use siding_stack::ifnet::Interface;
use siding_stack::ifnet::Kind;
use siding_stack::ifnet::Vlan;

use crate::address::report;
use crate::control::VlanRow;
use crate::nested::means;
use crate::state::daemon::Daemon;

impl Daemon {
    pub(crate) fn show_vlans(&self) -> Vec<VlanRow> {
        let config = self.stack.config();
        let vlans = config.interfaces().filter_map(|there| match &there.kind {
            Kind::Vlan(vlan) => Some((there, vlan)),
            _ => None,
        });
        let row = |(there, vlan): (&Interface, &Vlan)| VlanRow {
            name: there.ifnet.name.clone(),
            parent: there.parent_name().unwrap_or("-").to_owned(),
            vid: vlan.vid,
            protocol: means::tag_name(vlan.ethertype).to_owned(),
            link: there.link,
            mac: there.mac.to_string(),
            addresses: report::addresses(there),
        };
        vlans.map(row).collect()
    }
}
