//! Three nodes: two hosts, and a router between their links.

use std::net::Ipv6Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::Answer;
use siding_stack::DropReport;
use siding_stack::drops::DropReason as Cause;
use siding_stack::drops::Whose;
use siding_stack::ifnet::IpStats;
use siding_stack::ifnet::Version;
use siding_stack::nd6::nud::NudState;
use siding_stack::route::Origin;
use siding_stack::route::Prefix;
use siding_stack::route::Route;
use siding_wire::IpProto;
use siding_wire::checksum::Ends;
use siding_wire::ether::multicast_mac;
use siding_wire::icmp6::Icmp6Repr;
use siding_wire::icmp6::exceeded;
use siding_wire::icmp6::problem;
use siding_wire::icmp6::unreachable;
use siding_wire::ip6;
use siding_wire::nd::NeighborAdvert;
use siding_wire::nd::NeighborSolicit;
use siding_wire::tcp::Flags;
use siding_wire::tcp::TcpRepr;
use siding_wire::udp::UdpRepr;

use crate::common::*;

/// Hosts `left` and `right` with 2 on their links, the router with 1 on both.
struct Path {
    net: Net,
    nodes: [NodeId; 3],
    links: [LinkId; 2],
    /// Left's, right's, and the router's two.
    ids: [IfId; 4],
}

fn path() -> Path {
    let mut net = Net::new(1);
    let links = [net.world.add_link(Faults::default()), net.world.add_link(Faults::default())];
    let nodes = ["left", "right", "router"].map(|name| net.add_node(without_mld(name)));
    let ids = [
        net.plug(nodes[0], links[0], on_link(0, 2)),
        net.plug(nodes[1], links[1], on_link(1, 2)),
        net.plug(nodes[2], links[0], on_link(0, 1)),
        net.plug(nodes[2], links[1], on_link(1, 1)),
    ];
    net.forwarding(nodes[2], true);
    for at in 0..2 {
        let route = Route {
            prefix: Prefix::covering(on_link(0, 0), 0),
            next_hop: Some(on_link(at as u16, 1)),
            interface: ids[at],
            metric: 1,
            origin: Origin::Static,
        };
        let world = &net.world;
        world.node(nodes[at]).control(|stack, ctx| stack.add_routes6(ctx, [route])).unwrap();
    }
    net.run(Duration::ZERO);
    Path { net, nodes, links, ids }
}

/// The router alone, its strangers known: [`PEER`] on link 0, `on_link(1, 0x99)` on link 1.
fn router() -> (Net, NodeId, [LinkId; 2], [IfId; 2]) {
    let (net, node, links, ids) = Net::router(spec("router"));
    net.world.node(node).control(|stack, ctx| {
        stack.add_neighbor(ctx, ids[0], PEER.into(), PEER_MAC).unwrap();
        stack.add_neighbor(ctx, ids[1], on_link(1, 0x99).into(), OTHER_MAC).unwrap();
    });
    (net, node, links, ids)
}

/// The one ICMPv6 message that the router sends to [`PEER`] about the packet.
fn complaint(packet: &[u8]) -> (Icmp, Vec<(Cause, u64)>) {
    let (mut net, node, links, ids) = router();
    net.hear(links[0], &frame6(net.mac(node, ids[0]), packet));
    let [error] = &net.icmp()[..] else { panic!("one message: {:?}", net.icmp()) };
    assert_eq!((error.link, error.ip.src, error.ether.dst), (links[0], on_link(0, 1), PEER_MAC));
    assert_eq!((error.ip.dst, &error.body[..]), (PEER, &packet[..packet.len().min(1232)]));
    (error.clone(), net.drops(node))
}

