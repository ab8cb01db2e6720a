//! How two ends come to agree, and who speaks when.

use siding_stack::LacpSpec;
use siding_stack::LaggError;
use siding_stack::SendError;
use siding_stack::drops::DropReason as Cause;
use siding_stack::ifnet::Unfit;
use siding_stack::ifnet::Vlan;
use siding_stack::lagg::lacp::MuxState;
use siding_stack::lagg::lacp::PeriodicState;
use siding_stack::lagg::lacp::Rate;
use siding_stack::lagg::lacp::ReceiveState;
use siding_stack::lagg::lacp::Selected;
use siding_wire::EtherType;

use super::util::*;
use crate::common::*;

#[test]
fn t8_two_laggs_reach_collecting_and_distributing_on_four_ports_lacp_4_lacp_10() {
    let mut pair = Pair::new(4, fast(), fast());
    pair.net.run(ms(1_999));
    assert_eq!((pair.receiving(0), pair.has_link(0)), (vec![], false), "the aggregate wait is 2 s");
    pair.net.run(ms(1_500));
    let log = pair.told(0);
    for end in [0, 1] {
        assert_eq!(pair.sending(end), [0, 1, 2, 3]);
        assert_eq!(pair.receiving(end), [0, 1, 2, 3]);
        assert!(pair.has_link(end));
        for wire in 0..4 {
            let port = pair.lacp(end, wire);
            assert_eq!(port.actor.state.to_string(), UP);
            assert_eq!(port.partner, pair.lacp(1 - end, wire).actor, "each knows the other");
            assert_eq!((port.mux, port.selected), (MuxState::Distributing, Selected::Selected));
            assert_eq!((port.receive, port.periodic), (ReceiveState::Current, PeriodicState::Fast));
        }
    }
    // Each transition with its cause, its old and its new state.
    let port = pair.ports[0][0];
    for step in [
        "receive machine expired -> current: partner heard",
        "mux machine waiting -> attached: aggregate wait over",
        "mux machine attached -> collecting: partner in sync",
        "mux machine collecting -> distributing: partner collecting",
    ] {
        assert!(log.contains(&format!("lacp: port {port}: {step}")), "{step}: {log:#?}");
    }
    assert!(log.iter().any(|line| line.starts_with("lacp: aggregator: none -> key")), "{log:#?}");
    let ping = pair.net.open(pair.nodes[0]);
    pair.net.ping(pair.nodes[0], &ping, v6(2), 1).unwrap();
    pair.net.run(ms(5));
    assert!(pair.net.answer(pair.nodes[0], &ping).is_some());
}

#[test]
fn t8_a_passive_side_is_silent_until_spoken_to_lacp_7() {
    let mut pair = Pair::new(2, passive(), passive());
    pair.net.run(secs(200));
    assert!(pair.pdus().is_empty(), "between two passive ends nobody ever speaks");
    assert!(!pair.has_link(0) && !pair.has_link(1));
    assert_eq!(pair.lacp(0, 0).periodic, PeriodicState::None);

    let mut pair = Pair::new(2, fast(), passive());
    pair.net.run(ms(1));
    let all = pair.pdus();
    let mac = pair.net.mac(pair.nodes[0], pair.ports[0][0]);
    let first = all.iter().find(|one| one.link == pair.links[0]).unwrap();
    assert_eq!(first.ether.src, mac, "the active end speaks first");
    pair.net.run(secs(5));
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1], vec![0, 1]));
    assert!(pair.state(1, 0).starts_with("passive, "), "{}", pair.state(1, 0));
}

#[test]
fn each_end_speaks_as_often_as_the_other_asks_lacp_3_lacp_6() {
    let mut pair = Pair::new(1, fast(), slow());
    pair.net.run(secs(60));
    pair.net.rewind();
    pair.net.run(secs(90));
    assert_eq!(pair.said(0, 0).len(), 3, "its partner's timeout is long: every 30 s");
    assert_eq!(pair.said(1, 0).len(), 90, "its partner's timeout is short: each second");

    // From long to short at once, and back.
    pair.net.run(ms(500));
    pair.net.rewind();
    pair.configure(1, LacpSpec { rate: Rate::Fast, ..LacpSpec::default() });
    pair.net.run(ms(1));
    assert_eq!(pair.said(1, 0).len(), 1, "the change is told");
    assert_eq!(pair.said(0, 0).len(), 1, "and answered at once");
    pair.net.run(secs(10));
    assert_eq!(pair.lacp(0, 0).periodic, PeriodicState::Fast);
    pair.configure(1, LacpSpec::default());
    pair.net.run(secs(5));
    assert_eq!(pair.lacp(0, 0).periodic, PeriodicState::Slow);
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0], vec![0]), "nobody starts again for that");
    let moved = pair.told(0).into_iter().filter(|line| line.contains("distributing ->")).count();
    assert_eq!(moved, 0);
}

