//! Neighbour discovery messages that must be discarded, each with a counter of its own; and advertisements.

use std::net::Ipv6Addr;

use siding_sim::NodeId;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::nd6::nud::NudState;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::checksum::Sum;
use siding_wire::ether::multicast_mac;
use siding_wire::ext6::FragmentRepr;
use siding_wire::icmp6::Icmp6Type;
use siding_wire::ip6;
use siding_wire::nd::NdInvalid;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;

use crate::common::*;

const ANY: Ipv6Addr = Ipv6Addr::UNSPECIFIED;
const GROUP: Ipv6Addr = ip6::solicited_node(HOST);

/// A packet with this message, its checksum made right.
fn nd_packet(src: Ipv6Addr, dst: Ipv6Addr, hop_limit: u8, mut message: Vec<u8>) -> Vec<u8> {
    message[2..4].fill(0);
    let sum = Sum::pseudo6(src, dst, IpProto::ICMP6, message.len() as u32).with(&message).finish();
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    packet(src, dst, IpProto::ICMP6, hop_limit, &message)
}

/// The message of type `kind` with these four octets after the checksum, addresses and options.
fn nd_message(kind: Icmp6Type, word: u32, addrs: &[Ipv6Addr], options: &[u8]) -> Vec<u8> {
    let mut message = vec![kind.0, 0, 0, 0];
    message.extend(word.to_be_bytes());
    addrs.iter().for_each(|addr| message.extend(addr.octets()));
    message.extend(options);
    message
}

fn ns(target: Ipv6Addr, options: &[u8]) -> Vec<u8> {
    nd_message(Icmp6Type::NEIGHBOR_SOLICIT, 0, &[target], options)
}

fn na(flags: u32, target: Ipv6Addr, options: &[u8]) -> Vec<u8> {
    nd_message(Icmp6Type::NEIGHBOR_ADVERT, flags, &[target], options)
}

/// A source (type 1) or target (type 2) link-layer address option.
fn lla(kind: u8) -> Vec<u8> {
    [&[kind, 1][..], &PEER_MAC.0].concat()
}

/// Injects each packet and checks that it is dropped for its own reason, that nothing else happens, and that a
/// router holds to the same.
fn all_dropped(rows: &[(&str, Vec<u8>, NdInvalid)]) {
    for router in [false, true] {
        for (what, packet, why) in rows {
            let (mut net, host, link, id) = Net::host(spec("host"));
            net.forwarding(host, router);
            let dst = Ipv6Addr::from(<[u8; 16]>::try_from(&packet[24..40]).unwrap());
            let to = if dst.is_multicast() { multicast_mac(dst) } else { net.mac(host, id) };
            net.hear(link, &frame6(to, packet));
            assert_eq!(net.drops(host), [(Cause::Nd(*why), 1)], "{what}");
            assert_eq!((net.frames().len(), net.neighbors(host)), (0, 0), "{what}");
            let counters = [IfCounter::NsIn, IfCounter::NaIn, IfCounter::RsIn, IfCounter::RaIn];
            assert!(counters.iter().all(|counter| net.counter(host, id, *counter) == 0), "{what}");
        }
    }
}

