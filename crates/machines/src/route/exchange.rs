//! Several routes of a prefix changed at once: who looks finds all as they were, or all as they are to be.

use siding_netisr::IfId;

use super::group::Group;
use super::group::Hop;
use super::groups::Kept;
use super::prefix::Address;
use super::prefix::Prefix;
use super::rib::Rib;
use super::table::Origin;
use super::table::Route;
use super::table::RouteError;
use super::way::Handle;

/// A way to a prefix: a route of its own, or one of several that share flows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leg<A, I = IfId> {
    /// Alone.
    Alone(Route<A, I>),
    /// With others.
    Sharing(Hop<A, I>),
}

impl<A, I: Copy> Leg<A, I> {
    /// The interface that packets leave by.
    pub fn interface(&self) -> I {
        match self {
            Leg::Alone(route) => route.interface,
            Leg::Sharing(hop) => hop.interface,
        }
    }
}

impl<A: Address, I: Handle> Rib<A, I> {
    /// Takes legs to a prefix out and puts others in, as one change: bounds are those of what there is when all is done, and as
    /// many flows stay with their routers as can. By the same router and interface a prefix has one leg that is static, alone or
    /// with others: what comes takes the place of either. Who is to go and is not there has gone.
    ///
    /// # Errors
    /// [`RouteError`]; nothing has changed then.
    pub fn exchange(
        &mut self,
        prefix: Prefix<A>,
        gone: &[Leg<A, I>],
        come: &[Leg<A, I>],
    ) -> Result<(), RouteError<A>> {
        let group = self.regrouped(prefix, gone, come)?;
        let before: Vec<Route<A, I>> = self.routes().routes_to(&prefix).copied().collect();
        let after = rerouted(prefix, &before, gone, come)?;
        self.put_routes(&before, &after);
        let group_before = self.groups.set(prefix, group);
        if let Err(error) = self.publish(&prefix) {
            self.groups.set(prefix, group_before);
            self.put_routes(&after, &before);
            return Err(error);
        }
        before.iter().chain(&after).for_each(|route| self.index(route));
        Ok(())
    }

    /// Adds routes as [`insert_all`](Self::insert_all) does, the static ones among them as [`exchange`](Self::exchange) does: who
    /// shares flows to a prefix is alone then. They are in order of their prefixes.
    ///
    /// # Errors
    /// As of `insert_all`.
    pub fn put_all(&mut self, routes: &[Route<A, I>]) -> Result<(), RouteError<A>> {
        if self.group_count() == 0 {
            return self.insert_all(routes);
        }
        let is_shared = |route: &Route<A, I>| self.groups.get(&route.prefix).is_some();
        let together =
            |a: &Route<A, I>, b: &Route<A, I>| a.prefix == b.prefix || !is_shared(a) && !is_shared(b);
        let runs: Vec<(bool, &[Route<A, I>])> =
            routes.chunk_by(together).map(|run| (run.first().is_some_and(is_shared), run)).collect();
        for (is_shared, run) in runs {
            let operators = run.iter().filter(|route| is_shared && route.origin == Origin::Static);
            let legs: Vec<Leg<A, I>> = operators.map(|route| Leg::Alone(*route)).collect();
            match run {
                [first, ..] if legs.len() == run.len() => self.exchange(first.prefix, &[], &legs)?,
                _ => self.insert_all(run)?,
            }
        }
        Ok(())
    }

    /// The prefix's group as it is to be.
    fn regrouped(
        &self,
        prefix: Prefix<A>,
        gone: &[Leg<A, I>],
        come: &[Leg<A, I>],
    ) -> Result<Option<Kept<A, I>>, RouteError<A>> {
        let before = self.groups.get(&prefix);
        let goes = |hop: &Hop<A, I>| {
            gone.iter().any(|leg| matches!(leg, Leg::Sharing(gone) if gone.is(hop)))
                || come.iter().any(|leg| matches!(leg, Leg::Alone(route) if is_by(route, hop)))
        };
        let mut hops: Vec<Hop<A, I>> = before.map_or_else(Vec::new, |kept| kept.hops.clone());
        hops.retain(|hop| !goes(hop));
        for leg in come {
            let Leg::Sharing(hop) = leg else { continue };
            match hops.iter_mut().find(|there| there.is(hop)) {
                Some(there) => *there = *hop,
                None => hops.push(*hop),
            }
        }
        if hops.is_empty() {
            return Ok(None);
        }
        let group = Group { prefix, hops };
        self.may_be(&group)?;
        Ok(Some(Kept::new(group.hops, before)))
    }
}

fn is_by<A: Address, I: Handle>(route: &Route<A, I>, hop: &Hop<A, I>) -> bool {
    (route.next_hop, route.interface) == (Some(hop.router), hop.interface)
}

