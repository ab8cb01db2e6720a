//! Headers that hide what a packet is: cut short in a first fragment, too many, or behind an authentication header.

use super::*;

const CLIENT: (usize, u16) = (INNER, 4000);

/// Lets everything pass, with states or without.
#[derive(Debug)]
struct Open {
    states: bool,
}

impl Judge for Open {
    fn has_rules(&self, _: Hook, _: Part) -> bool {
        true
    }

    fn needs_states(&self) -> bool {
        self.states
    }

    fn judge(&self, _: usize, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }

    fn rehearse(&self, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }
}

fn ends() -> ((Ipv6Addr, u16), (Ipv6Addr, u16)) {
    ((addr(CLIENT.0, 2), CLIENT.1), (addr(OUTER, 2), 80))
}

/// A piece of a packet: a fragment header that announces `next`, and data.
fn piece(next: IpProto, ident: u32, offset: u16, more: bool, data: &[u8]) -> Vec<u8> {
    let mut body = vec![0; 8];
    FragmentRepr { next_header: next, offset, more, ident }.emit(&mut body).unwrap();
    body.extend_from_slice(data);
    let (from, to) = ends();
    packet(from.0, to.0, IpProto::FRAGMENT, &body)
}

fn syn() -> Vec<u8> {
    let (from, to) = ends();
    let whole = tcp(from, to, Flags::SYN, 100, 0);
    // With options: the whole header is 24 octets.
    let mut segment = [&whole[40..], &[2, 4, 5, 160]].concat();
    segment[12] = 0x60;
    segment
}

#[test]
fn a_first_fragment_without_all_its_headers_is_dropped() {
    let udp_data = &udp(ends().0, ends().1, b"01234567")[40..];
    let echo = [128, 0, 0, 0, 0, 7, 0, 1];
    let options = [6, 1, 1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    for states in [true, false] {
        let mut router = Router::new();
        router.load(Open { states });
        let mut ident = 0;
        let mut passes = |next, data: &[u8]| {
            ident += 1;
            router.passes(INNER, 0, &piece(next, ident, 0, true, data))
        };
        assert!(passes(IpProto::TCP, &syn()));
        assert!(!passes(IpProto::TCP, &syn()[..16]), "without its options, its window");
        assert!(!passes(IpProto::TCP, &syn()[..8]), "without its flags");
        assert!(!passes(IpProto::TCP, &[]));
        assert!(passes(IpProto::UDP, &udp_data[..8]));
        assert!(!passes(IpProto::UDP, &[]));
        assert!(passes(IpProto::ICMP6, &echo));
        assert!(!passes(IpProto::ICMP6, &[]));
        assert!(!passes(IpProto(132), &[0; 8]));
        assert!(passes(IpProto::DST_OPTS, &[&options[..], &syn()].concat()));
        assert!(!passes(IpProto::DST_OPTS, &options), "the next header is not there");
        assert!(!passes(IpProto::DST_OPTS, &options[..8]), "nor the whole of this one");
        assert_eq!(router.dropped(DropReason::FilterHeaders), 8);
        router.end();
    }
}

#[test]
fn without_states_too_no_fragment_overwrites_flags() {
    let mut router = Router::new();
    router.load(Open { states: false });
    assert!(!router.passes(INNER, 0, &piece(IpProto::TCP, 1, 8, false, &[0; 8])));
    assert!(!router.passes(INNER, 0, &piece(IpProto::TCP, 1, 16, false, &[0; 8])));
    assert!(router.passes(INNER, 0, &piece(IpProto::TCP, 1, 24, false, &[0; 8])));
    assert!(router.passes(INNER, 0, &piece(IpProto::UDP, 1, 8, false, &[0; 8])));
    assert_eq!(router.dropped(DropReason::FragmentOverlap), 2);
    router.end();
}

#[test]
fn more_headers_than_are_walked_are_dropped_with_their_cause() {
    let (from, to) = ends();
    let chain = |count: usize| {
        let headers = (1..=count).flat_map(|n| [if n == count { 6 } else { 60 }, 0, 1, 4, 0, 0, 0, 0]);
        packet(from.0, to.0, IpProto::DST_OPTS, &headers.chain(syn()).collect::<Vec<u8>>())
    };
    for states in [true, false] {
        let mut router = Router::new();
        router.load(Open { states });
        assert!(router.passes(INNER, 0, &chain(MOST_HEADERS)));
        assert!(!router.passes(INNER, 0, &chain(MOST_HEADERS + 1)));
        assert!(!router.passes(INNER, 0, &chain(100)));
        assert_eq!(router.dropped(DropReason::FilterHeaders), 2);
        router.end();
    }
}

#[test]
fn a_flow_is_what_goes_on_behind_an_authentication_header() {
    let behind = |packet: &[u8]| {
        // Twelve octets and twelve of check value: six words, less two.
        let header = [[packet[6], 4, 0, 0], [0; 4], [0; 4], [0; 4], [0; 4], [0; 4]].concat();
        let mut out = [&packet[..40], &header, &packet[40..]].concat();
        out[6] = 51;
        let len = (out.len() - 40) as u16;
        out[4..6].copy_from_slice(&len.to_be_bytes());
        out
    };
    let mut router = Router::new();
    router.load(Open { states: true });
    let (client, server) = ends();
    assert!(router.passes(INNER, 0, &behind(&tcp(client, server, Flags::SYN, 100, 0))));
    assert!(router.passes(OUTER, 1, &behind(&tcp(server, client, SYN_ACK, 500, 101))));
    assert!(router.passes(INNER, 0, &tcp(client, server, Flags::ACK, 101, 501)), "it is the same without");
    let (states, all) = router.states(StateQuery::default());
    assert_eq!((all, states[0].phase, states[0].proto), (1, "established", IpProto::TCP));
    assert_eq!((states[0].src_port, states[0].dst_port), (4000, 80));
    assert_eq!(states[0].traffic.map(|(packets, _)| packets), [2, 1], "all of them were seen");
    router.end();
}

#[test]
fn later_fragments_leave_no_bucket_with_a_worker() {
    let mut router = Router::filtered();
    let (inside, outside) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 53));
    // From the outer side nobody may begin: no state is kept, whoever hears the pieces.
    for ident in 0..50 {
        assert!(!router.passes(OUTER, 0, &fragment(outside, inside, ident, 0, true)));
        assert!(!router.passes(OUTER, 1, &fragment(outside, inside, ident, 24, false)));
    }
    router.wait(Duration::from_secs(3));
    let carried = router.carried();
    // The flow is of the worker that hears of it next.
    assert!(router.passes(INNER, 1, &udp(inside, outside, b"question")));
    assert_eq!(router.carried(), carried);
    assert_eq!(router.states(StateQuery::default()).0[0].worker, 1);
    router.end();
}