#[test]
fn at_most_three_lacpdus_in_any_second_lacp_3() {
    let mut alone = Alone::new(1, fast());
    alone.net.rewind();
    // A partner that knows us wrongly provokes an answer each time.
    for round in 0..100u16 {
        let mut pdu = alone.agreeing(0, 1);
        pdu.partner.port_priority = round;
        alone.hears(0, &pdu);
        alone.net.run(ms(50));
    }
    let said: Vec<_> = pdus(&alone.net).into_iter().map(|one| one.at).collect();
    assert!(said.len() >= 12, "it answers, though: {said:?}");
    for window in said.windows(4) {
        assert!(window[3] - window[0] >= secs(1), "{window:?}");
    }
}

#[test]
fn a_flood_of_lacpdus_is_cut_and_counted_lacp_3() {
    let mut alone = Alone::new(1, fast());
    let pdu = slow_frame(&alone.agreeing(0, 1).to_bytes());
    (0..200).for_each(|_| alone.net.inject(alone.links[0], &pdu));
    alone.net.run(ms(1));
    assert_eq!(alone.net.dropped(alone.node, Cause::SlowLimit), 200 - 32);
    assert_eq!((alone.lacp(0).counters.received, alone.lacp(0).counters.ignored), (32, 168));
    alone.keep_up(4);
    assert!(alone.report().ports[0].sending, "and does no harm after it");
}

#[test]
fn whoever_knows_us_wrongly_hears_from_us_lacp_8() {
    let mut alone = Alone::new(1, fast());
    alone.keep_up(4);
    alone.net.run(ms(500));
    alone.net.rewind();
    let good = alone.agreeing(0, 1);
    alone.hears(0, &good);
    assert!(pdus(&alone.net).is_empty(), "it knows us: nothing to say");
    let mut wrong = good;
    wrong.partner.key += 1;
    alone.hears(0, &wrong);
    let said = pdus(&alone.net);
    assert_eq!(said.len(), 1);
    assert_eq!(said[0].pdu.actor, alone.lacp(0).actor);
    assert_eq!(said[0].pdu.partner.port, 1);
}

#[test]
fn ports_to_two_partners_do_not_share_an_aggregator_lacp_9() {
    let mut alone = Alone::new(3, fast());
    for _ in 0..5 {
        for (port, partner) in [(0, 1), (1, 1), (2, 2)] {
            let pdu = alone.agreeing(port, partner);
            alone.hears(port, &pdu);
        }
        alone.net.run(secs(1));
    }
    let report = alone.report();
    let sending: Vec<_> = report.ports.iter().map(|port| port.sending).collect();
    assert_eq!(sending, [true, true, false], "the partner with the most ports");
    assert_eq!(alone.lacp(2).selected, Selected::Standby);
    assert_eq!(report.lacp.unwrap().aggregator.unwrap().partner, alone.agreeing(0, 1).actor.system);
    // The partner of the other two goes away: the third takes over.
    for _ in 0..10 {
        let pdu = alone.agreeing(2, 2);
        alone.hears(2, &pdu);
        alone.net.run(secs(1));
    }
    let sending: Vec<_> = alone.report().ports.iter().map(|port| port.sending).collect();
    assert_eq!(sending, [false, false, true]);
}

