//! Temporary addresses (RFC 8981): when each is made, how long it lives, and what becomes of duplicates.

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::Instant;
use siding_wire::nd::INFINITE;

use super::address::AddrOrigin;
use super::address::Owned;
use super::address::Phase;
use super::bench::Bench;
use super::bench::S;
use super::bench::T0;
use super::bench::before;
use super::bench::info;
use super::config::HostConfig;
use super::config::Identifier;
use super::config::StableKey;
use super::config::TemporaryConfig;
use super::event::Gone;
use super::event::HostEvent;
use super::routers::Full;

const PREFERRED: u32 = 1000;
const VALID: u32 = 3000;
/// Two seconds, and three times as long as the detection of duplicates takes.
const ADVANCE: Duration = Duration::from_secs(11);

fn bench() -> Bench {
    let temporary = TemporaryConfig { preferred: S * PREFERRED, valid: S * VALID };
    Bench::new(HostConfig { temporary: Some(temporary), ..HostConfig::default() })
}

/// Those of prefix number `n`, the oldest first.
fn temporaries(bench: &Bench, n: u16) -> Vec<Owned> {
    let all = bench.all(AddrOrigin::Temporary);
    all.into_iter().filter(|own| own.prefix.addr() == info(n, 0, 0).prefix).collect()
}

fn only(bench: &Bench) -> Owned {
    bench.only(AddrOrigin::Temporary)
}

fn made(told: &[HostEvent]) -> Vec<Ipv6Addr> {
    let temporary = |told: &HostEvent| match told {
        HostEvent::AddressMade(addr, true) => Some(*addr),
        _ => None,
    };
    told.iter().filter_map(temporary).collect()
}

#[test]
fn one_is_made_with_each_public_address_and_none_unless_asked_for_rfc8981() {
    let mut without = Bench::new(HostConfig::default());
    assert_eq!(without.hear(T0, &info(1, INFINITE, INFINITE)), Ok(false));
    assert!(without.all(AddrOrigin::Temporary).is_empty());
    let mut bench = bench();
    for n in [1, 2, 1, 2] {
        assert_eq!(bench.hear(T0, &info(n, 2000, 2500)), Ok(false));
    }
    bench.make_link_local();
    assert_eq!(bench.time(T0), Ok(false));
    for n in [1, 2] {
        let all = temporaries(&bench, n);
        assert_eq!(all.len(), 1, "{all:?}");
        assert_eq!(
            (all[0].phase, all[0].deprecated, all[0].valid_until),
            (Phase::Testing, false, T0 + S * 2500)
        );
        assert!(all[0].prefix.contains(all[0].addr));
    }
    assert_eq!(made(&bench.told()).len(), 2);
}

#[test]
fn preferred_for_a_random_while_and_valid_for_as_long_as_configured_rfc8981() {
    let mut drawn = Vec::new();
    let mut bench = bench();
    for _ in 0..200 {
        assert_eq!(bench.hear(T0, &info(1, INFINITE, INFINITE)), Ok(false));
        let own = only(&bench);
        assert_eq!(own.valid_until, T0 + S * VALID);
        assert_eq!(own.cap, (own.preferred_until, own.valid_until));
        drawn.push(own.preferred_until.since(T0));
        bench.slaac.removed(own.addr);
    }
    let (least, most) = (*drawn.iter().min().unwrap(), *drawn.iter().max().unwrap());
    assert!(least >= S * 600 && least < S * 620 && most <= S * 1000 && most > S * 980, "{least:?} {most:?}");
}

#[test]
fn advertisements_shorten_it_but_never_prolong_it_rfc8981() {
    let mut bench = bench();
    assert_eq!(bench.hear(T0, &info(1, 500, 2000)), Ok(false));
    let own = only(&bench);
    assert_eq!((own.preferred_until, own.valid_until), (T0 + S * 500, T0 + S * 2000));
    assert_eq!(bench.hear(T0, &info(1, INFINITE, INFINITE)), Ok(false));
    let own = only(&bench);
    assert_eq!((own.preferred_until, own.valid_until), own.cap);
    assert_eq!(own.valid_until, T0 + S * VALID);
}

