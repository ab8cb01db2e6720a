use core::net::Ipv4Addr;
use core::net::Ipv6Addr;
use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

fn route6(prefix: &str, next_hop: Option<&str>, interface: u16, metric: u32) -> Route<Ipv6Addr, u16> {
    Route {
        prefix: prefix.parse().expect("prefix"),
        next_hop: next_hop.map(|addr| addr.parse().expect("address")),
        interface,
        metric,
        origin: Origin::Static,
    }
}

fn table6(routes: &[Route<Ipv6Addr, u16>]) -> Table<Ipv6Addr, u16> {
    let mut table = Table::new();
    for route in routes {
        assert_eq!(table.insert(*route), Ok(None));
    }
    table
}

fn interface(table: &Table<Ipv6Addr, u16>, dst: &str) -> Option<u16> {
    table.lookup(dst.parse().expect("address")).map(|route| route.interface)
}

#[test]
fn longest_prefix_wins() {
    let table = table6(&[
        route6("2001:db8::/32", None, 1, 0),
        route6("2001:db8:1::/48", None, 2, 1000),
        route6("2001:db8:1::1/128", None, 3, 1000),
    ]);
    assert_eq!(interface(&table, "2001:db8:2::1"), Some(1));
    assert_eq!(interface(&table, "2001:db8:1::2"), Some(2));
    assert_eq!(interface(&table, "2001:db8:1::1"), Some(3));
    assert_eq!(interface(&table, "2001:db9::1"), None);
}

#[test]
fn equal_prefixes_by_metric_origin_next_hop_in_any_order_of_arrival() {
    let best = route6("::/0", Some("fe80::1"), 7, 5);
    let by_hop = route6("::/0", Some("fe80::2"), 7, 5);
    let by_origin = Route { origin: Origin::Advertised, ..route6("::/0", Some("fe80::"), 7, 5) };
    let by_metric = Route { origin: Origin::Connected, ..route6("::/0", None, 1, 6) };
    let sorted = [best, by_hop, by_origin, by_metric];
    for first in 0..4 {
        let mut arrival = sorted;
        arrival.rotate_left(first);
        for arrival in [arrival, {
            arrival.reverse();
            arrival
        }] {
            let mut table = table6(&arrival);
            assert_eq!(table.iter().copied().collect::<Vec<_>>(), sorted);
            for (gone, route) in sorted.iter().enumerate() {
                assert_eq!(table.lookup(Ipv6Addr::LOCALHOST), Some(route), "{gone} gone");
                assert_eq!(table.remove(&route.prefix, route.next_hop, route.interface), Some(*route));
            }
            assert!(table.is_empty() && table.lookup(Ipv6Addr::LOCALHOST).is_none());
        }
    }
}

#[test]
fn same_way_again_replaces() {
    let mut table = table6(&[route6("::/0", Some("fe80::1"), 1, 9), route6("::/0", Some("fe80::2"), 1, 5)]);
    let better = route6("::/0", Some("fe80::1"), 1, 1);
    assert_eq!(table.insert(better), Ok(Some(route6("::/0", Some("fe80::1"), 1, 9))));
    assert_eq!((table.len(), table.lookup(Ipv6Addr::LOCALHOST)), (2, Some(&better)));
    let absent = better.prefix;
    assert_eq!(table.remove(&absent, better.next_hop, 2), None, "another interface");
    assert_eq!(table.len(), 2);
}

#[test]
fn impossible_next_hops_are_refused() {
    let mut table = table6(&[]);
    for bad in ["::", "::1", "ff02::1"] {
        let addr = bad.parse().expect("address");
        assert_eq!(table.insert(route6("2001:db8::/32", Some(bad), 1, 0)), Err(RouteError::NextHop(addr)));
    }
    let itself = route6("2001:db8::1/128", Some("2001:db8::1"), 1, 0);
    assert!(matches!(table.insert(itself), Err(RouteError::Itself(_))));
    let mut table4 = Table::<Ipv4Addr, u16>::new();
    let prefix = "10.0.0.0/8".parse().expect("prefix");
    for bad in [[0, 0, 0, 0], [255; 4], [224, 0, 0, 1], [127, 0, 0, 1]] {
        let addr = Ipv4Addr::from(bad);
        let route = Route { prefix, next_hop: Some(addr), interface: 1, metric: 0, origin: Origin::Static };
        assert_eq!(table4.insert(route), Err(RouteError::NextHop(addr)));
    }
    assert!(table.is_empty() && table4.is_empty());
}

