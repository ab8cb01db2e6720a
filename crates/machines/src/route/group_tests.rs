//! Groups in the table: which way a flow goes, and when it moves.

use core::net::Ipv6Addr;

use super::*;

type Group6 = Group<Ipv6Addr, u16>;

fn hop(interface: u16, router: u16, weight: u8) -> Hop<Ipv6Addr, u16> {
    Hop { router: Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, router), interface, weight, metric: 0 }
}

fn group(prefix: &str, metric: u32, hops: &[Hop<Ipv6Addr, u16>]) -> Group6 {
    let hops = hops.iter().map(|hop| Hop { metric, ..*hop }).collect();
    Group { prefix: prefix.parse().expect("a prefix"), hops }
}

fn route(prefix: &str, interface: u16, metric: u32, origin: Origin) -> Route<Ipv6Addr, u16> {
    Route { prefix: prefix.parse().expect("a prefix"), next_hop: None, interface, metric, origin }
}

fn dst() -> Ipv6Addr {
    "2001:db8::1".parse().expect("an address")
}

/// The interfaces of flows with these hashes, when those in `dead` cannot be used.
fn ways(fib: &Fib<Ipv6Addr, u16>, dead: &[u16]) -> Vec<u16> {
    let usable =
        |way: &Way<Ipv6Addr, u16>| matches!(way, Way::Out { interface, .. } if !dead.contains(interface));
    let of = |flow| match fib.lookup_for(dst(), || flow).filter(&usable) {
        Some(Way::Out { interface, .. }) => interface,
        _ => match fib.lookup_where(dst(), || flow, usable) {
            Some(Way::Out { interface, .. }) => interface,
            _ => 0,
        },
    };
    // Bits beyond those of a bucket do not count.
    (0..BUCKETS as u32).map(|flow| of(flow | flow << 20)).collect()
}

fn shares(ways: &[u16], interfaces: &[u16]) -> Vec<usize> {
    interfaces.iter().map(|one| ways.iter().filter(|way| *way == one).count()).collect()
}

#[test]
fn flows_share_routers_by_weight_and_only_those_of_one_that_goes_move() {
    let mut rib = Rib::default();
    let fib = rib.fib();
    let three = [hop(1, 1, 2), hop(2, 1, 1), hop(3, 1, 1)];
    rib.insert_group(group("2001:db8::/32", 5, &three)).expect("room");
    let all = ways(&fib, &[]);
    assert_eq!(shares(&all, &[1, 2, 3]), [512, 256, 256]);
    // Its link is down: nothing changes in the table.
    let without = ways(&fib, &[1]);
    let stay = |before: &[u16], after: &[u16], gone: u16| {
        before.iter().zip(after).all(|(before, after)| before == after || *before == gone)
    };
    assert!(stay(&all, &without, 1) && !without.contains(&1));
    let took = shares(&without, &[2, 3]);
    assert!(took.iter().all(|share| (470..560).contains(share)), "{took:?}");
    assert_eq!(shares(&ways(&fib, &[1, 3]), &[2]), [BUCKETS]);
    assert!(ways(&fib, &[1, 2, 3]).iter().all(|way| *way == 0));
    // The interface departs.
    rib.remove_interface(1).expect("room");
    let departed = ways(&fib, &[]);
    assert!(stay(&all, &departed, 1), "a flow moved whose router is there");
    assert_eq!(shares(&departed, &[2, 3]), [512, 512]);
    // One comes: as much as it is due, and none moves between the others.
    let again = [hop(2, 1, 1), hop(3, 1, 1), hop(4, 1, 2)];
    rib.insert_group(group("2001:db8::/32", 5, &again)).expect("room");
    let came = ways(&fib, &[]);
    assert_eq!(shares(&came, &[2, 3, 4]), [256, 256, 512]);
    assert!(departed.iter().zip(&came).all(|(before, after)| before == after || *after == 4));
    // The last interfaces go, and the group with them.
    [2, 3, 4].into_iter().for_each(|gone| rib.remove_interface(gone).expect("room"));
    assert_eq!((rib.group_count(), rib.ways(), fib.lookup(dst())), (0, 0, None));
}

