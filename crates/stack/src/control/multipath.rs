//! Next-hop groups: several routers that share the flows to a prefix.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::route::AddRouteError;
use super::route::hop_out;
use crate::Stack;
#[cfg(doc)]
use crate::route::BUCKETS;
use crate::route::Group;
use crate::route::Hop;
use crate::route::Leg;
use crate::route::Prefix;

impl Stack {
    /// Has several routers share the flows to IPv6 destinations; a group of the same prefix is replaced. Each flow keeps to one
    /// of them: when one cannot be used any more only its own flows go by others, and one that comes takes but its share.
    ///
    /// # Errors
    ///
    /// The group cannot be, or there is no room for it; nothing has changed then.
    pub fn add_multipath6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        group: Group<Ipv6Addr>,
    ) -> Result<(), AddRouteError> {
        self.edit_routes(ctx, |config| {
            group.hops.iter().try_for_each(|hop| hop_out(config, hop.interface))?;
            Ok(config.default_routing().routes().rib6().insert_group(group)?)
        })
    }

    /// The same in IPv4.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn add_multipath4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        group: Group<Ipv4Addr>,
    ) -> Result<(), AddRouteError> {
        self.edit_routes(ctx, |config| {
            group.hops.iter().try_for_each(|hop| hop_out(config, hop.interface))?;
            Ok(config.default_routing().routes().rib4().insert_group(group)?)
        })
    }

    /// Has a router more share the flows to IPv6 destinations, or gives one another weight or metric.
    ///
    /// # Errors
    ///
    /// As [`add_multipath6`](Self::add_multipath6).
    pub fn add_hop6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: Prefix<Ipv6Addr>,
        hop: Hop<Ipv6Addr>,
    ) -> Result<(), AddRouteError> {
        self.edit_routes(ctx, |config| {
            hop_out(config, hop.interface)?;
            Ok(config.default_routing().routes().rib6().insert_hop(prefix, hop)?)
        })
    }

    /// The same in IPv4.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn add_hop4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: Prefix<Ipv4Addr>,
        hop: Hop<Ipv4Addr>,
    ) -> Result<(), AddRouteError> {
        self.edit_routes(ctx, |config| {
            hop_out(config, hop.interface)?;
            Ok(config.default_routing().routes().rib4().insert_hop(prefix, hop)?)
        })
    }

    /// Takes a router out of those that share flows to IPv6 destinations. False if it is none of them.
    ///
    /// # Errors
    ///
    /// The table has no room for what it would be without it: it stays.
    pub fn remove_hop6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Ipv6Addr>,
        router: Ipv6Addr,
        interface: IfId,
    ) -> Result<bool, AddRouteError> {
        self.edit_routes(ctx, |config| {
            Ok(config.default_routing().routes().rib6().remove_hop(prefix, router, interface)?)
        })
    }

    /// The same in IPv4.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn remove_hop4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Ipv4Addr>,
        router: Ipv4Addr,
        interface: IfId,
    ) -> Result<bool, AddRouteError> {
        self.edit_routes(ctx, |config| {
            Ok(config.default_routing().routes().rib4().remove_hop(prefix, router, interface)?)
        })
    }

    /// Takes legs to an IPv6 prefix out and puts others in, as one change: whoever looks finds all as they were or all as they are
    /// to be, and no bound is met in between. What comes takes the place of what is there by the same router and interface, alone
    /// or with others. Who is to go and is not there has gone.
    ///
    /// # Errors
    ///
    /// One of them cannot be, or there is no room; nothing has changed then.
    pub fn exchange_routes6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: Prefix<Ipv6Addr>,
        gone: &[Leg<Ipv6Addr>],
        come: &[Leg<Ipv6Addr>],
    ) -> Result<(), AddRouteError> {
        self.edit_routes(ctx, |config| {
            come.iter().try_for_each(|leg| hop_out(config, leg.interface()))?;
            Ok(config.default_routing().routes().rib6().exchange(prefix, gone, come)?)
        })
    }

    /// The same in IPv4.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn exchange_routes4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: Prefix<Ipv4Addr>,
        gone: &[Leg<Ipv4Addr>],
        come: &[Leg<Ipv4Addr>],
    ) -> Result<(), AddRouteError> {
        self.edit_routes(ctx, |config| {
            come.iter().try_for_each(|leg| hop_out(config, leg.interface()))?;
            Ok(config.default_routing().routes().rib4().exchange(prefix, gone, come)?)
        })
    }

    /// Removes the group of an IPv6 prefix. False if it has none.
    ///
    /// # Errors
    ///
    /// The table has no room for what it would be without it: the group stays.
    pub fn remove_multipath6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Ipv6Addr>,
    ) -> Result<bool, AddRouteError> {
        self.edit_routes(ctx, |config| Ok(config.default_routing().routes().rib6().remove_group(prefix)?))
    }

    /// The same in IPv4.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn remove_multipath4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Ipv4Addr>,
    ) -> Result<bool, AddRouteError> {
        self.edit_routes(ctx, |config| Ok(config.default_routing().routes().rib4().remove_group(prefix)?))
    }

    /// The routers that share the flows to an address now, usable or not, with what each has of [`BUCKETS`]; nothing if it has but
    /// one way.
    pub fn sharing(&self, dst: IpAddr) -> Vec<(IfId, IpAddr, usize)> {
        let config = self.config();
        match dst {
            IpAddr::V6(dst) => told(config.default_routing().sharing6(dst)),
            IpAddr::V4(dst) => told(config.default_routing().sharing4(dst)),
        }
    }

    /// The routers that share the flows to an IPv6 prefix.
    pub fn multipath6_to(&self, prefix: &Prefix<Ipv6Addr>) -> Option<Group<Ipv6Addr>> {
        self.config().default_routing().routes().rib6().group_to(prefix)
    }

    /// The same in IPv4.
    pub fn multipath4_to(&self, prefix: &Prefix<Ipv4Addr>) -> Option<Group<Ipv4Addr>> {
        self.config().default_routing().routes().rib4().group_to(prefix)
    }

    /// Every group of IPv6.
    pub fn multipaths6(&self) -> Vec<Group<Ipv6Addr>> {
        self.config().default_routing().routes().rib6().groups().collect()
    }

    /// Every group of IPv4.
    pub fn multipaths4(&self) -> Vec<Group<Ipv4Addr>> {
        self.config().default_routing().routes().rib4().groups().collect()
    }
}

fn told<A: Into<IpAddr>>(sharing: Vec<(IfId, A, usize)>) -> Vec<(IfId, IpAddr, usize)> {
    sharing.into_iter().map(|(interface, router, share)| (interface, router.into(), share)).collect()
}