#[test]
fn an_unusable_prefix_gives_way() {
    let table = table6(&[
        route6("::/0", Some("fe80::1"), 1, 0),
        route6("2001:db8::/32", Some("fe80::2"), 2, 1),
        route6("2001:db8::/32", Some("fe80::3"), 3, 2),
    ]);
    let dst = "2001:db8::1".parse().expect("address");
    let found = |bad: &[u16]| table.lookup_where(dst, |r| !bad.contains(&r.interface)).map(|r| r.interface);
    assert_eq!(
        (found(&[]), found(&[2]), found(&[2, 3]), found(&[1, 2, 3])),
        (Some(2), Some(3), Some(1), None)
    );
}

type Routes<A> = BTreeMap<(Prefix<A>, Option<A>, u16), Route<A, u16>>;

/// The obvious way: look at every route.
fn scan<A: Address>(routes: &Routes<A>, dst: A) -> Option<Route<A, u16>> {
    let matching = routes.values().filter(|route| route.prefix.contains(dst));
    matching
        .min_by(|a, b| b.prefix.prefix_len().cmp(&a.prefix.prefix_len()).then_with(|| a.preference(b)))
        .copied()
}

/// Few bits vary, so that prefixes nest and collide; some from the upper end, and some next to an end of others.
fn address6() -> impl Strategy<Value = Ipv6Addr> {
    (any::<u8>(), 0..4u16, 0..3u8, 0..4u8, 0..6u8).prop_map(|(low, group, place, inverted, step)| {
        let bits = u128::from(low) << [0, 60, 120][usize::from(place)] | u128::from(group) << 62;
        let bits = if inverted == 0 { !bits } else { bits };
        Ipv6Addr::from_bits(match step {
            0 => bits.wrapping_add(1),
            1 => bits.wrapping_sub(1),
            _ => bits,
        })
    })
}

fn address4() -> impl Strategy<Value = Ipv4Addr> {
    (any::<u8>(), 0..25u32, 0..4u8).prop_map(|(low, shift, inverted)| {
        let bits = u32::from(low) << shift;
        Ipv4Addr::from_bits(if inverted == 0 { !bits } else { bits })
    })
}

/// The same with refusals, as RFC 4443 s3.1 and `ip route` have it: the longer prefix decides, then the metric.
fn scan_ways<A: Address>(
    routes: &Routes<A>,
    refusals: &BTreeMap<Prefix<A>, (Refusal, u32)>,
    dst: A,
) -> Option<Way<A, u16>> {
    let refusal = refusals
        .iter()
        .filter(|(prefix, _)| prefix.contains(dst))
        .max_by_key(|(prefix, _)| prefix.prefix_len());
    let best = scan(routes, dst);
    match (refusal, best) {
        (Some((prefix, (how, metric))), best)
            if best.is_none_or(|route| {
                let (own, its) = (prefix.prefix_len(), route.prefix.prefix_len());
                own > its || (own == its && *metric <= route.metric)
            }) =>
        {
            Some(Way::Refused(*how))
        }
        (_, best) => best.map(|route| Way::Out { interface: route.interface, next_hop: route.next_hop }),
    }
}

/// What is done: 0 to 4 add a route, 5 removes one, 6 refuses, 7 admits, 8 has an interface depart.
type Step<A> = (A, u8, u8, u16, u32, u8);

