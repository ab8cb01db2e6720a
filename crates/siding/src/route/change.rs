//! Routes and refusals, added and removed.

use std::net::IpAddr;

use anyhow::Context;
use anyhow::bail;
use siding_drivers::kernel::Cidr;
use siding_netisr::IfId;
use siding_stack::route::Prefix;

use super::means;
use super::means::RefuseConfig;
use super::means::RouteConfig;
use super::table;
use crate::control::Failure;
use crate::state::codes;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    /// Adds a route.
    pub(crate) fn add_route(&self, ctx: &mut Free<'_>, route: &RouteConfig) -> anyhow::Result<()> {
        self.exchange_routes(ctx, route.to, &[], &[route])
    }

    /// Takes routes to a prefix out and puts others in, as one change: nothing has changed if that fails. What was by an
    /// interface that has departed went with it.
    pub(crate) fn exchange_routes<'r>(
        &self,
        ctx: &mut Free<'_>,
        to: Cidr,
        gone: &[&'r RouteConfig],
        come: &[&'r RouteConfig],
    ) -> anyhow::Result<()> {
        let on = |route: &&'r RouteConfig| Ok((*route, self.interface(&route.interface)?));
        let come = come.iter().map(on).collect::<anyhow::Result<Vec<(&RouteConfig, IfId)>>>()?;
        table::exchange_these(&self.stack, ctx, to, gone, &come).map_err(|error| {
            let name = come.first().map_or_else(|| to.to_string(), |(route, _)| route.interface.clone());
            Failure::new(codes::of(&error), format!("{name}: {error}")).into()
        })
    }

    /// Refuses destinations.
    pub(crate) fn add_refusal(&self, ctx: &mut Free<'_>, refuse: &RefuseConfig) -> anyhow::Result<()> {
        let (how, metric, len) = (means::refusal(refuse.how), refuse.metric, refuse.to.length());
        match refuse.to.address() {
            IpAddr::V6(to) => self.stack.add_refusal6(ctx, Prefix::new(to, len)?, how, metric)?,
            IpAddr::V4(to) => self.stack.add_refusal4(ctx, Prefix::new(to, len)?, how, metric)?,
        }
        Ok(())
    }

    /// Removes a refusal.
    pub(crate) fn remove_refusal(&self, ctx: &mut Free<'_>, to: Cidr) -> anyhow::Result<()> {
        match self.admit(ctx, to)? {
            true => Ok(()),
            false => bail!("{to} is not refused: `siding show routes` tells what is"),
        }
    }

    /// Refuses a prefix no more; false if it did not.
    fn admit(&self, ctx: &mut Free<'_>, to: Cidr) -> anyhow::Result<bool> {
        Ok(match to.address() {
            IpAddr::V6(addr) => self.stack.remove_refusal6(ctx, &Prefix::new(addr, to.length())?)?,
            IpAddr::V4(addr) => self.stack.remove_refusal4(ctx, &Prefix::new(addr, to.length())?)?,
        })
    }

    /// Removes this very route, if its interface has not taken it along.
    pub(crate) fn remove_this_route(&self, ctx: &mut Free<'_>, route: &RouteConfig) -> anyhow::Result<()> {
        let Ok(on) = self.interface(&route.interface) else { return Ok(()) };
        match table::remove_this(&self.stack, ctx, route, on)? {
            true => Ok(()),
            false => bail!("no such route to {}: `siding show routes` lists them", route.to),
        }
    }

    /// Removes the routes to a prefix that agree with what was given of next hop and interface.
    pub(crate) fn remove_route(
        &self,
        ctx: &mut Free<'_>,
        to: Cidr,
        via: Option<IpAddr>,
        interface: Option<&str>,
    ) -> anyhow::Result<()> {
        let interface = interface.map(|name| self.interface(name)).transpose()?;
        let is_meant = |hop: Option<IpAddr>, on: IfId| {
            (via.is_none() || via == hop) && interface.is_none_or(|interface| interface == on)
        };
        let mut removed = 0;
        if via.is_none() && interface.is_none() {
            removed += usize::from(self.admit(ctx, to)?);
        }
        removed += table::remove_meant(&self.stack, ctx, to, is_meant)?;
        if removed == 0 {
            bail!("no such route to {to}: `siding show routes` lists them");
        }
        Ok(())
    }

    /// The interface that a route without one is meant to take: that which has the next hop on its link.
    pub(crate) fn on_link(&self, via: IpAddr) -> anyhow::Result<String> {
        let config = self.stack.config();
        let near = config.interfaces().find(|interface| match via {
            IpAddr::V6(via) => {
                interface.addrs6.iter().any(|own| Prefix::covering(own.addr, own.prefix_len).contains(via))
                    && !siding_wire::ip6::is_link_local(via)
            }
            IpAddr::V4(via) => {
                interface.addrs4.iter().any(|own| Prefix::covering(own.addr, own.prefix_len).contains(via))
            }
        });
        near.map(|interface| interface.ifnet.name.clone())
            .with_context(|| format!("no interface has a prefix with {via} in it: say which by `dev NAME`"))
    }
}
