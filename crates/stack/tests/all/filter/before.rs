//! Rules that are asked before states are looked up: those of a priority below -200.

use super::*;

const UNTRACKED: u16 = 90;

type Seen = (Hook, Part, CtState, u32);

/// What rules are told of a packet's flow, and at how many flows they count it. Those before states leave one port untracked.
#[derive(Debug, Default, Clone)]
struct Early(Arc<Mutex<Vec<Seen>>>);

impl Judge for Early {
    fn has_rules(&self, _: Hook, _: Part) -> bool {
        true
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, hook: Hook, part: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        let seen = (hook, part, asks.connection().state, asks.count_connection(1));
        self.0.lock().unwrap().push(seen);
        if packet[42..44] == UNTRACKED.to_be_bytes() {
            asks.leave_untracked();
        }
        Verdict::Accept
    }

    fn rehearse(&self, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }
}

#[test]
fn before_states_are_looked_up_no_flow_is_known_or_counted_and_it_may_be_left_so() {
    use CtState::{Established, Invalid, New, Untracked};
    use Hook::{Forward, Prerouting};
    use Part::{AfterStates, BeforeStates};
    let mut router = Router::new();
    let judge = Early::default();
    router.load(judge.clone());
    let (inner, outer) = ((addr(INNER, 2), 4000), (addr(OUTER, 2), 53));
    // Whatever its priority, a chain of forward comes after states.
    for (side, packet, state) in
        [(INNER, udp(inner, outer, b""), New), (OUTER, udp(outer, inner, b""), Established)]
    {
        assert!(router.passes(side, 0, &packet));
        let expected = [
            (Prerouting, BeforeStates, Invalid, 0),
            (Prerouting, AfterStates, state, 1),
            (Forward, BeforeStates, state, 1),
            (Forward, AfterStates, state, 1),
        ];
        assert_eq!(std::mem::take(&mut *judge.0.lock().unwrap()), expected);
    }
    assert!(router.passes(INNER, 0, &udp(inner, (outer.0, UNTRACKED), b"")));
    let states: Vec<CtState> = judge.0.lock().unwrap().iter().map(|seen| seen.2).collect();
    assert_eq!(states, [Invalid, Untracked, Untracked, Untracked]);
    assert_eq!(router.states(StateQuery::default()).1, 1, "no state of that one");
    router.end();
}
