//! ARP on the wire.

use std::net::Ipv4Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_stack::Answer;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::IfCounter;
use siding_stack::nd6::nud::NudState;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::arp::ArpOp;
use siding_wire::arp::ArpRepr;
use siding_wire::ether::Ether;
use siding_wire::icmp4::Icmp4Repr;
use siding_wire::ip4::Ip4Repr;

use crate::common::*;

fn host() -> (Net, NodeId, LinkId, IfId, Mac) {
    let mut net = Net::new(1);
    let link = net.world.add_link(Faults::default());
    let node = net.add_node(spec("host"));
    let id = net.plug(node, link, v4(1));
    net.run(Duration::ZERO);
    let mac = net.mac(node, id);
    (net, node, link, id, mac)
}

fn arp(to: Mac, message: ArpRepr) -> Vec<u8> {
    frame_from(message.sha, to, EtherType::ARP, &message.to_bytes())
}

fn reply(sha: Mac, spa: Ipv4Addr, tha: Mac, tpa: Ipv4Addr) -> ArpRepr {
    ArpRepr { op: ArpOp::REPLY, sha, spa, tha, tpa }
}

/// Numbers of the echo requests that left, with where their frames went.
fn requests(net: &Net) -> Vec<(u16, Mac)> {
    let mut all = Vec::new();
    for frame in net.frames() {
        let (ether, rest) = Ether::parse(&frame.bytes).unwrap();
        if ether.ethertype != EtherType::IPV4 {
            continue;
        }
        let (_, payload) = Ip4Repr::parse(rest).unwrap();
        if let (Icmp4Repr::EchoRequest { seq, .. }, _) = Icmp4Repr::parse(payload).unwrap() {
            all.push((seq, ether.dst));
        }
    }
    all
}

#[test]
fn a_request_is_broadcast_and_held_packets_leave_in_order_826_1() {
    let (mut net, node, link, id, mac) = host();
    let ping = net.open(node);
    (1..=5).for_each(|seq| net.ping(node, &ping, v4(2), seq).unwrap());
    net.run(ms(1));
    let [(_, ether, request)] = net.arps()[..] else { panic!("one request") };
    assert_eq!((ether.src, ether.dst), (mac, Mac::BROADCAST));
    assert_eq!(request, ArpRepr::request(mac, v4(1), v4(2)));
    assert_eq!(requests(&net), []);
    net.hear(link, &arp(mac, request.reply(PEER_MAC)));
    assert_eq!(requests(&net), (1..=5).map(|seq| (seq, PEER_MAC)).collect::<Vec<_>>());
    assert_eq!(net.neighbor(node, v4(2)), Some((NudState::Reachable, Some(PEER_MAC))));
    let counted = [IfCounter::ArpRequestOut, IfCounter::ArpReplyIn].map(|kind| net.counter(node, id, kind));
    assert_eq!(counted, [1, 1]);
}

#[test]
fn two_hosts_find_each_other_826_1() {
    let (mut net, one, link, _, _) = host();
    let two = net.add_node(spec("two"));
    net.plug(two, link, v4(2));
    let ping = net.open(one);
    (1..=3).for_each(|seq| net.ping(one, &ping, v4(2), seq).unwrap());
    net.run(ms(1));
    for seq in 1..=3 {
        let reply = net.answer(one, &ping).unwrap();
        assert_eq!((reply.seq, reply.answer), (seq, Answer::Reply { from: v4(2).into(), hop_limit: 64 }));
    }
    assert_eq!(net.arps().len(), 2, "who asked is known by its question");
}

#[test]
fn nobody_answers_three_requests_then_an_error_for_each() {
    let (mut net, node, _, _, _) = host();
    let ping = net.open(node);
    (1..=3).for_each(|seq| net.ping(node, &ping, v4(2), seq).unwrap());
    net.run(secs(4));
    assert_eq!(net.arps().iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [secs(0), secs(1), secs(2)]);
    for seq in 1..=3 {
        let reply = net.answer(node, &ping).unwrap();
        assert_eq!(reply.seq, seq);
        assert!(matches!(reply.answer, Answer::Error { what, .. } if what == "host unreachable"));
    }
    assert_eq!((net.neighbor(node, v4(2)), net.drops(node)), (None, vec![(Cause::Unresolved, 3)]));
}

#[test]
fn a_question_is_answered_to_the_asker_who_is_learned_826_1_5227_3() {
    let (mut net, node, link, _, mac) = host();
    net.hear(link, &arp(Mac::BROADCAST, ArpRepr::request(PEER_MAC, v4(2), v4(1))));
    let [(_, ether, message)] = net.arps()[..] else { panic!("one reply") };
    assert_eq!((ether.src, ether.dst), (mac, PEER_MAC), "not by broadcast");
    assert_eq!(message, reply(mac, v4(1), PEER_MAC, v4(2)));
    assert_eq!(net.neighbor(node, v4(2)), Some((NudState::Stale, Some(PEER_MAC))));
    // A question about somebody else is for them.
    net.hear(link, &arp(Mac::BROADCAST, ArpRepr::request(OTHER_MAC, v4(3), v4(9))));
    assert_eq!((net.arps().len(), net.neighbor(node, v4(3))), (1, None));
}

#[test]
fn a_question_about_another_updates_whom_we_know_826_1() {
    let (mut net, node, link, _, _) = host();
    net.hear(link, &arp(Mac::BROADCAST, ArpRepr::request(PEER_MAC, v4(2), v4(1))));
    net.hear(link, &arp(Mac::BROADCAST, ArpRepr::announcement(OTHER_MAC, v4(2))));
    assert_eq!(net.neighbor(node, v4(2)), Some((NudState::Stale, Some(OTHER_MAC))));
    net.ping_once(node, v4(2));
    assert_eq!(requests(&net), [(1, OTHER_MAC)]);
}

