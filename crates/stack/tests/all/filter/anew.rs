//! Rules are replaced: flows that they let in stay, others go. And what an address is, seen from an interface.

use siding_stack::filter::AddrKind;

use super::*;

/// Lets in what is not to this port, nor from this side; what is known goes on.
#[derive(Debug, Default, Clone)]
struct Except {
    port: Option<u16>,
    side: Option<&'static str>,
    ping: bool,
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    asked: Arc<Mutex<Vec<[AddrKind; 3]>>>,
}

impl Except {
    fn says(&self, hook: Hook, packet: &[u8], asks: &Asks<'_>) -> Verdict {
        let port = u16::from_be_bytes([packet[42], packet[43]]);
        let is_ping = packet[6] == 58;
        let bad = (!is_ping && self.port == Some(port))
            || self.side.is_some_and(|side| asks.iif().is_some_and(|(_, name)| name == side))
            || (self.ping && is_ping && packet[40] == 128);
        match (hook, asks.connection().state) {
            (Hook::Prerouting, _) => Verdict::Accept,
            (_, CtState::New) if bad => Verdict::Drop,
            _ => Verdict::Accept,
        }
    }
}

impl Judge for Except {
    fn has_rules(&self, _: Hook, part: Part) -> bool {
        part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, hook: Hook, _: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        if hook == Hook::Forward {
            let own = IpAddr::from(addr(OUTER, 1));
            self.asked.lock().unwrap().push([asks.kind(own), asks.kind_at_iif(own), asks.kind_at_oif(own)]);
        }
        self.says(hook, packet, asks)
    }

    fn rehearse(&self, hook: Hook, _: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.seen.lock().unwrap().push(packet.to_vec());
        self.says(hook, packet, asks)
    }
}

fn ping(src: Ipv6Addr, dst: Ipv6Addr, kind: u8, ident: u8) -> Vec<u8> {
    let mut body = vec![kind, 0, 0, 0, 0, ident, 0, 1];
    let sum = siding_wire::checksum::Sum::pseudo6(src, dst, IpProto::ICMP6, 8).with(&body).finish();
    body[2..4].copy_from_slice(&sum.to_be_bytes());
    packet(src, dst, IpProto::ICMP6, &body)
}

#[test]
fn flows_that_new_rules_let_in_stay_and_others_go() {
    let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
    let begin = |judge: Except| {
        let mut router = Router::new();
        router.load(Except::default());
        connect(&mut router, client, server, (0, 1));
        assert!(router.passes(INNER, 1, &udp(client, (server.0, 53), b"question")));
        assert!(router.passes(OUTER, 0, &udp((server.0, 9), (client.0, 10), b"from outside")));
        assert!(router.passes(INNER, 0, &ping(client.0, server.0, 128, 7)));
        router.load(judge);
        router.turns();
        let (states, _) = router.states(StateQuery::default());
        let mut left: Vec<(u8, u16)> = states.iter().map(|state| (state.proto.0, state.dst_port)).collect();
        left.sort_unstable();
        (router, left)
    };
    let all = [(6, 80), (17, 10), (17, 53), (58, 7)];
    let without =
        |gone: usize| all.iter().enumerate().filter(move |(at, _)| *at != gone).map(|(_, one)| *one);
    for (judge, gone) in [
        (Except::default(), 9),
        (Except { port: Some(80), ..Except::default() }, 0),
        (Except { side: Some("outer"), ..Except::default() }, 1),
        (Except { port: Some(53), ..Except::default() }, 2),
        (Except { ping: true, ..Except::default() }, 3),
    ] {
        let (router, left) = begin(judge);
        assert_eq!(left, without(gone).collect::<Vec<_>>());
        router.end();
    }
    let judge = Except { side: Some("inner"), ..Except::default() };
    let seen = judge.seen.clone();
    let (mut router, left) = begin(judge);
    assert_eq!(left, [(17, 10)]);
    assert!(!router.passes(INNER, 0, &tcp(client, server, Flags::ACK, 101, 501)));
    // What was judged is a packet that could have begun the flow.
    let syn = seen.lock().unwrap().iter().find(|packet| packet[6] == 6).cloned().unwrap();
    assert_eq!((&syn[8..24], &syn[24..40]), (&client.0.octets()[..], &server.0.octets()[..]));
    assert_eq!((&syn[40..44], syn[52..54].to_vec()), (&[15, 160, 0, 80][..], vec![0x50, 2]));
    router.end();
}

