//! Conflict detection of IPv4 addresses on the wire: RFC 5227.

use std::net::Ipv4Addr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_sim::Faults;
use siding_sim::LinkId;
use siding_sim::NodeId;
use siding_sim::NodeSpec;
use siding_stack::arp::acd::Defence;
use siding_stack::drops::DropReason as Cause;
use siding_stack::nd6::dad::DadState;
use siding_wire::EtherType;
use siding_wire::IpProto;
use siding_wire::Mac;
use siding_wire::arp::ArpOp;
use siding_wire::arp::ArpRepr;
use siding_wire::ip4::Ip4Repr;

use crate::common::*;

const OWN: Ipv4Addr = v4(7);
const DUPLICATE: &str = "duplicate, somebody else on the link has it; it is not used";

/// A node that probes its IPv4 addresses; nothing else is to be seen of it.
fn probing() -> NodeSpec {
    let mut spec = without_mld("host");
    spec.acd.enabled = true;
    spec
}

/// A node that was just given [`OWN`].
fn host(spec: NodeSpec) -> (Net, NodeId, LinkId, IfId) {
    let mut net = Net::new(3);
    let link = net.world.add_link(Faults::default());
    let node = net.add_node(spec);
    let id = net.plug(node, link, OWN);
    net.run(Duration::ZERO);
    (net, node, link, id)
}

/// The same, with the address in use, and the tape empty.
fn settled(spec: NodeSpec) -> (Net, NodeId, LinkId, IfId) {
    let (mut net, node, link, id) = host(spec);
    net.run(secs(20));
    assert_eq!(state(&net, node, id, OWN), DadState::Preferred);
    net.rewind();
    (net, node, link, id)
}

fn state(net: &Net, node: NodeId, id: IfId, addr: Ipv4Addr) -> DadState {
    let config = net.world.node(node).stack.config();
    config.interface(id).unwrap().addrs4.iter().find(|own| own.addr == addr).unwrap().state
}

fn told(net: &Net, node: NodeId, addr: Ipv4Addr) -> Vec<String> {
    let about = format!("address {addr}");
    let all = net.events(node, addr).into_iter();
    all.filter_map(|line| Some(line.strip_prefix(&about)?.trim_start_matches([':', ' ']).to_string()))
        .collect()
}

fn arp(message: ArpRepr) -> Vec<u8> {
    frame_from(message.sha, Mac::BROADCAST, EtherType::ARP, &message.to_bytes())
}

fn claim(mac: Mac) -> Vec<u8> {
    arp(ArpRepr::announcement(mac, OWN))
}

/// When each message left, and whether it was an announcement.
fn said(net: &Net) -> Vec<(Duration, bool)> {
    net.arps().iter().map(|(at, _, message)| (*at, message.spa == OWN)).collect()
}

#[test]
fn three_probes_then_two_announcements_and_in_use_from_the_first_5227_1_5227_3() {
    let mut first = Vec::new();
    for seed in 0..60 {
        let mut net = Net::new(seed);
        let link = net.world.add_link(Faults::default());
        let node = net.add_node(probing());
        let id = net.plug(node, link, OWN);
        let mac = net.mac(node, id);
        while said(&net).len() < 4 {
            assert_eq!(state(&net, node, id, OWN), DadState::Tentative);
            net.run(ms(1));
        }
        assert_eq!(
            (state(&net, node, id, OWN), told(&net, node, OWN)),
            (DadState::Preferred, vec!["tentative -> preferred".to_string()])
        );
        net.run(secs(100));
        for (n, (_, ether, message)) in net.arps().into_iter().enumerate() {
            assert_eq!((ether.src, ether.dst), (mac, Mac::BROADCAST));
            let expected = if n < 3 { ArpRepr::probe(mac, OWN) } else { ArpRepr::announcement(mac, OWN) };
            assert_eq!((message, message.op, message.tha), (expected, ArpOp::REQUEST, Mac::ZERO));
        }
        let at: Vec<_> = said(&net).into_iter().map(|(at, _)| at).collect();
        assert_eq!(at.len(), 5, "and never again");
        assert!(at[0] <= secs(1));
        for pause in [at[1] - at[0], at[2] - at[1]] {
            assert!(pause >= secs(1) && pause <= secs(2), "{pause:?}");
        }
        assert_eq!((at[3] - at[2], at[4] - at[3]), (secs(2), secs(2)));
        first.push(at[0]);
    }
    assert!(first.iter().min().unwrap() < &ms(100) && first.iter().max().unwrap() > &ms(900), "at random");
}

