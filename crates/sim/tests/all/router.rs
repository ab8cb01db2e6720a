//! A router on the wire: its advertisements, who gets them and when, and how it takes its leave.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_stack::AdvertiseError;
use siding_stack::ifnet::IfCounter;
use siding_stack::nd6::nud::NudState;
use siding_stack::nd6::router::AdvertConfig;
use siding_stack::nd6::router::AdvertError;
use siding_stack::nd6::router::AdvertPrefix;
use siding_stack::nd6::router::PrefixTerms;
use siding_stack::nd6::router::schedule::Phase;
use siding_stack::route::Prefix;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::ether::multicast_mac;
use siding_wire::ip6;
use siding_wire::ip6::Ip6Repr;
use siding_wire::nd;
use siding_wire::nd::NdMessage;
use siding_wire::nd::NdOption;
use siding_wire::nd::NeighborSolicit;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::RouterAdvert;
use siding_wire::nd::RouterSolicit;

use crate::common::*;

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;

/// An advertisement that a node sent.
#[derive(Debug, Clone)]
struct Ra {
    at: Duration,
    ether: Ether,
    ip: Ip6Repr,
    advert: RouterAdvert,
    prefixes: Vec<PrefixInfo>,
}

fn ras(net: &Net, link: LinkId) -> Vec<Ra> {
    let mut all = Vec::new();
    for frame in net.frames().iter().filter(|frame| frame.link == link) {
        let Some((ether, ip, payload)) = frame.ip6() else { continue };
        if ip.next_header != IpProto::ICMP6 || payload[0] != 134 {
            continue;
        }
        let message = nd::validate(ip.hop_limit, ip.src, ip.dst, payload, false).unwrap();
        let NdMessage::RouterAdvert(advert, options) = message else { panic!("{message:?}") };
        let prefixes = options.filter_map(|option| match option {
            NdOption::Prefix(prefix) => Some(prefix),
            _ => None,
        });
        let at = frame.at - Instant::from_nanos(1_000_000_000);
        all.push(Ra { at, ether, ip, advert, prefixes: prefixes.collect() });
    }
    all
}

fn gaps(ras: &[Ra]) -> Vec<Duration> {
    let all: Vec<Duration> = ras.iter().filter(|ra| ra.ip.dst.is_multicast()).map(|ra| ra.at).collect();
    all.windows(2).map(|pair| pair[1] - pair[0]).collect()
}

/// A router with one interface, [`HOST`] on it, that advertises `config`.
fn router(seed: u64, config: AdvertConfig) -> (Net, NodeId, LinkId, IfId) {
    let mut net = Net::new(seed);
    let link = net.world.add_link(Faults::default());
    let node = net.add_node(spec("router"));
    let id = net.plug(node, link, HOST);
    net.forwarding(node, true);
    start(&net, node, id, config).unwrap();
    net.run(Duration::ZERO);
    (net, node, link, id)
}

fn start(net: &Net, node: NodeId, id: IfId, config: AdvertConfig) -> Result<(), AdvertiseError> {
    net.world.node(node).control(|stack, ctx| stack.start_advertising(ctx, id, config))
}

fn stop(net: &Net, node: NodeId, id: IfId) -> Result<(), AdvertiseError> {
    net.world.node(node).control(|stack, ctx| stack.stop_advertising(ctx, id))
}

fn advertisers(net: &Net, node: NodeId) -> Vec<(IfId, Phase)> {
    let all = net.world.node(node).control(|stack, ctx| stack.advertisers(ctx));
    all.into_iter().map(|one| (one.interface, one.phase)).collect()
}

/// A host's question.
fn rs(src: Ipv6Addr, mac: Mac, slla: bool) -> Vec<u8> {
    let message = RouterSolicit { slla: slla.then_some(mac) };
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(src, ip6::ALL_ROUTERS, &mut bytes).unwrap();
    let packet = packet(src, ip6::ALL_ROUTERS, IpProto::ICMP6, nd::HOP_LIMIT, &bytes);
    frame_from(mac, multicast_mac(ip6::ALL_ROUTERS), siding_wire::EtherType::IPV6, &packet)
}