#[test]
fn a_group_among_routes_and_refusals_of_its_prefix() {
    let mut rib = Rib::default();
    let fib = rib.fib();
    let all = "2001:db8::/32";
    rib.insert(route("::/0", 9, 0, Origin::Static)).expect("room");
    rib.insert(route(all, 8, 10, Origin::Static)).expect("room");
    rib.insert_group(group(all, 10, &[hop(1, 1, 1), hop(2, 1, 1)])).expect("room");
    assert_eq!(shares(&ways(&fib, &[]), &[1, 2]), [512, 512], "before a route of the same metric");
    assert_eq!(shares(&ways(&fib, &[1, 2]), &[8]), [BUCKETS], "behind it that one");
    assert_eq!(shares(&ways(&fib, &[1, 2, 8]), &[9]), [BUCKETS]);
    rib.insert(route(all, 7, 10, Origin::Connected)).expect("room");
    assert_eq!(shares(&ways(&fib, &[]), &[7]), [BUCKETS], "what an address made is better");
    assert_eq!(shares(&ways(&fib, &[7]), &[1, 2]), [512, 512]);
    rib.refuse(all.parse().expect("a prefix"), Refusal::Prohibit, 10).expect("room");
    assert_eq!(fib.lookup(dst()), Some(Way::Refused(Refusal::Prohibit)));
    rib.insert_group(group(all, 9, &[hop(1, 1, 1), hop(2, 1, 1)])).expect("room");
    assert_eq!(shares(&ways(&fib, &[]), &[1, 2]), [512, 512]);
    let refused = |way: &Way<Ipv6Addr, u16>| matches!(way, Way::Refused(_));
    assert_eq!(fib.lookup_where(dst(), || 3, refused), Some(Way::Refused(Refusal::Prohibit)));
    assert_eq!(rib.remove_group(&all.parse().expect("a prefix")), Ok(true));
    assert_eq!(rib.remove_group(&all.parse().expect("a prefix")), Ok(false));
    assert_eq!(fib.lookup(dst()), Some(Way::Refused(Refusal::Prohibit)));
}

#[test]
fn routers_come_and_go_one_by_one() {
    let mut rib = Rib::default();
    let fib = rib.fib();
    let prefix = "2001:db8::/32".parse().expect("a prefix");
    for (interface, weight) in [(1, 1), (2, 1), (3, 4), (3, 2)] {
        rib.insert_hop(prefix, Hop { metric: 5, ..hop(interface, 7, weight) }).expect("room");
    }
    let all = ways(&fib, &[]);
    assert_eq!(shares(&all, &[1, 2, 3]), [256, 256, 512], "the last weight counts");
    // The best metric is the group's, whoever came last, and no more when its router has gone.
    rib.insert_hop(prefix, Hop { metric: 3, ..hop(4, 7, 1) }).expect("room");
    rib.insert_hop(prefix, Hop { metric: 1024, ..hop(5, 7, 1) }).expect("room");
    assert_eq!(rib.group_to(&prefix).map(|group| group.metric()), Some(3));
    for gone in [5, 4] {
        assert_eq!(rib.remove_hop(&prefix, hop(gone, 7, 1).router, gone), Ok(true));
    }
    assert_eq!(rib.group_to(&prefix).map(|group| group.metric()), Some(5));
    rib.insert_hop(prefix, Hop { metric: 2, ..hop(3, 7, 2) }).expect("room");
    let all = ways(&fib, &[]);
    assert_eq!(rib.remove_hop(&prefix, hop(2, 8, 1).router, 2), Ok(false), "another router");
    assert_eq!(rib.remove_hop(&prefix, hop(1, 7, 1).router, 1), Ok(true));
    let two = ways(&fib, &[]);
    assert!(all.iter().zip(&two).all(|(before, after)| before == after || *before == 1));
    for (interface, left) in [(2, 1), (3, 0)] {
        assert_eq!(rib.remove_hop(&prefix, hop(interface, 7, 1).router, interface), Ok(true));
        assert_eq!(rib.group_count(), left);
    }
    assert_eq!((rib.ways(), rib.remove_hop(&prefix, hop(3, 7, 1).router, 3)), (0, Ok(false)));
}

