//! Flows whose times of silence rules have chosen.

use super::*;

/// Flows to this port have times of their own: a fifth of what all have.
#[derive(Debug)]
struct Soon(u16);

impl Judge for Soon {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Forward && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn policies(&self, all: &Timeouts) -> Vec<Timeouts> {
        let mut soon = *all;
        assert!(soon.set("udp", Duration::from_secs(24)));
        // The first is nobody's.
        vec![*all, soon]
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
    router.load(Soon(7));
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
    router.load(Soon(8));
    router.turns();
    router.wait(Duration::from_secs(6));
    assert_eq!(ports(&mut router), [9]);
    // What was chosen for it is not chosen any more.
    router.load(Soon(9));
    router.turns();
    router.load(Soon(7));
    router.turns();
    router.wait(Duration::from_secs(6));
    assert_eq!(ports(&mut router), [9]);
    router.end();
}

#[test]
fn a_flow_whose_way_is_gone_when_rules_are_loaded_keeps_no_policy_of_before() {
    let mut router = Router::new();
    router.load(Soon(7));
    assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), 1), (addr(OUTER, 2), 7), b"")));
    let outer = router.ids[OUTER];
    control(|ctx| router.stack.set_up(ctx, outer, false).unwrap());
    router.load(Soon(8));
    router.turns();
    control(|ctx| router.stack.set_up(ctx, outer, true).unwrap());
    router.wait(Duration::from_secs(30));
    assert_eq!(ports(&mut router), [7], "the second policy is not this flow's any more");
    router.end();
}
