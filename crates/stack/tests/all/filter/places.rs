//! Flows that are counted at several places.

use super::*;

/// Counts each flow at three places.
#[derive(Debug, Default, Clone)]
struct Thrice(Arc<Mutex<Vec<[u32; 3]>>>);

impl Judge for Thrice {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Forward && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn places(&self) -> usize {
        3
    }

    fn judge(&self, _: usize, _: Hook, _: Part, _: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.0.lock().unwrap().push([1, 2, 3].map(|place| asks.count_connection(place)));
        Verdict::Accept
    }

    fn rehearse(&self, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }
}

#[test]
fn there_is_room_for_every_flow_at_every_place_that_rules_have() {
    let mut router = Router::new();
    let judge = Thrice::default();
    router.load(judge.clone());
    // As many half-open states as one worker may have.
    for port in 1..=16 {
        assert!(router.passes(INNER, 0, &udp((addr(INNER, 2), port), (addr(OUTER, 2), 9), b"")));
    }
    let expected: Vec<[u32; 3]> = (1..=16).map(|flows| [flows; 3]).collect();
    assert_eq!(*judge.0.lock().unwrap(), expected);
    router.end();
}