#[test]
fn everybody_reaches_everybody_with_one_hop_less_8200_1() {
    let Path { mut net, nodes, .. } = path();
    let [left, right, router] = nodes;
    for (from, to, hop_limit) in [
        (left, on_link(1, 2), 63),
        (right, on_link(0, 2), 63),
        (left, on_link(0, 1), 64),
        (left, on_link(1, 1), 64),
        (router, on_link(1, 2), 64),
    ] {
        let ping = net.open(from);
        (0..3).for_each(|seq| net.ping(from, &ping, to, seq).unwrap());
        net.run(ms(10));
        for seq in 0..3 {
            let reply = net.answer(from, &ping).unwrap();
            assert_eq!(
                (reply.seq, reply.answer),
                (seq, Answer::Reply { from: to.into(), hop_limit }),
                "{to}"
            );
        }
    }
    assert_eq!(nodes.map(|node| net.drops(node)), [vec![], vec![], vec![]]);
    assert!(net.adverts().iter().all(|na| na.message.router == (na.message.target.segments()[7] == 1)));
}

#[test]
fn datagrams_and_messages_are_counted_as_rfc_4293_has_them() {
    let Path { mut net, nodes, ids, .. } = path();
    let [left, _, router] = nodes;
    let ping = net.open(left);
    (0..3).for_each(|seq| net.ping(left, &ping, on_link(1, 2), seq).unwrap());
    net.run(secs(1));
    net.ping(left, &ping, on_link(0, 1), 7).unwrap();
    net.run(secs(1));
    let stats = |node: NodeId, id: IfId| {
        let config = net.world.node(node).stack.config();
        config.interface(id).unwrap().ifnet.mib.stats(Version::V6)
    };
    let messages = |stats: &IpStats, kind: u8| {
        let of = stats.icmp.iter().find(|icmp| icmp.kind == Some(kind));
        of.map_or((0, 0), |icmp| (icmp.in_pkts, icmp.out_pkts))
    };
    for id in [ids[2], ids[3]] {
        let on = stats(router, id);
        assert_eq!(
            (on.in_forw_datagrams, on.out_forw_datagrams),
            (3, 3),
            "requests one way, answers the other: {on:?}"
        );
        // Neighbour discovery, and one request for the router itself.
        assert_eq!(on.in_receives, 3 + on.in_delivers, "nothing was dropped: {on:?}");
        assert_eq!(on.icmp.iter().map(|icmp| icmp.in_pkts).sum::<u64>(), on.in_delivers);
        assert_eq!(on.icmp.iter().map(|icmp| icmp.out_pkts).sum::<u64>(), on.out_requests);
        // Who it is, to who sends by it; and it asks who is at the other end.
        assert!(messages(&on, if id == ids[2] { 136 } else { 135 }).1 > 0, "{on:?}");
    }
    let ours = stats(left, ids[0]);
    assert_eq!((messages(&ours, 128), messages(&ours, 129)), ((0, 4), (4, 0)));
    assert_eq!(messages(&stats(router, ids[2]), 128), (1, 0));
    assert_eq!(messages(&stats(router, ids[3]), 128), (0, 0), "a router does not look into what it forwards");
    assert_eq!(
        net.world
            .node(left)
            .stack
            .config()
            .interface(ids[0])
            .unwrap()
            .ifnet
            .mib
            .stats(Version::V4)
            .in_receives,
        0
    );
}

/// What the router has dropped on each account.
fn accounts(net: &Net, node: NodeId) -> Vec<(Whose, Vec<(Cause, u64)>)> {
    let accounts = net.world.node(node).stack.drops_by_interface().into_iter();
    let drops =
        |drops: Vec<DropReport>| drops.into_iter().map(|drop| (drop.cause, drop.count)).collect::<Vec<_>>();
    accounts
        .map(|account| (account.whose, drops(account.drops)))
        .filter(|(_, drops)| !drops.is_empty())
        .collect()
}

