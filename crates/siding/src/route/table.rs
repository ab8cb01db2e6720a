//! Routes, alone or of several that share flows.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use anyhow::bail;
use siding_drivers::kernel::Cidr;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_stack::AddRouteError;
use siding_stack::Stack;
use siding_stack::route::Address;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Leg;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;

use super::means::RouteConfig;

type Outcome<T> = Result<T, AddRouteError>;

/// What the stack does with routes of a family.
trait Family: Address {
    fn exchange(
        stack: &Stack,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: Prefix<Self>,
        gone: &[Leg<Self>],
        come: &[Leg<Self>],
    ) -> Outcome<()>;
    fn add(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, routes: Vec<Route<Self>>) -> Outcome<()>;
    fn remove(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, route: &Route<Self>) -> Outcome<bool>;
    fn remove_hop(
        stack: &Stack,
        ctx: &mut Ctx<'_, Unlocked>,
        prefix: &Prefix<Self>,
        hop: (Self, IfId),
    ) -> Outcome<bool>;
    /// All to a prefix, those that share flows apart.
    fn to(stack: &Stack, prefix: &Prefix<Self>) -> (Vec<Route<Self>>, Option<Group<Self>>);
    fn of(addr: IpAddr) -> Option<Self>;
}

macro_rules! family {
    ($addr:ty, $of:pat => $is:expr, $exchange:ident, $add:ident, $remove:ident, $remove_hop:ident, $routes:ident, $group:ident) => {
        impl Family for $addr {
            fn exchange(
                stack: &Stack,
                ctx: &mut Ctx<'_, Unlocked>,
                prefix: Prefix<Self>,
                gone: &[Leg<Self>],
                come: &[Leg<Self>],
            ) -> Outcome<()> {
                stack.$exchange(ctx, prefix, gone, come)
            }

            fn add(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, routes: Vec<Route<Self>>) -> Outcome<()> {
                stack.$add(ctx, routes)
            }

            fn remove(stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, route: &Route<Self>) -> Outcome<bool> {
                stack.$remove(ctx, &route.prefix, route.next_hop, route.interface)
            }

            fn remove_hop(
                stack: &Stack,
                ctx: &mut Ctx<'_, Unlocked>,
                prefix: &Prefix<Self>,
                (router, interface): (Self, IfId),
            ) -> Outcome<bool> {
                stack.$remove_hop(ctx, prefix, router, interface)
            }

            fn to(stack: &Stack, prefix: &Prefix<Self>) -> (Vec<Route<Self>>, Option<Group<Self>>) {
                (stack.$routes(prefix), stack.$group(prefix))
            }

            fn of(addr: IpAddr) -> Option<Self> {
                match addr {
                    $of => $is,
                    _ => None,
                }
            }
        }
    };
}

family!(Ipv6Addr, IpAddr::V6(addr) => Some(addr), exchange_routes6, add_routes6, remove_route6, remove_hop6, routes6_to, multipath6_to);
family!(Ipv4Addr, IpAddr::V4(addr) => Some(addr), exchange_routes4, add_routes4, remove_route4, remove_hop4, routes4_to, multipath4_to);

/// The route that is configured.
fn meant<A: Family>(route: &RouteConfig, to: A, interface: IfId) -> anyhow::Result<Route<A>> {
    let next_hop = match route.via.map(|via| (via, A::of(via))) {
        Some((via, None)) => {
            bail!("{via} cannot lead to {}: one is IPv4 and the other IPv6", route.to)
        }
        via => via.and_then(|(_, via)| via),
    };
    let (prefix, metric, origin) = (Prefix::new(to, route.to.length())?, route.metric, Origin::Static);
    Ok(Route { prefix, next_hop, interface, metric, origin })
}

/// The same, as one of those that its prefix has.
fn leg<A: Family>(route: &RouteConfig, to: A, interface: IfId) -> anyhow::Result<Leg<A>> {
    let there = meant(route, to, interface)?;
    Ok(match (route.weight, there.next_hop) {
        (Some(weight), Some(router)) => Leg::Sharing(Hop { router, interface, weight, metric: there.metric }),
        _ => Leg::Alone(there),
    })
}

fn exchange<A: Family>(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    (to, len): (A, u8),
    gone: &[(&RouteConfig, IfId)],
    come: &[(&RouteConfig, IfId)],
) -> anyhow::Result<()> {
    let legs = |routes: &[(&RouteConfig, IfId)]| -> anyhow::Result<Vec<Leg<A>>> {
        routes.iter().map(|(route, on)| leg(route, to, *on)).collect()
    };
    let (gone, come) = (legs(gone)?, legs(come)?);
    Ok(A::exchange(stack, ctx, Prefix::new(to, len)?, &gone, &come)?)
}

fn remove<A: Family>(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    route: &Route<A>,
    is_shared: bool,
) -> Outcome<bool> {
    match route.next_hop.filter(|_| is_shared) {
        Some(router) => A::remove_hop(stack, ctx, &route.prefix, (router, route.interface)),
        None => A::remove(stack, ctx, route),
    }
}

/// Removes those to a prefix that are meant, and says how many they were.
fn remove_all<A: Family + Into<IpAddr>>(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    prefix: &Prefix<A>,
    is_meant: impl Fn(Option<IpAddr>, IfId) -> bool,
) -> Outcome<usize> {
    let (routes, group) = A::to(stack, prefix);
    let mut removed = 0;
    for route in routes.iter().filter(|route| is_meant(route.next_hop.map(Into::into), route.interface)) {
        removed += usize::from(A::remove(stack, ctx, route)?);
    }
    let hops = group.into_iter().flat_map(|group| group.hops);
    for hop in hops.filter(|hop| is_meant(Some(hop.router.into()), hop.interface)) {
        removed += usize::from(A::remove_hop(stack, ctx, prefix, (hop.router, hop.interface))?);
    }
    Ok(removed)
}