/// The prefix's routes as they are to be, of those that it has.
fn rerouted<A: Address, I: Handle>(
    prefix: Prefix<A>,
    before: &[Route<A, I>],
    gone: &[Leg<A, I>],
    come: &[Leg<A, I>],
) -> Result<Vec<Route<A, I>>, RouteError<A>> {
    let is_same = |one: &Route<A, I>, other: &Route<A, I>| {
        (one.next_hop, one.interface) == (other.next_hop, other.interface)
    };
    // What was learnt by the same way as a hop is not the operator's.
    let goes = |route: &Route<A, I>| {
        gone.iter().chain(come).any(|leg| matches!(leg, Leg::Alone(other) if is_same(route, other)))
            || route.origin == Origin::Static
                && come.iter().any(|leg| matches!(leg, Leg::Sharing(hop) if is_by(route, hop)))
    };
    let mut after: Vec<Route<A, I>> = before.iter().copied().filter(|route| !goes(route)).collect();
    for leg in come {
        let Leg::Alone(route) = leg else { continue };
        route.check()?;
        after.retain(|there| !is_same(there, route));
        after.push(Route { prefix, ..*route });
    }
    Ok(after)
}

#[cfg(test)]
mod tests {
    use core::net::Ipv6Addr;

    use super::super::BUCKETS;
    use super::super::Fib;
    use super::super::MOST_HOPS;
    use super::super::MOST_WAYS;
    use super::super::Way;
    use super::*;

    type Leg6 = Leg<Ipv6Addr, u16>;
    /// Ways alone, and routers that share flows.
    type All = (Vec<Route<Ipv6Addr, u16>>, Vec<Hop<Ipv6Addr, u16>>);

    fn prefix() -> Prefix<Ipv6Addr> {
        "2001:db8::/32".parse().expect("a prefix")
    }

