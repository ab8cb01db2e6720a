//! What would become of a packet: marks that rules set on its way, the flow that it is of, and where that is counted.

use siding_stack::filter::Flow;
use siding_stack::filter::LinkCast;
use siding_stack::hooks::Supposed;

use super::*;

/// Marks every flow in prerouting, and lets only what is marked so go on. Counts at one place, and at another as well.
#[derive(Debug, Default, Clone)]
struct Marks {
    mark: u32,
    most: u32,
}

impl Marks {
    fn says(&self, hook: Hook, asks: &mut Asks<'_>) -> Verdict {
        match hook {
            Hook::Prerouting => asks.set_connection_mark(self.mark),
            _ if asks.connection().mark != 7 => return Verdict::Drop,
            _ if asks.count_connection(1).max(asks.count_connection(2)) > self.most => return Verdict::Drop,
            _ => {}
        }
        Verdict::Accept
    }
}

impl Judge for Marks {
    fn has_rules(&self, _: Hook, part: Part) -> bool {
        part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, hook: Hook, _: Part, _: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.says(hook, asks)
    }

    fn rehearse(&self, hook: Hook, _: Part, _: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.says(hook, asks)
    }
}

const MARKS: Marks = Marks { mark: 7, most: 2 };

fn load(router: &Router, judge: Marks, loose: bool) {
    let limits = StateLimits { states: 64, half_open: 32, loose, ..StateLimits::default() };
    let setup = FilterSetup { judge: Arc::new(judge), limits, timeouts: Timeouts::default() };
    control(|ctx| router.stack.set_filter(ctx, Some(setup)));
}

fn of(router: &mut Router, packet: &[u8]) -> Option<StateReport> {
    let asked =
        router.stack.ask_states(StateQuery { flow: Flow::of(packet), most: 1, ..StateQuery::default() });
    router.turns();
    asked.take().unwrap().0.pop()
}

/// Whether it would go through, and what it would be to its flow.
fn supposed(router: &mut Router, judge: &Marks, packet: &[u8]) -> (bool, CtState) {
    let flow = of(router, packet);
    let connection = flow.as_ref().zip(Flow::of(packet)).map(|(state, flow)| state.seen(&flow));
    let supposed = Supposed {
        packet,
        iif: Some("inner"),
        oif: None,
        link: LinkCast::Unicast,
        frame: None,
        mark: 0,
        connection,
        flow: flow.as_ref(),
    };
    let mut passes = true;
    let seen = router.stack.suppose(&supposed, &mut |hook, _, asks| {
        passes &= judge.says(hook, asks) == Verdict::Accept;
        passes
    });
    (passes, seen.unwrap().state)
}

#[test]
fn marks_that_rules_set_on_the_way_count_when_flows_are_judged_anew() {
    for loose in [true, false] {
        let mut router = Router::new();
        load(&router, MARKS, loose);
        let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
        connect(&mut router, client, server, (0, 1));
        // The flow's mark is another one by now, and the rules set it anew.
        load(&router, Marks { mark: 8, ..MARKS }, loose);
        router.turns();
        assert_eq!(router.states(StateQuery::default()).1, 0, "nobody passes that is marked otherwise");
        load(&router, MARKS, loose);
        connect(&mut router, client, server, (0, 1));
        load(&router, MARKS, loose);
        router.turns();
        let (states, all) = router.states(StateQuery::default());
        assert_eq!((all, states[0].mark), (1, 7));
        router.end();
    }
}

#[test]
fn what_is_thought_of_is_marked_and_counted_as_it_would_be_and_changes_nothing() {
    for loose in [true, false] {
        let mut router = Router::new();
        load(&router, MARKS, loose);
        let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
        connect(&mut router, client, server, (0, 1));
        let middle = tcp(client, server, Flags::ACK, 101, 501);
        // Its own place is no other one: with one place it passes, and one more flow does not.
        let one = Marks { most: 1, ..MARKS };
        assert_eq!(supposed(&mut router, &one, &middle), (true, CtState::Established));
        let other = tcp((client.0, 4001), server, Flags::SYN, 1, 0);
        assert_eq!(supposed(&mut router, &one, &other), (false, CtState::New));
        assert_eq!(supposed(&mut router, &MARKS, &other), (true, CtState::New));
        let unmarked = Marks { mark: 8, ..MARKS };
        assert_eq!(supposed(&mut router, &unmarked, &middle), (false, CtState::Established));
        let (states, all) = router.states(StateQuery::default());
        assert_eq!((all, states[0].mark), (1, 7));
        router.end();
    }
}

#[test]
fn a_flow_is_found_among_many_of_the_same_ends_and_by_what_an_error_quotes() {
    let mut router = Router::filtered();
    let (client, server) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 80));
    for port in 0..14 {
        assert!(router.passes(INNER, 0, &udp((client.0, 5000 + port), (server.0, 80), b"")));
    }
    connect(&mut router, client, server, (0, 1));
    let data = tcp(client, server, Flags::ACK, 101, 501);
    let answer = tcp(server, client, Flags::ACK, 501, 101);
    let error = too_big(client.0, &data);
    for (packet, state) in
        [(&data, CtState::Established), (&answer, CtState::Established), (&error, CtState::Related)]
    {
        let found = of(&mut router, packet).unwrap();
        assert_eq!((found.src_port, found.dst_port, found.phase), (4000, 80, "established"));
        assert_eq!(found.seen(&Flow::of(packet).unwrap()).state, state);
    }
    let question = udp((client.0, 5007), (server.0, 80), b"");
    let found = of(&mut router, &question).unwrap();
    assert_eq!(found.seen(&Flow::of(&question).unwrap()).state, CtState::New);
    assert_eq!(of(&mut router, &udp((client.0, 5014), (server.0, 80), b"")), None);
    router.end();
}

#[test]
fn a_connection_that_is_over_counts_for_itself_alone_and_a_flow_counts_at_each_place() {
    let mut router = Router::new();
    load(&router, MARKS, true);
    let (inner, server) = (addr(INNER, 2), (addr(OUTER, 2), 80));
    connect(&mut router, (inner, 1), server, (0, 1));
    connect(&mut router, (inner, 2), server, (1, 0));
    let syn = |port| tcp((inner, port), server, Flags::SYN, 1, 0);
    assert!(!router.passes(INNER, 0, &syn(3)));
    assert!(router.passes(INNER, 0, &tcp((inner, 1), server, Flags::RST, 101, 0)));
    assert!(router.passes(INNER, 1, &syn(3)), "one is over");
    // A late copy of the one that is over: two live, and itself.
    assert!(!router.passes(OUTER, 1, &tcp(server, (inner, 1), Flags::ACK, 501, 101)));
    assert!(router.passes(INNER, 0, &tcp((inner, 2), server, Flags::ACK, 101, 501)), "and changes nothing");
    assert!(!router.passes(INNER, 1, &syn(4)));
    router.end();
}
