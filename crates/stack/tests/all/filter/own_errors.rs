//! Errors that we send ourselves, where rules let out only what belongs to something.

use super::*;

/// Of our own only what is related goes out.
#[derive(Debug)]
struct Related;

impl Judge for Related {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Output && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, _: Hook, _: Part, _: &[u8], asks: &mut Asks<'_>) -> Verdict {
        if asks.connection().state == CtState::Related { Verdict::Accept } else { Verdict::Drop }
    }

    fn rehearse(&self, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }
}

#[test]
fn an_error_about_a_packet_that_begins_a_flow_is_related_to_it() {
    let mut router = Router::new();
    router.load(Related);
    let (client, server) = ((addr(INNER, 2), 1), (addr(OUTER, 2), 53));
    let with_hops = |hops, data: &[u8]| {
        let mut packet = udp(client, server, data);
        packet[7] = hops;
        packet
    };
    // Its hop limit ends here.
    router.hear(INNER, 0, &with_hops(1, b"question"));
    let out = router.take(INNER);
    assert_eq!(out.iter().map(|packet| packet[40]).collect::<Vec<_>>(), [3], "time exceeded");
    assert_eq!(router.states(StateQuery::default()).1, 0, "it has no state for that");
    // Of a flow that is known, too.
    assert!(router.passes(INNER, 0, &with_hops(9, b"question")));
    router.hear(INNER, 0, &with_hops(1, b"question"));
    assert_eq!(router.take(INNER).len(), 1);
    // All else of our own does not pass.
    let dropped = router.dropped(DropReason::Filtered);
    let mut echo = [128, 0, 0, 0, 0, 7, 0, 1];
    let sum =
        siding_wire::checksum::Sum::pseudo6(client.0, addr(INNER, 1), IpProto::ICMP6, 8).with(&echo).finish();
    echo[2..4].copy_from_slice(&sum.to_be_bytes());
    router.hear(INNER, 0, &packet(client.0, addr(INNER, 1), IpProto::ICMP6, &echo));
    assert_eq!((router.take(INNER).len(), router.dropped(DropReason::Filtered) - dropped), (0, 1));
    router.end();
}
