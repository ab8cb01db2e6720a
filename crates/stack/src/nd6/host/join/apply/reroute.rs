//! What a host has learnt of routes, put into the table beside what others have there.

use std::net::Ipv6Addr;

use siding_netisr::IfId;

use crate::config::Config;
use crate::route::Hop;
use crate::route::Origin;
use crate::route::Rib;
use crate::route::Route;

/// Puts these routes in the place of those that the interface had learnt before. What somebody else has put there stays:
/// the operator, or an address with its prefix. Gives those that are in place now, what the table had no room for, and whether
/// one gave way.
pub(super) fn reroute(
    config: &Config,
    interface: IfId,
    before: &[Route<Ipv6Addr>],
    routes: &[Route<Ipv6Addr>],
) -> (Vec<Route<Ipv6Addr>>, Vec<String>, bool) {
    let is_learnt = |origin| matches!(origin, Origin::Advertised | Origin::Redirect);
    let mut rib = config.routing_at(interface).routes().rib6();
    // Where this one would be there is another of the same way: not ours to take out, nor to replace.
    let other = |rib: &Rib<Ipv6Addr>, route: &Route<Ipv6Addr>| {
        let same = |there: &&Route<Ipv6Addr>| {
            there.next_hop == route.next_hop && there.interface == interface && !is_learnt(there.origin)
        };
        rib.routes().routes_to(&route.prefix).find(same).is_some()
    };
    // Beside it the same router is one of several that share flows. A learnt one that was there before is still ours.
    let shares = |rib: &Rib<Ipv6Addr>, route: &Route<Ipv6Addr>| {
        let is_hop = |hop: Hop<Ipv6Addr>| Some(hop.router) == route.next_hop && hop.interface == interface;
        rib.group_to(&route.prefix).into_iter().flat_map(|group| group.hops).any(is_hop)
    };
    let place = |route: &Route<Ipv6Addr>| (route.prefix, route.next_hop);
    let of = |all: &[Route<Ipv6Addr>], route: &Route<Ipv6Addr>| {
        all.iter().find(|there| place(there) == place(route)).copied()
    };
    // What is new comes first: workers look on, and at no moment there is to be no route where there always is one.
    let mut refused = Vec::new();
    let mut there = Vec::with_capacity(routes.len());
    let mut gave_way = false;
    for route in routes {
        let is_there = rib.routes().routes_to(&route.prefix).any(|there| there == route);
        let gives_way = !is_there && (other(&rib, route) || shares(&rib, route));
        gave_way |= gives_way;
        match is_there || gives_way || rib.insert(*route).is_ok() {
            true => there.push(*route),
            false => refused.push(*route),
        }
    }
    let mut amiss = Vec::new();
    for route in before.iter().filter(|old| of(routes, old).is_none()) {
        if !other(&rib, route)
            && let Err(why) = rib.remove(&route.prefix, route.next_hop, interface)
        {
            amiss.push(format!("a learnt one to {} stays: {why}", route.prefix));
            there.push(*route);
        }
    }
    // There may be room now.
    for route in refused {
        match rib.insert(route) {
            Ok(_) => there.push(route),
            Err(why) => {
                amiss.push(format!("a learnt one to {} is not used: {why}", route.prefix));
                there.extend(of(before, &route));
            }
        }
    }
    (there, amiss, gave_way)
}