fn against_scan<A: Address>(steps: Vec<Step<A>>, hops: [A; 2], dsts: Vec<A>) {
    let mut rib = Rib::<A, u16>::default();
    let fib = rib.fib();
    let mut oracle = BTreeMap::new();
    let mut refused = BTreeMap::new();
    for (addr, len, hop, interface, metric, step) in steps {
        let prefix = Prefix::covering(addr, len % (A::MAX_LEN + 1));
        let next_hop = hops.get(usize::from(hop)).copied();
        let how = Refusal::ALL[usize::from(interface)];
        let origin = if hop == 2 && metric == 1 { Origin::Connected } else { Origin::Static };
        match step {
            0..5 => {
                let route = Route { prefix, next_hop, interface, metric, origin };
                if let Ok(replaced) = rib.insert(route) {
                    assert_eq!(replaced, oracle.insert((prefix, next_hop, interface), route));
                }
            }
            5 => {
                let removed = oracle.remove(&(prefix, next_hop, interface));
                assert_eq!(rib.remove(&prefix, next_hop, interface), Ok(removed));
            }
            6 => {
                rib.refuse(prefix, how, metric).expect("room");
                refused.insert(prefix, (how, metric));
            }
            7 => assert_eq!(rib.admit(&prefix), Ok(refused.remove(&prefix).is_some())),
            8 if metric == 0 => {
                rib.remove_interface(interface).expect("room");
                oracle.retain(|_, route| route.interface != interface);
            }
            _ => {
                rib.disconnect(interface, |prefix| prefix.prefix_len().is_multiple_of(2)).expect("room");
                oracle.retain(|_, route: &mut Route<A, u16>| {
                    route.interface != interface
                        || route.origin != Origin::Connected
                        || route.prefix.prefix_len().is_multiple_of(2)
                });
            }
        }
        assert_eq!(fib.lookup(addr), scan_ways(&oracle, &refused, addr), "{addr}");
    }
    let table = rib.routes();
    assert_eq!((table.len(), table.iter().count()), (oracle.len(), oracle.len()));
    assert_eq!(rib.refusals().len(), refused.len());
    for dst in &dsts {
        assert_eq!(table.lookup(*dst).copied(), scan(&oracle, *dst), "{dst}");
        assert_eq!(fib.lookup(*dst), scan_ways(&oracle, &refused, *dst), "{dst}");
        let odd: Routes<A> =
            oracle.iter().filter(|(_, r)| r.interface % 2 == 1).map(|(k, r)| (*k, *r)).collect();
        let is_odd = |way: &Way<A, u16>| !matches!(way, Way::Out { interface, .. } if interface % 2 == 0);
        assert_eq!(fib.lookup_where(*dst, || 0, is_odd), scan_ways(&odd, &refused, *dst), "{dst}");
        assert_eq!(table.lookup_where(*dst, |r| r.interface % 2 == 1).copied(), scan(&odd, *dst), "{dst}");
    }
    // When nothing is left, the data path has nothing before it.
    (0..4).for_each(|interface| rib.remove_interface(interface).expect("room"));
    refused.keys().for_each(|prefix| assert_eq!(rib.admit(prefix), Ok(true)));
    assert_eq!((rib.routes().len(), rib.ways()), (0, 0));
    assert_eq!(rib.bytes().0, Rib::<A, u16>::default().bytes().0);
    assert!(dsts.iter().all(|dst| fib.lookup(*dst).is_none()));
}

#[test]
fn prefixes_with_the_same_ways_share_them() {
    let mut rib = Rib::<Ipv6Addr, u16>::default();
    for net in 0..1000_u16 {
        for (router, metric) in [(1, 1), (2, 2), (1 + net % 2, 3)] {
            let next_hop = Some(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, router));
            let prefix = Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 0, 0), 48);
            rib.insert(Route { prefix, next_hop, interface: 1, metric, origin: Origin::Static })
                .expect("a route");
        }
    }
    // The one router before the other, and the other way round; each with the rest of its list.
    assert_eq!((rib.routes().len(), rib.ways()), (2000, 4));
}

#[test]
fn a_prefix_has_256_routes_at_the_most_and_no_other_suffers() {
    let mut rib = Rib::<Ipv6Addr, u16>::default();
    let fib = rib.fib();
    let route = |to: u16, interface, metric| Route {
        prefix: Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, to, 0, 0, 0, 0, 0), 48),
        next_hop: None,
        interface,
        metric,
        origin: Origin::Static,
    };
    for interface in 0..256 {
        rib.insert(route(1, interface, 2)).expect("a route");
    }
    assert_eq!(rib.insert(route(1, 256, 1)), Err(RouteError::Ways));
    let dst = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 1);
    assert_eq!(
        fib.lookup(dst),
        Some(Way::Out { interface: 0, next_hop: None }),
        "the refused one is not there"
    );
    assert_eq!(rib.routes().len(), 256);
    // A refusal is no route, another prefix has room, and what is there can be replaced and made room by.
    rib.refuse(route(1, 0, 0).prefix, Refusal::Prohibit, 3).expect("a refusal");
    rib.insert(route(2, 256, 1)).expect("another prefix");
    assert_eq!(rib.insert(route(1, 7, 1)), Ok(Some(route(1, 7, 2))));
    let last = |way: &Way<Ipv6Addr, u16>| matches!(way, Way::Refused(_));
    assert_eq!(
        fib.lookup_where(dst, || 0, last),
        Some(Way::Refused(Refusal::Prohibit)),
        "behind all of them"
    );
    assert_eq!(rib.remove(&route(1, 3, 0).prefix, None, 3), Ok(Some(route(1, 3, 2))));
    assert_eq!(rib.insert(route(1, 256, 1)), Ok(None));
}

