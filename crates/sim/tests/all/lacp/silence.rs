//! Partners that fall silent, links that go, and workers that are held up.

use siding_stack::LaggSpec;
use siding_stack::lagg::lacp::ReceiveState;
use siding_stack::lagg::lacp::ReceiveState::*;

use super::util::*;
use crate::common::*;

/// The receive machine's states of wire 0 at one end, with the time since the beginning of each.
fn states(pair: &mut Pair, seconds: u64) -> Vec<(u64, ReceiveState)> {
    let mut all = Vec::new();
    for second in 0..seconds {
        let state = pair.lacp(0, 0).receive;
        if all.last().is_none_or(|(_, last)| *last != state) {
            all.push((second, state));
        }
        pair.net.run(secs(1));
    }
    all
}

fn silent(lagg: LaggSpec, times: [u64; 2]) {
    let mut pair = Pair::new(2, lagg.clone(), lagg);
    pair.net.run(secs(40));
    assert_eq!(pair.sending(0), [0, 1]);
    // Just after a PDU, so that full seconds are counted.
    let said = |pair: &Pair| pair.said(1, 0).len();
    let before = said(&pair);
    while said(&pair) == before {
        pair.net.run(ms(1));
    }
    pair.net.run(ms(1));
    pair.passes(1, 0, false);
    let [expired, defaulted] = times;
    assert_eq!(states(&mut pair, defaulted + 5), [(0, Current), (expired, Expired), (defaulted, Defaulted)]);
    assert_eq!(pair.sending(0), [1]);
    let line = format!(
        "lacp: port {}: receive machine current -> expired: partner silent for too long",
        pair.ports[0][0]
    );
    assert!(pair.told(0).contains(&line));
    // And back.
    pair.passes(1, 0, true);
    pair.net.run(secs(40));
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1], vec![0, 1]));
}

#[test]
fn a_silent_partner_expires_after_3_s_and_is_given_up_3_s_later_lacp_5_lacp_13() {
    silent(fast(), [3, 6]);
}

#[test]
fn a_silent_slow_partner_expires_after_90_s_lacp_5_lacp_13() {
    silent(slow(), [90, 93]);
}

#[test]
fn without_a_carrier_a_port_is_out_at_once_lacp_13() {
    let mut pair = Pair::up(2);
    let ping = pair.net.open(pair.nodes[0]);
    [0, 1].into_iter().for_each(|end| pair.carrier(end, 1, false));
    // No time has passed.
    assert_eq!((pair.sending(0), pair.receiving(0)), (vec![0], vec![0]));
    assert_eq!(pair.lacp(0, 1).receive, PortDisabled);
    for seq in 0..50 {
        pair.net.ping(pair.nodes[0], &ping, v6(2), seq).unwrap();
        pair.net.run(ms(1));
        assert!(pair.net.answer(pair.nodes[0], &ping).is_some(), "{seq}");
    }
    [0, 1].into_iter().for_each(|end| pair.carrier(end, 1, true));
    pair.net.run(secs(5));
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1], vec![0, 1]));
}

#[test]
fn a_port_or_a_lagg_that_is_taken_down_is_out_at_once_lacp_13() {
    let mut pair = Pair::up(2);
    let (port, lagg) = (pair.ports[0][0], pair.laggs[0]);
    let set_up = |pair: &Pair, id, up| {
        pair.net.world.node(pair.nodes[0]).control(|stack, ctx| stack.set_up(ctx, id, up)).unwrap();
    };
    set_up(&pair, port, false);
    assert_eq!(pair.sending(0), [1]);
    pair.net.run(secs(5));
    assert_eq!(pair.sending(1), [1], "the other end notices that it is silent");
    set_up(&pair, port, true);
    pair.net.run(secs(5));
    assert_eq!(pair.sending(0), [0, 1]);
    set_up(&pair, lagg, false);
    assert_eq!((pair.sending(0), pair.has_link(0)), (vec![], false));
    pair.net.run(secs(5));
    assert!(!pair.has_link(1));
    set_up(&pair, lagg, true);
    pair.net.run(secs(5));
    assert_eq!((pair.sending(0), pair.sending(1)), (vec![0, 1], vec![0, 1]));
}

#[test]
fn a_worker_that_was_held_up_reads_what_waits_before_it_gives_a_partner_up_lacp_13() {
    for hold in HOLDS {
        // Heard just now, and when the partner's time is nearly over.
        for stage in [ms(1), ms(1900)] {
            let mut alone = Alone::new(1, fast());
            alone.keep_up(5);
            assert!(alone.report().ports[0].sending);
            let pdu = slow_frame(&alone.agreeing(0, 1).to_bytes());
            alone.net.run(stage);
            let (node, link) = (alone.node, alone.links[0]);
            alone.net.hold_up(node, link, &pdu, hold);
            alone.net.run(ms(100));
            assert_eq!(alone.lacp(0).receive, Current, "{hold:?} {stage:?}");
            let expired =
                |alone: &Alone| alone.net.world.log().iter().any(|line| line.contains("current -> expired"));
            assert!(!expired(&alone), "not even for a moment");
            assert!(alone.report().ports[0].sending);
            // Nor is it kept for ever.
            alone.net.run(secs(4));
            assert!(expired(&alone));
            assert_eq!(alone.lacp(0).receive, Expired);
            assert!(!alone.report().ports[0].sending);
        }
    }
}
