//! Interfaces that lie on others: made, and taken apart.

use std::time::Duration;

use anyhow::bail;
use siding_netisr::IfId;
use siding_stack::ifnet::Kind;
use siding_stack::ifnet::Vlan;

use crate::nested::means::Nested;
use crate::nested::means::VlanConfig;
use crate::nested::means::ethertype;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

/// What lies on others.
pub(crate) struct Sort {
    name: &'static str,
    is: fn(&Kind) -> bool,
}

/// A VLAN.
pub(crate) const VLAN: Sort = Sort { name: "VLAN", is: |kind| matches!(kind, Kind::Vlan(_)) };
/// A lagg.
pub(crate) const LAGG: Sort = Sort { name: "lagg", is: |kind| matches!(kind, Kind::Lagg(_)) };
/// A bridge.
pub(crate) const BRIDGE: Sort = Sort { name: "bridge", is: |kind| matches!(kind, Kind::Bridge(_)) };

impl Daemon {
    /// Makes an interface on others, with its ports and without addresses.
    pub(crate) fn make(&self, ctx: &mut Free<'_>, config: &Nested) -> anyhow::Result<IfId> {
        self.still_runs()?;
        let id = match config {
            Nested::Vlan(vlan) => self.add_vlan(ctx, vlan)?,
            Nested::Lagg(lagg) => self.add_lagg(ctx, lagg)?,
            Nested::Bridge(bridge) => self.add_bridge(ctx, bridge)?,
        };
        self.log.command(format_args!("{}: made", config.name()));
        Ok(id)
    }

    /// Takes an interface apart that lies on others. Tells how long it took until nothing of it was left.
    pub(crate) fn delete_nested(
        &self,
        ctx: &mut Free<'_>,
        name: &str,
        what: &Sort,
        timeout: Duration,
    ) -> anyhow::Result<Duration> {
        let id = self.interface(name)?;
        let config = self.stack.config();
        let Some(there) = config.interface(id).filter(|there| (what.is)(&there.kind)) else {
            bail!("'{name}' is no {}: `siding show interfaces` tells what it is", what.name);
        };
        if !there.member_of.is_none() {
            let owner = self.name_of(there.member_of);
            bail!("'{name}' is a port of '{owner}': remove it from there first");
        }
        self.detach(ctx, name, timeout)
    }

    fn add_vlan(&self, ctx: &mut Free<'_>, config: &VlanConfig) -> anyhow::Result<IfId> {
        let parent = self.interface(&config.parent)?;
        let vlan = Vlan { parent, vid: config.vid, ethertype: ethertype(config.tag) };
        let id = self.stack.add_vlan(ctx, &config.name, vlan)?;
        self.log.name(id, &config.name);
        self.stack.ask_mtu(ctx, id, config.mtu)?;
        Ok(id)
    }
}
