//! Interfaces that lie on others: made, and taken apart.

use std::time::Duration;

use anyhow::bail;
use siding_netisr::IfId;
use siding_stack::ifnet::Kind;
use siding_stack::ifnet::Vlan;

use super::state::Daemon;
use super::state::Free;
use crate::config::Addressing;
use crate::config::Nested;
use crate::config::VlanConfig;
use crate::config::nested::ethertype;
use crate::setting;
use crate::setting::Setting;

/// How long an interface may take to go that could not be made in full.
const PATIENCE: Duration = Duration::from_secs(10);

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

    /// Makes an interface on others, with its addresses.
    pub(super) fn add_nested(&self, ctx: &mut Free<'_>, config: &Nested) -> anyhow::Result<()> {
        let name = config.name();
        self.make(ctx, config)?;
        self.put_on(ctx, name, config.addressing()).or_else(|error| {
            // Half an interface is worse than none.
            self.detach(ctx, name, PATIENCE)?;
            Err(error)
        })
    }

    /// Takes an interface apart that lies on others. Tells how long it took until nothing of it was left.
    pub(super) fn delete_nested(
        &self,
        ctx: &mut Free<'_>,
        name: &str,
        is_it: impl Fn(&Kind) -> bool,
        what: &str,
        timeout: Duration,
    ) -> anyhow::Result<Duration> {
        let id = self.interface(name)?;
        let config = self.stack.config();
        let Some(there) = config.interface(id).filter(|there| is_it(&there.kind)) else {
            bail!("'{name}' is no {what}: `siding show interfaces` tells what it is");
        };
        if !there.member_of.is_none() {
            let owner = self.name_of(there.member_of);
            bail!("'{name}' is a port of '{owner}': remove it from there first");
        }
        self.detach(ctx, name, timeout)
    }

    /// Puts on an interface what is said of it.
    pub(super) fn put_on(&self, ctx: &mut Free<'_>, name: &str, said: &Addressing) -> anyhow::Result<()> {
        setting::on(name, said).iter().try_for_each(|setting| setting.apply(self, ctx))
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
