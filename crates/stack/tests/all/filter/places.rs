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

#[test]
fn a_flow_for_which_there_is_no_state_counts_nowhere() {
    let mut router = Router::new();
    let judge = Thrice::default();
    let limits = StateLimits { states: WORKERS, half_open: WORKERS, ..StateLimits::default() };
    let setup = FilterSetup { judge: Arc::new(judge.clone()), limits, timeouts: Timeouts::default() };
    control(|ctx| router.stack.set_filter(ctx, Some(setup)));
    let (client, server) = (|port| (addr(INNER, 2), port), (addr(OUTER, 2), 9));
    // The one state that a worker has is of a flow with traffic both ways: it makes no room.
    assert!(router.passes(INNER, 0, &udp(client(1), server, b"")));
    assert!(router.passes(OUTER, 0, &udp(server, client(1), b"")));
    judge.0.lock().unwrap().clear();
    for port in 2..5 {
        assert!(!router.passes(INNER, 0, &udp(client(port), server, b"")));
    }
    assert_eq!(
        (router.dropped(DropReason::FilterStates), judge.0.lock().unwrap().clone()),
        (3, vec![[2; 3]; 3])
    );
    router.end();
}

/// Counts each flow at a place that its sender chooses: the hop limit's.
#[derive(Debug, Default, Clone)]
struct ByHops(Arc<Mutex<Vec<u32>>>);

impl Judge for ByHops {
    fn has_rules(&self, hook: Hook, part: Part) -> bool {
        hook == Hook::Forward && part == Part::AfterStates
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn judge(&self, _: usize, _: Hook, _: Part, packet: &[u8], asks: &mut Asks<'_>) -> Verdict {
        self.0.lock().unwrap().push(asks.count_connection(packet[7].into()));
        Verdict::Accept
    }

    fn rehearse(&self, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }
}

#[test]
fn packets_of_one_flow_that_differ_count_at_each_of_their_places() {
    let mut router = Router::new();
    let judge = ByHops::default();
    router.load(judge.clone());
    let from = |port, hops| {
        let mut packet = udp((addr(INNER, 2), port), (addr(OUTER, 2), 9), b"");
        packet[7] = hops;
        packet
    };
    for hops in 10..15 {
        assert!(router.passes(INNER, 0, &from(1, hops)));
    }
    assert_eq!(std::mem::take(&mut *judge.0.lock().unwrap()), [1; 5]);
    // At each of them it counts.
    for (port, hops) in [(2, 13), (2, 10), (3, 10), (1, 14), (1, 11)] {
        assert!(router.passes(INNER, 0, &from(port, hops)));
    }
    assert_eq!(std::mem::take(&mut *judge.0.lock().unwrap()), [2, 2, 3, 1, 1]);
    // But at no more than 32: where it has been the longest it does not any more.
    for hops in 20..=50 {
        assert!(router.passes(INNER, 0, &from(1, hops)));
    }
    assert!(router.passes(INNER, 0, &from(4, 10)) && router.passes(INNER, 0, &from(4, 14)));
    let seen = judge.0.lock().unwrap();
    assert_eq!((&seen[..31], &seen[31..]), (&[1; 31][..], &[3, 2][..]));
    drop(seen);
    router.end();
}