#[test]
fn nothing_is_advertised_before_it_is_asked_for_4861_8_4861_9_4861_16() {
    let (mut net, node, link, id) = Net::host(spec("node"));
    // A host never does, and says what to do about it.
    let refused = start(&net, node, id, AdvertConfig::default()).unwrap_err();
    assert_eq!(refused, AdvertiseError::NotRouter);
    assert_eq!(
        refused.to_string(),
        "forwarding is off, and hosts do not advertise: switch it on (`forwarding = true` in [stack])"
    );
    net.forwarding(node, true);
    net.hear(link, &rs(local(9), PEER_MAC, true));
    net.hear(link, &rs(ANY, PEER_MAC, false));
    net.run(secs(3600));
    assert_eq!(ras(&net, link).len(), 0, "forwarding alone advertises nothing");
    let long = AdvertConfig { max_interval: secs(2000), ..AdvertConfig::default() };
    assert_eq!(
        start(&net, node, id, long),
        Err(AdvertiseError::Config(AdvertError::MaxInterval(secs(2000))))
    );
    assert_eq!(stop(&net, node, id), Err(AdvertiseError::NotAdvertising));
    assert_eq!(advertisers(&net, node), []);
}

#[test]
fn an_advertisement_on_the_wire_4861_2_4861_9() {
    let (mut net, node, link, id) = router(1, AdvertConfig::default());
    net.run(secs(1));
    let [ra] = &ras(&net, link)[..] else { panic!("one") };
    let mac = net.mac(node, id);
    assert_eq!((ra.ip.src, ra.ip.dst, ra.ip.hop_limit), (ip6::eui64_link_local(mac), ip6::ALL_NODES, 255));
    assert_eq!((ra.ether.src, ra.ether.dst), (mac, multicast_mac(ip6::ALL_NODES)));
    assert_eq!((ra.advert.router_lifetime, ra.advert.slla), (1800, Some(mac)));
    let [prefix] = ra.prefixes[..] else { panic!("one prefix") };
    assert_eq!((prefix.prefix, prefix.prefix_len), (v6(0), 64));
    assert!(ra.at <= ms(500));
    assert_eq!(net.counter(node, id, IfCounter::RaOut), 1);
    let report = net.world.node(node).control(|stack, ctx| stack.advertisers(ctx)).remove(0);
    assert_eq!((report.sent, report.source, report.prefixes), (1, Some(ra.ip.src), vec![prefix]));
    assert!(report.next.unwrap() <= secs(16));
}

#[test]
fn the_first_waits_for_an_address_to_speak_from() {
    let mut net = Net::new(3);
    let link = net.world.add_link(Faults::default());
    let node = net.add_node(NodeSpec::new("router"));
    let id = net.plug(node, link, HOST);
    net.forwarding(node, true);
    start(&net, node, id, AdvertConfig::default()).unwrap();
    net.run(secs(5));
    let ras = ras(&net, link);
    let tested = net.solicits_for(ip6::eui64_link_local(net.mac(node, id)))[0].at + secs(1);
    assert!(tested <= ras[0].at && ras[0].at <= tested + secs(2), "{:?}, tested at {tested:?}", ras[0]);
}

#[test]
fn hours_of_advertisements_from_many_seeds_4861_10() {
    let mut seen = Vec::new();
    for seed in 0..30 {
        let config = AdvertConfig { max_interval: secs(60), ..AdvertConfig::default() };
        let (mut net, _, link, _) = router(seed, config);
        net.run(secs(6 * 3600));
        let gaps = gaps(&ras(&net, link));
        assert_eq!(gaps[..3], [secs(16); 3]);
        assert!(gaps[3..].iter().all(|gap| (ms(19_800)..=secs(60)).contains(gap)), "{gaps:?}");
        seen.extend_from_slice(&gaps[3..]);
    }
    let mean = seen.iter().sum::<Duration>() / seen.len() as u32;
    assert!((secs(39)..secs(41)).contains(&mean), "{mean:?}");
}