/// With room for thousands of flows.
fn load_many(router: &Router, judge: Except) {
    let limits = StateLimits { states: 4000, half_open: 4000, ..StateLimits::default() };
    let setup = FilterSetup { judge: Arc::new(judge), limits, timeouts: Timeouts::default() };
    control(|ctx| router.stack.set_filter(ctx, Some(setup)));
}

#[test]
fn thousands_of_flows_are_judged_in_many_turns() {
    let mut router = Router::new();
    load_many(&router, Except::default());
    for port in 1..1000 {
        assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), port), (addr(OUTER, 2), 53 + port % 2), b"")));
    }
    load_many(&router, Except { port: Some(53), ..Except::default() });
    let states = |router: &Router| router.stack.state_usage().iter().map(|usage| usage.states).sum::<usize>();
    let now = *router.now.lock().unwrap();
    router.workers[0].turn(now);
    assert!((991..999).contains(&states(&router)), "a few at a time: {}", states(&router));
    for _ in 0..999 / 8 {
        router.turns();
    }
    assert_eq!(states(&router), 500);
    router.end();
}

#[test]
fn who_is_not_let_in_goes_also_if_rules_are_replaced_in_every_turn() {
    let mut router = Router::new();
    router.load(Except::default());
    for port in 1..13 {
        assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), port), (addr(OUTER, 2), 53), b"")));
    }
    for _ in 0..10 {
        router.load(Except { port: Some(53), ..Except::default() });
        let now = *router.now.lock().unwrap();
        router.workers[0].turn(now);
    }
    assert_eq!(router.stack.state_usage().iter().map(|usage| usage.states).sum::<usize>(), 0);
    router.end();
}

#[test]
fn who_is_not_let_in_goes_also_if_flows_begin_before_the_hand_has_been_round() {
    let mut router = Router::new();
    load_many(&router, Except::default());
    let flow = |router: &mut Router, port, to| {
        router.comes(INNER, 0, &udp((addr(INNER, 2), port), (addr(OUTER, 2), to), b""));
    };
    let turn = |router: &mut Router| {
        let now = *router.now.lock().unwrap();
        router.workers[0].turn(now);
    };
    (1..15).for_each(|port| flow(&mut router, port, 53));
    router.turns();
    load_many(&router, Except::default());
    // The hand is in the middle now.
    turn(&mut router);
    load_many(&router, Except { port: Some(53), ..Except::default() });
    (20..40).for_each(|port| flow(&mut router, port, 54));
    turn(&mut router);
    router.turns();
    let (states, _) = router.states(StateQuery::default());
    let to = |port| states.iter().filter(|state| state.dst_port == port).count();
    assert_eq!((to(53), to(54)), (0, 20));
    router.end();
}

/// Nothing from inside comes in from outside.
#[derive(Debug)]
struct Unforged;

impl Judge for Unforged {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Forward && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, _: Hook, _: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        let from_outside = asks.iif().is_some_and(|(_, name)| name == "outer");
        if from_outside && packet[8..14] == addr(INNER, 0).octets()[..6] {
            Verdict::Drop
        } else {
            Verdict::Accept
        }
    }

    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.judge(0, hook, part, packet, asks)
    }
}

#[test]
fn a_flow_is_judged_by_the_interface_of_packets_that_passed_whoever_forges_others() {
    let mut router = Router::new();
    router.load(Unforged);
    let (client, server) = ((addr(INNER, 2), 1), (addr(OUTER, 2), 53));
    assert!(router.passes(INNER, 0, &udp(client, server, b"")));
    // With another that comes in the same batch, as well.
    for batch in [1, 2] {
        for _ in 0..batch {
            router.comes(OUTER, 0, &udp(client, server, b"forged"));
        }
        router.turns();
        assert_eq!((router.take(INNER).len(), router.take(OUTER).len()), (0, 0));
        router.load(Unforged);
        router.turns();
        assert_eq!(router.states(StateQuery::default()).1, 1);
        assert!(router.passes(OUTER, 0, &udp(server, client, b"")));
    }
    router.end();
}