#[test]
fn a_later_fragment_has_no_headers_that_its_first_had_not() {
    let mut router = Router::new();
    router.load(Open { states: true });
    let udp_data = [&udp(ends().0, ends().1, &[7; 8])[40..], &[0; 8]].concat();
    let first = |ident| piece(IpProto::UDP, ident, 0, true, &udp_data);
    let last = |ident| piece(IpProto::UDP, ident, 24, false, b"the rest");
    // A routing header that asks to be sent on, of a type that is used, between the packet's header and the fragment's.
    let routed = |piece: Vec<u8>, left: u8| {
        let routing = [44, 2, 4, left, 0, 0, 0, 0, 0x20, 1, 0xd, 0xb8, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9];
        packet(ends().0.0, ends().1.0, IpProto::ROUTING, &[&routing[..], &piece[40..]].concat())
    };
    assert!(router.passes(INNER, 0, &first(1)) && router.passes(INNER, 0, &last(1)));
    assert!(router.passes(INNER, 0, &routed(first(2), 1)) && router.passes(INNER, 0, &routed(last(2), 1)));
    for (first, last) in [
        (first(3), routed(last(3), 1)),
        (routed(first(4), 1), last(4)),
        (routed(first(5), 0), routed(last(5), 1)),
    ] {
        assert!(router.passes(INNER, 0, &first));
        assert!(!router.passes(INNER, 0, &last));
    }
    router.wait(Duration::from_secs(3));
    assert_eq!(router.dropped(DropReason::FilterFragment), 3);
    router.end();
}

/// Nothing goes to this port, be it known or not; of what is known nobody is asked.
#[derive(Debug)]
struct NotTo(u16);

impl Judge for NotTo {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Forward && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }

    fn rehearse(&self, _: Hook, _: Part, packet: &[u8], _: &mut Asks<'_>) -> Verdict {
        let to = u16::from_be_bytes([packet[42], packet[43]]);
        if to == self.0 { Verdict::Drop } else { Verdict::Accept }
    }
}

#[test]
fn later_fragments_stop_at_once_when_new_rules_drop_their_flow() {
    let udp_data = [&udp(ends().0, ends().1, &[7; 8])[40..], &[0; 8]].concat();
    let first = piece(IpProto::UDP, 1, 0, true, &udp_data);
    let later = |at: u16| piece(IpProto::UDP, 1, 24 + 8 * at, true, b"the rest");
    for (port, passes) in [(80, false), (81, true)] {
        let mut router = Router::new();
        router.load(NotTo(0));
        // Others before it: the hand that judges flows anew comes by it later.
        for port in 1..30 {
            assert!(router.passes(INNER, 0, &udp((addr(INNER, 3), port), (addr(OUTER, 2), 53), b"")));
        }
        assert!(router.passes(INNER, 0, &first) && router.passes(INNER, 1, &later(0)));
        let turns_and_packets = |router: &mut Router, at: u16| {
            let now = *router.now.lock().unwrap();
            router.comes(INNER, 0, &later(at));
            router.workers[0].turn(now);
            router.take(OUTER).len()
        };
        router.load(NotTo(port));
        assert_eq!(turns_and_packets(&mut router, 1), usize::from(passes));
        assert_eq!(router.dropped(DropReason::Filtered), u64::from(!passes));
        // Whoever loads the same again has them judged again.
        router.load(NotTo(port));
        assert_eq!(turns_and_packets(&mut router, 2), usize::from(passes));
        router.turns();
        assert_eq!(turns_and_packets(&mut router, 3), usize::from(passes));
        router.load(NotTo(0));
        router.turns();
        assert_eq!(router.passes(INNER, 1, &later(4)), passes, "its state is gone, or not");
        router.end();
    }
}

#[test]
fn a_segment_in_pieces_is_answered() {
    let mut router = Router::filtered();
    let (client, server) = ends();
    connect(&mut router, client, server, (0, 1));
    // A window for it.
    let mut open = tcp(server, client, Flags::ACK, 501, 101);
    open[54] = 4;
    assert!(router.passes(OUTER, 1, &open));
    let segment = [&tcp(client, server, Flags::ACK, 101, 501)[40..], &[7; 84]].concat();
    assert!(router.passes(INNER, 0, &piece(IpProto::TCP, 9, 0, true, &segment[..64])));
    assert!(router.passes(INNER, 0, &piece(IpProto::TCP, 9, 64, false, &segment[64..])));
    assert!(router.passes(OUTER, 1, &tcp(server, client, Flags::ACK, 501, 185)));
    assert!(router.passes(INNER, 0, &tcp(client, server, Flags::ACK, 185, 501)));
    router.end();
}