#[test]
fn whoever_asks_is_answered_within_half_a_second_4861_12_4861_13() {
    let mut waits = Vec::new();
    for seed in 0..60 {
        let (mut net, node, link, id) = router(seed, AdvertConfig::default());
        net.run(secs(100));
        net.rewind();
        let asked = net.now();
        let slla = seed % 2 == 0;
        if !slla {
            // Its address is known from before.
            let ns = solicit(local(9), HOST, &NeighborSolicit::new(HOST, PEER_MAC));
            net.hear(link, &frame6(net.mac(node, id), &ns));
        }
        net.hear(link, &rs(local(9), PEER_MAC, slla));
        let (state, lladdr) = net.neighbor(node, local(9)).unwrap();
        assert_eq!((state, lladdr), (NudState::Stale, Some(PEER_MAC)));
        net.run(secs(1));
        let [ra] = &ras(&net, link)[..] else { panic!("one answer") };
        assert_eq!((ra.ip.dst, ra.ether.dst), (local(9), PEER_MAC), "to the asker alone");
        assert!(ra.at - asked <= ms(500));
        waits.push(ra.at - asked);
        // One that has no address yet is answered by telling everybody, and teaches nothing.
        net.rewind();
        let known = net.neighbors(node);
        let asked = net.now();
        net.hear(link, &rs(ANY, OTHER_MAC, false));
        net.run(secs(1));
        let [ra] = &ras(&net, link)[..] else { panic!("one answer") };
        assert_eq!(ra.ip.dst, ip6::ALL_NODES);
        assert!(ra.at - asked <= ms(500));
        assert_eq!(net.neighbors(node), known);
    }
    let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
    assert!(*least < ms(60) && *most > ms(440), "{least:?} to {most:?}");
}

#[test]
fn an_asker_is_no_router_4861_13() {
    let (mut net, node, link, _) = router(1, AdvertConfig::default());
    // It said that it was one, and gives another address now.
    let was = siding_wire::nd::NeighborAdvert {
        router: true,
        solicited: false,
        override_: true,
        target: local(9),
        tlla: Some(OTHER_MAC),
    };
    let to = ip6::ALL_NODES;
    net.hear(link, &frame6(multicast_mac(to), &advert(local(9), to, &was)));
    net.hear(link, &rs(local(9), PEER_MAC, true));
    let all = net.world.node(node).control(|stack, ctx| stack.neighbors(ctx));
    let one = all.iter().find(|one| one.addr == local(9)).unwrap();
    assert_eq!((one.router, one.state, one.lladdr), (false, NudState::Stale, Some(PEER_MAC)));
}

#[test]
fn a_storm_of_solicitations_is_answered_in_measure_4861_12() {
    for seed in 0..10 {
        let (mut net, node, link, id) = router(seed, AdvertConfig::default());
        net.run(secs(100));
        net.rewind();
        let begun = net.now();
        for host in 0..10_000u32 {
            let [_, _, a, b] = host.to_be_bytes();
            let mac = Mac([2, 0xdd, 0, 0, a, b]);
            net.inject(link, &rs(local(host as u16 + 1), mac, host % 3 > 0));
            if host % 10 == 0 {
                net.run(ms(10));
            }
        }
        net.run(secs(5));
        let took = net.now() - begun;
        let ras = ras(&net, link);
        assert!(gaps(&ras).iter().all(|gap| *gap >= secs(3)), "{:?}", gaps(&ras));
        let most = (took.as_secs() as usize / 3 + 2) * 17;
        assert!((4..most).contains(&ras.len()), "{} in {took:?}", ras.len());
        // Those who do not tell where they are must be asked for, and do not answer.
        let held = net.counter(node, id, IfCounter::RaOut) - 4 - ras.len() as u64;
        assert!(held > 0 && held < ras.len() as u64, "{held}");
    }
}

#[test]
fn it_takes_its_leave_three_times_4861_11() {
    let (mut net, node, link, id) = router(1, AdvertConfig::default());
    net.run(secs(100));
    net.rewind();
    let stopped = net.now();
    stop(&net, node, id).unwrap();
    assert_eq!(advertisers(&net, node), [(id, Phase::Ceasing(3))]);
    net.run(secs(3600));
    let ras = ras(&net, link);
    let at: Vec<_> = ras.iter().map(|ra| (ra.at - stopped, ra.advert.router_lifetime)).collect();
    assert_eq!(at, [(secs(0), 0), (secs(3), 0), (secs(6), 0)]);
    assert_eq!(advertisers(&net, node), []);
    assert!(!net.world.node(node).stack.config().is_advertising(id));
    // And begins anew.
    start(&net, node, id, AdvertConfig::default()).unwrap();
    net.run(secs(1));
    assert_eq!(self::ras(&net, link).last().unwrap().advert.router_lifetime, 1800);
}