#[test]
fn t13_solicitations_4861_3() {
    let good = ns(HOST, &lla(1));
    let bad_code = {
        let mut m = good.clone();
        m[1] = 1;
        m
    };
    let mut bad_sum = nd_packet(PEER, GROUP, 255, good.clone());
    bad_sum[42] ^= 1;
    all_dropped(&[
        ("hop limit", nd_packet(PEER, GROUP, 254, good.clone()), NdInvalid::HopLimit),
        ("checksum", bad_sum, NdInvalid::Checksum),
        ("code", nd_packet(PEER, GROUP, 255, bad_code), NdInvalid::Code),
        ("short", nd_packet(PEER, GROUP, 255, good[..23].to_vec()), NdInvalid::TooShort),
        ("very short", nd_packet(PEER, GROUP, 255, good[..4].to_vec()), NdInvalid::TooShort),
        ("group", nd_packet(PEER, GROUP, 255, ns(ip6::ALL_NODES, &[])), NdInvalid::TargetMulticast),
        (
            "zero",
            nd_packet(PEER, GROUP, 255, ns(HOST, &[1, 0, 0, 0, 0, 0, 0, 0])),
            NdInvalid::OptionLengthZero,
        ),
        ("cut", nd_packet(PEER, GROUP, 255, ns(HOST, &[1, 2, 0, 0, 0, 0, 0, 0])), NdInvalid::OptionTruncated),
        ("odd", nd_packet(PEER, GROUP, 255, ns(HOST, &[1])), NdInvalid::OptionTruncated),
        (":: with SLLA", nd_packet(ANY, GROUP, 255, good.clone()), NdInvalid::UnspecifiedWithSlla),
        (":: to unicast", nd_packet(ANY, HOST, 255, ns(HOST, &[])), NdInvalid::UnspecifiedNotToSolicitedNode),
        (
            ":: to all nodes",
            nd_packet(ANY, ip6::ALL_NODES, 255, ns(HOST, &[])),
            NdInvalid::UnspecifiedNotToSolicitedNode,
        ),
    ]);
}

#[test]
fn t13_advertisements_4861_4() {
    let (s, all) = (1 << 30, ip6::ALL_NODES);
    let good = na(s, PEER, &lla(2));
    let bad_code = {
        let mut m = good.clone();
        m[1] = 9;
        m
    };
    let mut bad_sum = nd_packet(PEER, HOST, 255, good.clone());
    bad_sum[43] ^= 0x80;
    all_dropped(&[
        ("hop limit", nd_packet(PEER, HOST, 1, good.clone()), NdInvalid::HopLimit),
        ("checksum", bad_sum, NdInvalid::Checksum),
        ("code", nd_packet(PEER, HOST, 255, bad_code), NdInvalid::Code),
        ("short", nd_packet(PEER, HOST, 255, good[..16].to_vec()), NdInvalid::TooShort),
        ("group", nd_packet(PEER, HOST, 255, na(s, GROUP, &[])), NdInvalid::TargetMulticast),
        ("S to a group", nd_packet(PEER, all, 255, good.clone()), NdInvalid::SolicitedToMulticast),
        (
            "zero",
            nd_packet(PEER, HOST, 255, na(s, PEER, &[2, 0, 0, 0, 0, 0, 0, 0])),
            NdInvalid::OptionLengthZero,
        ),
        (
            "cut",
            nd_packet(PEER, HOST, 255, na(s, PEER, &[2, 3, 0, 0, 0, 0, 0, 0])),
            NdInvalid::OptionTruncated,
        ),
    ]);
}

#[test]
fn t13_router_messages_and_redirects_4861_1_4861_2_4861_5() {
    let all = ip6::ALL_NODES;
    let rs = |options: &[u8]| nd_message(Icmp6Type::ROUTER_SOLICIT, 0, &[], options);
    let ra = || {
        let mut ra = nd_message(Icmp6Type::ROUTER_ADVERT, 0x4000_0708, &[], &[0; 8]);
        ra.extend(lla(1));
        ra
    };
    let redirect = |target, dst| nd_message(Icmp6Type::REDIRECT, 0, &[target, dst], &[]);
    let far = on_link(9, 9);
    all_dropped(&[
        ("RS hop limit", nd_packet(PEER, all, 64, rs(&lla(1))), NdInvalid::HopLimit),
        ("RS short", nd_packet(PEER, all, 255, rs(&[])[..7].to_vec()), NdInvalid::TooShort),
        ("RS :: with SLLA", nd_packet(ANY, all, 255, rs(&lla(1))), NdInvalid::UnspecifiedWithSlla),
        ("RS zero", nd_packet(PEER, all, 255, rs(&[1, 0, 0, 0, 0, 0, 0, 0])), NdInvalid::OptionLengthZero),
        ("RA hop limit", nd_packet(local(9), all, 64, ra()), NdInvalid::HopLimit),
        ("RA short", nd_packet(local(9), all, 255, ra()[..15].to_vec()), NdInvalid::TooShort),
        ("RA global", nd_packet(PEER, all, 255, ra()), NdInvalid::RaSourceNotLinkLocal),
        ("Redirect hop limit", nd_packet(local(9), HOST, 64, redirect(local(8), far)), NdInvalid::HopLimit),
        (
            "Redirect short",
            nd_packet(local(9), HOST, 255, redirect(local(8), far)[..39].to_vec()),
            NdInvalid::TooShort,
        ),
        (
            "Redirect global",
            nd_packet(PEER, HOST, 255, redirect(local(8), far)),
            NdInvalid::RedirectSourceNotLinkLocal,
        ),
        (
            "Redirect of a group",
            nd_packet(local(9), HOST, 255, redirect(local(8), GROUP)),
            NdInvalid::RedirectDestinationMulticast,
        ),
        (
            "Redirect to far",
            nd_packet(local(9), HOST, 255, redirect(on_link(8, 8), far)),
            NdInvalid::RedirectTargetNotLinkLocal,
        ),
    ]);
}

