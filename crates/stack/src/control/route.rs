//! Adding and removing routes; forwarding.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use siding_netisr::sync::MutexGuard;

use super::NoInterface;
use crate::Stack;
use crate::config::Config;
use crate::config::OnPort;
use crate::ifnet::VrfId;
use crate::nd6::host;
use crate::nd6::router;
use crate::route::Address;
use crate::route::Prefix;
use crate::route::Refusal;
use crate::route::Rib;
use crate::route::Route;
use crate::route::RouteError;
use crate::routes::Routes;
use crate::stack::Change;

/// Why a route was not added, or not removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddRouteError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// It is a port.
    #[error(transparent)]
    OnPort(#[from] OnPort),
    /// Its interface belongs to a routing instance of its own.
    #[error(
        "'{0}' is not in the default routing instance: routers that share flows, and refusals, are of that one alone; give the \
         route by one router"
    )]
    OtherVrf(String),
    /// The IPv6 route cannot be.
    #[error(transparent)]
    Route6(#[from] RouteError<Ipv6Addr>),
    /// The IPv4 route cannot be.
    #[error(transparent)]
    Route4(#[from] RouteError<Ipv4Addr>),
}

/// Routes that are changed at a time: whoever else asks the table waits meanwhile, for a millisecond or so.
const PIECE: usize = 1024;

impl Stack {
    /// Adds IPv6 routes; one with the same prefix, next hop and interface is replaced, be it one that shares flows with others. Many cost less at once than one by one:
    /// workers see them piece by piece, each as one change. Whoever else changes something waits for the whole list. When this
    /// returns, every look-up finds them: a packet that comes later goes by them.
    ///
    /// # Errors
    ///
    /// The first route that cannot be; none has been added then. When the table has no room for all, or a prefix would have
    /// more routes than one may ([`RouteError::Ways`]), those have been that lie before the first such prefix, in order of
    /// their prefixes, and no others.
    pub fn add_routes6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        routes: impl IntoIterator<Item = Route<Ipv6Addr>>,
    ) -> Result<(), AddRouteError> {
        self.add_routes(ctx, routes.into_iter().collect(), Routes::rib6)
    }

    /// Adds IPv4 routes, as [`add_routes6`](Self::add_routes6) does.
    ///
    /// # Errors
    ///
    /// As there.
    pub fn add_routes4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        routes: impl IntoIterator<Item = Route<Ipv4Addr>>,
    ) -> Result<(), AddRouteError> {
        self.add_routes(ctx, routes.into_iter().collect(), Routes::rib4)
    }

    /// Adds an IPv4 route.
    ///
    /// # Errors
    ///
    /// The route cannot be.
    pub fn add_route4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        route: Route<Ipv4Addr>,
    ) -> Result<(), AddRouteError> {
        self.add_routes4(ctx, [route])
    }

    fn add_routes<A: Address>(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        mut routes: Vec<Route<A>>,
        rib: for<'r> fn(&'r Routes) -> MutexGuard<'r, Rib<A>>,
    ) -> Result<(), AddRouteError>
    where
        AddRouteError: From<RouteError<A>>,
    {
        self.edit_routes(ctx, |config| {
            for route in &routes {
                way_out(config, route.interface)?;
                route.check()?;
            }
            // What lies near each other is changed together. Of those that are the same the last counts, as before.
            routes.sort_by_key(|route| route.prefix);
            for (id, vrf) in config.vrfs.iter() {
                let (here, elsewhere): (Vec<_>, Vec<_>) =
                    routes.into_iter().partition(|route| config.routing_at(route.interface).id() == id);
                routes = elsewhere;
                let mut left = &here[..];
                while let Some(last) = left.get(PIECE.min(left.len()).wrapping_sub(1)) {
                    // All of a prefix together.
                    let many = left.partition_point(|route| route.prefix <= last.prefix);
                    let (now, later) = left.split_at(many);
                    rib(&vrf.routes).put_all(now)?;
                    left = later;
                }
            }
            Ok(())
        })
    }

    /// Removes an IPv6 route. False if there is none.
    ///
    /// # Errors
    ///
    /// The table has no room for what it would be without it: the route stays.
    pub fn remove_route6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Ipv6Addr>,
        next_hop: Option<Ipv6Addr>,
        interface: IfId,
    ) -> Result<bool, AddRouteError> {
        self.edit_routes(ctx, |config| {
            Ok(config.routing_at(interface).routes().rib6().remove(prefix, next_hop, interface)?.is_some())
        })
    }

    /// Removes an IPv4 route. False if there is none.
    ///
    /// # Errors
    ///
    /// The table has no room for what it would be without it: the route stays.
    pub fn remove_route4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Ipv4Addr>,
        next_hop: Option<Ipv4Addr>,
        interface: IfId,
    ) -> Result<bool, AddRouteError> {
        self.edit_routes(ctx, |config| {
            Ok(config.routing_at(interface).routes().rib4().remove(prefix, next_hop, interface)?.is_some())
        })
    }

    /// Refuses IPv6 destinations from now on; a refusal of the same prefix is replaced.
    ///
    /// # Errors
    ///
    /// The table is full; nothing has changed then.
    pub fn add_refusal6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: Prefix<Ipv6Addr>,
        refusal: Refusal,
        metric: u32,
    ) -> Result<(), AddRouteError> {
        self.edit_routes(ctx, |config| {
            Ok(config.default_routing().routes().rib6().refuse(prefix, refusal, metric)?)
        })
    }

    /// Does not refuse an IPv6 prefix any more. False if it was not refused.
    ///
    /// # Errors
    ///
    /// As [`remove_route6`](Self::remove_route6): it is refused as before.
    pub fn remove_refusal6(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Ipv6Addr>,
    ) -> Result<bool, AddRouteError> {
        self.edit_routes(ctx, |config| Ok(config.default_routing().routes().rib6().admit(prefix)?))
    }

    /// Every refused IPv6 prefix.
    pub fn refusals6(&self) -> Vec<Route<Ipv6Addr, Refusal>> {
        self.config().default_routing().routes().rib6().refusals().iter().copied().collect()
    }

    /// Refuses IPv4 destinations from now on; a refusal of the same prefix is replaced.
    ///
    /// # Errors
    ///
    /// As [`add_refusal6`](Self::add_refusal6).
    pub fn add_refusal4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: Prefix<Ipv4Addr>,
        refusal: Refusal,
        metric: u32,
    ) -> Result<(), AddRouteError> {
        self.edit_routes(ctx, |config| {
            Ok(config.default_routing().routes().rib4().refuse(prefix, refusal, metric)?)
        })
    }

    /// Does not refuse an IPv4 prefix any more. False if it was not refused.
    ///
    /// # Errors
    ///
    /// As [`remove_route4`](Self::remove_route4): it is refused as before.
    pub fn remove_refusal4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Ipv4Addr>,
    ) -> Result<bool, AddRouteError> {
        self.edit_routes(ctx, |config| Ok(config.default_routing().routes().rib4().admit(prefix)?))
    }

    /// Every refused IPv4 prefix.
    pub fn refusals4(&self) -> Vec<Route<Ipv4Addr, Refusal>> {
        self.config().default_routing().routes().rib4().refusals().iter().copied().collect()
    }

    /// Says whether an interface's link has but two ends (RFC 4443 s3.1).
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn set_point_to_point(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        id: IfId,
        point_to_point: bool,
    ) -> Result<(), NoInterface> {
        self.change(ctx, |control, _ctx, _told| {
            self.shared.try_change(control, |config| {
                let interface = config.interface_mut(id).ok_or(NoInterface(id))?;
                interface.point_to_point = point_to_point;
                Ok(())
            })
        })
    }

    /// Forwards packets for others, or stops to. Advertisements carry the Router flag accordingly.
    pub fn set_forwarding(&self, ctx: &mut Ctx<'_, Unlocked>, forwarding: bool) {
        let now = self.now();
        // A router listens to a group more, which each worker tells its devices, and which is reported.
        self.change_always(ctx, |control, ctx, told| {
            self.shared.change(control, |config| config.forwarding = forwarding);
            let change = &mut Change { shared: &self.shared, control, ctx, now };
            if !forwarding {
                router::stop_all(change);
            }
            told.extend(host::forwarding_changed(change));
        });
    }

    /// Whether a router notes neighbours that announce themselves unasked (RFC 9131). It does unless told otherwise: the
    /// first packet from afar to a new neighbour then need not wait. Who fears for its tables says no.
    pub fn set_learn_announced(&self, ctx: &mut Ctx<'_, Unlocked>, learn: bool) {
        self.edit(ctx, |config| config.ignore_announced = !learn);
    }

    /// Whether packets for others that are plain go by express, from the next batch of each worker on. Nothing but the time that
    /// they take depends on it.
    pub fn set_express(&self, ctx: &mut Ctx<'_, Unlocked>, express: bool) {
        self.edit(ctx, |config| config.express = express);
    }

    /// Whether the hop-by-hop options of packets for others are looked at, and obeyed as RFC 8200 s4.2 says. They are
    /// not unless told otherwise: what is looked at costs more, and others choose it (RFC 9673).
    pub fn set_examine_options(&self, ctx: &mut Ctx<'_, Unlocked>, examine: bool) {
        self.edit(ctx, |config| config.examine_options = examine);
    }

    /// Changes routes under the control lock. Nothing else has changed then: no configuration is published, nobody follows.
    pub(super) fn edit_routes<T>(&self, ctx: &mut Ctx<'_, Unlocked>, edit: impl FnOnce(&Config) -> T) -> T {
        let (_control, _ctx) = ctx.lock(&self.shared.control);
        edit(&self.shared.config.load())
    }

    fn edit<T>(&self, ctx: &mut Ctx<'_, Unlocked>, edit: impl FnOnce(&mut Config) -> T) -> T {
        self.change_always(ctx, |control, _ctx, _told| self.shared.change(control, edit))
    }
}

/// That routes may lead out of the interface.
pub(super) fn way_out(config: &Config, id: IfId) -> Result<(), AddRouteError> {
    Ok(config.no_port(config.interface(id).ok_or(AddRouteError::NoInterface(id))?)?)
}

/// That routers by the interface may share flows.
pub(super) fn hop_out(config: &Config, id: IfId) -> Result<(), AddRouteError> {
    way_out(config, id)?;
    match config.interface(id).filter(|out| out.vrf != VrfId::DEFAULT) {
        Some(out) => Err(AddRouteError::OtherVrf(out.ifnet.name.clone())),
        None => Ok(()),
    }
}
