//! Changes of one port, or of the lagg's address: nothing is lost, and the other ports' partners see nothing.

use std::collections::BTreeSet;
use std::net::Ipv6Addr;

use siding_netisr::IfId;
use siding_stack::LacpSpec;
use siding_stack::LaggError;
use siding_stack::lagg::lacp::Rate;
use siding_wire::Mac;
use siding_wire::lacp::LacpState;

use super::util::*;
use crate::common::*;

/// What one end said on a wire, each thing once.
fn said(pair: &Pair, end: usize, wire: usize) -> BTreeSet<String> {
    pair.said(end, wire).iter().map(|one| format!("{:?}", one.pdu)).collect()
}

/// Flows in both directions while something happens; gives how many packets were lost.
fn flows(pair: &mut Pair, millis: u64, mut happens: impl FnMut(&mut Pair, u64)) -> usize {
    const FLOWS: u16 = 16;
    let there: Vec<Ipv6Addr> = (0..FLOWS).map(|flow| v6(0x100 + flow)).collect();
    let here: Vec<Ipv6Addr> = (0..FLOWS).map(|flow| v6(0x200 + flow)).collect();
    for (end, addrs) in [(1, &there), (0, &here)] {
        for addr in addrs {
            if pair.net.world.node(pair.nodes[end]).stack.config().owner6(*addr, IfId::NONE).is_none() {
                pair.net.add_address(pair.nodes[end], pair.laggs[end], *addr, false);
            }
        }
    }
    let pings = [pair.net.open(pair.nodes[0]), pair.net.open(pair.nodes[1])];
    let (mut sent, mut answered) = (0, 0);
    for milli in 0..millis {
        happens(pair, milli);
        for (end, addrs) in [(0, &there), (1, &here)] {
            for addr in addrs {
                pair.net.ping(pair.nodes[end], &pings[end], *addr, milli as u16).unwrap();
                sent += 1;
            }
        }
        pair.net.run(ms(1));
        for end in [0, 1] {
            while pair.net.answer(pair.nodes[end], &pings[end]).is_some() {
                answered += 1;
            }
        }
    }
    sent - answered
}

#[test]
fn t33_a_port_that_is_added_at_both_ends_costs_nothing_lacp_10() {
    let mut pair = Pair::up(2);
    let wire = pair.plug();
    let lost = flows(&mut pair, 4_000, |pair, milli| match milli {
        100 => pair.add(0, wire),
        300 => pair.add(1, wire),
        _ => {}
    });
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1, 2], vec![0, 1, 2]));
    assert_eq!(lost, 0);
}

#[test]
fn t33_a_port_that_is_removed_at_either_end_or_both_costs_nothing_lacp_10() {
    for order in [[100, 300], [300, 100], [100, 100], [100, 105]] {
        let mut pair = Pair::up(3);
        let lost = flows(&mut pair, 1_000, |pair, milli| {
            for (end, at) in order.into_iter().enumerate() {
                if milli == at {
                    pair.remove(end, 1);
                }
            }
        });
        assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 2], vec![0, 2]), "{order:?}");
        assert_eq!(lost, 0, "{order:?}");
        for end in [0, 1] {
            assert_eq!(pair.report(end).ports.len(), 2);
            let port = pair.ports[1][end];
            let interface =
                pair.net.world.node(pair.nodes[end]).stack.config().interface(port).unwrap().clone();
            assert_eq!(interface.member_of, IfId::NONE);
            assert_eq!(interface.mac, interface.permanent_mac);
        }
        let left = |end| pair.told(end).iter().any(|line| line.contains("lagg: port left"));
        assert!(left(0) || left(1), "whoever was first waited for the other");
    }
}

#[test]
fn partners_of_untouched_ports_see_nothing_lacp_12() {
    let mut pair = Pair::up(4);
    pair.net.run(secs(5));
    let before: Vec<_> = [0, 1, 3].map(|wire| said(&pair, 0, wire)).to_vec();
    assert!(before.iter().all(|said| said.len() == 1), "one thing, over and over");
    pair.net.rewind();
    // Out, in again, its carrier, its departure, and another's joining.
    pair.remove(0, 2);
    pair.net.run(secs(5));
    pair.add(0, 2);
    pair.net.run(secs(5));
    pair.carrier(0, 2, false);
    pair.net.run(secs(5));
    let (node, port) = (pair.nodes[0], pair.ports[2][0]);
    pair.net.world.unplug(node, port);
    pair.net.run(secs(5));
    let wire = pair.plug();
    [0, 1].into_iter().for_each(|end| pair.add(end, wire));
    pair.net.run(secs(5));
    assert_eq!([0, 1, 3].map(|wire| said(&pair, 0, wire)).to_vec(), before);
    // And they were heard each second, no more, no less.
    let times: Vec<_> = pair.said(0, 0).iter().map(|one| one.at).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == secs(1)), "{times:?}");
    assert_eq!(pair.sending(0), [0, 1, 3, wire]);
}

