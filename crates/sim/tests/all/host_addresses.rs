//! Addresses that a host makes from prefixes: their lives, their identifiers, and what is done with them.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_sim::NodeSpec;
use siding_stack::Lifetimes;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::AddrOrigin;
use siding_stack::nd6::dad::DadState;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::host::Identifier;
use siding_stack::nd6::host::Solicitation;
use siding_stack::nd6::host::StableKey;
use siding_stack::nd6::host::TemporaryConfig;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::nd::INFINITE;
use siding_wire::nd::NdOption;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::RouterAdvert;

use crate::common::*;
use crate::host_util::*;

fn silent() -> HostConfig {
    HostConfig { solicit: Solicitation::Never, announce: 0, ..HostConfig::default() }
}

fn stable() -> HostConfig {
    let key = StableKey { secret: [7; 16], network: String::new() };
    HostConfig { identifier: Identifier::Stable(key), ..silent() }
}

fn temporary(preferred: u64, valid: u64) -> HostConfig {
    let temporary = TemporaryConfig { preferred: secs(preferred), valid: secs(valid) };
    HostConfig { temporary: Some(temporary), ..silent() }
}

impl Host {
    fn hear_prefix(&mut self, info: PrefixInfo) {
        self.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(info)]);
    }

    /// The address that the MAC makes in the prefix.
    fn eui64(&self, n: u16) -> Ipv6Addr {
        ip6::eui64(on_link(n, 0), self.net.mac(self.node, self.id))
    }

    fn status(&self, addr: Ipv6Addr) -> Option<&'static str> {
        self.globals().into_iter().find(|own| own.0 == addr).map(|own| own.1)
    }

    fn temporaries(&self) -> Vec<(Ipv6Addr, &'static str)> {
        let all = self.addrs().into_iter().filter(|own| own.origin == AddrOrigin::Temporary);
        all.map(|own| (own.addr, own.status())).collect()
    }

    /// Somebody has `target` and says so.
    fn hear_claim(&mut self, target: Ipv6Addr) {
        let to = ip6::ALL_NODES;
        let message =
            NeighborAdvert { router: false, solicited: false, override_: true, target, tlla: Some(PEER_MAC) };
        self.net.hear(self.link, &frame6(multicast_mac(to), &advert(target, to, &message)));
    }

    /// Whether the host takes an echo request to `addr` for its own.
    fn is_at(&mut self, addr: Ipv6Addr) -> bool {
        let before = self.net.dropped(self.node, Cause::NotForUs);
        let mac = self.net.mac(self.node, self.id);
        let peer = on_link(1, 0x99);
        self.net.hear(self.link, &frame6(mac, &echo(peer, addr, 1)));
        self.net.dropped(self.node, Cause::NotForUs) == before
    }
}

#[test]
fn an_address_lives_through_all_its_states_4862_7_4862_9() {
    let mut host = Host::with(NodeSpec::new("host"), silent());
    host.run(secs(3));
    host.hear_prefix(prefix(1, 20, 40));
    let (addr, heard) = (host.eui64(1), host.net.now());
    assert_eq!(host.globals(), [(addr, "tentative")]);
    host.run(secs(3));
    let asked = host.net.solicits_for(addr)[0].at;
    assert!(asked >= heard && asked <= heard + secs(1), "a multicast advertisement is not answered at once");
    assert_eq!(host.status(addr), Some("preferred"));
    assert!(host.is_at(addr));
    host.run(heard + secs(20) - host.net.now() - Duration::from_nanos(1));
    assert_eq!(host.status(addr), Some("preferred"));
    host.run(Duration::from_nanos(1));
    assert_eq!(host.status(addr), Some("deprecated"), "on time");
    assert!(host.is_at(addr), "a deprecated address still is a destination");
    host.run(heard + secs(40) - host.net.now() - Duration::from_nanos(1));
    assert_eq!(host.status(addr), Some("deprecated"));
    host.run(Duration::from_nanos(1));
    assert_eq!(host.globals(), [], "an invalid one is none");
    assert!(!host.is_at(addr));
    let told: Vec<_> = host.told(&addr.to_string());
    let steps: Vec<_> = told.iter().map(|line| line.split_once(": ").unwrap().1).collect();
    assert_eq!(
        steps,
        [
            "none -> autoconfigured",
            "tentative -> preferred",
            "preferred -> deprecated",
            "ours -> none, its lifetime is over"
        ]
    );
}