#[test]
fn what_cannot_be_a_group() {
    let mut rib = Rib::default();
    let refused = |rib: &mut Rib<Ipv6Addr, u16>, prefix: &str, hops: &[Hop<Ipv6Addr, u16>]| {
        rib.insert_group(group(prefix, 0, hops)).expect_err("refused")
    };
    assert_eq!(refused(&mut rib, "::/0", &[]), RouteError::Hops(0));
    let many: Vec<_> = (0..65).map(|router| hop(1, router + 1, 1)).collect();
    assert_eq!(refused(&mut rib, "::/0", &many), RouteError::Hops(65));
    let one = hop(1, 1, 1);
    assert_eq!(refused(&mut rib, "::/0", &[one, hop(1, 1, 2)]), RouteError::Twice(one.router));
    assert_eq!(refused(&mut rib, "::/0", &[one, hop(1, 2, 0)]), RouteError::Weightless(hop(1, 2, 0).router));
    assert_eq!(refused(&mut rib, "fe80::1/128", &[hop(2, 2, 1), one]), RouteError::Itself(one.router));
    let group6 = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    let multicast = Hop { router: group6, ..one };
    assert_eq!(refused(&mut rib, "::/0", &[multicast]), RouteError::NextHop(group6));
    assert_eq!((rib.group_count(), rib.ways(), rib.changes()), (0, 0, 0));
    rib.insert_group(group("::/0", 0, &many[..64])).expect("as many as there may be");
    for number in 1..MOST_GROUPS as u16 {
        let prefix = Prefix::covering(Ipv6Addr::new(0x2001, number, 0, 0, 0, 0, 0, 0), 32);
        rib.insert_group(Group { prefix, ..group("::/0", 0, &many[..1]) }).expect("room");
    }
    assert_eq!(refused(&mut rib, "3fff::/32", &[one]), RouteError::Groups);
    let [_, hops, groups] = rib.limits();
    assert_eq!((hops.used, hops.refused, groups.used, groups.refused), (64, 1, 16_384, 1));
    rib.insert_group(group("::/0", 1, &many[..3])).expect("it is there already");
}

#[test]
fn bounds_tell_how_near_they_are_and_what_they_have_refused() {
    let mut rib = Rib::<Ipv6Addr, u16>::default();
    let seen = |rib: &Rib<Ipv6Addr, u16>| {
        rib.limits().map(|limit| (limit.limit, limit.used, limit.highest.unwrap_or(0), limit.refused))
    };
    assert_eq!(seen(&rib), [(256, 0, 0, 0), (64, 0, 0, 0), (16_384, 0, 0, 0)]);
    let hops: Vec<_> = (0..65).map(|router| hop(1, router + 1, 1)).collect();
    rib.insert_group(group("2001:db8::/32", 0, &hops[..5])).expect("room");
    rib.insert_group(group("3fff::/32", 0, &hops[..2])).expect("room");
    rib.insert_group(group("3fff::/32", 0, &hops)).expect_err("one too many");
    for interface in 0..256 {
        rib.insert(route("::/0", interface, 0, Origin::Static)).expect("room");
    }
    rib.insert(route("::/0", 256, 0, Origin::Static)).expect_err("one too many");
    rib.insert(route("::/0", 255, 1, Origin::Static)).expect("in the place of another");
    rib.insert(route("fe80::/10", 1, 0, Origin::Static)).expect("room");
    assert_eq!(seen(&rib), [(256, 256, 256, 1), (64, 5, 5, 1), (16_384, 2, 2, 0)]);
    rib.remove_group(&"2001:db8::/32".parse().expect("a prefix")).expect("room");
    let mut left = 256;
    for interface in (0..256).step_by(3) {
        rib.remove_interface(interface).expect("room");
        left -= 1;
        assert_eq!(seen(&rib)[0], (256, left, 256, 1), "without {interface}");
    }
    assert_eq!(seen(&rib)[1..], [(64, 2, 5, 1), (16_384, 1, 2, 0)]);
    let all: Vec<_> = rib.routes().iter().copied().collect();
    let mut table = rib.routes().clone();
    table.retain(|route| route.interface % 2 == 0);
    let even = all.iter().filter(|route| route.interface % 2 == 0 && route.prefix.prefix_len() == 0).count();
    assert_eq!(table.most_to_one(), even);
    table.retain(|route| route.prefix.prefix_len() > 0);
    assert_eq!(table.most_to_one(), usize::from(!table.is_empty()));
}

