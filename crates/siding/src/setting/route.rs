//! Routes, refusals, groups and neighbours.

use std::fmt;

use anyhow::Context;

use super::Among;
use super::Page;
use super::Setting;
use super::Slot;
use super::page::table;
use crate::config::GroupConfig;
use crate::config::NeighborConfig;
use crate::config::RouteConfig;
use crate::config::refuse::METRIC;
use crate::config::refuse::RefuseConfig;
use crate::daemon::Daemon;
use crate::daemon::Free;

/// A static route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routed(pub(crate) RouteConfig);

/// Destinations that are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) RefuseConfig);

/// A group that an interface joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined(pub(crate) GroupConfig);

/// A neighbour that nothing changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct StaticNeighbor(pub(crate) NeighborConfig);

impl Setting for Routed {
    fn slot(&self) -> Slot {
        Slot::among("route", &self.0.interface, Among::Way(self.0.to, self.0.via))
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.interface]
    }

    fn place(&self) -> String {
        format!("the route to {}", self.0.to)
    }

    fn say(&self, page: &mut Page) {
        let RouteConfig { to, via, interface, metric, weight } = &self.0;
        let mut said = table([("to", to.to_string().into())]);
        if let Some(via) = via {
            said.insert("via".into(), via.to_string().into());
        }
        said.insert("interface".into(), interface.clone().into());
        if *metric != METRIC {
            said.insert("metric".into(), i64::from(*metric).into());
        }
        if let Some(weight) = weight {
            said.insert("weight".into(), i64::from(*weight).into());
        }
        page.push("route", said);
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.add_route(ctx, &self.0)
    }

    /// By the same way: it has another metric or weight, or is alone no more.
    fn replaces(&self, _before: &Routed) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.remove_this_route(ctx, &self.0)
    }
}

impl fmt::Display for Routed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RouteConfig { to, via, interface, metric, weight } = &self.0;
        write!(f, "route to {to}")?;
        if let Some(via) = via {
            write!(f, " via {via}")?;
        }
        write!(f, " on {interface}, metric {metric}")?;
        weight.map_or(Ok(()), |weight| write!(f, ", weight {weight}"))
    }
}

impl Setting for Refused {
    fn slot(&self) -> Slot {
        Slot::among("refuse", "", Among::Way(self.0.to, None))
    }

    fn on(&self) -> Vec<&str> {
        Vec::new()
    }

    fn place(&self) -> String {
        format!("the refusal of {}", self.0.to)
    }

    fn say(&self, page: &mut Page) {
        let RefuseConfig { to, how, metric } = &self.0;
        let mut said = table([("to", to.to_string().into()), ("how", how.name().into())]);
        if *metric != METRIC {
            said.insert("metric".into(), i64::from(*metric).into());
        }
        page.push("refuse", said);
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.add_refusal(ctx, &self.0)
    }

    fn replaces(&self, _before: &Refused) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.remove_refusal(ctx, self.0.to)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let RefuseConfig { to, how, metric } = &self.0;
        write!(f, "refusal of {to}, how {}, metric {metric}", how.name())
    }
}

impl Setting for Joined {
    fn slot(&self) -> Slot {
        Slot::among("group", &self.0.interface, Among::Address(self.0.group.into()))
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.interface]
    }

    fn say(&self, page: &mut Page) {
        let GroupConfig { interface, group } = &self.0;
        page.push(
            "group",
            table([("interface", interface.clone().into()), ("group", group.to_string().into())]),
        );
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.join(ctx, &self.0.interface, self.0.group)
    }

    fn replaces(&self, _before: &Joined) -> bool {
        false
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.0.interface)?;
        daemon.stack.leave_group(ctx, id, self.0.group).map_err(|error| daemon.named(id, error))
    }
}

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: group {}", self.0.interface, self.0.group)
    }
}

impl Setting for StaticNeighbor {
    fn slot(&self) -> Slot {
        Slot::among("neighbor", &self.0.interface, Among::Address(self.0.address))
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.interface]
    }

    fn place(&self) -> String {
        format!("the neighbor {}", self.0.address)
    }

    fn say(&self, page: &mut Page) {
        let NeighborConfig { interface, address, mac } = &self.0;
        page.push(
            "neighbor",
            table([
                ("interface", interface.clone().into()),
                ("address", address.to_string().into()),
                ("mac", mac.to_string().into()),
            ]),
        );
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let NeighborConfig { interface, address, mac } = &self.0;
        let id = daemon.interface(interface)?;
        daemon.stack.add_neighbor(ctx, id, *address, *mac).with_context(|| interface.clone())
    }

    fn replaces(&self, _before: &StaticNeighbor) -> bool {
        false
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.0.interface)?;
        daemon.stack.flush_neighbors(ctx, id, |address| address == self.0.address);
        Ok(())
    }
}

impl fmt::Display for StaticNeighbor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let NeighborConfig { interface, address, mac } = &self.0;
        write!(f, "{interface}: neighbor {address} at {mac}")
    }
}