#[test]
fn a_drop_is_on_the_account_of_the_interface_where_it_failed() {
    let (mut net, node, links, ids) = router();
    let [left, right] = ids.map(Whose::Interface);
    let mac = net.mac(node, ids[0]);
    let from_left = |to: Ipv6Addr, hop_limit| {
        let body = message(PEER, to, Icmp6Repr::EchoRequest { ident: 7, seq: 1 }, b"");
        frame6(mac, &packet(PEER, to, IpProto::ICMP6, hop_limit, &body))
    };
    // By which it came in: it was not to go on.
    net.hear(links[0], &from_left(on_link(1, 0x99), 1));
    // By which it was to leave: nobody there has the address.
    net.hear(links[0], &from_left(on_link(1, 0x77), 64));
    net.run(secs(10));
    assert_eq!(net.drops(node), [(Cause::HopLimit, 1), (Cause::Unresolved, 1)]);
    let expected = [(left, vec![(Cause::HopLimit, 1)]), (right, vec![(Cause::Unresolved, 1)])];
    assert_eq!(accounts(&net, node), expected);
    // Gone, it leaves what it has counted.
    net.world.unplug(node, ids[1]);
    net.run(secs(1));
    let expected = [(left, vec![(Cause::HopLimit, 1)]), (Whose::Departed, vec![(Cause::Unresolved, 1)])];
    assert_eq!(accounts(&net, node), expected);
    assert_eq!(net.drops(node), [(Cause::HopLimit, 1), (Cause::Unresolved, 1)]);
}

#[test]
fn hop_limit_runs_out_4443_6_8200_1() {
    for hop_limit in [0, 1] {
        let body = message(PEER, on_link(1, 0x99), Icmp6Repr::EchoRequest { ident: 7, seq: 1 }, b"");
        let packet = packet(PEER, on_link(1, 0x99), IpProto::ICMP6, hop_limit, &body);
        let (error, drops) = complaint(&packet);
        assert_eq!(error.message, Icmp6Repr::TimeExceeded { code: exceeded::HOP_LIMIT });
        assert_eq!(drops, [(Cause::HopLimit, 1)]);
    }
}

#[test]
fn no_route_4443_5() {
    let (error, drops) = complaint(&echo(PEER, "2001:db9::1".parse().unwrap(), 1));
    assert_eq!(error.message, Icmp6Repr::DestUnreachable { code: unreachable::NO_ROUTE });
    assert_eq!(drops, [(Cause::NoRoute, 1)]);
}

#[test]
fn beyond_scope_4443_5() {
    let (mut net, node, links, ids) = router();
    let mac = net.mac(node, ids[0]);
    let packet = echo(local(0x99), on_link(1, 0x99), 1);
    net.hear(links[0], &frame6(mac, &packet));
    net.hear(links[0], &frame6(mac, &answer(local(0x99), siding_wire::ip6::eui64_link_local(mac), PEER_MAC)));
    let [error] = &net.icmp()[..] else { panic!("one error") };
    assert_eq!(error.message, Icmp6Repr::DestUnreachable { code: unreachable::BEYOND_SCOPE });
    assert_eq!((error.ip.src, error.ip.dst), (siding_wire::ip6::eui64_link_local(mac), local(0x99)));
    assert_eq!(net.drops(node), [(Cause::BeyondScope, 1)]);
    // Packets to a link-local address go nowhere, and to a group nobody here has joined neither.
    net.hear(links[0], &frame6(mac, &echo(PEER, local(0x55), 1)));
    let group = "ff0e::1234".parse().unwrap();
    net.world.set_promiscuous(links[0]);
    net.hear(links[0], &frame6(siding_wire::ether::multicast_mac(group), &echo(PEER, group, 1)));
    assert_eq!((net.dropped(node, Cause::NotForUs), net.dropped(node, Cause::NotJoined)), (1, 1));
    assert_eq!(net.icmp().len(), 1);
}

