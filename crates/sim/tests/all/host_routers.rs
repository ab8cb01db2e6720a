//! A host and its routers: looking for them, choosing among them, and losing them.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_sim::NodeSpec;
use siding_stack::SendError;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::nd6::host::Accept;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::host::HostLimits;
use siding_stack::nd6::host::Solicitation;
use siding_stack::nd6::nud::Backoff;
use siding_stack::nd6::nud::NudState;
use siding_wire::ip6;
use siding_wire::nd::NdOption;
use siding_wire::nd::Preference;
use siding_wire::nd::RouteInfo;
use siding_wire::nd::RouterAdvert;

use crate::common::*;
use crate::host_util::*;

const SECOND: Ipv6Addr = local(0x1002);

fn silent() -> HostConfig {
    HostConfig { solicit: Solicitation::Never, announce: 0, ..HostConfig::default() }
}

#[test]
fn three_solicitations_four_seconds_apart_4861_23() {
    let mut host = Host::new(HostConfig::default());
    host.run(secs(60));
    let own = host.link_local();
    let all = host.solicitations();
    assert!(all[0].0 <= secs(1));
    let gaps: Vec<_> = all.windows(2).map(|pair| pair[1].0 - pair[0].0).collect();
    assert_eq!(gaps, [secs(4); 2]);
    assert!(all.iter().all(|(_, source, slla)| (*source, *slla) == (own, true)));
    assert_eq!(host.net.counter(host.node, host.id, IfCounter::RsOut), 3);
}

#[test]
fn back_off_goes_on_until_somebody_answers_rfc7559() {
    let mut host = Host::new(HostConfig { solicit: Solicitation::Backoff, ..HostConfig::default() });
    host.run(secs(300));
    let all = host.solicitations();
    assert!((6..=7).contains(&all.len()), "about 0, 4, 12, 28, 60, 124, 252 s: {all:?}");
    host.hear_router(ROUTER, 1800);
    host.run(secs(1000));
    assert_eq!(host.solicitations().len(), all.len());
}

#[test]
fn a_default_router_ends_the_search_and_no_other_does_4861_23() {
    let mut host = Host::new(HostConfig::default());
    host.hear_router(ROUTER, 0);
    host.run(secs(2));
    host.hear_router(ROUTER, 0);
    host.run(secs(4));
    assert_eq!(host.solicitations().len(), 2, "one that is no default router is not enough");
    host.hear_router(ROUTER, 30);
    host.run(secs(60));
    assert_eq!(host.solicitations().len(), 2);
    let mut host = Host::new(HostConfig::default());
    host.hear_router(ROUTER, 30);
    host.run(secs(60));
    assert_eq!(host.solicitations().len(), 1, "one is sent in any case");
}

#[test]
fn routers_are_asked_from_the_link_local_address_once_it_has_passed_4861_23_4862_4() {
    let mut host = Host::with(NodeSpec::new("host"), HostConfig::default());
    host.run(secs(30));
    let own = host.link_local();
    let tested = host.net.solicits_for(own)[0].at + secs(1);
    let all = host.solicitations();
    assert_eq!(all.len(), 3);
    assert!(all[0].0 >= tested && all[0].0 <= tested + ms(100), "{tested:?} {all:?}");
    assert!(all.iter().all(|(_, source, slla)| (*source, *slla) == (own, true)));
    // With none, from `::`, without a link-layer address.
    let mut host = Host::new(HostConfig::default());
    let (id, own) = (host.id, host.link_local());
    host.net.world.node(host.node).control(|stack, ctx| stack.remove_address(ctx, id, own.into())).unwrap();
    host.run(secs(30));
    let all: Vec<_> = host.solicitations().into_iter().map(|(_, source, slla)| (source, slla)).collect();
    assert_eq!(all, [(Ipv6Addr::UNSPECIFIED, false); 3]);
}

#[test]
fn coming_up_and_restarting_begin_the_search_anew_4861_23() {
    let mut host = Host::new(HostConfig::default());
    host.run(secs(30));
    let id = host.id;
    for (round, restart) in [false, true].into_iter().enumerate() {
        host.net.world.node(host.node).control(|stack, ctx| {
            if restart {
                stack.restart(ctx, id).unwrap();
            } else {
                stack.set_up(ctx, id, false).unwrap();
                stack.set_up(ctx, id, true).unwrap();
            }
        });
        host.run(secs(30));
        assert_eq!(host.solicitations().len(), 6 + 3 * round);
    }
}

