//! Addresses from prefixes: which are made, how they age, what becomes of duplicates, and who makes room.

use core::net::Ipv6Addr;

use siding_netisr::Instant;
use siding_wire::nd::INFINITE;
use siding_wire::nd::PrefixInfo;

use super::address::AddrOrigin;
use super::address::Phase;
use super::bench::Bench;
use super::bench::S;
use super::bench::T0;
use super::bench::before;
use super::bench::info;
use super::config::HostConfig;
use super::config::HostLimits;
use super::config::Identifier;
use super::config::StableKey;
use super::event::Gone;
use super::event::HostEvent;
use super::routers::Full;

const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
const OTHER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 2);

/// The address that the interface makes from prefix number `n`.
fn addr(n: u16) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 0, n, 0, 0xff, 0xfe00, 1)
}

fn bench() -> Bench {
    Bench::new(HostConfig::default())
}

fn stable() -> Bench {
    let identifier = Identifier::Stable(StableKey { secret: [1; 16], network: String::new() });
    Bench::new(HostConfig { identifier, ..HostConfig::default() })
}

/// With room for so many.
fn narrow(addresses: usize) -> Bench {
    let limits = HostLimits { addresses, ..HostLimits::default() };
    Bench::new(HostConfig { limits, ..HostConfig::default() })
}

fn addrs(bench: &Bench) -> Vec<Ipv6Addr> {
    bench.slaac.iter().map(|own| own.addr).collect()
}

#[test]
fn only_what_an_address_can_be_made_of_makes_one_4862_7() {
    let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0);
    for (what, info) in [
        ("without the A flag", PrefixInfo { autonomous: false, ..info(1, 10, 20) }),
        ("link-local", PrefixInfo { prefix: link_local, ..info(1, 10, 20) }),
        ("preferred for longer than valid", info(1, 21, 20)),
        ("no room for an identifier", PrefixInfo { prefix_len: 65, ..info(1, 10, 20) }),
        ("too much room", PrefixInfo { prefix_len: 63, ..info(1, 10, 20) }),
        ("valid no longer", info(1, 0, 0)),
    ] {
        let mut bench = bench();
        assert_eq!(bench.hear(T0, &info), Ok(false), "{what}");
        assert!(addrs(&bench).is_empty() && bench.told().is_empty(), "{what}");
    }
    for (preferred, deprecated) in [(20, false), (10, false), (0, true)] {
        let mut bench = bench();
        assert_eq!(bench.hear(T0, &info(1, preferred, 20)), Ok(false));
        let own = bench.only(AddrOrigin::Autoconf);
        assert_eq!((own.addr, own.phase, own.deprecated), (addr(1), Phase::Testing, deprecated));
        assert_eq!((own.preferred_until, own.valid_until), (T0 + S * preferred, T0 + S * 20));
        assert_eq!(bench.told(), [HostEvent::AddressMade(addr(1), false)]);
    }
}

#[test]
fn one_address_for_each_prefix_and_each_ages_by_its_own_prefix_4862_8() {
    let mut bench = bench();
    for n in [1, 2] {
        assert_eq!(bench.hear(T0, &info(n, 10, 20)), Ok(false));
    }
    assert_eq!(bench.hear(T0 + S, &info(1, 30, 40)), Ok(false));
    assert_eq!(addrs(&bench), [addr(1), addr(2)]);
    let ends: Vec<Instant> = bench.slaac.iter().map(|own| own.valid_until).collect();
    assert_eq!(ends, [T0 + S * 41, T0 + S * 20]);
    assert_eq!(bench.slaac.len(), 2);
}

#[test]
fn deprecated_then_gone_and_the_timer_knows_when_4862_9() {
    let mut bench = bench();
    assert_eq!(bench.hear(T0, &info(1, 10, 20)), Ok(false));
    assert_eq!(bench.hear(T0, &info(2, INFINITE, INFINITE)), Ok(false));
    bench.told();
    let mut told = Vec::new();
    let mut now = T0;
    while let Some(next) = bench.deadline(now) {
        assert!(next > now, "time goes on: {:?}", bench.slaac);
        assert_eq!(bench.time(before(next, S / 1000)), Ok(false));
        assert!(bench.told().is_empty(), "not before its time");
        assert_eq!(bench.time(next), Ok(false));
        told.extend(bench.told().into_iter().map(|event| (next.since(T0), event)));
        now = next;
    }
    let deprecated = HostEvent::AddressDeprecated(addr(1));
    let expired = HostEvent::AddressRemoved(addr(1), Gone::Expired);
    assert_eq!(told, [(S * 10, deprecated), (S * 20, expired)]);
    assert_eq!(addrs(&bench), [addr(2)]);
}