#[test]
fn a_probe_is_answered_and_teaches_nothing_5227_1_5227_3_826_2() {
    let (mut net, node, link, _, mac) = host();
    net.hear(link, &arp(Mac::BROADCAST, ArpRepr::probe(PEER_MAC, v4(1))));
    let [(_, ether, message)] = net.arps()[..] else { panic!("one reply") };
    assert_eq!((ether.dst, message.sha, message.spa), (PEER_MAC, mac, v4(1)));
    assert_eq!(message.tpa, Ipv4Addr::UNSPECIFIED);
    assert_eq!(net.neighbors(node), 0);
}

#[test]
fn impossible_senders_are_never_learned_826_2() {
    let (mut net, node, link, _, mac) = host();
    let senders = [
        (Mac::BROADCAST, v4(2)),
        (Mac::ZERO, v4(2)),
        (Mac([1, 0, 0x5e, 0, 0, 1]), v4(2)),
        (mac, v4(2)),
        (PEER_MAC, Ipv4Addr::BROADCAST),
        (PEER_MAC, Ipv4Addr::new(224, 0, 0, 1)),
        (PEER_MAC, Ipv4Addr::LOCALHOST),
        // Everybody on the link, in both ways to say so.
        (PEER_MAC, v4(255)),
        (PEER_MAC, v4(0)),
    ];
    for (sha, spa) in senders {
        net.hear(link, &frame(Mac::BROADCAST, EtherType::ARP, &ArpRepr::request(sha, spa, v4(1)).to_bytes()));
        net.hear(link, &frame(mac, EtherType::ARP, &reply(sha, spa, mac, v4(1)).to_bytes()));
    }
    assert_eq!(net.neighbors(node), 0);
    assert!(net.arps().iter().all(|(_, ether, _)| ether.dst == PEER_MAC));
}

#[test]
fn own_address_is_never_learned_and_who_claims_it_is_told_826_2_5227_3() {
    let (mut net, node, link, _, mac) = host();
    net.hear(link, &arp(Mac::BROADCAST, ArpRepr::announcement(PEER_MAC, v4(1))));
    net.hear(link, &arp(mac, reply(PEER_MAC, v4(1), mac, v4(2))));
    assert_eq!((net.neighbors(node), net.arps().len()), (0, 0));
    let told = format!("address {} is ours, but {PEER_MAC} advertises it", v4(1));
    assert_eq!(net.events(node, v4(1)), [told.clone(), told]);
    // Our own, echoed, is no such thing.
    net.hear(link, &arp(Mac::BROADCAST, ArpRepr::announcement(mac, v4(1))));
    assert_eq!((net.neighbors(node), net.events(node, v4(1)).len()), (0, 2));
}

#[test]
fn an_answer_that_nobody_asked_for_confirms_nothing_826_1() {
    let (mut net, node, link, _, mac) = host();
    net.hear(link, &arp(mac, reply(PEER_MAC, v4(2), mac, v4(1))));
    // It was for us, so it makes an entry (RFC 826), which is used and then probed.
    assert_eq!(net.neighbor(node, v4(2)), Some((NudState::Stale, Some(PEER_MAC))));
    net.ping_once(node, v4(2));
    net.run(ms(5500));
    let [(at, ether, probe)] = net.arps()[..] else { panic!("one probe") };
    assert_eq!((at, ether.dst, probe.tpa), (secs(5), PEER_MAC, v4(2)));
    net.hear(link, &arp(mac, probe.reply(PEER_MAC)));
    assert_eq!(net.neighbor(node, v4(2)).unwrap().0, NudState::Reachable);
}

#[test]
fn bad_messages_are_counted() {
    let (mut net, node, link, _, mac) = host();
    let good = ArpRepr::request(PEER_MAC, v4(2), v4(1)).to_bytes();
    for (at, octet) in [(1, 6), (2, 0x86), (4, 8), (5, 16)] {
        let mut bad = good;
        bad[at] = octet;
        net.hear(link, &frame(mac, EtherType::ARP, &bad));
    }
    net.hear(link, &frame(mac, EtherType::ARP, &good[..27]));
    let malformed: u64 = net
        .drops(node)
        .iter()
        .filter(|(cause, _)| matches!(cause, Cause::Malformed(_)))
        .map(|(_, n)| n)
        .sum();
    assert_eq!(malformed, 5, "{:?}", net.drops(node));
    let mut rarp = good;
    rarp[7] = 3;
    net.hear(link, &frame(mac, EtherType::ARP, &rarp));
    assert_eq!(net.dropped(node, Cause::Ignored), 1);
    assert_eq!((net.frames().len(), net.neighbors(node)), (0, 0));
}

#[test]
fn the_source_is_the_address_on_the_targets_prefix() {
    let (mut net, node, _, id, mac) = host();
    let other = Ipv4Addr::new(198, 51, 100, 1);
    net.add_address(node, id, other, false);
    net.ping_once(node, Ipv4Addr::new(198, 51, 100, 7));
    let (_, _, request) = net.arps()[0];
    assert_eq!((request.sha, request.spa), (mac, other));
}

#[test]
fn echo_to_an_own_address_never_leaves() {
    let (mut net, node, ..) = host();
    let ping = net.open(node);
    net.ping(node, &ping, v4(1), 3).unwrap();
    net.run(ms(1));
    assert!(matches!(net.answer(node, &ping).unwrap().answer, Answer::Reply { from, .. } if from == v4(1)));
    assert_eq!(net.frames().len(), 0);
}