#[test]
fn a_router_that_becomes_a_host_says_so_everywhere_4861_11_4861_29() {
    let (mut net, node, link, id) = router(1, AdvertConfig::default());
    net.run(secs(100));
    let ask = frame6(net.mac(node, id), &solicit(PEER, HOST, &NeighborSolicit::new(HOST, PEER_MAC)));
    net.hear(link, &ask);
    net.rewind();
    net.forwarding(node, false);
    net.hear(link, &ask);
    assert!(!net.adverts()[0].message.router, "a host's advertisements have the Router flag off");
    net.run(secs(100));
    assert!(ras(&net, link).iter().all(|ra| ra.advert.router_lifetime == 0));
    assert_eq!((ras(&net, link).len(), advertisers(&net, node)), (3, vec![]));
    net.forwarding(node, true);
    net.rewind();
    net.hear(link, &ask);
    assert!(net.adverts()[0].message.router);
    net.run(secs(100));
    assert_eq!(ras(&net, link).len(), 0, "it is asked for anew");
}

#[test]
fn groups_of_routers_are_a_routers_4861_9() {
    let (mut net, node, link, id) = Net::host(spec("node"));
    for router in [false, true, false] {
        net.forwarding(node, router);
        net.run(Duration::ZERO);
        let before = net.counter(node, id, IfCounter::RsIn);
        net.hear(link, &rs(local(9), PEER_MAC, true));
        assert_eq!(net.counter(node, id, IfCounter::RsIn) - before, u64::from(router));
    }
}

#[test]
fn a_new_link_local_address_is_made_known_from_both_4861_14() {
    let (mut net, node, link, id) = router(1, AdvertConfig::default());
    net.run(secs(100));
    net.rewind();
    let old = ip6::eui64_link_local(net.mac(node, id));
    let new = local(0xbeef);
    net.world.node(node).control(|stack, ctx| {
        stack.remove_address(ctx, id, old.into()).unwrap();
        stack.add_address(ctx, id, new.into(), 64, false).unwrap();
    });
    let begun = net.now();
    net.run(secs(40));
    let told: Vec<_> = ras(&net, link)
        .iter()
        .map(|ra| ((ra.at - begun).as_secs(), ra.ip.src, ra.advert.router_lifetime))
        .collect();
    let farewell = |at| (at, old, 0);
    let advert = |at| (at, new, 1800);
    let expected = [farewell(0), advert(3), farewell(6), advert(9), farewell(12), advert(15), advert(31)];
    assert_eq!(told, expected);
}

#[test]
fn what_other_routers_say_otherwise_is_told_once_a_minute_4861_14() {
    let (mut net, node, link, _) = router(1, AdvertConfig::default());
    let other = |hop_limit| {
        let advert = RouterAdvert { cur_hop_limit: hop_limit, router_lifetime: 600, ..Default::default() };
        let mut bytes = vec![0; advert.buffer_len(&[])];
        advert.emit(&[], local(9), ip6::ALL_NODES, &mut bytes).unwrap();
        frame6(
            multicast_mac(ip6::ALL_NODES),
            &packet(local(9), ip6::ALL_NODES, IpProto::ICMP6, nd::HOP_LIMIT, &bytes),
        )
    };
    let told = |net: &Net| {
        let all = net.events(node, local(9));
        all.into_iter().filter(|line| line.starts_with("router ")).collect::<Vec<_>>()
    };
    net.hear(link, &other(64));
    net.hear(link, &other(0));
    assert_eq!(told(&net), [""; 0]);
    for _ in 0..119 {
        net.hear(link, &other(32));
        net.run(secs(1));
    }
    let line = format!("router {} advertises otherwise than we do: a hop limit of 32, we 64", local(9));
    assert_eq!(told(&net), [line.as_str(); 2]);
    // What we say ourselves, looped back, is no news.
    let own: Vec<_> = net.frames().into_iter().filter(|frame| frame.bytes[54] == 134).collect();
    own.iter().for_each(|frame| net.inject(link, &frame.bytes));
    net.run(secs(120));
    assert_eq!(told(&net).len(), 2);
}