#[test]
fn a_link_that_comes_back_may_be_another_4861_23() {
    let mut host = Host::new(HostConfig::default());
    host.hear_router(ROUTER, 1800);
    host.run(secs(30));
    assert_eq!(host.solicitations().len(), 1);
    let id = host.id;
    let set = |host: &Host, link| {
        host.net.world.node(host.node).control(|stack, ctx| stack.set_link(ctx, id, link)).unwrap();
    };
    set(&host, false);
    set(&host, true);
    host.run(secs(30));
    assert_eq!(host.solicitations().len(), 4);
    set(&host, true);
    host.run(secs(30));
    assert_eq!(host.solicitations().len(), 4, "nothing has changed");
}

#[test]
fn nothing_is_asked_while_the_interface_is_down_4861_23() {
    let mut host = Host::new(HostConfig::default());
    let id = host.id;
    host.net.world.node(host.node).control(|stack, ctx| stack.set_up(ctx, id, false)).unwrap();
    host.run(secs(30));
    assert_eq!((host.solicitations().len(), host.net.dropped(host.node, Cause::InterfaceGone)), (0, 0));
}

#[test]
fn a_default_router_lives_as_long_as_it_says_4861_17_4861_21() {
    let mut host = Host::new(silent());
    host.hear_router(ROUTER, 10);
    assert_eq!(host.routes(), [("::/0".to_string(), Some(ROUTER))]);
    host.run(secs(9));
    host.hear_router(ROUTER, 5);
    host.run(secs(5) - Duration::from_nanos(1));
    assert_eq!(host.default_router(), Some(ROUTER));
    host.run(Duration::from_nanos(1));
    assert_eq!(host.default_router(), None, "its lifetime is over");
    host.hear_router(ROUTER, 1800);
    host.hear_router(ROUTER, 0);
    assert_eq!(host.default_router(), None, "withdrawn");
    let told = host.told("default router");
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[1].ends_with("its lifetime is over") && told[3].ends_with("it was withdrawn"));
}

#[test]
fn another_routers_word_takes_nothing_back_4861_17() {
    let mut host = Host::new(silent());
    let info = prefix(1, 600, 1200);
    host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[NdOption::Prefix(info)]);
    host.hear_advert(SECOND, &lives(SECOND, 0), &[]);
    host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[]);
    assert_eq!(host.default_router(), Some(ROUTER));
    assert_eq!(host.prefixes().len(), 1, "nor does what is left out");
    assert_eq!(host.globals().len(), 1);
}

#[test]
fn a_neighbour_that_is_a_router_no_more_is_none_4861_21_4861_31() {
    let mut host = Host::new(silent());
    host.hear_router(ROUTER, 1800);
    host.hear_router(SECOND, 1800);
    assert_eq!(host.default_router(), Some(ROUTER));
    host.answer(ROUTER, false);
    assert_eq!(host.default_router(), Some(SECOND));
    assert_eq!(host.routers().len(), 1);
    host.answer(SECOND, true);
    assert_eq!(host.default_router(), Some(SECOND), "that one says that it is");
}

#[test]
fn parameters_are_taken_and_unspecified_ones_are_not_4861_17_4861_18() {
    let mut host = Host::new(silent());
    let says = RouterAdvert {
        cur_hop_limit: 33,
        reachable_time: 100_000,
        retrans_timer: 3000,
        mtu: Some(1400),
        ..lives(ROUTER, 1800)
    };
    host.hear_advert(ROUTER, &says, &[]);
    for _ in 0..2 {
        let config = host.net.world.node(host.node).stack.config();
        let interface = config.interface(host.id).unwrap();
        assert_eq!((interface.hop_limit, interface.mtu), (33, 1400));
        assert_eq!(interface.nud.retrans_timer, secs(3));
        assert!((secs(50)..=secs(150)).contains(&interface.nud.reachable_time));
        // The next one says nothing, or what cannot be.
        host.hear_advert(ROUTER, &RouterAdvert { mtu: Some(1501), ..lives(ROUTER, 1800) }, &[]);
    }
    // And they are obeyed: packets carry the hop limit, questions are three seconds apart.
    host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[NdOption::Prefix(prefix(1, 600, 1200))]);
    host.run(secs(2));
    host.net.rewind();
    host.net.ping_once(host.node, FAR);
    assert_eq!(host.net.icmp()[0].ip.hop_limit, 33);
    let neighbor = on_link(1, 0x99);
    host.net.ping_once(host.node, neighbor);
    host.run(secs(4));
    let times: Vec<_> = host.net.solicits_for(neighbor).iter().map(|ns| ns.at).collect();
    assert_eq!(times[1] - times[0], secs(3));
    // To be set back when the interface begins anew.
    let id = host.id;
    host.net.world.node(host.node).control(|stack, ctx| stack.restart(ctx, id)).unwrap();
    let config = host.net.world.node(host.node).stack.config();
    let interface = config.interface(host.id).unwrap();
    assert_eq!((interface.hop_limit, interface.mtu, interface.nud.retrans_timer), (64, 1500, secs(1)));
}