/// In a table with no line to spare, whatever is done either has come about, for control and the data path alike, or says that it
/// has not.
#[test]
fn what_a_full_table_has_no_room_for_is_said_and_not_done() {
    let (mut refused, mut stayed) = (0, 0);
    for lines in [70, 100, 130, 190, 250, 400] {
        let mut rib = Rib::<Ipv6Addr, u16>::with_lines(lines);
        let fib = rib.fib();
        let mut oracle = BTreeMap::new();
        let mut refusals = BTreeMap::new();
        let mut dice = 0x5eed_u32;
        for step in 0..3000_u32 {
            dice = dice.wrapping_mul(0x915f_77f5).wrapping_add(12345);
            let (net, len) = ((dice >> 8) as u16 % 512, [40, 44, 48, 52, 56][(dice >> 20) as usize % 5]);
            let prefix = Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, net << 6, net, 0, 0, 0, 0), len);
            let (interface, metric) = ((dice >> 28) as u16 % 3, 1);
            let route = Route { prefix, next_hop: None, interface, metric, origin: Origin::Static };
            let key = (prefix, None, interface);
            match (dice >> 26) % 5 {
                0..3 => match rib.insert(route) {
                    Ok(before) => assert_eq!(before, oracle.insert(key, route)),
                    Err(error) => {
                        assert_eq!(error, RouteError::Full);
                        refused += 1;
                    }
                },
                3 => match rib.remove(&prefix, None, interface) {
                    Ok(removed) => assert_eq!(removed, oracle.remove(&key)),
                    Err(error) => {
                        assert_eq!(error, RouteError::Full);
                        assert!(oracle.contains_key(&key));
                        stayed += 1;
                    }
                },
                _ if step % 2 == 0 => match rib.admit(&prefix) {
                    Ok(was) => assert_eq!(was, refusals.remove(&prefix).is_some()),
                    Err(_) => assert!(refusals.contains_key(&prefix)),
                },
                _ => {
                    if rib.refuse(prefix, Refusal::Prohibit, 2).is_ok() {
                        refusals.insert(prefix, (Refusal::Prohibit, 2));
                    }
                }
            }
            assert_eq!(fib.lookup(prefix.addr()), scan_ways(&oracle, &refusals, prefix.addr()), "{prefix}");
        }
        assert_eq!((rib.routes().len(), rib.refusals().len()), (oracle.len(), refusals.len()));
        for route in oracle.values() {
            let dst = route.prefix.addr();
            assert_eq!(fib.lookup(dst), scan_ways(&oracle, &refusals, dst), "{dst}");
        }
        // What stays is still known as the interface's, and goes when there is room.
        let left =
            |rib: &Rib<Ipv6Addr, u16>| rib.routes().iter().filter(|route| route.interface == 1).count();
        let gone = rib.remove_interface(1);
        assert_eq!(gone.is_ok(), left(&rib) == 0, "{gone:?}");
    }
    assert!(refused > 100, "{refused} refused, {stayed} stayed");
}

/// Puts routes in one by one and all at once: both are the same in the end.
fn all_at_once<A: Address>(steps: Vec<Step<A>>, hops: [A; 2], dsts: Vec<A>, piece: usize) {
    let (mut one, mut many) = (Rib::<A, u16>::default(), Rib::<A, u16>::default());
    for piece in steps.chunks(piece) {
        let route = |(addr, len, hop, interface, metric, step): &Step<A>| {
            let prefix = Prefix::covering(*addr, len % (A::MAX_LEN + 1));
            let next_hop = hops.get(usize::from(*hop)).copied();
            let origin = if *step > 6 { Origin::Connected } else { Origin::Static };
            Route { prefix, next_hop, interface: *interface, metric: *metric, origin }
        };
        let mut routes: Vec<_> = piece.iter().map(route).filter(|route| route.check().is_ok()).collect();
        if let Some((addr, len, .., metric, _)) = piece.first() {
            let prefix = Prefix::covering(*addr, len % (A::MAX_LEN + 1));
            for rib in [&mut one, &mut many] {
                rib.refuse(prefix, Refusal::Prohibit, *metric).expect("room");
            }
        }
        routes.sort_by_key(|route| route.prefix);
        for route in &routes {
            one.insert(*route).expect("a route");
        }
        assert_eq!(many.insert_all(&routes), Ok(()));
    }
    assert_eq!(one.routes().iter().collect::<Vec<_>>(), many.routes().iter().collect::<Vec<_>>());
    assert_eq!((one.ways(), one.bytes().0), (many.ways(), many.bytes().0));
    let (first, second) = (one.fib(), many.fib());
    for dst in &dsts {
        assert_eq!(first.lookup(*dst), second.lookup(*dst), "{dst}");
        let is_odd = |way: &Way<A, u16>| matches!(way, Way::Out { interface, .. } if interface % 2 == 1);
        assert_eq!(first.lookup_where(*dst, || 0, is_odd), second.lookup_where(*dst, || 0, is_odd), "{dst}");
    }
    for rib in [&mut one, &mut many] {
        (0..4).for_each(|interface| rib.remove_interface(interface).expect("room"));
        assert_eq!(rib.routes().len(), 0, "each is known as its interface's");
    }
}