#[test]
fn an_address_that_is_probed_is_no_source_no_destination_and_answers_nobody_5227_1() {
    let (mut net, node, link, id) = host(probing());
    let mac = net.mac(node, id);
    let ping = net.open(node);
    assert!(net.ping(node, &ping, v4(9), 1).is_err());
    net.hear(link, &arp(ArpRepr::request(PEER_MAC, v4(9), OWN)));
    let mut packet = vec![0; 28];
    Ip4Repr::new(v4(9), OWN, IpProto::UDP, 64, 8).emit(&mut packet).unwrap();
    net.hear(link, &frame(mac, EtherType::IPV4, &packet));
    assert_eq!((net.frames().len(), net.dropped(node, Cause::NotForUs), net.neighbors(node)), (0, 1, 0));
    assert_eq!(state(&net, node, id, OWN), DadState::Tentative, "a question is no conflict");
    net.run(secs(10));
    net.rewind();
    net.hear(link, &arp(ArpRepr::request(PEER_MAC, v4(9), OWN)));
    assert_eq!(net.arps()[0].2.op, ArpOp::REPLY);
    assert!(net.ping(node, &ping, v4(9), 2).is_ok());
}

#[test]
fn who_has_the_address_or_probes_it_as_well_gets_it_5227_1() {
    let conflicts = [
        ArpRepr::announcement(PEER_MAC, OWN),
        ArpRepr::request(PEER_MAC, OWN, v4(9)),
        ArpRepr { op: ArpOp::REPLY, sha: PEER_MAC, spa: OWN, tha: OTHER_MAC, tpa: v4(9) },
        ArpRepr::probe(PEER_MAC, OWN),
    ];
    for message in conflicts {
        for wait in [0, 1500, 4000] {
            let (mut net, node, link, id) = host(probing());
            net.run(ms(wait));
            assert_eq!(state(&net, node, id, OWN), DadState::Tentative);
            net.rewind();
            net.hear(link, &arp(message));
            assert_eq!(
                (state(&net, node, id, OWN), told(&net, node, OWN)),
                (DadState::Duplicate, vec![DUPLICATE.to_string()])
            );
            net.run(secs(20));
            net.hear(link, &arp(ArpRepr::request(OTHER_MAC, v4(9), OWN)));
            assert_eq!(net.frames().len(), 0, "it is not asked for, announced, answered for or defended");
            // It is somebody else's, whom one may talk to.
            net.add_address(node, id, v4(8), false);
            net.ping_once(node, OWN);
            assert_eq!(net.arps()[0].2, ArpRepr::request(net.mac(node, id), v4(8), OWN));
        }
    }
}

#[test]
fn our_own_echo_and_talk_of_others_are_no_conflict_5227_1() {
    let (mut net, node, link, id) = host(probing());
    net.run(ms(1500));
    let looped = net.frames();
    looped.iter().for_each(|frame| net.inject(link, &frame.bytes));
    net.hear(link, &arp(ArpRepr::probe(PEER_MAC, v4(9))));
    net.hear(link, &arp(ArpRepr::announcement(PEER_MAC, v4(9))));
    // Another interface of ours on the same link may say what it likes.
    let twin = net.world.plug(node, link, None).unwrap();
    net.hear(link, &claim(net.mac(node, twin)));
    net.run(secs(20));
    let frames = net.frames();
    frames.iter().for_each(|frame| net.inject(link, &frame.bytes));
    net.run(secs(1));
    assert_eq!((state(&net, node, id, OWN), told(&net, node, OWN).len()), (DadState::Preferred, 1));
}

#[test]
fn an_address_in_use_is_defended_once_in_ten_seconds_and_never_given_up_5227_3() {
    let (mut net, node, link, id) = settled(probing());
    let from = net.now();
    for _ in 0..25 {
        net.hear(link, &claim(PEER_MAC));
        net.run(secs(1));
    }
    let at: Vec<_> = said(&net).into_iter().map(|(at, announced)| (at - from, announced)).collect();
    assert_eq!(at, [(secs(0), true), (secs(10), true), (secs(20), true)]);
    assert_eq!(state(&net, node, id, OWN), DadState::Preferred);
    let who = format!("is ours, but {PEER_MAC} advertises it");
    assert_eq!(told(&net, node, OWN)[1..], [who.clone(), who.clone(), who], "told as often as defended");
    assert_eq!(net.neighbors(node), 0, "who claims it is not learnt");
}