#[test]
fn prefixes_that_make_no_address_4862_7() {
    let good = prefix(1, 600, 1200);
    for (why, bad) in [
        ("without A", PrefixInfo { autonomous: false, ..good }),
        ("link-local", PrefixInfo { prefix: local(0), ..good }),
        ("preferred for longer than valid", PrefixInfo { preferred: 1201, ..good }),
        ("not valid at all", PrefixInfo { preferred: 0, valid: 0, ..good }),
        ("no room for an identifier", PrefixInfo { prefix_len: 65, ..good }),
        ("too much room", PrefixInfo { prefix_len: 63, ..good }),
        ("a group", PrefixInfo { prefix: Ipv6Addr::new(0xff0e, 0, 0, 0, 0, 0, 0, 0), ..good }),
    ] {
        let mut host = Host::new(silent());
        host.hear_prefix(bad);
        assert_eq!(host.globals(), [], "{why}");
    }
    let mut host = Host::new(HostConfig { autoconf: false, ..silent() });
    host.hear_prefix(good);
    assert_eq!((host.globals().len(), host.prefixes().len()), (0, 1), "on-link, but none is made");
    let mut host = Host::new(silent());
    host.hear_prefix(PrefixInfo { preferred: 0, ..good });
    assert_eq!(host.globals(), [(host.eui64(1), "deprecated")]);
    host.hear_prefix(good);
    assert_eq!(host.globals(), [(host.eui64(1), "preferred")]);
}

#[test]
fn two_hours_cannot_be_taken_from_an_address_4862_8() {
    let mut host = Host::new(silent());
    host.hear_prefix(prefix(1, 80_000, 90_000));
    let addr = host.eui64(1);
    host.hear_prefix(prefix(1, 0, 0));
    assert_eq!(host.status(addr), Some("deprecated"), "the preferred lifetime is taken");
    host.run(secs(7199));
    assert_eq!(host.status(addr), Some("deprecated"));
    // With less than two hours left, less is ignored and more is taken.
    host.hear_prefix(prefix(1, 0, 0));
    host.run(secs(1));
    assert_eq!(host.status(addr), None);
    host.hear_prefix(prefix(1, 10, 20));
    host.hear_prefix(prefix(1, 40, 50));
    host.run(secs(49));
    assert_eq!(host.status(addr), Some("deprecated"));
    host.run(secs(1));
    assert_eq!(host.status(addr), None);
    host.hear_prefix(prefix(1, INFINITE, INFINITE));
    host.run(secs(10 * 365 * 86_400));
    assert_eq!(host.status(addr), Some("preferred"), "for ever");
}

#[test]
fn a_packet_whose_source_has_ended_while_it_waited_is_not_sent_6724_4_4862_9() {
    let mut host = Host::new(silent());
    host.hear_prefix(prefix(1, 20, 20));
    let peer = on_link(1, 0x99);
    host.run(secs(19));
    let ping = host.net.open(host.node);
    host.net.ping(host.node, &ping, peer, 1).unwrap();
    host.run(ms(500));
    assert_eq!(host.net.solicits_for(peer)[0].ip.src, host.eui64(1));
    host.run(ms(500));
    assert_eq!(host.globals(), []);
    host.answer(peer, false);
    assert_eq!(host.net.requests(peer), []);
    assert_eq!(host.net.dropped(host.node, Cause::Stale), 1);
}

#[test]
fn a_deprecated_address_starts_nothing_new_if_there_is_another_4862_9_6724_2() {
    let mut host = Host::new(silent());
    host.hear_prefix(prefix(1, 10, 1000));
    host.hear_prefix(prefix(2, 500, 1000));
    host.run(secs(2));
    let near = on_link(1, 0x99);
    let source = |host: &Host| {
        let config = host.net.world.node(host.node).stack.config();
        config.source6(near, host.id).unwrap()
    };
    assert_eq!(source(&host), host.eui64(1), "the longer common prefix");
    host.run(secs(10));
    assert_eq!(source(&host), host.eui64(2), "rule 3 comes before rule 8");
    host.run(secs(500));
    assert_eq!(source(&host), host.eui64(1), "both are deprecated");
}