#[test]
fn a_prefix_that_goes_is_deprecated_and_a_new_one_made_known_4861_10() {
    let (mut net, node, link, id) = router(1, AdvertConfig::default());
    net.run(secs(100));
    net.rewind();
    let begun = net.now();
    net.add_address(node, id, on_link(7, 1), false);
    net.world.node(node).control(|stack, ctx| stack.remove_address(ctx, id, HOST.into())).unwrap();
    net.run(secs(300));
    let told: Vec<Vec<_>> = ras(&net, link)
        .iter()
        .map(|ra| ra.prefixes.iter().map(|info| (info.prefix, info.valid, info.preferred)).collect())
        .collect();
    let new = (on_link(7, 0), 2_592_000, 604_800);
    let old = (v6(0), 0, 0);
    assert_eq!(told[..3], [vec![new, old], vec![new, old], vec![new, old]]);
    assert!(ras(&net, link)[0].at - begun <= ms(1));
}

#[test]
fn what_goes_is_taken_back_for_as_long_as_hosts_would_have_kept_it() {
    let terms = |valid| PrefixTerms { valid, preferred: 100, ..PrefixTerms::default() };
    let with = |prefixes: &[(u16, u32)]| AdvertConfig {
        max_interval: secs(10),
        own_prefixes: None,
        prefixes: prefixes
            .iter()
            .map(|(at, valid)| AdvertPrefix {
                prefix: Prefix::covering(on_link(*at, 0), 64),
                terms: terms(*valid),
            })
            .collect(),
        ..AdvertConfig::default()
    };
    let (mut net, node, link, id) = router(1, with(&[(5, 1000), (6, 500), (7, 300)]));
    net.run(secs(60));
    // Each goes at another time, and the last comes back.
    let begun = net.now();
    start(&net, node, id, with(&[(6, 500), (7, 300)])).unwrap();
    net.run(secs(100));
    start(&net, node, id, with(&[(7, 300)])).unwrap();
    net.run(secs(100));
    start(&net, node, id, with(&[])).unwrap();
    net.run(secs(100));
    start(&net, node, id, with(&[(7, 300)])).unwrap();
    net.run(secs(1000));
    let told = ras(&net, link);
    for (at, first, last) in [(5, 0, 1000), (6, 100, 600), (7, 200, 300)] {
        let zero = |ra: &&Ra| {
            let info = ra.prefixes.iter().find(|info| info.prefix == on_link(at, 0));
            info.is_some_and(|info| {
                (info.valid, info.preferred, info.on_link, info.autonomous) == (0, 0, true, true)
            })
        };
        let times: Vec<u64> = told.iter().filter(zero).map(|ra| (ra.at - begun).as_secs()).collect();
        let near = |time: Option<&u64>, wanted: u64| time.is_some_and(|time| time.abs_diff(wanted) <= 20);
        assert!(near(times.first(), first) && near(times.last(), last), "{at}: {times:?}");
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] <= 10), "in each of them: {times:?}");
    }
    assert!(told.iter().all(|ra| ra.prefixes.len() <= 3));
}

#[test]
fn an_interface_that_goes_down_and_comes_up_begins_anew_4861_11() {
    let (mut net, node, link, id) = router(1, AdvertConfig::default());
    net.run(secs(100));
    net.rewind();
    net.world.node(node).control(|stack, ctx| stack.suspend_advertising(ctx, id)).unwrap();
    net.run(ms(1));
    assert_eq!(advertisers(&net, node), [(id, Phase::Suspended)]);
    let set_up =
        |net: &Net, up| net.world.node(node).control(|stack, ctx| stack.set_up(ctx, id, up)).unwrap();
    set_up(&net, false);
    net.hear(link, &rs(ANY, PEER_MAC, false));
    net.run(secs(1000));
    assert_eq!(ras(&net, link).iter().map(|ra| ra.advert.router_lifetime).collect::<Vec<_>>(), [0]);
    set_up(&net, true);
    let begun = net.now();
    net.run(secs(40));
    let at: Vec<_> =
        ras(&net, link)[1..].iter().map(|ra| (ra.at - begun, ra.advert.router_lifetime)).collect();
    assert_eq!(at, [(secs(0), 1800), (secs(16), 1800), (secs(32), 1800)]);
    // One that is stopped while down has nobody to tell.
    set_up(&net, false);
    stop(&net, node, id).unwrap();
    assert_eq!(advertisers(&net, node), []);
}