#[test]
fn a_flow_whose_way_was_gone_when_rules_were_loaded_is_judged_when_there_is_one() {
    for (port, left) in [(53, 0), (54, 1)] {
        let mut router = Router::new();
        router.load(Except::default());
        let (client, server) = ((addr(INNER, 2), 1), (addr(OUTER, 2), 53));
        assert!(router.passes(INNER, 0, &udp(client, server, b"")));
        let gone = router.ids[OUTER];
        control(|ctx| router.stack.set_up(ctx, gone, false).unwrap());
        router.load(Except { port: Some(port), ..Except::default() });
        router.turns();
        assert_eq!(router.states(StateQuery::default()).1, 1, "it cannot be told");
        control(|ctx| router.stack.set_up(ctx, gone, true).unwrap());
        router.turns();
        assert_eq!(router.states(StateQuery::default()).1, left, "{port}");
        router.end();
    }
}

#[test]
fn a_flow_of_an_interface_that_departed_is_not_judged_as_of_the_next_in_its_slot() {
    let (client, server) = ((addr(OUTER, 2), 1), (addr(INNER, 2), 53));
    for spoken in [false, true] {
        let mut router = Router::with(|config| config.interfaces = 2);
        router.load(Except::default());
        assert!(router.passes(OUTER, 0, &udp(client, server, b"")));
        assert_eq!(router.states(StateQuery::default()).0[0].interfaces, [router.ids[OUTER], IfId::NONE]);
        let before = router.replace(OUTER, "newcomer");
        assert_eq!(before.slot(), router.ids[OUTER].slot());
        if spoken {
            // A packet of it has come by the newcomer, and passed as rules had it then.
            assert!(router.passes(OUTER, 0, &udp(client, server, b"")));
        }
        // Nobody could begin it by the one that was there; by the newcomer everybody may.
        router.load(Except { side: Some("outer"), ..Except::default() });
        router.turns();
        assert_eq!(router.states(StateQuery::default()).1, usize::from(spoken));
        router.load(Except { side: Some("newcomer"), ..Except::default() });
        router.turns();
        assert_eq!(router.states(StateQuery::default()).1, 0);
        router.end();
    }
}

#[test]
fn answers_of_an_interface_that_departed_are_not_the_next_ones() {
    let mut router = Router::new();
    router.load(Except::default());
    let (client, server) = ((addr(INNER, 2), 1), (addr(OUTER, 2), 53));
    assert!(router.passes(INNER, 0, &udp(client, server, b"")));
    assert!(router.passes(OUTER, 0, &udp(server, client, b"")));
    let inner = router.ids[INNER];
    let gone = router.replace(OUTER, "newcomer");
    assert_ne!(gone, router.ids[OUTER]);
    let by = |router: &mut Router| router.states(StateQuery::default()).0[0].interfaces;
    assert_eq!(by(&mut router), [inner, IfId::NONE]);
    router.load(Except::default());
    router.turns();
    assert_eq!(by(&mut router), [inner, IfId::NONE], "the flow goes on: who began it is there");
    assert!(router.passes(OUTER, 0, &udp(server, client, b"")));
    assert_eq!(by(&mut router), [inner, router.ids[OUTER]]);
    router.end();
}

#[test]
fn an_address_is_ours_as_seen_from_its_interface() {
    let mut router = Router::new();
    let judge = Except::default();
    let asked = judge.asked.clone();
    router.load(judge);
    use AddrKind::{Local, Unicast};
    assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), 1), (addr(OUTER, 2), 2), b"")));
    assert_eq!(asked.lock().unwrap().pop(), Some([Local, Unicast, Local]), "in by another, out by its own");
    assert!(router.passes(OUTER, 0, &udp((addr(OUTER, 2), 3), (addr(INNER, 2), 4), b"")));
    assert_eq!(asked.lock().unwrap().pop(), Some([Local, Local, Unicast]));
    router.end();
}