#[test]
fn an_address_is_given_up_if_the_operator_wants_it_so_5227_3() {
    for (defence, claims) in [(Defence::GiveUp, 1), (Defence::Once, 2)] {
        let mut spec = probing();
        spec.acd.defence = defence;
        let (mut net, node, link, id) = settled(spec);
        for n in 1..=claims {
            assert_eq!(state(&net, node, id, OWN), DadState::Preferred);
            net.hear(link, &claim(PEER_MAC));
            assert_eq!(said(&net).len(), n.min(claims - 1), "{defence:?}");
            net.run(secs(5));
        }
        assert_eq!(state(&net, node, id, OWN), DadState::Duplicate);
        assert_eq!(told(&net, node, OWN).last().unwrap(), DUPLICATE);
        net.rewind();
        net.hear(link, &arp(ArpRepr::request(OTHER_MAC, v4(9), OWN)));
        assert_eq!(net.frames().len(), 0);
    }
    // Two claims that are far apart are two single ones.
    let mut spec = probing();
    spec.acd.defence = Defence::Once;
    let (mut net, node, link, id) = settled(spec);
    for _ in 0..5 {
        net.hear(link, &claim(PEER_MAC));
        net.run(secs(11));
    }
    assert_eq!((said(&net).len(), state(&net, node, id, OWN)), (5, DadState::Preferred));
}

#[test]
fn an_address_that_was_not_probed_is_defended_all_the_same_5227_3() {
    let (mut net, node, link, id) = settled(probing());
    net.add_address(node, id, v4(8), false);
    assert_eq!(state(&net, node, id, v4(8)), DadState::Preferred);
    net.run(secs(20));
    assert_eq!(net.frames().len(), 0, "neither probed nor announced");
    net.hear(link, &arp(ArpRepr::announcement(PEER_MAC, v4(8))));
    assert_eq!(net.arps()[0].2, ArpRepr::announcement(net.mac(node, id), v4(8)));
}

#[test]
fn switched_off_it_neither_probes_nor_defends_but_tells() {
    let (mut net, node, link, id) = host(without_mld("host"));
    assert_eq!(state(&net, node, id, OWN), DadState::Preferred);
    net.hear(link, &claim(PEER_MAC));
    net.run(secs(20));
    assert_eq!((net.frames().len(), told(&net, node, OWN).len()), (0, 1));
}

#[test]
fn switched_off_while_it_runs_every_address_is_in_use_and_on_again_it_is_defended_5227_1_5227_3() {
    let (mut net, node, link, id) = host(probing());
    net.run(ms(500));
    assert_eq!(state(&net, node, id, OWN), DadState::Tentative);
    net.rewind();
    net.configure(node, "acd", &[("enabled", "false")]).unwrap();
    let freed = (DadState::Preferred, vec!["tentative -> preferred".to_string()]);
    assert_eq!((state(&net, node, id, OWN), told(&net, node, OWN)), freed);
    net.hear(link, &claim(PEER_MAC));
    net.run(secs(20));
    assert_eq!(net.arps().len(), 0, "it is not probed any more, nor defended");
    net.configure(node, "acd", &[]).unwrap();
    net.run(secs(20));
    assert_eq!((net.arps().len(), state(&net, node, id, OWN)), (0, DadState::Preferred), "as it is in use");
    net.hear(link, &claim(PEER_MAC));
    assert_eq!(said(&net).len(), 1, "it is defended");
    // It was given to be probed, and is, as soon as its link may be another.
    for up in [false, true] {
        net.world.node(node).control(|stack, ctx| stack.set_up(ctx, id, up)).unwrap();
    }
    assert_eq!(state(&net, node, id, OWN), DadState::Tentative);
    net.run(secs(20));
    net.configure(node, "acd", &[("defence", "give-up")]).unwrap();
    net.hear(link, &claim(PEER_MAC));
    assert_eq!(state(&net, node, id, OWN), DadState::Duplicate);
    net.configure(node, "acd", &[("enabled", "false")]).unwrap();
    assert_eq!(state(&net, node, id, OWN), DadState::Preferred);
    net.rewind();
    net.run(secs(1000));
    assert_eq!((net.arps().len(), state(&net, node, id, OWN)), (0, DadState::Preferred), "never tried again");
}

#[test]
fn after_ten_conflicts_attempts_are_a_minute_apart_5227_2() {
    let (mut net, node, link, id) = settled(probing());
    let attempt = |net: &mut Net, n: u8| {
        net.rewind();
        let begun = net.now();
        net.add_address(node, id, v4(n), true);
        while net.arps().is_empty() {
            net.run(ms(10));
        }
        net.hear(link, &arp(ArpRepr::announcement(PEER_MAC, v4(n))));
        assert_eq!(state(net, node, id, v4(n)), DadState::Duplicate);
        net.arps()[0].0 - begun
    };
    for n in 100..110 {
        assert!(attempt(&mut net, n) <= secs(1), "{n}");
    }
    for n in 110..113 {
        let waited = attempt(&mut net, n);
        assert!(waited > secs(57) && waited <= secs(61), "{n}: {waited:?}");
    }
}

