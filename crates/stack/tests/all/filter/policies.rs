//! Flows whose times of silence rules have chosen.

use super::*;

/// Flows to this port have times of their own, by a policy of this name: a fifth of what all have.
#[derive(Debug)]
struct Soon(u16, &'static str);

impl Judge for Soon {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Forward && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn policies(&self, all: &Timeouts) -> Vec<Policy> {
        let mut soon = *all;
        assert!(soon.set("udp", Duration::from_secs(24)));
        // The first is nobody's.
        vec![Policy { name: String::new(), times: *all }, Policy { name: self.1.to_owned(), times: soon }]
    }

    fn judge(&self, _: usize, _: Hook, _: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        if u16::from_be_bytes([packet[42], packet[43]]) == self.0 {
            asks.set_policy(2);
        }
        Verdict::Accept
    }

    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        match hook {
            Hook::Forward => self.judge(0, hook, part, packet, asks),
            _ => Verdict::Accept,
        }
    }
}

/// The ports of the flows that there are.
fn ports(router: &mut Router) -> Vec<u16> {
    let (states, _) = router.states(StateQuery::default());
    let mut ports: Vec<u16> = states.iter().map(|state| state.dst_port).collect();
    ports.sort_unstable();
    ports
}

#[test]
fn a_flow_is_forgotten_after_the_times_of_its_policy_and_one_that_is_judged_anew_gets_others() {
    let mut router = Router::new();
    router.load(Soon(7, "soon"));
    for port in [7, 8, 9] {
        assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), 1), (addr(OUTER, 2), port), b"")));
    }
    router.wait(Duration::from_secs(20));
    // Who goes on is not asked again: its times stay.
    for port in [7, 8, 9] {
        assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), 1), (addr(OUTER, 2), port), b"")));
    }
    router.wait(Duration::from_secs(23));
    assert_eq!(ports(&mut router), [7, 8, 9]);
    router.wait(Duration::from_secs(6));
    router.wait(Duration::from_secs(6));
    assert_eq!(ports(&mut router), [8, 9], "24 s, and not 120");
    router.load(Soon(8, "soon"));
    router.turns();
    router.wait(Duration::from_secs(6));
    assert_eq!(ports(&mut router), [9]);
    // The number is another policy's: the flow has none any more.
    router.load(Soon(9, "soon"));
    router.turns();
    router.load(Soon(7, "others"));
    router.turns();
    router.wait(Duration::from_secs(6));
    assert_eq!(ports(&mut router), [9]);
    // It is the same policy, and nobody says another one now: the flow keeps what it was given.
    router.load(Soon(9, "soon"));
    router.turns();
    router.load(Soon(7, "soon"));
    router.turns();
    router.wait(Duration::from_secs(6));
    assert_eq!(ports(&mut router), [0; 0]);
    router.end();
}

#[test]
fn a_number_that_is_anothers_before_all_flows_have_been_judged_anew_is_nobodys() {
    let mut router = Router::new();
    router.load(Soon(7, "soon"));
    for port in 1..13 {
        assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), port), (addr(OUTER, 2), 7), b"")));
    }
    // The second is like the third: whoever compares these two alone believes that nothing has changed.
    for judge in [Soon(8, "others"), Soon(9, "others")] {
        router.load(judge);
        let now = *router.now.lock().unwrap();
        router.workers.iter_mut().for_each(|worker| {
            worker.turn(now);
        });
    }
    (0..20).for_each(|_| router.turns());
    router.wait(Duration::from_secs(30));
    assert_eq!(ports(&mut router).len(), 12);
    router.end();
}

/// Who begins with a datagram that bears something has a policy of this name; the one by which flows are judged anew does not.
#[derive(Debug)]
struct Laden(&'static str);

impl Judge for Laden {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Forward && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn policies(&self, all: &Timeouts) -> Vec<Policy> {
        Soon(0, self.0).policies(all).split_off(1)
    }

    fn judge(&self, _: usize, _: Hook, _: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        if packet.len() > 80 {
            asks.set_policy(1);
        }
        Verdict::Accept
    }

    fn rehearse(&self, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.judge(0, hook, part, packet, asks)
    }
}

#[test]
fn a_flow_that_begins_while_others_are_judged_anew_keeps_its_policy() {
    let mut router = Router::new();
    router.load(Laden("before"));
    for port in 1..13 {
        assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), port), (addr(OUTER, 2), 7), &[0; 99])));
    }
    // The same number in these rules.
    router.load(Laden("after"));
    router.comes(INNER, 0, &udp((addr(INNER, 2), 20), (addr(OUTER, 2), 8), &[0; 99]));
    router.comes(INNER, 0, &udp((addr(INNER, 2), 21), (addr(OUTER, 2), 9), b""));
    let now = *router.now.lock().unwrap();
    router.workers[0].turn(now);
    (0..20).for_each(|_| router.turns());
    router.wait(Duration::from_secs(30));
    let left = ports(&mut router);
    assert_eq!((left.len(), left.contains(&8), left.contains(&9)), (13, false, true), "{left:?}");
    router.end();
}

#[test]
fn a_flow_whose_way_is_gone_when_rules_are_loaded_keeps_its_policy_if_there_is_one_of_that_name() {
    for (name, left) in [("soon", &[][..]), ("others", &[7][..])] {
        let mut router = Router::new();
        router.load(Soon(7, "soon"));
        assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), 1), (addr(OUTER, 2), 7), b"")));
        let outer = router.ids[OUTER];
        control(|ctx| router.stack.set_up(ctx, outer, false).unwrap());
        router.load(Soon(8, name));
        router.turns();
        control(|ctx| router.stack.set_up(ctx, outer, true).unwrap());
        router.wait(Duration::from_secs(30));
        assert_eq!(ports(&mut router), left, "{name}");
        router.end();
    }
}