#[test]
fn an_interface_that_departs_takes_its_advertisements_along() {
    for seed in 0..50 {
        let config = AdvertConfig { max_interval: secs(4), ..AdvertConfig::default() };
        let (mut net, node, link, id) = router(seed, config.clone());
        let after = net.world.node_mut(node).stack.now();
        let until = Duration::from_millis(seed * 37 % 1000) + after.since(after);
        net.run(until);
        net.inject(link, &rs(local(9), PEER_MAC, true));
        net.world.unplug(node, id);
        net.run(secs(60));
        assert_eq!(advertisers(&net, node), []);
        assert_eq!(start(&net, node, id, config), Err(AdvertiseError::NoInterface(id)));
    }
}

#[test]
fn a_full_queue_delays_advertisements_and_loses_none() {
    let mut net = Net::new(5);
    let link = net.world.add_link(Faults::default());
    let mut small = spec("router");
    (small.queue_limit, small.buffers) = (1, 512);
    let node = net.add_node(small);
    let ids: Vec<IfId> = (0..10)
        .map(|at| {
            let id = net.plug(node, link, on_link(at, 1));
            net.forwarding(node, true);
            start(&net, node, id, AdvertConfig::default()).unwrap();
            id
        })
        .collect();
    net.run(secs(20));
    for id in ids {
        assert_eq!(net.counter(node, id, IfCounter::RaOut), 2, "{id}");
    }
}

#[test]
fn an_address_that_ages_is_told_as_it_ages_and_its_prefix_taken_back_4861_10() {
    let config =
        AdvertConfig { max_interval: secs(4), min_interval: Some(secs(3)), ..AdvertConfig::default() };
    let (mut net, node, link, id) = router(1, config);
    net.run(secs(20));
    let begun = net.now();
    let lifetimes = siding_stack::Lifetimes { preferred: Some(secs(40)), valid: Some(secs(60)) };
    net.world
        .node(node)
        .control(|stack, ctx| stack.add_address_for(ctx, id, on_link(5, 1).into(), 64, false, lifetimes))
        .unwrap();
    net.run(secs(120));
    let mut last = None;
    for ra in ras(&net, link) {
        let left = |lifetime: u64| lifetime.saturating_sub((ra.at.saturating_sub(begun)).as_secs());
        for info in ra.prefixes.iter().filter(|info| info.prefix == on_link(5, 0)) {
            assert!(u64::from(info.valid) <= left(60) && u64::from(info.preferred) <= left(40), "{ra:?}");
            last = Some((ra.at - begun, info.valid, info.preferred));
        }
    }
    // Three times more after it has gone; and then nobody has to hear of it.
    let (at, valid, preferred) = last.unwrap();
    assert!((valid, preferred) == (0, 0) && (secs(64)..secs(75)).contains(&at), "{at:?}");
    // That it is deprecated is made known at once.
    let told = ras(&net, link);
    let deprecated =
        |ra: &&Ra| ra.prefixes.iter().any(|info| info.prefix == on_link(5, 0) && info.preferred == 0);
    let first = told.iter().find(deprecated).unwrap();
    assert!(first.at - begun < secs(44), "{:?}", first.at - begun);
}

#[test]
fn forty_five_prefixes_take_two_messages_4861_12() {
    let config =
        AdvertConfig { max_interval: secs(4), min_interval: Some(secs(3)), ..AdvertConfig::default() };
    let (mut net, node, link, id) = router(1, config);
    (1..45).for_each(|at| net.add_address(node, id, on_link(at, 1), false));
    net.run(secs(5));
    net.rewind();
    net.run(secs(14));
    let all: std::collections::BTreeSet<Ipv6Addr> =
        ras(&net, link).iter().flat_map(|ra| ra.prefixes.iter().map(|info| info.prefix)).collect();
    assert_eq!(all.len(), 45);
    assert!(net.frames().iter().all(|frame| frame.bytes.len() <= 1294));
    assert!(gaps(&ras(&net, link)).iter().all(|gap| *gap >= secs(3)));
    // Whoever asks alone hears of all of them, too.
    net.rewind();
    net.hear(link, &rs(local(9), PEER_MAC, true));
    net.run(secs(1));
    let alone = ras(&net, link).into_iter().filter(|ra| ra.ip.dst == local(9));
    let told: usize = alone.map(|ra| ra.prefixes.len()).sum();
    let all = ras(&net, link).iter().any(|ra| ra.ip.dst.is_multicast());
    assert!(told == 45 || all, "{told}");
}