#[test]
fn t13_any_fragment_header_6980_1() {
    let message = {
        let whole = solicit(PEER, GROUP, &NeighborSolicit::new(HOST, PEER_MAC));
        whole[40..].to_vec()
    };
    let with = |offset: usize, more, part: &[u8]| {
        let header = FragmentRepr { next_header: IpProto::ICMP6, offset: offset as u16, more, ident: 5 };
        let mut payload = vec![0; 8];
        header.emit(&mut payload).unwrap();
        payload.extend(part);
        packet(PEER, GROUP, IpProto::FRAGMENT, 255, &payload)
    };
    all_dropped(&[("atomic", with(0, false, &message), NdInvalid::Fragmented)]);
    // Put together it is a message of which one knows that it came in pieces.
    let (mut net, host, link, _) = Net::host(spec("host"));
    net.hear(link, &frame6(multicast_mac(GROUP), &with(0, true, &message[..16])));
    net.hear(link, &frame6(multicast_mac(GROUP), &with(16, false, &message[16..])));
    assert_eq!(net.drops(host), [(Cause::Nd(NdInvalid::Fragmented), 1)]);
    assert_eq!((net.frames().len(), net.neighbors(host)), (0, 0));
}

#[test]
fn t13_every_reason_that_the_wire_can_give_is_shown_here() {
    // NotNd cannot be, as other types go elsewhere; RedirectNotFirstHop waits for redirects to be obeyed.
    let source = include_str!("validation.rs");
    for why in NdInvalid::ALL {
        let shown = source.contains(&format!("NdInvalid::{why:?}"));
        let out_of_reach = matches!(why, NdInvalid::NotNd | NdInvalid::RedirectNotFirstHop);
        assert!(shown || out_of_reach, "{why:?}");
    }
}

#[test]
fn reserved_bits_and_unknown_options_do_no_harm_4861_6() {
    let (mut net, host, link, _) = Net::host(spec("host"));
    let mut message =
        ns(HOST, &[&lla(1)[..], &[200, 1, 1, 2, 3, 4, 5, 6], &[2, 1, 2, 2, 2, 2, 2, 2]].concat());
    message[4..8].fill(0xff);
    net.hear(link, &frame6(multicast_mac(GROUP), &nd_packet(PEER, GROUP, 255, message)));
    assert_eq!(net.adverts().len(), 1);
    assert_eq!(net.neighbor(host, PEER), Some((NudState::Stale, Some(PEER_MAC))));
}

#[test]
fn hosts_discard_router_solicitations_4861_1_4861_13() {
    let rs = nd_message(Icmp6Type::ROUTER_SOLICIT, 0, &[], &lla(1));
    let from_any = nd_message(Icmp6Type::ROUTER_SOLICIT, 0, &[], &[]);
    let all = multicast_mac(ip6::ALL_NODES);
    for router in [false, true] {
        let (mut net, host, link, id) = Net::host(spec("host"));
        net.forwarding(host, router);
        net.hear(link, &frame6(all, &nd_packet(ANY, ip6::ALL_NODES, 255, from_any.clone())));
        assert_eq!((net.neighbors(host), net.dropped(host, Cause::Ignored)), (0, 1));
        net.hear(link, &frame6(all, &nd_packet(local(9), ip6::ALL_NODES, 255, rs.clone())));
        assert_eq!(net.neighbors(host), usize::from(router));
        assert_eq!(
            net.dropped(host, Cause::Ignored),
            2,
            "a router that does not advertise answers nobody either"
        );
        assert_eq!(net.counter(host, id, IfCounter::RsIn), 2);
    }
}