#[test]
fn packet_too_big_4443_6() {
    let big = packet(PEER, on_link(1, 0x99), IpProto(253), 64, &[7; 1461]);
    let (error, drops) = complaint(&big);
    assert_eq!(error.message, Icmp6Repr::PacketTooBig { mtu: 1500 });
    assert_eq!(drops, [(Cause::TooBig, 1)]);
    // One byte less passes, changed in its hop limit only.
    let (mut net, node, links, ids) = router();
    let mut fits = packet(PEER, on_link(1, 0x99), IpProto(253), 64, &[7; 1460]);
    net.hear(links[0], &frame6(net.mac(node, ids[0]), &fits));
    fits[7] = 63;
    let [frame] = &net.frames()[..] else { panic!("one frame") };
    assert_eq!((frame.link, &frame.bytes[14..]), (links[1], &fits[..]));
    let (ether, _, _) = frame.ip6().unwrap();
    assert_eq!((ether.src, ether.dst), (net.mac(node, ids[1]), OTHER_MAC));
}

#[test]
fn what_must_not_be_forwarded_4443_3() {
    let (mut net, node, links, ids) = router();
    let mac = net.mac(node, ids[0]);
    let far = on_link(1, 0x99);
    net.hear(links[0], &frame6(mac, &echo("::".parse().unwrap(), far, 1)));
    net.hear(links[0], &frame6(siding_wire::Mac::BROADCAST, &echo(PEER, far, 1)));
    assert_eq!((net.frames().len(), net.drops(node)), (0, vec![(Cause::BadSource, 2)]));
    // From an address of ours, of either link; from what is nobody's.
    let more = [on_link(0, 1), on_link(1, 1), "::ffff:192.0.2.1".parse().unwrap(), "::1".parse().unwrap()];
    for (n, src) in more.into_iter().enumerate() {
        net.hear(links[0], &frame6(mac, &echo(src, far, 1)));
        assert_eq!((net.frames().len(), net.dropped(node, Cause::BadSource)), (0, n as u64 + 3), "{src}");
    }
    net.hear(links[0], &frame6(mac, &echo(PEER, "::ffff:192.0.2.1".parse().unwrap(), 1)));
    assert_eq!((net.frames().len(), net.dropped(node, Cause::BadSource)), (0, 7));
    // A host forwards nothing.
    net.forwarding(node, false);
    net.hear(links[0], &frame6(mac, &echo(PEER, far, 1)));
    assert_eq!((net.frames().len(), net.dropped(node, Cause::NotForUs)), (0, 1));
}

#[test]
fn t12_address_unreachable_for_each_held_packet_4861_27_4443_5() {
    let (mut net, node, links, ids) = router();
    let mac = net.mac(node, ids[0]);
    let dead = on_link(1, 0xdead);
    let held = spec("").neighbors.held as u16;
    (0..held + 3).for_each(|seq| net.inject(links[0], &frame6(mac, &echo(PEER, dead, seq))));
    net.run(ms(2999));
    assert_eq!((net.icmp().len(), net.solicits_for(dead).len()), (0, 3));
    assert!(
        net.solicits_for(dead).iter().all(|ns| ns.ip.src == on_link(1, 1)),
        "the prompting source is not ours"
    );
    net.run(ms(1));
    let errors = net.icmp();
    let told: Vec<_> = errors
        .iter()
        .map(|error| {
            assert_eq!(error.message, Icmp6Repr::DestUnreachable { code: unreachable::ADDRESS });
            assert_eq!((error.link, error.ip.src, error.ip.dst), (links[0], on_link(0, 1), PEER));
            u16::from_be_bytes([error.body[46], error.body[47]])
        })
        .collect();
    assert_eq!(told, (3..held + 3).collect::<Vec<_>>(), "all but the three that were pushed out");
    let expected = [(Cause::HoldOverflow, 3), (Cause::Unresolved, u64::from(held))];
    assert_eq!(net.drops(node), expected);
}