#[test]
fn t8_a_port_that_is_detached_takes_its_pair_out_lacp_10() {
    let mut pair = Pair::up(4);
    let (node, port) = (pair.nodes[0], pair.ports[1][0]);
    pair.net.world.unplug(node, port);
    pair.net.run(ms(1));
    assert_eq!(pair.sending(0), [0, 2, 3], "at once at this end");
    pair.net.run(secs(7));
    assert_eq!(
        (pair.sending(1), pair.receiving(1)),
        (vec![0, 2, 3], vec![0, 2, 3]),
        "by its silence at that one"
    );
    assert_eq!(pair.state(1, 1), "active, short timeout, aggregatable, out of sync, defaulted");
}

#[test]
fn t8_lacpdus_go_on_after_the_lagg_changes_its_address_lacp_12() {
    let mut pair = Pair::up(2);
    pair.net.run(secs(3));
    let (before, system) = (said(&pair, 0, 1), pair.report(0).lacp.unwrap().system);
    pair.net.rewind();
    let (lagg, mac) = (pair.laggs[0], Mac([2, 9, 9, 9, 9, 9]));
    let node = pair.net.world.node(pair.nodes[0]);
    node.control(|stack, ctx| stack.lagg_set_mac(ctx, lagg, mac)).unwrap();
    let lost = flows(&mut pair, 5_000, |_, _| {});
    assert_eq!(pair.report(0).lacp.unwrap().system, system, "our identity is another thing");
    assert_eq!(said(&pair, 0, 1), before);
    assert!(pair.said(0, 1).len() >= 4, "from the port's own address, each second");
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1], vec![0, 1]));
    assert_eq!(lost, 0);
    assert!(!pair.told(1).iter().any(|line| line.contains("distributing ->")));
}

#[test]
fn the_systems_identity_outlives_the_port_that_gave_it_lacp_12() {
    let mut pair = Pair::up(2);
    let system = pair.report(0).lacp.unwrap().system;
    assert_eq!(system.mac, pair.net.mac(pair.nodes[0], pair.ports[0][0]), "the first port's address");
    pair.remove(0, 0);
    pair.net.run(secs(5));
    pair.remove(0, 1);
    pair.net.run(secs(5));
    assert!(pair.report(0).ports.is_empty());
    pair.add(0, 1);
    pair.net.run(secs(5));
    assert_eq!(pair.report(0).lacp.unwrap().system, system);
    assert_eq!(pair.sending(0), [1]);
    // One that is configured is what it is; that is another system, and everything begins again.
    let mac = Mac([2, 7, 7, 7, 7, 7]);
    pair.configure(0, LacpSpec { system_mac: Some(mac), rate: Rate::Fast, ..LacpSpec::default() });
    pair.net.run(secs(5));
    assert_eq!(pair.lacp(1, 1).partner.system.mac, mac);
    assert_eq!(pair.sending(0), [1]);
}

#[test]
fn t7_a_port_added_and_removed_twice_leaves_nothing_behind() {
    let mut pair = Pair::up(2);
    let (lagg, port) = (pair.laggs[0], pair.ports[1][0]);
    for _ in 0..2 {
        pair.remove(0, 1);
        assert!(pair.report(0).ports[1].leaving);
        pair.net.world.node(pair.nodes[0]).control(|stack, ctx| {
            assert!(
                matches!(stack.lagg_add_port(ctx, lagg, port, 1), Err(LaggError::IsPort(_))),
                "not gone yet"
            );
            stack.lagg_remove_port(ctx, lagg, port).unwrap();
            assert!(
                matches!(stack.lagg_remove_port(ctx, lagg, port), Err(LaggError::NotAPort(_))),
                "at once"
            );
        });
        pair.add(0, 1);
        pair.net.run(secs(10));
    }
    assert_eq!(pair.report(0).ports.len(), 2);
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1], vec![0, 1]));
}