#[test]
fn a_router_that_does_not_answer_gives_way_to_one_that_may_4861_22() {
    for backoff in [None, Some(Backoff::default())] {
        let mut quick = spec("host");
        quick.nud.unreachable = backoff;
        let mut host = Host::with(quick, silent());
        host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[NdOption::Prefix(prefix(1, 600, 1200))]);
        host.hear_router(SECOND, 1800);
        assert_eq!(host.default_router(), Some(ROUTER));
        host.run(secs(2));
        // A packet shows that the first is silent: five seconds' patience, and three questions.
        host.net.ping_once(host.node, FAR);
        host.run(secs(20));
        assert_eq!(host.default_router(), Some(SECOND), "{backoff:?}");
        host.net.rewind();
        host.net.ping_once(host.node, FAR);
        assert_eq!(host.net.requests(FAR)[0].1, router_mac(SECOND));
        // The first comes back, but the second serves.
        host.hear_router(ROUTER, 1800);
        host.answer(ROUTER, true);
        assert_eq!(host.default_router(), Some(SECOND));
    }
}

#[test]
fn routers_that_nothing_is_known_of_have_their_turns_4861_22() {
    let mut host = Host::new(silent());
    // Without their link-layer addresses they have no entries.
    for router in [ROUTER, SECOND] {
        let bare = RouterAdvert { slla: None, ..lives(router, 1800) };
        host.hear_advert(router, &bare, &[NdOption::Prefix(prefix(1, 600, 1200))]);
    }
    host.run(secs(2));
    let mut asked = Vec::new();
    for _ in 0..4 {
        asked.push(host.default_router().unwrap());
        host.net.ping_once(host.node, FAR);
        host.run(secs(4));
    }
    assert_eq!(asked, [ROUTER, SECOND, ROUTER, SECOND]);
    // Whoever answers is used.
    let current = host.default_router().unwrap();
    host.net.ping_once(host.node, FAR);
    host.answer(current, true);
    host.run(secs(20));
    assert_eq!(host.default_router(), Some(current));
    assert_eq!(host.net.neighbor(host.node, current).unwrap().1, Some(router_mac(current)));
}

#[test]
fn a_preferred_router_is_used_and_probed_when_it_was_silent_rfc4191() {
    let mut quick = spec("host");
    quick.nud.unreachable = Some(Backoff::default());
    let mut host = Host::with(quick, silent());
    let high = RouterAdvert { preference: Preference::High, ..lives(SECOND, 9000) };
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(prefix(1, 9000, 9000))]);
    host.hear_advert(SECOND, &high, &[]);
    assert_eq!(host.default_router(), Some(SECOND));
    host.run(secs(2));
    host.net.ping_once(host.node, FAR);
    host.run(secs(30));
    assert_eq!(host.default_router(), Some(ROUTER));
    assert_eq!(host.net.neighbor(host.node, SECOND).unwrap().0, NudState::Unreachable);
    host.net.rewind();
    host.run(secs(60));
    assert!(!host.net.solicits_for(SECOND).is_empty(), "it is asked from time to time");
    host.answer(SECOND, true);
    assert_eq!(host.default_router(), Some(SECOND));
}

