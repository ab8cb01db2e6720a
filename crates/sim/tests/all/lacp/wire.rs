//! What is on the wire, bit by bit, and what is taken from it.

use siding_netisr::IfId;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::ifnet::Vlan;
use siding_stack::lagg::lacp::ReceiveState;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ether::Ether;
use siding_wire::lacp::Marker;
use siding_wire::lacp::MarkerKind;
use siding_wire::lacp::SLOW_LEN;
use siding_wire::lacp::SLOW_MAC;
use siding_wire::lacp::SlowPdu;

use super::util::*;
use crate::common::*;

#[test]
fn each_port_speaks_with_its_own_address_and_without_a_tag_lacp_1() {
    let mut pair = Pair::new(3, fast(), fast());
    let parent = pair.laggs[0];
    let vlan = Vlan { parent, vid: 9, ethertype: EtherType::VLAN };
    pair.net.world.node(pair.nodes[0]).control(|stack, ctx| stack.add_vlan(ctx, "vlan9", vlan)).unwrap();
    pair.net.run(ms(10_500));
    let slow: Vec<_> =
        pair.net.frames().into_iter().filter(|frame| frame.bytes[12..14] == [0x88, 0x09]).collect();
    assert_eq!(slow.len(), pair.pdus().len());
    assert!(slow.iter().all(|frame| frame.bytes.len() == 14 + SLOW_LEN));
    assert!(pair.pdus().iter().all(|one| one.ether.dst == SLOW_MAC));
    let carried = pair.net.world.node(pair.nodes[0]).stack.config().interface(parent).unwrap().mac;
    for wire in 0..3 {
        let own = pair.net.mac(pair.nodes[0], pair.ports[wire][0]);
        assert_eq!(own == carried, wire == 0, "the lagg has the first port's address");
        assert!(pair.said(0, wire).len() >= 8, "each from its own");
    }
    // Counters of both ends agree.
    for wire in 0..3 {
        let sent = pair.lacp(0, wire).counters.sent;
        assert_eq!(sent as usize, pair.said(0, wire).len());
        assert_eq!(pair.lacp(1, wire).counters.received, sent);
        assert_eq!(pair.net.counter(pair.nodes[0], pair.ports[wire][0], IfCounter::LacpOut), sent);
        assert_eq!(pair.net.counter(pair.nodes[1], pair.ports[wire][1], IfCounter::LacpIn), sent);
    }
}

#[test]
fn a_tag_or_another_destination_is_not_lacp_1() {
    let mut alone = Alone::new(1, fast());
    let pdu = alone.agreeing(0, 1).to_bytes();
    let tagged = [&[0, 9][..], &EtherType::SLOW.0.to_be_bytes(), &pdu].concat();
    alone.net.hear(alone.links[0], &frame(SLOW_MAC, EtherType::VLAN, &tagged));
    let port = alone.net.mac(alone.node, alone.ports[0]);
    alone.net.hear(alone.links[0], &frame(port, EtherType::SLOW, &pdu));
    assert_eq!(alone.net.dropped(alone.node, Cause::NotOurMac), 1);
    assert_eq!(alone.net.dropped(alone.node, Cause::InactivePort), 1);
    assert_eq!(alone.lacp(0).receive, ReceiveState::Expired, "nothing was heard");
    assert_eq!(alone.net.counter(alone.node, alone.ports[0], IfCounter::LacpIn), 0);
    // In its place, it is.
    alone.net.hear(alone.links[0], &frame(SLOW_MAC, EtherType::SLOW, &pdu));
    assert_eq!(alone.lacp(0).receive, ReceiveState::Current);
}

#[test]
fn a_later_version_is_understood_and_another_subtype_is_not_ours_lacp_2() {
    let mut alone = Alone::new(1, fast());
    for subtype in [0, 3, 10, 255] {
        let mut other = [0; SLOW_LEN];
        other[0] = subtype;
        alone.net.hear(alone.links[0], &slow_frame(&other));
    }
    assert_eq!(alone.net.dropped(alone.node, Cause::Ignored), 4);
    assert_eq!(alone.lacp(0).receive, ReceiveState::Expired);
    let mut later = alone.agreeing(0, 1).to_bytes().to_vec();
    later[1] = 2;
    later[60..].fill(0xa5);
    later.extend([4, 6, 1, 2, 3, 4]);
    alone.net.hear(alone.links[0], &slow_frame(&later));
    assert_eq!(alone.lacp(0).receive, ReceiveState::Current);
    // Cut short, it is malformed, and counted as such.
    alone.net.hear(alone.links[0], &slow_frame(&later[..100]));
    assert_eq!(alone.net.dropped(alone.node, Cause::Malformed(siding_wire::Malformed::Truncated)), 1);
}