#[test]
fn t12_a_dead_neighbor_at_the_far_end_is_told_to_who_asked_4861_27() {
    let Path { mut net, nodes, .. } = path();
    let ping = net.open(nodes[0]);
    (1..=4).for_each(|seq| net.ping(nodes[0], &ping, on_link(1, 0xdead), seq).unwrap());
    net.run(secs(4));
    for seq in 1..=4 {
        let reply = net.answer(nodes[0], &ping).unwrap();
        let from = on_link(0, 1).into();
        assert_eq!(
            (reply.seq, reply.answer),
            (seq, Answer::Error { from, what: "address unreachable".into() })
        );
    }
    assert_eq!(net.answer(nodes[0], &ping), None);
}

#[test]
fn t12_a_cached_route_sees_the_new_mac_after_an_advertisement_4861_31() {
    let (mut net, node, links, ids) = Net::router(spec("router"));
    let macs = ids.map(|id| net.mac(node, id));
    let far = on_link(1, 0x99);
    let forward = |net: &mut Net, seq| net.hear(links[0], &frame6(macs[0], &echo(PEER, far, seq)));
    forward(&mut net, 1);
    net.hear(links[1], &frame6(macs[1], &answer(far, on_link(1, 1), OTHER_MAC)));
    (2..5).for_each(|seq| forward(&mut net, seq));
    net.hear(links[1], &frame6(macs[1], &answer(far, on_link(1, 1), PEER_MAC)));
    (5..7).for_each(|seq| forward(&mut net, seq));
    let (old, new) = (OTHER_MAC, PEER_MAC);
    assert_eq!(net.requests(far), [(1, old), (2, old), (3, old), (4, old), (5, new), (6, new)]);
    // An advertisement that may not override changes nothing but the state, and the probe goes to the old one.
    let gentle = siding_wire::nd::NeighborAdvert {
        router: false,
        solicited: false,
        override_: false,
        target: far,
        tlla: Some(OTHER_MAC),
    };
    net.hear(links[1], &frame6(macs[1], &advert(far, on_link(1, 1), &gentle)));
    assert_eq!(net.neighbor(node, far), Some((NudState::Stale, Some(PEER_MAC))));
    forward(&mut net, 7);
    assert_eq!(net.requests(far).last(), Some(&(7, new)));
    assert_eq!(net.neighbor(node, far).unwrap().0, NudState::Delay);
}

#[test]
fn t14_the_outgoing_interface_goes_while_packets_wait_for_its_neighbor() {
    let Path { mut net, nodes, ids, .. } = path();
    let ping = net.open(nodes[0]);
    (1..=4).for_each(|seq| net.ping(nodes[0], &ping, on_link(1, 0xdead), seq).unwrap());
    net.run(ms(1500));
    net.world.unplug(nodes[2], ids[3]);
    net.run(secs(10));
    assert_eq!(net.answer(nodes[0], &ping), None, "nobody is left to find that it does not answer");
    assert_eq!(net.dropped(nodes[2], Cause::InterfaceGone), 4);
    // The route went with it.
    net.ping(nodes[0], &ping, on_link(1, 2), 9).unwrap();
    net.run(ms(10));
    let what = "no route to destination".to_string();
    let from = on_link(0, 1).into();
    assert_eq!(net.answer(nodes[0], &ping).unwrap().answer, Answer::Error { from, what });
}

#[test]
fn t14_the_incoming_interface_goes_while_its_packets_wait() {
    let Path { mut net, nodes, ids, links } = path();
    let ping = net.open(nodes[0]);
    (1..=4).for_each(|seq| net.ping(nodes[0], &ping, on_link(1, 0xdead), seq).unwrap());
    net.run(ms(1500));
    net.world.unplug(nodes[2], ids[2]);
    net.rewind();
    net.run(secs(10));
    // Held packets name the interface by an identity that is never used again: they are no one's error now.
    assert_eq!((net.icmp(), net.answer(nodes[0], &ping)), (vec![], None));
    assert_eq!(net.dropped(nodes[2], Cause::Unresolved), 4);
    assert!(net.frames().iter().all(|frame| frame.link == links[1]));
}