#[test]
fn the_prefix_of_the_next_hop_is_preferred_6724_2() {
    let mut host = Host::new(silent());
    let second = local(0x1002);
    // Of equals the longer common prefix with FAR would win: that is the second's.
    let far_like =
        PrefixInfo { prefix: ip6::mask(FAR, 48), prefix_len: 64, on_link: false, ..prefix(1, 600, 1200) };
    host.hear_advert(second, &lives(second, 9000), &[NdOption::Prefix(far_like)]);
    host.hear_prefix(prefix(1, 600, 1200));
    let high = RouterAdvert { preference: siding_wire::nd::Preference::High, ..lives(ROUTER, 9000) };
    host.hear_advert(ROUTER, &high, &[]);
    assert_eq!(host.default_router(), Some(ROUTER));
    let dst = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 5, 0, 0, 0, 1);
    let source = |host: &Host| host.net.world.node(host.node).stack.config().source6(dst, host.id).unwrap();
    assert_eq!(source(&host), host.eui64(1), "rule 5.5 comes before rule 8");
    host.hear_router(ROUTER, 0);
    assert_eq!(host.default_router(), Some(second));
    assert!(source(&host) != host.eui64(1));
}

#[test]
fn stable_identifiers_make_link_local_and_other_addresses_rfc7217() {
    let mut host = Host::with(NodeSpec::new("host"), stable());
    let (id, old) = (host.id, host.link_local());
    host.net.world.node(host.node).control(|stack, ctx| {
        stack.remove_address(ctx, id, old.into()).unwrap();
        stack.add_link_local(ctx, id, true).unwrap();
    });
    assert_ne!(host.link_local(), old);
    host.run(secs(3));
    host.hear_prefix(prefix(1, 600, 1200));
    host.hear_prefix(prefix(2, 600, 1200));
    host.run(secs(3));
    let tails: Vec<u64> = host.addrs().iter().map(|own| own.addr.to_bits() as u64).collect();
    assert_eq!(tails.len(), 3);
    assert!(tails[0] != tails[1] && tails[1] != tails[2], "each prefix has its own");
    assert_ne!(host.globals()[0].0, host.eui64(1));
    assert!(host.addrs().iter().all(|own| own.state == DadState::Preferred));
    // Flushed and made again, it is the same.
    let before = host.globals();
    host.net.world.node(host.node).control(|stack, ctx| stack.flush_prefixes(ctx, id));
    assert_eq!(host.globals(), []);
    host.hear_prefix(prefix(1, 600, 1200));
    host.hear_prefix(prefix(2, 600, 1200));
    assert_eq!(host.globals().iter().map(|own| own.0).collect::<Vec<_>>(), [before[0].0, before[1].0]);
}

#[test]
fn a_duplicate_stable_address_is_replaced_three_times_rfc7217_4862_6() {
    let mut host = Host::with(NodeSpec::new("host"), stable());
    host.run(secs(3));
    host.hear_prefix(prefix(1, 6000, 12_000));
    let mut tried = Vec::new();
    for _ in 0..4 {
        let [(addr, "tentative")] = host.globals()[..] else { panic!("{:?}", host.globals()) };
        tried.push(addr);
        host.hear_claim(addr);
        host.run(ms(999));
        let left = host.globals();
        assert!(left.is_empty() || left == [(addr, "duplicate")], "{left:?}");
        host.run(ms(1));
    }
    tried.sort();
    tried.dedup();
    assert_eq!(tried.len(), 4);
    assert_eq!(host.globals()[0].1, "duplicate", "it is given up");
    host.run(secs(100));
    host.hear_prefix(prefix(1, 6000, 12_000));
    host.run(secs(10));
    assert_eq!(host.globals()[0].1, "duplicate", "and an advertisement does not begin it again");
    assert_eq!(host.told("given up").len(), 1);
    // An interface that begins again may find it free.
    let id = host.id;
    host.net.world.node(host.node).control(|stack, ctx| stack.restart(ctx, id)).unwrap();
    host.hear_prefix(prefix(1, 6000, 12_000));
    host.run(secs(3));
    assert_eq!(host.globals()[0].1, "preferred");
}