#[test]
fn it_is_tested_by_itself_however_far_its_public_address_has_come_rfc8981() {
    let mut bench = bench();
    bench.config.identifier = Identifier::Stable(StableKey { secret: [1; 16], network: String::new() });
    assert_eq!(bench.hear(T0, &info(1, INFINITE, INFINITE)), Ok(false));
    let duplicate = bench.only(AddrOrigin::Autoconf).addr;
    bench.settle(T0, duplicate, false);
    assert_eq!(bench.time(T0 + S), Ok(false));
    let public = bench.only(AddrOrigin::Autoconf).addr;
    bench.settle(T0 + S, public, true);
    let first = only(&bench).addr;
    bench.slaac.removed(first);
    assert_eq!(bench.time(T0 + S * 2), Ok(false));
    let (public, own) = (bench.only(AddrOrigin::Autoconf), only(&bench));
    assert_eq!((public.phase, public.counter), (Phase::Ready, 1));
    assert_eq!((own.phase, own.counter), (Phase::Testing, 0));
}

#[test]
fn none_that_would_not_live_until_its_successor_is_made_rfc8981() {
    for (preferred, some) in [(0, false), (10, false), (11, false), (12, true)] {
        let mut bench = bench();
        assert_eq!(bench.hear(T0, &info(1, preferred, 2000)), Ok(false));
        assert_eq!(bench.all(AddrOrigin::Temporary).len(), usize::from(some), "{preferred}");
        assert_eq!(bench.all(AddrOrigin::Autoconf).len(), 1);
    }
    // Configured to live for no longer than the detection of duplicates may take.
    let temporary = TemporaryConfig { preferred: ADVANCE, valid: S * VALID };
    let mut bench = Bench::new(HostConfig { temporary: Some(temporary), ..HostConfig::default() });
    assert_eq!(bench.hear(T0, &info(1, INFINITE, INFINITE)), Ok(false));
    assert!(bench.all(AddrOrigin::Temporary).is_empty());
}

#[test]
fn a_successor_in_good_time_and_both_serve_meanwhile_rfc8981() {
    let mut bench = bench();
    assert_eq!(bench.hear(T0, &info(1, INFINITE, INFINITE)), Ok(false));
    let first = only(&bench);
    bench.settle(T0, first.addr, true);
    bench.told();
    let due = before(first.preferred_until, ADVANCE);
    assert_eq!(bench.deadline(T0), Some(due));
    assert_eq!(bench.time(before(due, S / 1000)), Ok(false));
    assert_eq!(bench.told(), []);
    assert_eq!(bench.time(due), Ok(false));
    let second = temporaries(&bench, 1)[1].clone();
    assert_eq!(bench.told(), [HostEvent::AddressMade(second.addr, true)]);
    assert_eq!(second.valid_until, due + S * VALID);
    assert_eq!(bench.deadline(due), Some(first.preferred_until), "the first is deprecated next");
    assert_eq!(bench.time(first.preferred_until), Ok(false));
    assert_eq!(bench.told(), [HostEvent::AddressDeprecated(first.addr)], "and no third is made");
    assert_eq!(bench.time(first.valid_until), Ok(false));
    assert!(bench.told().contains(&HostEvent::AddressRemoved(first.addr, Gone::Expired)));
}

#[test]
fn each_prefix_has_successors_of_its_own_rfc8981() {
    let mut bench = bench();
    for (n, preferred) in [(1, 100), (2, 500)] {
        assert_eq!(bench.hear(T0, &info(n, preferred, 2000)), Ok(false));
    }
    bench.told();
    // The public address of the first goes on, its temporary one is replaced.
    let due = T0 + (S * 100 - ADVANCE);
    assert_eq!(bench.deadline(T0), Some(due));
    assert_eq!(bench.hear(T0 + S * 50, &info(1, INFINITE, INFINITE)), Ok(false));
    let end = temporaries(&bench, 1)[0].preferred_until;
    let second = bench.deadline(T0 + S * 50);
    assert_eq!(second, Some(T0 + (S * 500 - ADVANCE)), "the first lives on, as its prefix does");
    let due = before(end, ADVANCE);
    assert_eq!(bench.time(due), Ok(false));
    assert_eq!((temporaries(&bench, 1).len(), temporaries(&bench, 2).len()), (2, 1));
}