#[test]
fn a_lagg_that_departs_lets_its_ports_go_and_says_no_more() {
    let mut pair = Pair::up(2);
    let lagg = pair.laggs[0];
    let stack = pair.net.world.node(pair.nodes[0]).stack.clone();
    let mut detached = pair.net.world.node(pair.nodes[0]).control(|_, ctx| stack.detach(ctx, lagg)).unwrap();
    pair.net.run(ms(1));
    assert!(detached.is_complete());
    pair.net.rewind();
    pair.net.run(secs(10));
    assert!(pair.said(0, 0).is_empty() && pair.said(0, 1).is_empty());
    assert_eq!(pair.sending(1), [0; 0]);
    for ports in &pair.ports {
        let interface = stack.config().interface(ports[0]).unwrap().clone();
        assert_eq!((interface.member_of, interface.mac), (IfId::NONE, interface.permanent_mac));
    }
}

#[test]
fn t30_a_pdu_that_waits_is_not_sent_by_a_port_that_has_left_lacp_1() {
    let mut pair = Pair::up(2);
    pair.net.run(ms(500));
    pair.net.rewind();
    // Dispatched, and not sent yet, when the port is taken out by force.
    pair.configure(0, LacpSpec::default());
    pair.remove(0, 1);
    pair.remove(0, 1);
    pair.net.run(ms(1));
    assert!(pair.net.dropped(pair.nodes[0], siding_stack::drops::DropReason::Stale) > 0);
    let last = pair.said(0, 1);
    assert!(
        last.len() == 1 && !last[0].pdu.actor.state.has(LacpState::AGGREGATION),
        "its farewell alone: {last:?}"
    );
    assert_eq!(pair.said(0, 0).len(), 1, "the other one speaks");
}

#[test]
fn a_pdu_that_finds_no_buffer_is_tried_again_lacp_3() {
    let mut pair = Pair::up(1);
    pair.net.run(ms(500));
    pair.net.rewind();
    let pool = pair.net.world.node(pair.nodes[0]).pool.clone();
    let hoard: Vec<_> = std::iter::from_fn(|| pool.alloc()).collect();
    pair.configure(0, LacpSpec::default());
    pair.net.run(ms(25));
    assert!(pair.said(0, 0).is_empty());
    assert!(pair.lacp(0, 0).counters.refused >= 2, "every 10 ms");
    drop(hoard);
    pair.net.run(ms(11));
    assert_eq!(pair.said(0, 0).len(), 1);
    assert_eq!(pair.sending(1), [0]);
}

/// One port takes its leave, or the whole lagg: at the slow rate, where silence is noticed after 90 s.
#[test]
fn a_partner_is_told_before_a_port_goes_and_stops_at_once_lacp_10() {
    for (whole, wires) in [(false, vec![1]), (true, vec![0, 1, 2])] {
        let mut pair = Pair::new(3, slow(), slow());
        pair.net.run(secs(70));
        assert_eq!(pair.sending(1), [0, 1, 2]);
        pair.net.rewind();
        let id = if whole { pair.laggs[0] } else { pair.ports[1][0] };
        let stack = pair.net.world.node(pair.nodes[0]).stack.clone();
        pair.net.world.node(pair.nodes[0]).control(|stack, ctx| stack.leave_partners(ctx, &[id]));
        assert!(!stack.has_said_farewell(), "it is still on its way");
        pair.net.run(ms(10));
        assert!(stack.has_said_farewell());
        for wire in &wires {
            let state = pair.said(0, *wire).last().unwrap().pdu.actor.state;
            let over = [
                LacpState::AGGREGATION,
                LacpState::SYNCHRONIZATION,
                LacpState::COLLECTING,
                LacpState::DISTRIBUTING,
            ];
            assert!(over.into_iter().all(|over| !state.has(over)), "{state}");
            assert!(!pair.sending(1).contains(wire), "the partner sends no more");
        }
        let said = |pair: &Pair| wires.iter().map(|wire| pair.said(0, *wire).len()).sum::<usize>();
        let before = said(&pair);
        pair.net.run(secs(100));
        assert_eq!(said(&pair), before, "those were the last words");
        let rest: Vec<usize> = (0..3).filter(|wire| !wires.contains(wire)).collect();
        assert_eq!((pair.sending(0), pair.sending(1)), (rest.clone(), rest), "others go on");
        pair.net.world.node(pair.nodes[0]).control(|stack, ctx| stack.set_up(ctx, id, true)).unwrap();
        pair.net.run(secs(70));
        assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1, 2], vec![0, 1, 2]), "and it comes back");
    }
}