/// A question for `target`, as its solicited-node group hears it.
fn question(from: Ipv6Addr, target: Ipv6Addr) -> Vec<u8> {
    let group = ip6::solicited_node(target);
    let slla = (!from.is_unspecified()).then_some(PEER_MAC);
    let message = NeighborSolicit { target, slla, nonce: None };
    frame6(multicast_mac(group), &solicit(from, group, &message))
}

fn udp(src: Ipv6Addr, dst: Ipv6Addr) -> Vec<u8> {
    let mut datagram = vec![0; 12];
    UdpRepr { src_port: 5, dst_port: 9 }.emit(Ends::V6 { src, dst }, &mut datagram).unwrap();
    packet(src, dst, IpProto::UDP, 64, &datagram)
}

#[test]
fn a_router_has_the_anycast_address_of_each_subnet_4861_29_4861_33() {
    let (mut net, node, links, ids) = router();
    let subnet = on_link(0, 0);
    let (mut least, mut most) = (Duration::MAX, Duration::ZERO);
    for _ in 0..40 {
        net.rewind();
        let asked = net.now();
        net.hear(links[0], &question(PEER, subnet));
        net.run(secs(1));
        let [told] = net.adverts()[..] else { panic!("one answer: {:?}", net.adverts()) };
        let advert = NeighborAdvert {
            router: true,
            solicited: true,
            override_: false,
            target: subnet,
            tlla: Some(net.mac(node, ids[0])),
        };
        assert_eq!((told.message, told.ip.src, told.ip.dst), (advert, on_link(0, 1), PEER));
        assert_eq!(told.ether.dst, PEER_MAC);
        (least, most) = (least.min(told.at - asked), most.max(told.at - asked));
    }
    assert!(least < ms(250) && most > ms(750) && most <= secs(1), "{least:?} to {most:?}");
    // Who has no address yet is told by way of everybody, and nobody is told of another link's.
    net.rewind();
    net.hear(links[0], &question(Ipv6Addr::UNSPECIFIED, subnet));
    net.hear(links[0], &question(PEER, on_link(1, 0)));
    net.run(secs(2));
    let [told] = net.adverts()[..] else { panic!("one answer: {:?}", net.adverts()) };
    assert_eq!((told.message.solicited, told.message.override_, told.ip.dst), (false, false, ip6::ALL_NODES));
    // That another router has it, too, is no conflict, and nothing to note.
    net.rewind();
    let before = net.neighbors(node);
    let other = NeighborAdvert {
        router: true,
        solicited: false,
        override_: false,
        target: subnet,
        tlla: Some(OTHER_MAC),
    };
    net.hear(links[0], &frame6(multicast_mac(ip6::ALL_NODES), &advert(local(9), ip6::ALL_NODES, &other)));
    assert_eq!((net.neighbors(node), net.events(node, subnet)), (before, vec![]));
    // A host has none; what it was asked as a router is not answered as a host.
    net.hear(links[0], &question(PEER, subnet));
    net.forwarding(node, false);
    net.hear(links[0], &question(PEER, subnet));
    net.run(secs(2));
    assert_eq!(net.adverts().len(), 0);
}