#[test]
fn a_duplicate_is_replaced_at_once_and_after_three_in_a_row_no_more_rfc8981() {
    let mut bench = bench();
    assert_eq!(bench.hear(T0, &info(1, INFINITE, INFINITE)), Ok(false));
    let fail = |bench: &mut Bench| {
        let addr = only(bench).addr;
        bench.told();
        bench.settle(T0, addr, false);
        (addr, bench.told())
    };
    let mut tried = Vec::new();
    for _ in 0..2 {
        let (addr, told) = fail(&mut bench);
        let next = only(&bench).addr;
        assert_eq!(told, [HostEvent::AddressMade(next, true)]);
        tried.extend([addr, next]);
    }
    tried.sort();
    tried.dedup();
    assert_eq!(tried.len(), 3, "each is another");
    // One that passes ends the row; the public one's does not count.
    let public = bench.only(AddrOrigin::Autoconf).addr;
    let passed = only(&bench).addr;
    bench.settle(T0, passed, true);
    bench.settle(T0, passed, false);
    fail(&mut bench);
    bench.settle(T0, public, true);
    let (last, told) = fail(&mut bench);
    assert_eq!(told, [HostEvent::AddressGivenUp(last)]);
    assert_eq!(bench.hear(T0 + S, &info(1, INFINITE, INFINITE)), Ok(false));
    assert_eq!(bench.time(T0 + S), Ok(false));
    assert!(bench.all(AddrOrigin::Temporary).is_empty(), "{:?}", bench.slaac);
    // When the interface begins again, so does this.
    bench.slaac.retest();
    assert_eq!(bench.time(T0 + S * 2), Ok(false));
    assert_eq!(bench.all(AddrOrigin::Temporary).len(), 1);
}

#[test]
fn where_there_is_no_room_the_public_one_serves_and_nothing_is_tried_in_vain_rfc8981() {
    let mut bench = bench();
    bench.config.limits.addresses = 2;
    assert_eq!(bench.hear(T0, &info(1, INFINITE, INFINITE)), Ok(false));
    let first = only(&bench);
    let due = before(first.preferred_until, ADVANCE);
    bench.told();
    assert_eq!(bench.time(due), Err(Full));
    assert_eq!(bench.deadline(due), Some(first.preferred_until), "it is not looked at again at once");
    // The first is deprecated now, and gives way.
    assert_eq!(bench.time(first.preferred_until), Ok(true));
    let second = only(&bench).addr;
    let deprecated = HostEvent::AddressDeprecated(first.addr);
    let gone = HostEvent::AddressRemoved(first.addr, Gone::MadeRoom);
    assert_eq!(bench.told(), [deprecated, gone, HostEvent::AddressMade(second, true)]);
    // A public one, too, that finds room for itself but none for its temporary one.
    let later: Instant = first.preferred_until;
    bench.config.limits.addresses = 3;
    assert_eq!(bench.hear(later, &info(2, 500, 1000)), Err(Full));
    assert_eq!((temporaries(&bench, 2).len(), bench.all(AddrOrigin::Autoconf).len()), (0, 2));
}

#[test]
fn of_two_deprecated_ones_the_temporary_one_gives_way_though_it_ends_later_rfc8981() {
    let mut bench = bench();
    bench.config.limits.addresses = 4;
    for n in [1, 2] {
        assert_eq!(bench.hear(T0, &info(n, 100, 2000)), Ok(false));
    }
    // Its public address ends before its temporary one does.
    assert_eq!(bench.hear(T0, &info(2, 0, 1000)), Ok(false));
    let temporary = temporaries(&bench, 2)[0].addr;
    bench.config.temporary = None;
    bench.told();
    assert_eq!(bench.hear(T0, &info(3, 10, 20)), Ok(true));
    assert_eq!(bench.told()[0], HostEvent::AddressRemoved(temporary, Gone::MadeRoom));
}