#[test]
fn of_many_that_find_no_room_come_those_before() {
    let route = |to: u16, metric| {
        let prefix = Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, to, to, 0, 0, 0, 0), 64);
        Route { prefix, next_hop: None, interface: 1, metric, origin: Origin::Static }
    };
    let mut rib = Rib::<Ipv6Addr, u16>::with_lines(200);
    let all: Vec<_> = (0..500).map(|to| route(to, 1)).collect();
    assert_eq!(rib.insert_all(&all), Err(RouteError::Full));
    let there = rib.routes().len();
    assert!((10..490).contains(&there), "{there}");
    let fib = rib.fib();
    for (at, route) in all.iter().enumerate() {
        assert_eq!(fib.lookup(route.prefix.addr()).is_some(), at < there);
    }
    // What is there can be replaced: it needs nothing more.
    let worse: Vec<_> = (0..there as u16).map(|to| route(to, 2)).collect();
    assert_eq!((rib.insert_all(&worse), rib.routes().len()), (Ok(()), there));
    assert!(rib.routes().iter().all(|route| route.metric == 2));
    let too_many: Vec<_> = (0..300).map(|interface| Route { interface, ..route(0, 1) }).collect();
    assert_eq!(rib.insert_all(&too_many), Err(RouteError::Ways));
    assert!(rib.routes().iter().copied().eq(worse), "as it was");
}

#[test]
fn a_list_in_pieces_has_every_route_once() {
    let mut rib = Rib::<Ipv6Addr, u16>::default();
    for to in 0..50_u16 {
        for interface in 0..=to % 3 {
            let prefix =
                Prefix::covering(Ipv6Addr::new(0x2001, to << 9, 0, 0, 0, 0, 0, 0), 16 + (to % 9) as u8);
            let route = Route { prefix, next_hop: None, interface, metric: 1, origin: Origin::Static };
            rib.insert(route).expect("a route");
        }
    }
    for size in [1, 7, 1000] {
        let (mut all, mut after) = (Vec::new(), None);
        while let Some(last) = rib.routes().list(after, size, &mut all) {
            after = Some(last);
        }
        assert_eq!(all, rib.routes().iter().copied().collect::<Vec<_>>(), "in pieces of {size}");
    }
}

proptest! {
    #[test]
    fn many_at_once_are_as_one_by_one(
        six in prop::collection::vec((address6(), any::<u8>(), 0..3u8, 0..4u16, 0..3u32, 0..9u8), 0..200),
        four in prop::collection::vec((address4(), any::<u8>(), 0..3u8, 0..4u16, 0..3u32, 0..9u8), 0..200),
        dsts in prop::collection::vec((address6(), address4()), 1..40),
        piece in 1..200_usize,
    ) {
        let (dsts6, dsts4) = dsts.into_iter().unzip();
        all_at_once(six, [Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 2)], dsts6, piece);
        all_at_once(four, [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(0, 0, 0, 2)], dsts4, piece);
    }

    #[test]
    fn ipv6_agrees_with_a_scan(
        ops in prop::collection::vec((address6(), any::<u8>(), 0..3u8, 0..4u16, 0..3u32, 0..9u8), 0..80),
        dsts in prop::collection::vec(address6(), 1..40),
    ) {
        against_scan(ops, [Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1), Ipv6Addr::new(0, 0, 0, 0, 0, 0, 0, 2)], dsts);
    }

    #[test]
    fn ipv4_agrees_with_a_scan(
        ops in prop::collection::vec((address4(), any::<u8>(), 0..3u8, 0..4u16, 0..3u32, 0..9u8), 0..80),
        dsts in prop::collection::vec(address4(), 1..40),
    ) {
        against_scan(ops, [Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(0, 0, 0, 2)], dsts);
    }
}