#[test]
fn a_duplicate_made_of_the_mac_is_given_up_4862_6() {
    let mut host = Host::with(NodeSpec::new("host"), silent());
    host.run(secs(3));
    host.hear_prefix(prefix(1, 6000, 12_000));
    let addr = host.eui64(1);
    host.hear_claim(addr);
    host.run(secs(5));
    assert_eq!(host.globals(), [(addr, "duplicate")]);
    assert!(!host.is_at(addr));
    // It goes with its prefix.
    host.run(secs(12_000));
    assert_eq!(host.globals(), []);
}

#[test]
fn a_temporary_address_has_a_successor_before_it_is_deprecated_rfc8981() {
    let mut host = Host::with(NodeSpec::new("host"), temporary(1000, 2000));
    host.run(secs(3));
    host.hear_prefix(prefix(1, 80_000, 90_000));
    host.run(secs(3));
    let [(first, "preferred")] = host.temporaries()[..] else { panic!("{:?}", host.temporaries()) };
    assert_ne!(first, host.eui64(1));
    // New connections come from it, and it answers.
    let peer = on_link(1, 0x99);
    let config = host.net.world.node(host.node).stack.config();
    assert_eq!(config.source6(peer, host.id), Some(first), "rule 7");
    assert!(host.is_at(first) && host.is_at(host.eui64(1)));
    let mut seen = vec![first];
    for second in 0..4000 {
        host.run(secs(1));
        if second % 100 == 0 {
            host.hear_prefix(prefix(1, 80_000, 90_000));
        }
        let all = host.temporaries();
        assert!(all.iter().any(|own| own.1 == "preferred"), "at {second} s: {all:?}");
        assert!(all.len() <= 5, "{all:?}");
        let new = all.iter().filter(|own| !seen.contains(&own.0)).map(|own| own.0).collect::<Vec<_>>();
        seen.extend(new);
    }
    // Each is preferred for 600 to 1000 s, and gone 2000 s after it was made, whatever is advertised.
    assert!((4..=8).contains(&seen.len()), "{seen:?}");
    assert!(host.temporaries().iter().all(|own| own.0 != first));
    assert_eq!(host.status(host.eui64(1)), Some("preferred"));
}

#[test]
fn temporary_addresses_end_with_their_prefix_rfc8981() {
    let mut host = Host::new(temporary(1000, 2000));
    host.hear_prefix(prefix(1, 100, 200));
    assert_eq!(host.temporaries().len(), 1);
    host.run(secs(100));
    assert_eq!(host.temporaries()[0].1, "deprecated");
    host.run(secs(100));
    assert_eq!(host.globals(), []);
    // One that would be of no use is not made.
    host.hear_prefix(prefix(1, 2, 200));
    assert_eq!((host.temporaries().len(), host.globals().len()), (0, 1));
}

#[test]
fn temporary_duplicates_are_replaced_until_it_is_too_much_rfc8981() {
    let mut host = Host::with(NodeSpec::new("host"), temporary(1000, 2000));
    host.run(secs(3));
    host.hear_prefix(prefix(1, 80_000, 90_000));
    for left in [1, 1, 0] {
        let [(addr, "tentative")] = host.temporaries()[..] else { panic!("{:?}", host.temporaries()) };
        host.hear_claim(addr);
        assert_eq!(host.temporaries().len(), left);
    }
    host.run(secs(10));
    host.hear_prefix(prefix(1, 80_000, 90_000));
    host.run(secs(10));
    assert_eq!((host.temporaries().len(), host.told("given up").len()), (0, 1));
    assert_eq!(host.status(host.eui64(1)), Some("preferred"));
}