#[test]
fn more_specific_routes_are_learnt_and_withdrawn_rfc4191() {
    let mut host = Host::new(silent());
    let route =
        |lifetime| RouteInfo { prefix: FAR, prefix_len: 48, preference: Preference::Medium, lifetime };
    host.hear_router(ROUTER, 1800);
    host.hear_advert(SECOND, &lives(SECOND, 0), &[NdOption::Route(route(60))]);
    let specific = (ip6::mask(FAR, 48).to_string() + "/48", Some(SECOND));
    assert_eq!(host.routes(), [specific.clone(), ("::/0".to_string(), Some(ROUTER))]);
    host.hear_advert(SECOND, &lives(SECOND, 0), &[NdOption::Route(route(0))]);
    assert_eq!(host.routes().len(), 1);
    // A route to everything says more than the header does.
    let everything = RouteInfo { prefix_len: 0, ..route(60) };
    host.hear_advert(SECOND, &lives(SECOND, 0), &[NdOption::Route(everything)]);
    assert_eq!(host.routers().len(), 2);
    // Those who do not want them take none.
    host.configure(HostConfig { route_info: false, ..silent() });
    host.hear_advert(SECOND, &lives(SECOND, 0), &[NdOption::Route(route(60)), NdOption::Route(everything)]);
    assert_eq!(host.routes(), []);
}

#[test]
fn a_router_learns_from_no_router_unless_it_is_told_to_4861_16() {
    let mut host = Host::new(silent());
    host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[NdOption::Prefix(prefix(1, 600, 1200))]);
    host.net.forwarding(host.node, true);
    assert_eq!(host.routes(), [], "what it had learnt it forgets");
    host.hear_router(ROUTER, 1800);
    assert_eq!((host.routes().len(), host.net.dropped(host.node, Cause::AutoconfOff)), (0, 1));
    host.net.forwarding(host.node, false);
    host.hear_router(ROUTER, 1800);
    assert_eq!(host.default_router(), Some(ROUTER));
    host.configure(HostConfig { accept: Accept::Always, ..silent() });
    host.net.forwarding(host.node, true);
    host.hear_router(ROUTER, 1800);
    assert_eq!(host.default_router(), Some(ROUTER));
    host.configure(HostConfig { accept: Accept::Never, ..silent() });
    host.net.forwarding(host.node, false);
    host.hear_router(ROUTER, 1800);
    assert_eq!(host.default_router(), None);
}

#[test]
fn a_router_that_becomes_a_host_looks_for_routers_4861_23() {
    let mut host = Host::new(HostConfig::default());
    host.net.forwarding(host.node, true);
    host.run(secs(30));
    assert_eq!(host.solicitations().len(), 0);
    host.net.forwarding(host.node, false);
    host.run(secs(30));
    assert_eq!(host.solicitations().len(), 3);
}

#[test]
fn a_host_never_advertises_itself_nor_redirects_4861_16() {
    let mut host = Host::new(HostConfig::default());
    host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[NdOption::Prefix(prefix(1, 600, 1200))]);
    // A packet that a router would send back to the same link, with a redirect.
    let mac = host.net.mac(host.node, host.id);
    host.net.hear(host.link, &frame6(mac, &echo(PEER, FAR, 1)));
    host.run(secs(60));
    let kinds: Vec<u8> =
        host.net.frames().iter().filter_map(|frame| frame.ip6().map(|(_, _, payload)| payload[0])).collect();
    assert!(kinds.contains(&133) && !kinds.contains(&134) && !kinds.contains(&137), "{kinds:?}");
}

#[test]
fn flushing_forgets_routers_until_they_speak_again() {
    let mut host = Host::new(silent());
    host.hear_router(ROUTER, 1800);
    host.hear_router(SECOND, 1800);
    let id = host.id;
    let flushed = host.net.world.node(host.node).control(|stack, ctx| stack.flush_routers(ctx, id));
    assert_eq!((flushed, host.routes().len(), host.routers().len()), (2, 0, 0));
    host.hear_router(SECOND, 1800);
    assert_eq!(host.default_router(), Some(SECOND));
}