#[test]
fn nothing_comes_from_an_anycast_address_4443_1_4443_7() {
    let (mut net, node, links, ids) = router();
    let mac = net.mac(node, ids[0]);
    for subnet in [on_link(0, 0), on_link(1, 0)] {
        net.rewind();
        net.hear(links[0], &frame6(mac, &echo(PEER, subnet, 1)));
        net.hear(links[0], &frame6(mac, &udp(PEER, subnet)));
        let told: Vec<_> =
            net.icmp().into_iter().map(|icmp| (icmp.ip.src, icmp.ip.dst, icmp.message)).collect();
        let reply = Icmp6Repr::EchoReply { ident: 7, seq: 1 };
        let port = Icmp6Repr::DestUnreachable { code: unreachable::PORT };
        assert_eq!(told, [(on_link(0, 1), PEER, reply), (on_link(0, 1), PEER, port)], "{subnet}");
        // A reset would have to come from there: none does.
        net.rewind();
        let mut segment = vec![0; 20];
        let syn = TcpRepr { src_port: 1, dst_port: 2, seq: 3, ack: 0, flags: Flags::SYN };
        syn.emit(Ends::V6 { src: PEER, dst: subnet }, &mut segment).unwrap();
        net.hear(links[0], &frame6(mac, &packet(PEER, subnet, IpProto::TCP, 64, &segment)));
        assert_eq!(net.frames().len(), 0);
    }
    // We reach it ourselves, and answer from what is ours alone.
    let ping = net.open(node);
    net.ping(node, &ping, on_link(1, 0), 1).unwrap();
    net.run(ms(1));
    let answer = net.answer(node, &ping).unwrap().answer;
    assert!(matches!(answer, Answer::Reply { from, .. } if from == on_link(1, 1)), "{answer:?}");
}

#[test]
fn no_error_to_a_source_that_is_several_nodes_4443_3() {
    let (mut net, node, links, ids) = router();
    let mac = net.mac(node, ids[0]);
    // Errors would reach whoever that is: it is known.
    let several = on_link(0, 0);
    for addr in [several, v6(0x55)] {
        net.world
            .node(node)
            .control(|stack, ctx| stack.add_neighbor(ctx, ids[0], addr.into(), OTHER_MAC))
            .unwrap();
    }
    for (src, told) in [(v6(0x55), 1), (several, 0)] {
        for packet in [udp(src, on_link(0, 1)), echo(src, on_link(9, 9), 1)] {
            net.rewind();
            let silenced = net.dropped(node, Cause::Silenced);
            net.hear(links[0], &frame6(mac, &packet));
            let now = net.dropped(node, Cause::Silenced);
            assert_eq!((net.icmp().len() as u64, now - silenced), (told, 1 - told), "from {src}");
        }
    }
}

#[test]
fn an_anycast_address_is_given_and_taken_4861_33() {
    let (mut net, node, link, id) = Net::host(spec("host"));
    let shared = v6(0xa);
    net.rewind();
    net.world.node(node).control(|stack, ctx| stack.add_anycast(ctx, id, shared)).unwrap();
    net.run(secs(5));
    assert_eq!(net.solicits().len(), 0, "it is not tested");
    let again = net.world.node(node).control(|stack, ctx| stack.add_anycast(ctx, id, shared));
    assert!(again.is_err());
    net.hear(link, &question(PEER, shared));
    net.run(secs(1));
    let [told] = net.adverts()[..] else { panic!("one answer") };
    assert_eq!((told.message.target, told.message.override_, told.ip.src), (shared, false, HOST));
    let joined = ip6::solicited_node(shared);
    assert!(
        net.world.node(node).control(|stack, ctx| stack.groups(ctx)).iter().any(|one| one.group == joined)
    );
    // A flood of questions is answered in measure.
    net.rewind();
    (0..500).for_each(|_| net.inject(link, &question(PEER, shared)));
    net.run(secs(2));
    assert_eq!((net.adverts().len(), net.dropped(node, Cause::RateLimited)), (64, 500 - 64));
    net.hear(link, &question(PEER, shared));
    net.world.node(node).control(|stack, ctx| stack.remove_anycast(ctx, id, shared)).unwrap();
    net.rewind();
    net.hear(link, &question(PEER, shared));
    net.run(secs(2));
    assert_eq!(net.adverts().len(), 0);
}