/// A host that uses addresses while it tests them, with one that was made just now.
fn optimist() -> (Host, Ipv6Addr) {
    let mut host = Host::with(NodeSpec::new("host"), HostConfig { optimistic: true, ..silent() });
    host.run(secs(3));
    host.hear_prefix(prefix(1, 600, 1200));
    let addr = host.eui64(1);
    assert_eq!(host.status(addr), Some("optimistic"));
    host.net.rewind();
    (host, addr)
}

#[test]
fn an_optimistic_address_is_used_and_overwrites_nobody_4429_1() {
    let (mut host, addr) = optimist();
    let peer = on_link(1, 0x99);
    let mac = host.net.mac(host.node, host.id);
    // It answers who asks for it, without Override.
    let ns = solicit(peer, ip6::solicited_node(addr), &NeighborSolicit::new(addr, PEER_MAC));
    host.net.hear(host.link, &frame6(mac, &ns));
    let na = host.net.adverts()[0].message;
    assert_eq!((na.target, na.solicited, na.override_, na.tlla), (addr, true, false, Some(mac)));
    // The peer is known by its question: a packet goes out at once.
    host.net.ping_once(host.node, peer);
    assert_eq!(host.net.icmp()[0].ip.src, addr);
    // The way to the router is known.
    host.net.ping_once(host.node, FAR);
    assert_eq!(host.net.requests(FAR).len(), 1);
    host.run(secs(3));
    assert_eq!(host.status(addr), Some("preferred"));
}

#[test]
fn an_optimistic_address_resolves_nobody_4429_1() {
    let (mut host, addr) = optimist();
    let peer = on_link(1, 0x98);
    let ping = host.net.open(host.node);
    host.net.ping(host.node, &ping, peer, 1).unwrap();
    host.run(secs(3));
    let dad = host.net.solicits_for(addr)[0].at;
    let asked = host.net.solicits_for(peer);
    assert!(asked[0].at >= dad + secs(1), "only when the test is over");
    assert!(asked.iter().all(|ns| ns.ip.src == addr), "and then from it, for the packet that waits");
    host.answer(peer, false);
    assert_eq!(host.net.requests(peer).len(), 1, "it was held");
}

#[test]
fn an_optimistic_address_gives_way_4429_1() {
    for by_claim in [true, false] {
        let (mut host, addr) = optimist();
        if by_claim {
            host.hear_claim(addr);
        } else {
            let group = ip6::solicited_node(addr);
            let probe = solicit(Ipv6Addr::UNSPECIFIED, group, &NeighborSolicit::dad(addr, None));
            host.net.hear(host.link, &frame6(multicast_mac(group), &probe));
        }
        assert_eq!(host.status(addr), Some("duplicate"));
        assert_eq!(host.net.adverts().len(), 0, "it defends nothing");
        assert!(!host.is_at(addr));
    }
}

#[test]
fn only_addresses_from_prefixes_are_optimistic_and_never_a_routers_4429_1() {
    let (mut host, _) = optimist();
    let id = host.id;
    host.net.add_address(host.node, id, on_link(1, 5), true);
    assert_eq!(host.status(on_link(1, 5)), Some("tentative"));
    let mut host = Host::with(
        NodeSpec::new("host"),
        HostConfig { optimistic: true, accept: siding_stack::nd6::host::Accept::Always, ..silent() },
    );
    host.net.forwarding(host.node, true);
    host.run(secs(3));
    host.hear_prefix(prefix(1, 600, 1200));
    assert_eq!(host.status(host.eui64(1)), Some("tentative"));
}