/// Takes routes to a prefix out and puts others in, as one change. Each that comes is by the interface beside it; one that is to
/// go by an interface that has departed has gone.
///
/// # Errors
///
/// One of them cannot be; nothing has changed then.
pub(crate) fn exchange_these(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    to: Cidr,
    gone: &[&RouteConfig],
    come: &[(&RouteConfig, IfId)],
) -> anyhow::Result<()> {
    let config = stack.config();
    let there = |route: &&RouteConfig| config.by_name(&route.interface).map(|on| on.ifnet.id);
    let gone: Vec<_> = gone.iter().filter_map(|route| Some((*route, there(route)?))).collect();
    match to.address() {
        IpAddr::V6(addr) => exchange(stack, ctx, (addr, to.length()), &gone, come),
        IpAddr::V4(addr) => exchange(stack, ctx, (addr, to.length()), &gone, come),
    }
}

/// Adds routes, each by the interface beside it and alone: together they cost less than one by one.
///
/// # Errors
///
/// One of them cannot be; some of the others have been added then.
pub(crate) fn add_these(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    routes: &[(RouteConfig, IfId)],
) -> anyhow::Result<()> {
    let (mut six, mut four) = (Vec::new(), Vec::new());
    for (route, on) in routes {
        match route.to.address() {
            IpAddr::V6(to) => six.push(meant(route, to, *on)?),
            IpAddr::V4(to) => four.push(meant(route, to, *on)?),
        }
    }
    if !six.is_empty() {
        Ipv6Addr::add(stack, ctx, six)?;
    }
    if !four.is_empty() {
        Ipv4Addr::add(stack, ctx, four)?;
    }
    Ok(())
}

/// Removes this very route; false if there is none.
///
/// # Errors
///
/// It cannot be.
pub(crate) fn remove_this(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    route: &RouteConfig,
    on: IfId,
) -> anyhow::Result<bool> {
    let is_shared = route.weight.is_some();
    Ok(match route.to.address() {
        IpAddr::V6(to) => remove(stack, ctx, &meant(route, to, on)?, is_shared)?,
        IpAddr::V4(to) => remove(stack, ctx, &meant(route, to, on)?, is_shared)?,
    })
}

/// Removes the routes to a prefix that are meant, and says how many they were.
///
/// # Errors
///
/// One cannot be.
pub(crate) fn remove_meant(
    stack: &Stack,
    ctx: &mut Ctx<'_, Unlocked>,
    to: Cidr,
    is_meant: impl Fn(Option<IpAddr>, IfId) -> bool,
) -> anyhow::Result<usize> {
    Ok(match to.address() {
        IpAddr::V6(addr) => remove_all(stack, ctx, &Prefix::new(addr, to.length())?, is_meant)?,
        IpAddr::V4(addr) => remove_all(stack, ctx, &Prefix::new(addr, to.length())?, is_meant)?,
    })
}

#[cfg(test)]
mod tests {
    use siding_lockorder::Root;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_netisr::Instant;
    use siding_stack::InterfaceSpec;
    use siding_stack::StackConfig;
    use siding_wire::Mac;

    use super::*;

    fn by(interface: &str, via: &str, weight: Option<u8>) -> RouteConfig {
        let (to, via) = ("2001:db8:77::/48".parse().unwrap(), Some(via.parse().unwrap()));
        RouteConfig { to, via, interface: interface.to_owned(), metric: 1024, weight }
    }

    #[test]
    fn what_is_to_go_by_an_interface_that_has_departed_has_gone() {
        let pool = Pool::new(PoolConfig { buffers: 64, ..PoolConfig::default() }).unwrap();
        let stack = Stack::new(StackConfig::new(pool, || Instant::from_nanos(1))).unwrap();
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let ctx = &mut entered.ctx();
        let attach = |name: &str, ctx: &mut Ctx<'_, Unlocked>| {
            let spec = InterfaceSpec { name: name.to_owned(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
            stack.attach_absent(ctx, spec).unwrap()
        };
        let stays = attach("stays", ctx);
        for (name, weight) in [("alone", None), ("sharing", Some(1))] {
            let departs = attach(name, ctx);
            let old = [by("stays", "fe80::1", weight), by(name, "fe80::2", weight)];
            let new = by("stays", "fe80::3", weight);
            exchange_these(&stack, ctx, new.to, &[], &[(&old[0], stays), (&old[1], departs)]).unwrap();
            stack.detach(ctx, departs).unwrap();
            exchange_these(&stack, ctx, new.to, &[&old[0], &old[1]], &[(&new, stays)]).unwrap();
            let (routes, group) = Ipv6Addr::to(&stack, &"2001:db8:77::/48".parse().unwrap());
            let sharing = group.into_iter().flat_map(|group| group.hops).map(|hop| Some(hop.router));
            let left: Vec<_> = routes.iter().map(|route| route.next_hop).chain(sharing).collect();
            assert_eq!(left, [Some("fe80::3".parse().unwrap())]);
            exchange_these(&stack, ctx, new.to, &[&new], &[]).unwrap();
        }
    }
}
