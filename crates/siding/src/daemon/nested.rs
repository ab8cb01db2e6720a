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

/// How long an interface may take to go that could not be made in full.
const PATIENCE: Duration = Duration::from_secs(10);

impl Daemon {
    /// Makes an interface on others, with its addresses.
    pub(super) fn add_nested(&self, ctx: &mut Free<'_>, config: &Nested) -> anyhow::Result<()> {
        let name = config.name();
        let id = match config {
            Nested::Vlan(vlan) => self.add_vlan(ctx, vlan)?,
            Nested::Lagg(lagg) => self.add_lagg(ctx, lagg)?,
            Nested::Bridge(bridge) => self.add_bridge(ctx, bridge)?,
        };
        self.log.command(format_args!("{name}: made"));
        self.add_addressing(ctx, id, config.addressing()).or_else(|error| {
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

    pub(super) fn add_addressing(
        &self,
        ctx: &mut Free<'_>,
        id: IfId,
        config: &Addressing,
    ) -> anyhow::Result<()> {
        // Before the link-local address, which may be made of its secret.
        if let Some(autoconf) = &config.autoconf {
            self.start_autoconf(ctx, id, autoconf.clone())?;
        }
        if config.link_local {
            self.stack.add_link_local(ctx, id, config.dad).map_err(|error| self.named(id, error))?;
        }
        for own in &config.addresses {
            self.nobody_else_has(id, own.address())?;
            let added = self.stack.add_address(ctx, id, own.address(), own.length(), config.dad);
            added.map_err(|error| self.named(id, error))?;
        }
        Ok(())
    }

    fn add_vlan(&self, ctx: &mut Free<'_>, config: &VlanConfig) -> anyhow::Result<IfId> {
        let parent = self.interface(&config.parent)?;
        let vlan = Vlan { parent, vid: config.vid, ethertype: config.tag.ethertype() };
        let id = self.stack.add_vlan(ctx, &config.name, vlan)?;
        self.log.name(id, &config.name);
        Ok(id)
    }
}
