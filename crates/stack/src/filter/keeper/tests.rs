use super::super::Asks;
use super::super::FilterSetup;
use super::super::Judge;
use super::super::Part;
use super::super::StateLimits;
use super::super::Timeouts;
use super::super::Verdict;
use super::*;

/// Rules that count flows at so many places.
#[derive(Debug)]
struct Counting(usize);

impl Judge for Counting {
    fn has_rules(&self, _: Hook, _: Part) -> bool {
        true
    }

    fn needs_states(&self) -> bool {
        true
    }

    fn places(&self) -> usize {
        self.0
    }

    fn judge(&self, _: usize, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }

    fn rehearse(&self, _: Hook, _: Part, _: &[u8], _: &mut Asks<'_>) -> Verdict {
        Verdict::Accept
    }
}

/// How much room there is for the flows of these rules: in the turn that takes them up, and when the turns after it have come to rest.
fn room(places: usize, states: usize) -> (usize, usize) {
    let (shared, now) = (Shared::new(1, 7), Instant::from_nanos(1));
    let mut keeper = Keeper::new(&shared);
    let limits = StateLimits { states, half_open: states, ..StateLimits::default() };
    let setup = FilterSetup { judge: Arc::new(Counting(places)), limits, timeouts: Timeouts::default() };
    shared.set(Some(setup), now);
    keeper.refresh(&shared, 0, now);
    let first = keeper.counted.room();
    while keeper.tidy(0, now) {}
    (first, keeper.counted.room())
}

#[test]
fn room_for_all_places_of_all_flows_comes_with_the_turns() {
    let piece = room(1, 1).0;
    // And one for those that have more.
    assert_eq!(room(1, 8 * piece), (piece, 17 * piece), "both directions");
    assert_eq!(room(3, 8 * piece), (piece, 49 * piece));
    assert_eq!(room(100, 8 * piece), (piece, 129 * piece), "16 on the average");
    assert_eq!(room(0, piece), (piece, 3 * piece), "rules that change sets may count, too");
}