#[test]
fn routers_are_told_of_new_global_addresses_9131_2() {
    let mut host = Host::with(NodeSpec::new("host"), HostConfig { announce: 3, ..silent() });
    host.run(secs(3));
    let id = host.id;
    assert_eq!(host.net.adverts().len(), 0, "a link-local address is not announced");
    host.hear_prefix(prefix(1, 600, 1200));
    host.net.add_address(host.node, id, on_link(1, 5), false);
    host.run(secs(10));
    let mac = host.net.mac(host.node, id);
    for addr in [host.eui64(1), on_link(1, 5)] {
        let told: Vec<_> = host.net.adverts().into_iter().filter(|na| na.message.target == addr).collect();
        let gaps: Vec<_> = told.windows(2).map(|pair| pair[1].at - pair[0].at).collect();
        assert_eq!(gaps, [secs(1); 2], "three, RetransTimer apart");
        for na in told {
            assert_eq!(
                (na.ip.src, na.ip.dst, na.ether.dst),
                (addr, ip6::ALL_ROUTERS, multicast_mac(ip6::ALL_ROUTERS))
            );
            let expected = NeighborAdvert {
                router: false,
                solicited: false,
                override_: false,
                target: addr,
                tlla: Some(mac),
            };
            assert_eq!(na.message, expected);
        }
    }
    // An optimistic one is announced as soon as it is made; one that has gone is not.
    let mut host =
        Host::with(NodeSpec::new("host"), HostConfig { announce: 3, optimistic: true, ..silent() });
    host.run(secs(3));
    host.hear_prefix(prefix(1, 600, 1200));
    let addr = host.eui64(1);
    assert_eq!(host.net.adverts().len(), 1);
    assert!(!host.net.adverts()[0].message.override_);
    let id = host.id;
    host.net.world.node(host.node).control(|stack, ctx| stack.remove_address(ctx, id, addr.into())).unwrap();
    host.run(secs(10));
    assert_eq!(host.net.adverts().len(), 1);
}

#[test]
fn detection_has_rules_of_its_own_on_an_interface_4862_1_7527_1() {
    let mut host = Host::new(HostConfig { dad_transmits: Some(3), dad_nonce: Some(false), ..silent() });
    host.hear_prefix(prefix(1, 600, 1200));
    host.run(secs(10));
    let asked = host.net.solicits_for(host.eui64(1));
    assert_eq!(asked.len(), 3);
    assert!(asked.iter().all(|ns| ns.message.nonce.is_none()));
    // RetransTimer is the link's.
    let mut host = Host::with(NodeSpec::new("host"), silent());
    host.run(secs(3));
    let slow = RouterAdvert { retrans_timer: 4000, ..lives(ROUTER, 1800) };
    host.hear_advert(ROUTER, &slow, &[NdOption::Prefix(prefix(1, 600, 1200))]);
    host.run(secs(1));
    let asked = host.net.solicits_for(host.eui64(1))[0].at;
    host.run(asked + ms(3999) - host.net.now());
    assert_eq!(host.status(host.eui64(1)), Some("tentative"));
    host.run(ms(1));
    assert_eq!(host.status(host.eui64(1)), Some("preferred"));
}

#[test]
fn addresses_given_by_hand_may_have_lifetimes_4862_9() {
    let mut host = Host::new(HostConfig::off());
    let (id, addr) = (host.id, on_link(1, 5));
    let add = |host: &Host, preferred, valid| {
        let lifetimes = Lifetimes { preferred: Some(secs(preferred)), valid: Some(secs(valid)) };
        host.net
            .world
            .node(host.node)
            .control(|stack, ctx| stack.add_address_for(ctx, id, addr.into(), 64, false, lifetimes))
    };
    assert!(add(&host, 30, 20).is_err());
    add(&host, 10, 20).unwrap();
    host.run(secs(10) - Duration::from_nanos(1));
    assert_eq!(host.status(addr), Some("preferred"));
    host.run(Duration::from_nanos(1));
    assert_eq!(host.status(addr), Some("deprecated"));
    assert!(host.is_at(addr));
    host.run(secs(10));
    assert_eq!(host.status(addr), None);
    assert!(host.net.world.node(host.node).stack.routes6().is_empty(), "its prefix has gone with it");
}

#[test]
fn an_address_that_the_operator_removes_comes_with_the_next_advertisement() {
    let mut host = Host::new(silent());
    host.hear_prefix(prefix(1, 600, 1200));
    let (id, addr) = (host.id, host.eui64(1));
    host.net.world.node(host.node).control(|stack, ctx| stack.remove_address(ctx, id, addr.into())).unwrap();
    assert_eq!(host.globals(), []);
    host.run(secs(100));
    assert_eq!(host.globals(), []);
    host.hear_prefix(prefix(1, 600, 1200));
    assert_eq!(host.status(addr), Some("preferred"));
}