#[test]
fn answers_carry_the_right_flags_and_addresses_4861_29() {
    for router in [false, true] {
        let (mut net, host, link, id) = Net::host(spec("host"));
        net.forwarding(host, router);
        let mac = net.mac(host, id);
        let by_group = frame6(multicast_mac(GROUP), &nd_packet(PEER, GROUP, 255, ns(HOST, &lla(1))));
        let by_unicast = frame6(mac, &nd_packet(PEER, HOST, 255, ns(HOST, &lla(1))));
        let expected =
            NeighborAdvert { router, solicited: true, override_: true, target: HOST, tlla: Some(mac) };
        for question in [by_group, by_unicast] {
            net.rewind();
            net.hear(link, &question);
            let [na] = net.adverts()[..] else { panic!("one answer") };
            assert_eq!((na.ip.src, na.ip.dst, na.ip.hop_limit), (HOST, PEER, 255));
            assert_eq!((na.ether.src, na.ether.dst), (mac, PEER_MAC));
            assert_eq!(na.message, expected);
        }
        // A question without the option: the asker must be found first.
        net.rewind();
        net.hear(link, &frame6(mac, &nd_packet(v6(0x98), HOST, 255, ns(HOST, &[]))));
        assert_eq!((net.adverts().len(), net.solicits_for(v6(0x98)).len()), (0, 1));
        net.hear(link, &frame6(mac, &answer(v6(0x98), HOST, OTHER_MAC)));
        assert_eq!(net.adverts()[0].ether.dst, OTHER_MAC);
    }
}

#[test]
fn questions_about_others_are_not_answered_4861_28() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    net.hear(link, &frame6(mac, &nd_packet(PEER, HOST, 255, ns(v6(0x55), &lla(1)))));
    assert_eq!((net.adverts().len(), net.neighbors(host)), (0, 0));
    assert_eq!(net.drops(host), [(Cause::NotForUs, 1)]);
}

#[test]
fn an_asker_is_noted_and_a_changed_one_is_stale_4861_28() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mac = net.mac(host, id);
    net.ping_once(host, PEER);
    net.hear(link, &frame6(mac, &answer(PEER, HOST, PEER_MAC)));
    let ask = |from: Mac| frame6(mac, &solicit(PEER, HOST, &NeighborSolicit::new(HOST, from)));
    net.hear(link, &ask(PEER_MAC));
    assert_eq!(net.neighbor(host, PEER), Some((NudState::Reachable, Some(PEER_MAC))));
    net.hear(link, &ask(OTHER_MAC));
    assert_eq!(net.neighbor(host, PEER), Some((NudState::Stale, Some(OTHER_MAC))));
    assert_eq!(net.adverts()[1].ether.dst, OTHER_MAC);
}

/// What an advertisement for an unknown neighbour leaves behind.
fn unknown(
    router: bool,
    solicited: bool,
    override_: bool,
    tlla: bool,
) -> (Option<(NudState, Option<Mac>)>, u64) {
    let (mut net, host, link, id) = Net::host(spec("host"));
    net.forwarding(host, router);
    let message =
        NeighborAdvert { router: false, solicited, override_, target: PEER, tlla: tlla.then_some(PEER_MAC) };
    let to = if solicited { HOST } else { ip6::ALL_NODES };
    let mac = if solicited { net.mac(host, id) } else { multicast_mac(to) };
    net.hear(link, &frame6(mac, &advert(PEER, to, &message)));
    assert_eq!(net.counter(host, id, IfCounter::NaIn), 1);
    assert_eq!(net.frames().len(), 0);
    assert_eq!(net.neighbor(host, PEER).is_some(), net.transitions(host, PEER) == ["none -> STALE"]);
    (net.neighbor(host, PEER), net.dropped(host, Cause::Ignored))
}