/// The data path's table is full sooner or later, wherever that is met.
#[test]
fn what_was_refused_is_no_highest() {
    let (mut full, mut kept) = (0, 0);
    for lines in (1..2000).step_by(25) {
        let mut rib = Rib::<Ipv6Addr, u16>::with_lines(lines);
        let mut most = [0; 3];
        for step in 0..60_u16 {
            let prefix = ["::/0", "2001:db8::/32", "3fff:1:2:3::/64"][usize::from(step % 3)];
            let by = |interface: u16| route(prefix, 100 * step + interface, 0, Origin::Static);
            let done = match step % 5 {
                0 => rib.insert_all(&[by(0), by(1), by(2)]),
                1 => rib.insert_group(group(
                    prefix,
                    0,
                    &(0..step + 2).map(|to| hop(step, to + 1, 1)).collect::<Vec<_>>(),
                )),
                _ => rib.insert(by(0)).map(|_| ()),
            };
            match done {
                Ok(()) => kept += 1,
                Err(RouteError::Full) => full += 1,
                Err(other) => panic!("{other}"),
            }
            for (most, limit) in most.iter_mut().zip(rib.limits()) {
                *most = limit.used.max(*most);
                assert_eq!(limit.highest, Some(*most), "{}, {lines} lines, step {step}", limit.name);
            }
        }
    }
    assert!(full > 100 && kept > 100, "{full} {kept}");
}

#[test]
fn prefixes_share_what_is_the_same_and_all_of_it_is_given_back() {
    let mut rib = Rib::default();
    let (fib, two) = (rib.fib(), [hop(1, 1, 1), hop(2, 1, 1)]);
    for number in 0..100 {
        let prefix = Prefix::covering(Ipv6Addr::new(0x2001, 0xdb8, number, 0, 0, 0, 0, 0), 48);
        rib.insert_group(Group { prefix, ..group("::/0", 0, &two) }).expect("room");
    }
    let (live, _) = rib.bytes();
    rib.insert_group(group("2001:db8:ffff::/48", 0, &two)).expect("room");
    assert!(rib.bytes().0 - live < 1024, "a second list of the same");
    // By name, as batches look them up, and no more once anything has changed.
    let changes = fib.changes();
    let (name, way) = fib.lookup_named(dst()).expect("a way");
    assert_eq!(way, None, "there are two");
    for flow in 0..64 {
        let (own, way) = fib.shared(name, changes, flow).expect("as it was");
        assert_eq!(Some(way), fib.lookup_for(dst(), || flow));
        assert_ne!(own, name);
    }
    rib.remove_group(&"2001:db8:7::/48".parse().expect("a prefix")).expect("room");
    assert_eq!(fib.shared(name, changes, 0), None);
    assert_eq!(fib.sharing(dst(), |_| true).iter().map(|(_, share)| *share).collect::<Vec<_>>(), [512, 512]);
    rib.remove_interface(2).expect("room");
    assert!(rib.groups().all(|group| group.hops == [hop(1, 1, 1)]) && rib.has_by(1, Origin::Static));
    rib.remove_interface(1).expect("room");
    assert_eq!((rib.group_count(), rib.ways()), (0, 0));
    assert!(!rib.has_by(1, Origin::Static));
}

#[test]
fn a_group_that_there_is_no_room_for_changes_nothing() {
    let mut rib = Rib::<Ipv6Addr, u16>::with_lines(64);
    let fib = rib.fib();
    rib.insert(route("2001:db8::/32", 9, 7, Origin::Static)).expect("room");
    let two = [hop(1, 1, 1), hop(2, 1, 1)];
    rib.insert_group(group("2001:db8::/32", 0, &two)).expect("room");
    let (before, ways_before) = (ways(&fib, &[]), rib.ways());
    let mut full = false;
    for other in 3..12 {
        let more = [hop(1, 1, 1), hop(2, 1, 1), hop(other, 1, 1)];
        let put = rib.insert_group(group("2001::/16", 0, &more));
        full |= put.is_err();
        assert!(put.is_ok() || put == Err(RouteError::Full));
        assert_eq!(ways(&fib, &[]), before);
    }
    assert!(full, "there was room for all");
    rib.remove_group(&"2001::/16".parse().expect("a prefix")).ok();
    assert!(rib.ways() <= ways_before + 3);
}