#[test]
fn told_once_that_it_is_deprecated_and_once_that_it_is_preferred_again_4862_8() {
    let mut bench = bench();
    assert_eq!(bench.hear(T0, &info(1, 10, 10_000)), Ok(false));
    bench.told();
    for _ in 0..2 {
        assert_eq!(bench.time(T0 + S * 11), Ok(false));
    }
    assert_eq!(bench.told(), [HostEvent::AddressDeprecated(addr(1))]);
    for _ in 0..2 {
        assert_eq!(bench.hear(T0 + S * 12, &info(1, 10, 10_000)), Ok(false));
    }
    assert_eq!(bench.told(), [HostEvent::AddressPreferred(addr(1))]);
}

#[test]
fn a_duplicate_of_the_mac_is_given_up_and_not_made_again_4862_6() {
    let mut bench = bench();
    assert_eq!(bench.hear(T0, &info(1, 10, 20)), Ok(false));
    bench.told();
    bench.settle(T0, addr(1), false);
    assert_eq!(bench.told(), [HostEvent::AddressGivenUp(addr(1))]);
    assert_eq!(bench.hear(T0 + S, &info(1, 10, 20)), Ok(false));
    assert_eq!(bench.time(T0 + S * 2), Ok(false));
    assert_eq!((bench.told(), bench.only(AddrOrigin::Autoconf).phase), (Vec::new(), Phase::Failed));
    bench.slaac.retest();
    assert_eq!(bench.only(AddrOrigin::Autoconf).phase, Phase::Testing, "the link begins again");
}

#[test]
fn whose_detection_ends_is_the_one_that_is_meant_4862_6() {
    let mut bench = bench();
    for n in [1, 2] {
        assert_eq!(bench.hear(T0, &info(n, 10, 20)), Ok(false));
    }
    bench.told();
    bench.settle(T0, addr(2), true);
    bench.settle(T0, addr(9), false);
    let phases: Vec<Phase> = bench.slaac.iter().map(|own| own.phase).collect();
    assert_eq!((phases, bench.told()), (vec![Phase::Testing, Phase::Ready], Vec::new()));
}

#[test]
fn a_stable_duplicate_is_replaced_a_second_later_three_times_rfc7217() {
    let mut bench = stable();
    assert_eq!(bench.hear(T0, &info(1, 1000, 2000)), Ok(false));
    let mut now = T0;
    let mut tried = vec![bench.only(AddrOrigin::Autoconf).addr];
    for attempt in 1..=3 {
        bench.told();
        let duplicate = bench.only(AddrOrigin::Autoconf).addr;
        bench.settle(now, duplicate, false);
        assert_eq!(bench.told(), [], "another is made");
        assert_eq!(bench.deadline(now), Some(now + S));
        assert_eq!(bench.time(now + S * 999 / 1000), Ok(false));
        assert_eq!(bench.only(AddrOrigin::Autoconf).addr, duplicate, "not before the pause is over");
        now += S;
        assert_eq!(bench.time(now), Ok(false));
        let own = bench.only(AddrOrigin::Autoconf);
        assert_eq!((own.counter, own.phase), (attempt, Phase::Testing));
        assert_eq!(bench.told(), [HostEvent::AddressMade(own.addr, false)]);
        tried.push(own.addr);
    }
    let last = bench.only(AddrOrigin::Autoconf).addr;
    bench.settle(now, last, false);
    assert_eq!(bench.told(), [HostEvent::AddressGivenUp(last)]);
    assert_eq!(bench.only(AddrOrigin::Autoconf).phase, Phase::Failed);
    tried.sort();
    tried.dedup();
    assert_eq!(tried.len(), 4, "each is another");
    // Whoever comes back makes the same ones.
    let mut again = stable();
    assert_eq!(again.hear(T0, &info(1, 1000, 2000)), Ok(false));
    let first = again.only(AddrOrigin::Autoconf).addr;
    assert!(tried.contains(&first));
}