#[test]
fn t15_unsolicited_advertisement_for_an_unknown_neighbor_9131_1_4861_30() {
    for row in 0..8 {
        let [router, override_, tlla] = [row & 4 != 0, row & 2 != 0, row & 1 != 0];
        let expected = match router && tlla {
            true => (Some((NudState::Stale, Some(PEER_MAC))), 0),
            false => (None, 1),
        };
        assert_eq!(unknown(router, false, override_, tlla), expected, "{router} {override_} {tlla}");
        // A solicited one that nobody asked for is treated alike.
        assert_eq!(unknown(router, true, override_, tlla), expected, "{router} {override_} {tlla}");
    }
}

#[test]
fn t15_what_a_router_noted_is_used_and_probed_like_any_stale_one_9131_1() {
    let (mut net, host, link, _) = Net::host(spec("router"));
    net.forwarding(host, true);
    let message = NeighborAdvert {
        router: false,
        solicited: false,
        override_: false,
        target: PEER,
        tlla: Some(PEER_MAC),
    };
    let told = frame6(multicast_mac(ip6::ALL_ROUTERS), &advert(PEER, ip6::ALL_ROUTERS, &message));
    net.hear(link, &told);
    net.ping_once(host, PEER);
    assert_eq!(net.requests(PEER), [(1, PEER_MAC)], "no packet waits");
    net.run(ms(5500));
    assert_eq!(net.solicits_for(PEER).iter().map(|ns| ns.at).collect::<Vec<_>>(), [secs(5)]);
    // A host is in no group of routers.
    let (mut net, host, link, _) = Net::host(spec("host"));
    net.world.set_promiscuous(link);
    net.hear(link, &told);
    assert_eq!(net.drops(host), [(Cause::NotJoined, 1)]);
}

#[test]
fn redirects_and_advertisements_of_routers_are_counted_and_a_router_is_marked_4861_19() {
    let (mut net, host, link, id) = Net::host(spec("host"));
    let mut ra = nd_message(Icmp6Type::ROUTER_ADVERT, 0x4000_0708, &[], &[0; 8]);
    ra.extend(lla(1));
    let all = ip6::ALL_NODES;
    net.hear(link, &frame6(multicast_mac(all), &nd_packet(local(9), all, 255, ra)));
    assert_eq!(net.counter(host, id, IfCounter::RaIn), 1);
    assert!(is_router(&net, host, local(9)));
    let redirect = nd_message(Icmp6Type::REDIRECT, 0, &[local(8), on_link(9, 9)], &[]);
    net.hear(link, &frame6(net.mac(host, id), &nd_packet(local(9), HOST, 255, redirect)));
    assert_eq!(net.counter(host, id, IfCounter::RedirectIn), 1);
    assert_eq!(net.drops(host), [(Cause::AutoconfOff, 2)], "neither is obeyed, and that is counted");
    // Without the option it makes no entry, and marks one that is there.
    let bare = nd_message(Icmp6Type::ROUTER_ADVERT, 0x4000_0708, &[], &[0; 8]);
    let mac = net.mac(host, id);
    net.hear(link, &frame6(multicast_mac(all), &nd_packet(local(8), all, 255, bare.clone())));
    assert_eq!(net.neighbor(host, local(8)), None);
    net.hear(link, &frame6(mac, &solicit(local(8), HOST, &NeighborSolicit::new(HOST, OTHER_MAC))));
    assert!(!is_router(&net, host, local(8)));
    net.hear(link, &frame6(multicast_mac(all), &nd_packet(local(8), all, 255, bare)));
    assert!(is_router(&net, host, local(8)));
    // R cleared: it is one no more.
    let message =
        NeighborAdvert { router: false, solicited: false, override_: true, target: local(8), tlla: None };
    net.hear(link, &frame6(multicast_mac(all), &advert(local(8), all, &message)));
    assert!(!is_router(&net, host, local(8)));
}

fn is_router(net: &Net, node: NodeId, addr: Ipv6Addr) -> bool {
    let all = net.world.node(node).control(|stack, ctx| stack.neighbors(ctx));
    all.iter().find(|one| one.addr == addr).unwrap().router
}