#[test]
fn two_of_our_ports_on_one_cable_form_no_aggregate_lacp_9() {
    let mut net = Net::new(1);
    let node = net.add_node(spec("a"));
    let link = net.world.add_link(siding_sim::Faults::default());
    let lagg = net.world.node(node).control(|stack, ctx| stack.add_lagg(ctx, fast())).unwrap();
    for _ in 0..2 {
        let port = net.world.plug(node, link, None).unwrap();
        net.world.node(node).control(|stack, ctx| stack.lagg_add_port(ctx, lagg, port, 1)).unwrap();
    }
    net.run(secs(20));
    let report = net.world.node(node).control(|stack, ctx| stack.laggs(ctx).remove(0));
    assert!(report.ports.iter().all(|port| !port.sending && !port.receiving));
    assert!(report.ports.iter().all(|port| port.lacp.unwrap().receive == ReceiveState::Current));
}

#[test]
fn t6_min_links_decides_the_laggs_link_and_max_links_who_stands_by_lacp_9() {
    let few = LacpSpec { rate: Rate::Fast, min_links: 2, max_links: Some(2), ..LacpSpec::default() };
    let mut pair = Pair::new(3, with(few), fast());
    pair.net.run(secs(10));
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1], vec![0, 1]), "the third stands by");
    assert_eq!(pair.lacp(0, 2).selected, Selected::Standby);
    [0, 1].into_iter().for_each(|end| pair.carrier(end, 0, false));
    pair.net.run(secs(5));
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![1, 2], vec![1, 2]), "and takes over");
    [0, 1].into_iter().for_each(|end| pair.carrier(end, 1, false));
    pair.net.run(secs(5));
    assert!(!pair.has_link(0), "one is not enough");
    assert_eq!(pair.sending(0), [0; 0]);
    assert!(pair.has_link(1), "but it is for the other end");
}

#[test]
fn t21_when_not_all_ports_may_be_used_the_better_ones_are_lacp_9() {
    let one = LacpSpec { rate: Rate::Fast, max_links: Some(1), ..LacpSpec::default() };
    let mut pair = Pair::new(0, with(one), fast());
    for priority in [300, 100, 200] {
        let wire = pair.plug();
        pair.add_with(0, wire, priority);
        pair.add(1, wire);
    }
    pair.net.run(secs(10));
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![1], vec![1]));
    assert_eq!(pair.lacp(0, 1).actor.port_priority, 100, "in LACP less is better");
    [0, 1].into_iter().for_each(|end| pair.carrier(end, 1, false));
    pair.net.run(secs(5));
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![2], vec![2]));
}

#[test]
fn t27_without_ports_frames_are_dropped_and_counted() {
    let mut pair = Pair::new(0, fast(), fast());
    refuses(&mut pair);
    // With a port that nobody agreed to, too.
    let mut pair = Pair::new(1, fast(), passive());
    pair.passes(0, 0, false);
    pair.net.run(secs(5));
    refuses(&mut pair);
}

/// A lagg that has agreed with nobody has no link: who would send by it is told.
fn refuses(pair: &mut Pair) {
    let ping = pair.net.open(pair.nodes[0]);
    let sent = pair.net.ping(pair.nodes[0], &ping, v6(2), 1);
    assert_eq!(sent, Err(SendError::Unfit(v6(2).into(), pair.laggs[0], Unfit::NoCarrier)));
}

#[test]
fn only_a_device_speaks_lacp_and_only_a_lacp_lagg_is_configured_for_it_lacp_1() {
    let mut pair = Pair::new(1, fast(), fast());
    let spare = pair.plug();
    let (lagg, parent) = (pair.laggs[0], pair.ports[spare][0]);
    pair.net.world.node(pair.nodes[0]).control(|stack, ctx| {
        let vlan = Vlan { parent, vid: 5, ethertype: EtherType::VLAN };
        let vlan = stack.add_vlan(ctx, "vlan5", vlan).unwrap();
        assert!(matches!(stack.lagg_add_port(ctx, lagg, vlan, 0), Err(LaggError::NotPhysical(_))));
        let other = siding_stack::LaggSpec::new("lagg1", siding_stack::Mode::Failover);
        let other = stack.add_lagg(ctx, other).unwrap();
        assert_eq!(stack.lagg_set_lacp(ctx, other, LacpSpec::default()), Err(LaggError::NotLacp));
        let group = LacpSpec { system_mac: Some(siding_wire::lacp::SLOW_MAC), ..LacpSpec::default() };
        assert!(matches!(stack.lagg_set_lacp(ctx, lagg, group), Err(LaggError::Mac(_))));
    });
}