    fn router(number: u16) -> Ipv6Addr {
        Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, number)
    }

    fn sharing(number: u16, metric: u32) -> Leg6 {
        Leg::Sharing(Hop { router: router(number), interface: 1, weight: 1, metric })
    }

    fn alone(number: u16, origin: Origin) -> Leg6 {
        let (next_hop, metric) = (Some(router(number)), 5);
        Leg::Alone(Route { prefix: prefix(), next_hop, interface: 1, metric, origin })
    }

    fn many(numbers: core::ops::Range<u16>, leg: impl Fn(u16) -> Leg6) -> Vec<Leg6> {
        numbers.map(leg).collect()
    }

    /// The routers of all buckets' flows.
    fn ways(fib: &Fib<Ipv6Addr, u16>) -> Vec<u16> {
        let way = |flow| match fib.lookup_for(prefix().addr(), || flow) {
            Some(Way::Out { next_hop: Some(router), .. }) => router.segments()[7],
            other => panic!("{other:?}"),
        };
        (0..BUCKETS as u32).map(way).collect()
    }

    /// What there is to the prefix.
    fn all(rib: &Rib<Ipv6Addr, u16>) -> All {
        let hops = rib.group_to(&prefix()).map_or_else(Vec::new, |group| group.hops);
        assert_eq!(rib.hop_count(), hops.len());
        (rib.routes().routes_to(&prefix()).copied().collect(), hops)
    }

    #[test]
    fn as_many_as_there_may_be_give_way_to_as_many_others_in_one_change() {
        let mut rib = Rib::default();
        let fib = rib.fib();
        let most = MOST_HOPS as u16;
        let (old, new) = (many(1..most + 1, |at| sharing(at, 5)), many(101..most + 101, |at| sharing(at, 5)));
        rib.exchange(prefix(), &[], &old).expect("room");
        let seen = rib.changes();
        rib.exchange(prefix(), &old, &new).expect("no more than there may be");
        assert_eq!(rib.changes(), seen + 1, "nobody meets some of them");
        let shares = ways(&fib);
        assert!((101..most + 101).all(|hop| shares.iter().filter(|way| **way == hop).count() == 16));
        // One of them changes: flows of the others stay.
        rib.exchange(prefix(), &new[..1], &old[..1]).expect("room");
        let moved = shares.iter().zip(ways(&fib)).all(|(before, after)| *before == after || *before == 101);
        assert!(moved && !ways(&fib).contains(&101));
        let refused = rib.exchange(prefix(), &[], &new[..1]);
        assert_eq!(refused, Err(RouteError::Hops(MOST_HOPS + 1)));
        rib.exchange(prefix(), &[&new[1..], &old[..1]].concat(), &[]).expect("room");
        assert_eq!((all(&rib), fib.lookup(prefix().addr()), rib.ways()), ((vec![], vec![]), None, 0));

        let most = MOST_WAYS as u16;
        let static_ = |at| alone(at, Origin::Static);
        let (old, new) = (many(1..most + 1, static_), many(501..most + 501, static_));
        rib.exchange(prefix(), &[], &old).expect("room");
        rib.exchange(prefix(), &old, &new).expect("no more than there may be");
        let before = all(&rib);
        assert!(before.0.len() == 256 && before.0.iter().all(|route| route.next_hop >= Some(router(501))));
        assert_eq!(rib.exchange(prefix(), &[], &old[..1]), Err(RouteError::Ways));
        assert_eq!((all(&rib), ways(&fib)[0]), (before, 501), "nothing has changed");
        rib.remove_interface(1).expect("room");
        assert_eq!(rib.ways(), 0);
    }

    #[test]
    fn by_the_same_router_there_is_one_alone_or_with_others() {
        let mut rib = Rib::default();
        let fib = rib.fib();
        rib.exchange(prefix(), &[], &[alone(1, Origin::Static), alone(2, Origin::Advertised)]).expect("room");
        // Becomes one of several; what was learnt is not the operator's.
        rib.exchange(prefix(), &[], &[sharing(1, 5), sharing(2, 5)]).expect("room");
        let (routes, hops) = all(&rib);
        assert_eq!(hops.len(), 2);
        assert_eq!(routes.iter().map(|route| route.next_hop).collect::<Vec<_>>(), [Some(router(2))]);
        let shares = ways(&fib);
        // Another metric of one moves nothing.
        rib.exchange(prefix(), &[], &[sharing(1, 4)]).expect("room");
        assert_eq!((ways(&fib), rib.group_to(&prefix()).map(|group| group.metric())), (shares, Some(4)));
        // And is alone again; the other goes meanwhile.
        rib.exchange(prefix(), &[sharing(2, 0)], &[alone(1, Origin::Static)]).expect("room");
        assert_eq!((all(&rib).0.len(), all(&rib).1.len(), ways(&fib)[0]), (2, 0, 1));
        // Who has gone already does no harm, and the interface takes all along.
        rib.exchange(prefix(), &[sharing(2, 0), alone(7, Origin::Static)], &[]).expect("room");
        rib.remove_interface(1).expect("room");
        assert_eq!((all(&rib), rib.ways()), ((vec![], vec![]), 0));
    }

    #[test]
    fn a_list_takes_the_place_of_who_shares_flows() {
        let route = |number: u16, to: &str| {
            let (prefix, next_hop) = (to.parse().expect("a prefix"), Some(router(number)));
            Route { prefix, next_hop, interface: 1, metric: 5, origin: Origin::Static }
        };
        let before = "2001:db7::/32";
        let after = "2001:db9::/32";
        for list in [
            vec![route(1, "2001:db8::/32")],
            vec![route(7, before), route(1, "2001:db8::/32"), route(3, "2001:db8::/32"), route(7, after)],
        ] {
            let (mut listed, mut one_by_one) = (Rib::default(), Rib::default());
            for rib in [&mut listed, &mut one_by_one] {
                rib.exchange(prefix(), &[], &[sharing(1, 5), sharing(2, 5)]).expect("room");
            }
            listed.put_all(&list).expect("room");
            for route in &list {
                one_by_one.exchange(route.prefix, &[], &[Leg::Alone(*route)]).expect("room");
            }
            assert_eq!(all(&listed), all(&one_by_one));
            assert_eq!(listed.hop_count(), 1, "who is alone shares no more");
            let there = |rib: &Rib<Ipv6Addr, u16>| rib.routes().iter().copied().collect::<Vec<_>>();
            assert_eq!(there(&listed), there(&one_by_one));
            assert_eq!(there(&listed).len(), list.len());
        }
    }

    #[test]
    fn what_there_is_no_room_for_changes_nothing() {
        for lines in 40..80 {
            let mut rib = Rib::<Ipv6Addr, u16>::with_lines(lines);
            let fib = rib.fib();
            let first = [alone(1, Origin::Static), sharing(2, 5)];
            if rib.exchange(prefix(), &[], &first).is_err() {
                continue;
            }
            let (before, flows, used) = (all(&rib), ways(&fib), rib.ways());
            let other = [alone(2, Origin::Static), sharing(1, 4), sharing(3, 9), sharing(4, 9)];
            match rib.exchange(prefix(), &[], &other) {
                Ok(()) => return assert!(lines > 40, "never full"),
                Err(error) => assert_eq!(error, RouteError::Full),
            }
            assert_eq!((all(&rib), ways(&fib), rib.ways()), (before, flows, used));
            // It is known by which interfaces they are, too.
            rib.remove_interface(1).expect("room");
            assert_eq!(all(&rib), (vec![], vec![]));
        }
        panic!("never room");
    }
}