#[test]
fn links_with_two_ends_have_no_subnet_router() {
    let (mut net, node, link, id) = Net::host(spec("router"));
    net.forwarding(node, true);
    for (addr, len) in [(on_link(7, 3), 127), (on_link(8, 8), 128)] {
        net.world
            .node(node)
            .control(|stack, ctx| stack.add_address(ctx, id, addr.into(), len, false))
            .unwrap();
    }
    for (target, answers) in [(on_link(7, 2), 0), (on_link(8, 8), 1), (v6(0), 1)] {
        net.rewind();
        net.hear(link, &question(PEER, target));
        net.run(secs(1));
        assert_eq!(net.adverts().len(), answers, "{target}");
    }
}

#[test]
fn options_of_packets_for_others_are_looked_at_if_so_configured_8200_2() {
    let (mut net, node, links, ids) = router();
    let mac = net.mac(node, ids[0]);
    let far = on_link(1, 0x99);
    let with = |option: u8| {
        let payload = [&[IpProto::NO_NEXT.0, 0, option, 4, 0, 0, 0, 0][..], b"data"].concat();
        packet(PEER, far, IpProto::HOP_BY_HOP, 64, &payload)
    };
    for examine in [false, true, false] {
        net.world.node(node).control(|stack, ctx| stack.set_examine_options(ctx, examine));
        net.run(ms(1));
        // Skip, discard, report, report unless to a group; and padding.
        for (option, passes, told) in [
            (0x1e, true, false),
            (0x5e, false, false),
            (0x9e, false, true),
            (0xde, false, true),
            (1, true, false),
        ] {
            net.rewind();
            net.hear(links[0], &frame6(mac, &with(option)));
            let forwarded = net.frames().iter().any(|frame| frame.link == links[1]);
            let problem = Icmp6Repr::ParamProblem { code: problem::OPTION, pointer: 42 };
            let said = net.icmp().iter().any(|icmp| icmp.message == problem && icmp.ip.dst == PEER);
            let expected = if examine { (passes, told) } else { (true, false) };
            assert_eq!((forwarded, said), expected, "{option:#x}, {examine}");
        }
    }
}

#[test]
fn a_router_notes_who_announces_itself_unless_told_not_to_9131_1() {
    let (mut net, node, links, _) = router();
    for (host, learn) in [(0x301, true), (0x302, false), (0x303, true)] {
        net.world.node(node).control(|stack, ctx| stack.set_learn_announced(ctx, learn));
        net.run(ms(1));
        let announced = NeighborAdvert {
            router: false,
            solicited: false,
            override_: false,
            target: v6(host),
            tlla: Some(PEER_MAC),
        };
        net.hear(
            links[0],
            &frame6(multicast_mac(ip6::ALL_ROUTERS), &advert(v6(host), ip6::ALL_ROUTERS, &announced)),
        );
        assert_eq!(net.neighbor(node, v6(host)).is_some(), learn);
    }
}

#[test]
fn an_interface_has_times_of_its_own_and_gets_the_stacks_back() {
    let (mut net, node, _, ids) = router();
    let times = |net: &Net| {
        let config = net.world.node(node).stack.config();
        let nud = config.interface(ids[0]).unwrap().nud;
        (nud.reachable_time, nud.retrans_timer)
    };
    let usual = times(&net);
    let set = |net: &mut Net, reachable, retrans| {
        net.world.node(node).control(|stack, ctx| stack.set_neighbor_times(ctx, ids[0], reachable, retrans))
    };
    set(&mut net, Some(secs(7)), Some(ms(300))).unwrap();
    assert_eq!(times(&net), (secs(7), ms(300)));
    // They are what is used: a silent neighbour is given up after three of them.
    let ping = net.open(node);
    net.ping(node, &ping, v6(0x77), 1).unwrap();
    net.run(ms(950));
    assert!(matches!(net.answer(node, &ping).unwrap().answer, Answer::Error { .. }));
    set(&mut net, None, None).unwrap();
    assert_eq!(times(&net), usual);
    for bad in [Duration::ZERO, secs(3601)] {
        assert!(set(&mut net, Some(bad), None).is_err() && set(&mut net, None, Some(bad)).is_err());
    }
}