#[test]
fn a_lagg_of_another_mode_does_not_speak_lacp_1() {
    let mut net = Net::new(1);
    let node = net.add_node(spec("a"));
    let link = net.world.add_link(siding_sim::Faults::default());
    net.world.set_promiscuous(link);
    let port = net.world.plug(node, link, None).unwrap();
    net.world.node(node).control(|stack, ctx| {
        let spec = siding_stack::LaggSpec::new("lagg0", siding_stack::Mode::LoadBalance);
        let lagg = stack.add_lagg(ctx, spec).unwrap();
        stack.lagg_add_port(ctx, lagg, port, 1).unwrap();
        assert_eq!(stack.laggs(ctx)[0].lacp, None);
    });
    net.run(secs(5));
    net.hear(link, &slow_frame(&[1; SLOW_LEN]));
    assert_eq!(net.dropped(node, Cause::Ignored), 1);
    assert!(pdus(&net).is_empty());
}

#[test]
fn t8_a_marker_is_answered_on_its_port_whatever_the_ports_state_lacp_11() {
    let mut alone = Alone::new(2, passive());
    let marker = Marker {
        kind: MarkerKind::Information,
        requester_port: 7,
        requester_system: Mac([2, 0, 0, 0, 0, 9]),
        transaction: 0xdead_beef,
    };
    alone.net.rewind();
    alone.net.hear(alone.links[1], &slow_frame(&marker.to_bytes()));
    let frames = alone.net.frames();
    assert_eq!(frames.len(), 1);
    assert_eq!(frames[0].link, alone.links[1]);
    let (ether, body) = Ether::parse(&frames[0].bytes).unwrap();
    let own = alone.net.mac(alone.node, alone.ports[1]);
    assert_eq!((ether.src, ether.dst), (own, SLOW_MAC));
    assert_eq!(SlowPdu::parse(body), Ok(SlowPdu::Marker(marker.response().unwrap())));
    assert_eq!(alone.lacp(1).counters.markers, 1);
    // An answer is not answered, and a flood is answered ten times a second.
    alone.net.rewind();
    alone.net.hear(alone.links[1], &slow_frame(&marker.response().unwrap().to_bytes()));
    assert!(alone.net.frames().is_empty());
    (0..50).for_each(|_| alone.net.inject(alone.links[1], &slow_frame(&marker.to_bytes())));
    alone.net.run(ms(1));
    assert_eq!(alone.net.frames().len(), 9);
    assert_eq!(alone.net.dropped(alone.node, Cause::SlowLimit), 41);
}

#[test]
fn what_comes_in_before_it_was_agreed_on_is_not_the_laggs_lacp_10() {
    let mut alone = Alone::new(1, fast());
    let mac = alone.net.world.node(alone.node).stack.config().interface(alone.lagg).unwrap().mac;
    alone.net.add_address(alone.node, alone.lagg, v6(1), false);
    alone.net.hear(alone.links[0], &frame6(mac, &echo(PEER, v6(1), 1)));
    assert_eq!(alone.net.dropped(alone.node, Cause::InactivePort), 1);
    alone.keep_up(4);
    let before = alone.net.counter(alone.node, alone.lagg, IfCounter::RxPackets);
    alone.net.hear(alone.links[0], &frame6(mac, &echo(PEER, v6(1), 2)));
    assert_eq!(alone.net.counter(alone.node, alone.lagg, IfCounter::RxPackets), before + 1);
    assert_eq!(alone.net.dropped(alone.node, Cause::InactivePort), 1);
}

#[test]
fn port_numbers_are_the_stacks_and_never_0_lacp_12() {
    let pair = Pair::new(3, fast(), fast());
    let slots = |end: usize| pair.ports.iter().map(move |ports| ports[end].slot() as u16 + 1);
    let number = |end: usize, wire: usize| pair.lacp(end, wire).actor.port;
    for end in [0, 1] {
        let numbers: Vec<_> = (0..3).map(|wire| number(end, wire)).collect();
        assert_eq!(numbers, slots(end).collect::<Vec<_>>());
        assert!(numbers.iter().all(|number| *number > 0));
    }
    assert!(!pair.ports.iter().flatten().any(|id| *id == IfId::NONE));
}
