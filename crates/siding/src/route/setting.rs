//! Routes and refusals.

use std::fmt;

use siding_drivers::kernel::Cidr;

use super::means::METRIC;
use super::means::RefuseConfig;
use super::means::RouteConfig;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::page::table;
use crate::state::setting::Among;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// A static route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Routed(pub(crate) RouteConfig);

/// Destinations that are refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) RefuseConfig);

impl Setting for Routed {
    fn slot(&self) -> Slot {
        Slot::among("route", &self.0.interface, Among::Way(self.0.to, self.0.via))
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.interface]
    }

    fn leads_to(&self) -> Option<&Cidr> {
        Some(&self.0.to)
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

    fn leads_to(&self) -> Option<&Cidr> {
        Some(&self.0.to)
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