#[test]
fn a_flood_of_6000_routers_and_prefixes_changes_little_4861_17() {
    let limits = HostLimits::default();
    let mut host = Host::new(HostConfig::default());
    host.run(secs(30));
    let own = prefix(1, 600, 1200);
    host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[NdOption::Prefix(own)]);
    host.run(secs(3));
    let first = host.globals();
    assert_eq!(first.len(), 1);
    host.net.rewind();
    for n in 0..6000 {
        let router = local(0x2000 + n);
        let lies = RouterAdvert { preference: Preference::Low, ..lives(router, 9000) };
        let frame = advert_frame(
            router,
            &lies,
            &[
                NdOption::Prefix(prefix(0x2000 + n, 7000, 9000)),
                NdOption::Route(RouteInfo {
                    prefix: on_link(0x4000 + n, 0),
                    prefix_len: 64,
                    preference: Preference::High,
                    lifetime: 9000,
                }),
            ],
        );
        host.net.inject(host.link, &frame);
        if n % 60 == 59 {
            host.run(ms(1));
        }
    }
    host.run(secs(5));
    let used = |name: &str| host.limit(name);
    let refused = |limit: usize| 6000 - limit as u64 + 1;
    assert_eq!(used("learnt-routers"), (limits.routers as u64, refused(limits.routers)));
    // What came with a router that was refused was not looked at.
    assert_eq!(used("learnt-addresses").0, limits.addresses as u64);
    assert!(used("learnt-prefixes").0 <= limits.prefixes as u64);
    assert!(used("learnt-routes").0 <= limits.routes as u64);
    assert_eq!(host.net.dropped(host.node, Cause::LearnLimit), refused(limits.routers));
    assert!(host.net.neighbors(host.node) <= limits.routers, "refused routers are no neighbours either");
    assert_eq!(host.default_router(), Some(ROUTER), "the first one stays");
    assert_eq!(host.globals()[0], first[0], "and so does its address");
    assert_eq!(host.told("limit of 16 routers").len(), 1, "told once");
    host.net.ping_once(host.node, FAR);
    assert_eq!(host.net.requests(FAR).last().unwrap().1, router_mac(ROUTER));
    // When the first has gone, one of those that were let in serves; all of them end.
    host.run(secs(9100));
    assert_eq!((host.routers().len(), host.routes().len()), (0, 0));
}

#[test]
fn a_flood_of_prefixes_by_a_known_router_is_limited_4861_17() {
    let limits = HostLimits::default();
    let mut host = Host::new(silent());
    for n in 0..3000 {
        let options =
            [NdOption::Prefix(prefix(2 * n, 700, 900)), NdOption::Prefix(prefix(2 * n + 1, 700, 900))];
        host.net.inject(host.link, &advert_frame(ROUTER, &lives(ROUTER, 1800), &options));
        if n % 60 == 59 {
            host.run(ms(1));
        }
    }
    // Even a known router is not listened to that often: what it says too fast is not looked at.
    let unheard = host.net.dropped(host.node, Cause::MessageLimit);
    assert!((2600..2900).contains(&unheard), "{unheard}");
    let heard = 2 * (3000 - unheard);
    assert_eq!(host.limit("learnt-prefixes"), (limits.prefixes as u64, heard - limits.prefixes as u64));
    assert_eq!(host.limit("learnt-addresses"), (limits.addresses as u64, heard - limits.addresses as u64));
    assert_eq!(host.globals()[0].0, ip6::eui64(on_link(0, 0), host.net.mac(host.node, host.id)));
    // There is room again when those have ended, and the next flood is told, too.
    assert_eq!(host.told("limit of 32 prefixes").len(), 1);
    host.run(secs(1000));
    assert_eq!(host.globals(), []);
    host.hear_advert(ROUTER, &lives(ROUTER, 1800), &[NdOption::Prefix(prefix(9, 600, 700))]);
    assert_eq!((host.globals().len(), host.prefixes().len()), (1, 1));
}

#[test]
fn with_no_router_and_no_prefix_there_is_no_route_and_nobody_is_asked_5942_1() {
    let mut host = Host::new(silent());
    let only_address = siding_wire::nd::PrefixInfo { on_link: false, ..prefix(1, 600, 1200) };
    host.hear_advert(ROUTER, &lives(ROUTER, 0), &[NdOption::Prefix(only_address)]);
    host.run(secs(2));
    assert_eq!(host.globals().len(), 1);
    let ping = host.net.open(host.node);
    for dst in [on_link(1, 0x99), FAR] {
        let error = host.net.ping(host.node, &ping, dst, 1).unwrap_err();
        assert_eq!(error, SendError::NoRoute(dst.into()), "its own prefix is not on-link");
    }
    host.run(secs(5));
    assert_eq!((host.net.solicits_for(on_link(1, 0x99)).len(), host.net.solicits_for(FAR).len()), (0, 0));
    // With a router, everything goes there.
    host.hear_router(ROUTER, 1800);
    host.net.rewind();
    host.net.ping_once(host.node, on_link(1, 0x99));
    assert_eq!(host.net.requests(on_link(1, 0x99))[0].1, router_mac(ROUTER));
    assert_eq!(host.net.solicits_for(on_link(1, 0x99)).len(), 0);
}

