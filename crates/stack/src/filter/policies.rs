//! Numbers by which a worker's states say whose times of silence they have.
//!
//! Rules number their policies as they like, and the next rules otherwise. A flow keeps its policy as long as there is one of that name: so
//! workers number names by themselves. One that has gone leaves its number to nobody until the hand that judges flows anew has been round
//! since: no flow has it then.

use siding_machines::filter::NUMBERS;
use siding_machines::filter::Timeouts;

use super::Policy;
use super::asks::NOBODYS;
use super::asks::Ours;
use super::round::Lap;
use super::round::Step;

/// What the numbers of a worker's states stand for.
#[derive(Debug)]
pub(crate) struct Numbers {
    /// The first is number 1. Not on the stack: those of the checkers are small.
    given: Box<[Option<Given>]>,
    ours: Ours,
    /// Whether a policy has no number for now: flows that begin have the times of all.
    waits: bool,
}

#[derive(Debug)]
struct Given {
    name: String,
    times: Timeouts,
    /// Its name has gone, and so does it when the hand has been round.
    goes: Option<Lap>,
}

impl Numbers {
    pub(crate) fn new() -> Numbers {
        Numbers { given: (0..NUMBERS).map(|_| None).collect(), ours: *NOBODYS, waits: false }
    }

    pub(crate) fn ours(&self) -> &Ours {
        &self.ours
    }

    /// Whether a policy has no number for now.
    pub(crate) fn waits(&self) -> bool {
        self.waits
    }

    /// Newer rules have these policies. The hand is at a slot; nowhere if there are no states, which have no numbers then.
    pub(crate) fn take_up(&mut self, policies: &[Policy], hand: Option<usize>) {
        for place in &mut self.given {
            let Some(given) =
                place.as_mut().filter(|given| policies.iter().all(|one| one.name != given.name))
            else {
                continue;
            };
            match hand {
                Some(at) => {
                    given.goes.get_or_insert(Lap::from(at));
                }
                None => *place = None,
            }
        }
        self.number(policies);
    }

    /// Gives numbers to those that have none yet, as long as there are any.
    pub(crate) fn number(&mut self, policies: &[Policy]) {
        self.ours = *NOBODYS;
        self.waits = false;
        let named = self.ours[1..].iter_mut().zip(policies).filter(|(_, policy)| !policy.name.is_empty());
        for (ours, Policy { name, times }) in named {
            let is_its = |given: &Option<Given>| given.as_ref().is_some_and(|given| given.name == *name);
            let known = self.given.iter().position(is_its);
            let place = known.or_else(|| self.given.iter().position(Option::is_none));
            match place.and_then(|at| Some((at, self.given.get_mut(at)?))) {
                Some((at, place)) => {
                    *place = Some(Given { name: name.clone(), times: *times, goes: None });
                    *ours = at as u8 + 1;
                }
                None => self.waits = true,
            }
        }
    }

    /// The number that a flow with this one keeps: none if its policy has gone.
    pub(crate) fn kept(&self, number: u8) -> u8 {
        let given = usize::from(number).checked_sub(1).and_then(|at| self.given.get(at)?.as_ref());
        if given.is_some_and(|given| given.goes.is_none()) { number } else { 0 }
    }

    /// The hand has gone on.
    pub(crate) fn pass(&mut self, step: Step) {
        for place in &mut self.given {
            if place.as_mut().and_then(|given| given.goes.as_mut()).is_some_and(|lap| lap.pass(step)) {
                *place = None;
            }
        }
    }

    /// The times of all numbers, those of all flows for those that are nobody's.
    pub(crate) fn times(&self, all: Timeouts) -> [Timeouts; NUMBERS] {
        std::array::from_fn(|at| self.given[at].as_ref().map_or(all, |given| given.times))
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use std::time::Duration;

    use siding_machines::filter::POLICIES;

    use super::super::round::Round;
    use super::*;

    fn named(names: std::ops::Range<usize>) -> Vec<Policy> {
        let times = |name: usize| {
            let mut times = Timeouts::default();
            assert!(times.set("udp", Duration::from_secs(name as u64 + 1)));
            times
        };
        names.map(|name| Policy { name: name.to_string(), times: times(name) }).collect()
    }

    /// The times that rules' first policies give.
    fn given(numbers: &Numbers, count: usize) -> Vec<u64> {
        let times = numbers.times(Timeouts::default());
        let udp = |times: &Timeouts| {
            times.all().find(|(name, _)| *name == "udp").map_or(0, |(_, time)| time.as_secs())
        };
        let number = |at: &u8| usize::from(*at).checked_sub(1).map_or(0, |at| udp(&times[at]));
        numbers.ours()[1..=count].iter().map(number).collect()
    }

    #[test]
    fn a_number_stands_for_one_name_until_the_hand_has_been_round() {
        let mut numbers = Numbers::new();
        numbers.take_up(&named(0..2), Some(0));
        let [_, first, second, ..] = *numbers.ours();
        assert_eq!((given(&numbers, 3), numbers.kept(first)), (vec![1, 2, 0], first));
        // In other places, and one that is new: nobody has its number.
        numbers.take_up(&named(1..3), Some(5));
        let third = numbers.ours()[2];
        assert_eq!((numbers.ours()[1], numbers.kept(first), numbers.kept(second)), (second, 0, second));
        assert!(![first, second].contains(&third) && numbers.kept(third) == third);
        assert_eq!(given(&numbers, 2), [2, 3]);
        let mut round = Some(Round::from(5));
        let mut looked_at = 0;
        while let Some(at) = round {
            assert!(numbers.given[usize::from(first) - 1].is_some(), "{looked_at}");
            let next = at.next(10, 4);
            looked_at += next.len();
            let (left, step) = at.go(next.end, 10);
            numbers.pass(step);
            round = left;
        }
        assert_eq!((looked_at, numbers.given[usize::from(first) - 1].is_some()), (10, false));
        // One that comes again before that has the number that it had.
        numbers.take_up(&named(2..3), Some(0));
        assert_eq!(numbers.kept(second), 0);
        numbers.take_up(&named(1..3), Some(3));
        assert_eq!((numbers.ours()[1], numbers.kept(second)), (second, second));
    }

    #[test]
    fn a_policy_for_which_there_is_no_number_waits_for_one() {
        let mut numbers = Numbers::new();
        for load in 0..5 {
            numbers.take_up(&named(load * POLICIES..(load + 1) * POLICIES), Some(load.saturating_sub(1)));
            assert_eq!(numbers.waits(), load == 4);
        }
        assert_eq!(given(&numbers, 4), [61, 62, 63, 0]);
        let (_, step) = Round::from(4).go(9, 9);
        numbers.pass(step);
        assert_eq!(numbers.given.iter().flatten().count(), NUMBERS - POLICIES, "the first load's");
        numbers.number(&named(60..75));
        assert!(!numbers.waits());
        assert_eq!(given(&numbers, 15), (61..76).collect::<Vec<_>>());
        // Without states nobody has any number.
        numbers.take_up(&[], None);
        assert_eq!(numbers.given.iter().flatten().count(), 0);
    }
}