#[test]
fn an_operators_address_is_not_aged_by_advertisements_4861_17() {
    let mut host = Host::new(silent());
    let (id, addr) = (host.id, host.eui64(1));
    host.net.add_address(host.node, id, addr, false);
    host.hear_prefix(prefix(1, 10, 20));
    host.run(secs(100));
    assert_eq!(host.globals(), [(addr, "preferred")]);
}

#[test]
fn an_interface_that_departs_takes_its_part_as_a_host_with_it() {
    let mut host = Host::new(temporary(1000, 2000));
    host.hear_prefix(prefix(1, 600, 1200));
    host.net.world.unplug(host.node, host.id);
    host.run(secs(5000));
    assert_eq!((host.routers().len(), host.prefixes().len(), host.routes().len()), (0, 0, 0));
}

#[test]
fn a_deprecated_address_gives_way_to_one_of_use_6724_2() {
    let mut host = Host::new(HostConfig::default());
    let most = HostConfig::default().limits.addresses as u16;
    let renumber = |host: &mut Host, n: u16| {
        let old = NdOption::Prefix(prefix(n.wrapping_sub(1), 0, 0));
        host.hear_advert(
            ROUTER,
            &lives(ROUTER, 1800),
            &[NdOption::Prefix(prefix(n, 600_000, 2_000_000)), old],
        );
        host.run(secs(2));
    };
    (1..=most + 4).for_each(|n| renumber(&mut host, n));
    let in_prefix = |host: &Host, n: u16| {
        let all = host.globals();
        all.into_iter().find(|(addr, _)| ip6::in_prefix(*addr, on_link(n, 0), 64)).map(|(_, status)| status)
    };
    assert_eq!(in_prefix(&host, most + 4), Some("preferred"));
    // The oldest went, and that was told.
    assert_eq!(
        (in_prefix(&host, 1), in_prefix(&host, 4), in_prefix(&host, 5)),
        (None, None, Some("deprecated"))
    );
    assert_eq!(host.limit("learnt-addresses"), (most.into(), 4));
    assert!(host.told("learnt is reached").len() == 1, "once");
    // One that is deprecated already takes nobody's place, and preferred ones stay.
    host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[NdOption::Prefix(prefix(99, 0, 7200))]);
    assert_eq!((in_prefix(&host, 99), in_prefix(&host, 5)), (None, Some("deprecated")));
}

#[test]
fn an_advertisement_cannot_break_us_4861_17() {
    let mut host = Host::new(HostConfig::default());
    let whole = |addr: &str, prefix_len| {
        let info = PrefixInfo { prefix: addr.parse().unwrap(), prefix_len, ..prefix(0, 600_000, 2_000_000) };
        NdOption::Prefix(info)
    };
    let route = |addr: &str, prefix_len| {
        let preference = siding_wire::nd::Preference::High;
        let prefix = addr.parse().unwrap();
        NdOption::Route(siding_wire::nd::RouteInfo { prefix, prefix_len, preference, lifetime: 600 })
    };
    let before = host.routes();
    let options = [
        whole("::", 0),
        whole("::", 64),
        whole("::ffff:0:0", 96),
        whole("fe80::", 64),
        whole("fe80::", 10),
        whole("ff00::", 8),
        whole("ff02::", 64),
        whole("f000::", 4),
        route("fe80::", 64),
        route("ff02::", 16),
        route("::ffff:10.0.0.0", 104),
        route("::1", 128),
    ];
    let advert = RouterAdvert {
        cur_hop_limit: 1,
        reachable_time: 1,
        retrans_timer: 1,
        mtu: Some(68),
        ..lives(ROUTER, 0)
    };
    host.hear_advert(ROUTER, &advert, &options);
    host.run(secs(2));
    assert_eq!((host.globals(), host.routes()), (vec![], before));
    let config = host.net.world.node(host.node).stack.config();
    let interface = config.interface(host.id).unwrap();
    assert_eq!((interface.hop_limit, interface.mtu), (64, 1500));
    assert!(interface.nud.reachable_time >= ms(500) && interface.nud.retrans_timer >= ms(100));
    assert_eq!(host.told("hop limit of 1 is not obeyed").len(), 1);
}