#[test]
fn on_link_is_what_was_said_to_be_for_as_long_4861_20_5942_1() {
    let mut host = Host::new(silent());
    let peer = on_link(1, 0x99);
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(prefix(1, 5, 10))]);
    host.run(secs(2));
    host.net.ping_once(host.node, peer);
    assert_eq!(host.net.solicits_for(peer).len(), 1, "on-link");
    // Without L nothing is said: it stays.
    let silent_about = siding_wire::nd::PrefixInfo { on_link: false, autonomous: false, ..prefix(1, 0, 0) };
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(silent_about)]);
    assert_eq!(host.prefixes()[0].on_link, Some(Some(secs(8))));
    host.run(secs(8));
    assert!(host.prefixes().iter().all(|prefix| prefix.on_link.is_none()));
    assert_eq!(host.routes(), [("::/0".to_string(), Some(ROUTER))], "off-link, so by the router");
    // A lifetime of 0 ends it at once, and the link-local prefix was never its to tell.
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(prefix(2, 50, 100))]);
    assert_eq!(host.routes().len(), 2);
    let withdrawn = siding_wire::nd::PrefixInfo { autonomous: false, ..prefix(2, 0, 0) };
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(withdrawn)]);
    assert_eq!(host.routes().len(), 1);
    let link_local = siding_wire::nd::PrefixInfo { prefix: local(0), ..prefix(3, 50, 100) };
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(link_local)]);
    assert_eq!(host.routes().len(), 1);
}

#[test]
fn what_the_operator_has_put_there_stays_whatever_is_advertised_4861_17() {
    let mut host = Host::new(silent());
    let (id, manual) = (host.id, on_link(1, 0x77));
    host.net.add_address(host.node, id, manual, false);
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(prefix(1, 50, 100))]);
    let connected = |host: &Host| {
        let routes = host.net.world.node(host.node).stack.routes6();
        routes.iter().filter(|route| route.next_hop.is_none()).map(|route| route.origin).collect::<Vec<_>>()
    };
    assert_eq!(connected(&host), [siding_stack::route::Origin::Connected]);
    host.run(secs(200));
    assert_eq!(connected(&host), [siding_stack::route::Origin::Connected]);
    // And when the operator takes it away, what is advertised holds.
    host.hear_advert(ROUTER, &lives(ROUTER, 9000), &[NdOption::Prefix(prefix(1, 50, 100))]);
    host.net
        .world
        .node(host.node)
        .control(|stack, ctx| stack.remove_address(ctx, id, manual.into()))
        .unwrap();
    assert_eq!(connected(&host), [siding_stack::route::Origin::Advertised]);
}

#[test]
fn what_an_unread_advertisement_prolongs_does_not_end_however_long_the_node_was_held_up_4861_21() {
    for hold in HOLDS {
        for before in [ms(2), ms(900)] {
            let mut host = Host::new(silent());
            let options = |seconds| [NdOption::Prefix(prefix(7, seconds, seconds))];
            host.hear_advert(ROUTER, &lives(ROUTER, 60), &options(60));
            host.run(secs(60) - before);
            let (routers, prefixes, addresses) =
                (host.routers().len(), host.prefixes().len(), host.globals());
            assert_eq!((routers, prefixes, addresses.len()), (1, 1, 1));
            let (node, link) = (host.node, host.link);
            let again = advert_frame(ROUTER, &lives(ROUTER, 1800), &options(1800));
            let from = host.net.world.log().len();
            host.net.hold_up(node, link, &again, hold);
            host.run(secs(5));
            assert_eq!((host.routers().len(), host.prefixes().len()), (1, 1), "{hold:?} {before:?}");
            assert_eq!((host.globals(), host.default_router()), (addresses, Some(ROUTER)));
            let told = &host.net.world.log()[from..];
            let ended = |line: &&String| {
                ["expired", "gone", "removed", "deprecated"].iter().any(|word| line.contains(word))
            };
            assert_eq!(told.iter().filter(ended).count(), 0, "{told:?}");
            host.run(secs(1900));
            assert_eq!(host.routers().len(), 0, "nor is it kept for ever");
        }
    }
}