#[test]
fn the_link_local_one_is_made_once_and_takes_no_room_rfc7217() {
    let mut bench = stable();
    bench.config.limits.addresses = 1;
    assert_eq!(bench.hear(T0, &info(1, 10, 20)), Ok(false));
    let first = bench.make_link_local();
    assert!(first.to_bits() >> 64 == 0xfe80 << 48 && first.to_bits() as u64 != 0, "{first}");
    assert_eq!(bench.make_link_local(), first);
    assert_eq!((bench.slaac.len(), addrs(&bench).len()), (1, 2));
    bench.told();
    // Even where it is a duplicate it makes no room, and nobody has it flushed.
    bench.slaac.retest();
    for _ in 0..4 {
        let addr = addrs(&bench)[1];
        bench.settle(T0, addr, false);
        assert_eq!(bench.time(T0 + S), Ok(false));
    }
    assert_eq!(bench.hear(T0 + S, &info(2, 10, 20)), Err(Full));
    let left = addrs(&bench);
    bench.told();
    let Bench { slaac, events, .. } = &mut bench;
    assert_eq!(slaac.flush(events), 1);
    assert_eq!(bench.told(), [HostEvent::AddressRemoved(left[0], Gone::Flushed)]);
    assert_eq!(addrs(&bench), [left[1]]);
}

#[test]
fn never_more_than_the_limit_and_those_that_serve_stay_4862_7() {
    let mut bench = narrow(2);
    for n in [1, 2] {
        assert_eq!(bench.hear(T0, &info(n, 10, 20)), Ok(false));
    }
    assert_eq!(bench.hear(T0, &info(3, 10, 20)), Err(Full));
    assert_eq!(bench.hear(T0, &info(1, 10, 20)), Ok(false), "who is there is heard on");
    assert_eq!(addrs(&bench), [addr(1), addr(2)]);
    bench.told();
    // One that is deprecated gives way, but not to its like.
    assert_eq!(bench.hear(T0, &info(2, 0, 20)), Ok(false));
    assert_eq!(bench.hear(T0, &info(3, 0, 20)), Err(Full));
    assert_eq!(bench.hear(T0, &info(3, 10, 20)), Ok(true));
    assert_eq!(addrs(&bench), [addr(1), addr(3)]);
    let (gone, made) =
        (HostEvent::AddressRemoved(addr(2), Gone::MadeRoom), HostEvent::AddressMade(addr(3), false));
    assert_eq!(bench.told(), [gone, made]);
}

#[test]
fn a_duplicate_gives_way_first_then_who_ends_first_4862_7() {
    let mut bench = narrow(4);
    for (n, valid) in [(1, 9000), (2, 20), (3, 30), (4, 9999)] {
        assert_eq!(bench.hear(T0, &info(n, 10, valid)), Ok(false));
    }
    for (n, valid) in [(2, 20), (3, 30)] {
        assert_eq!(bench.hear(T0, &info(n, 0, valid)), Ok(false));
    }
    bench.settle(T0, addr(1), false);
    let mut went = Vec::new();
    for n in 5..=8 {
        bench.told();
        if bench.hear(T0, &info(n, 10, 20)).is_ok() {
            went.extend(
                bench.told().into_iter().filter(|told| matches!(told, HostEvent::AddressRemoved(..))),
            );
        }
    }
    assert_eq!(went, [1, 2, 3].map(|n| HostEvent::AddressRemoved(addr(n), Gone::MadeRoom)));
    assert_eq!(addrs(&bench), [addr(4), addr(5), addr(6), addr(7)]);
}

#[test]
fn each_address_knows_the_routers_that_advertise_its_prefix_rfc6724() {
    let mut bench = bench();
    let by = |bench: &Bench| -> Vec<Vec<Ipv6Addr>> {
        bench.slaac.iter().map(|own| own.advertised_by.clone()).collect()
    };
    for (from, n) in [(Some(ROUTER), 1), (Some(ROUTER), 1), (None, 1), (Some(OTHER), 1), (Some(ROUTER), 2)] {
        assert_eq!(bench.hear_from(from, T0, &info(n, 10, 20)), Ok(false));
    }
    assert_eq!(by(&bench), [vec![ROUTER, OTHER], vec![ROUTER]]);
    bench.slaac.forget_router(ROUTER);
    assert_eq!(by(&bench), [vec![OTHER], vec![]]);
}

#[test]
fn what_the_operator_removes_comes_back_with_its_prefix_4862_7() {
    let mut bench = bench();
    for n in [1, 2] {
        assert_eq!(bench.hear(T0, &info(n, 10, 20)), Ok(false));
    }
    bench.slaac.removed(addr(1));
    assert_eq!(addrs(&bench), [addr(2)]);
    assert_eq!(bench.hear(T0, &info(1, 10, 20)), Ok(false));
    assert_eq!(addrs(&bench), [addr(2), addr(1)]);
    bench.told();
    let Bench { slaac, events, .. } = &mut bench;
    assert_eq!(slaac.flush(events), 2);
    assert_eq!(bench.told(), [2, 1].map(|n| HostEvent::AddressRemoved(addr(n), Gone::Flushed)));
    assert_eq!((addrs(&bench), bench.deadline(T0)), (Vec::new(), None));
}