#[test]
fn an_interface_that_comes_up_probes_again_and_one_that_is_down_asks_nobody_5227_1() {
    let (mut net, node, _, id) = settled(probing());
    let set_up =
        |net: &Net, up| net.world.node(node).control(|stack, ctx| stack.set_up(ctx, id, up)).unwrap();
    set_up(&net, false);
    net.run(secs(5));
    set_up(&net, true);
    assert_eq!(state(&net, node, id, OWN), DadState::Tentative);
    net.run(ms(1500));
    set_up(&net, false);
    net.rewind();
    net.run(secs(30));
    assert_eq!((net.frames().len(), state(&net, node, id, OWN)), (0, DadState::Tentative));
    set_up(&net, true);
    net.run(secs(20));
    assert_eq!((said(&net).len(), state(&net, node, id, OWN)), (5, DadState::Preferred));
}

#[test]
fn removing_an_address_ends_its_detection_and_a_departure_all_of_it_t14() {
    let (mut net, node, link, id) = host(probing());
    net.run(ms(1200));
    let asked = net.frames().len();
    net.world.node(node).control(|stack, ctx| stack.remove_address(ctx, id, OWN.into())).unwrap();
    net.run(secs(20));
    assert_eq!((net.frames().len(), told(&net, node, OWN)), (asked, vec![]));
    net.add_address(node, id, OWN, true);
    net.run(ms(1200));
    net.world.unplug(node, id);
    net.hear(link, &claim(PEER_MAC));
    net.run(secs(20));
    assert_eq!(told(&net, node, OWN), [""; 0]);
}

#[test]
fn a_router_does_not_ask_for_the_address_that_it_probes_5227_1() {
    let mut net = Net::new(1);
    let links = [net.world.add_link(Faults::default()), net.world.add_link(Faults::default())];
    let node = net.add_node(probing());
    let ids = [net.plug(node, links[0], v4(1)), net.plug(node, links[1], Ipv4Addr::new(198, 51, 100, 1))];
    net.forwarding(node, true);
    net.run(secs(20));
    let other = Ipv4Addr::new(198, 51, 100, 9);
    net.add_address(node, ids[1], other, true);
    net.rewind();
    let mut packet = vec![0; 28];
    Ip4Repr::new(v4(9), other, IpProto::UDP, 64, 8).emit(&mut packet).unwrap();
    net.hear(links[0], &frame(net.mac(node, ids[0]), EtherType::IPV4, &packet));
    assert_eq!((net.frames().len(), net.dropped(node, Cause::NotForUs)), (0, 1));
}

#[test]
fn twins_never_both_keep_the_address_when_frames_get_through_5227_1() {
    let mut kept = [0; 3];
    for seed in 0..200 {
        let mut net = Net::new(seed);
        let delay = (Duration::from_micros(10), ms(seed % 150 + 1));
        let link = net.world.add_link(Faults { loss: 0.0, duplicate: 0.2, delay });
        let nodes = [net.add_node(probing()), net.add_node(probing())];
        let first = net.plug(nodes[0], link, OWN);
        net.run(ms(seed * 13 % 9000));
        let second = net.plug(nodes[1], link, OWN);
        net.run(secs(30));
        let keep = [state(&net, nodes[0], first, OWN), state(&net, nodes[1], second, OWN)];
        let keep = keep.into_iter().filter(|state| *state == DadState::Preferred).count();
        kept[keep] += 1;
        assert!(keep < 2, "seed {seed}");
    }
    assert!(kept[1] > 150, "nearly always one of them keeps it: {kept:?}");
}

#[test]
fn a_probe_that_finds_the_queue_full_is_sent_later_5227_1() {
    let mut full = probing();
    full.queue_limit = 1;
    let (mut net, node, _, id) = host(full);
    net.add_address(node, id, v4(8), true);
    net.run(secs(30));
    for addr in [OWN, v4(8)] {
        let about = net.arps().into_iter().filter(|(_, _, message)| message.tpa == addr).count();
        assert_eq!((about, state(&net, node, id, addr)), (5, DadState::Preferred), "{addr}");
    }
}

#[test]
fn a_claim_that_waits_behind_a_backlog_counts_however_long_the_node_was_held_up_5227_1() {
    for hold in HOLDS {
        for probes in 1..=3 {
            for stage in [ms(1), ms(900)] {
                let (mut net, node, link, id) = host(probing());
                while said(&net).len() < probes {
                    net.run(ms(1));
                }
                net.run(stage);
                assert_eq!(state(&net, node, id, OWN), DadState::Tentative);
                net.hold_up(node, link, &claim(PEER_MAC), hold);
                net.run(secs(10));
                assert_eq!(state(&net, node, id, OWN), DadState::Duplicate, "{hold:?} {probes} {stage:?}");
                assert_eq!(told(&net, node, OWN), [DUPLICATE], "not even for a moment");
            }
        }
    }
}
