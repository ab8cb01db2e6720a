//! By which numbers a worker's states say which interface brought their packets.
//!
//! A state has two octets for it, and an interface's identity has eight. So identities are numbered as they come. The number of one that has
//! departed is nobody's, and no newcomer's, be it in the same slot, before the hand that judges flows anew has been round since: it
//! ends the flows that have it.

use siding_netisr::IfId;

use super::round::Lap;
use super::round::Step;

/// There is no number left for it.
const UNTOLD: u16 = u16::MAX;

/// Whose packets are a flow's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CameBy {
    /// Our own, or nobody's yet.
    Nothing,
    /// Those that came by it. It may have departed.
    Interface(IfId),
    /// Nobody can tell.
    Untold,
}

/// The numbers of a worker's states.
#[derive(Debug, Default)]
pub(crate) struct Interfaces {
    /// By slot: who has it, and its number.
    here: Vec<(IfId, u16)>,
    /// Whose the numbers are, from 1 on; [`IfId::NONE`] for one that is nobody's.
    numbers: Vec<IfId>,
    free: Vec<u16>,
    /// Nobody's, but there may be flows that have them.
    departed: Vec<u16>,
    /// The same, until the hand has been round.
    going: Option<(Lap, Vec<u16>)>,
    /// Somebody has got no number.
    wants: bool,
}

impl Interfaces {
    /// The number of an interface, 0 for none.
    #[inline]
    pub(crate) fn number(&mut self, id: IfId) -> u16 {
        match self.here.get(id.slot()) {
            Some((here, number)) if *here == id => *number,
            _ => self.give(id),
        }
    }

    #[cold]
    fn give(&mut self, id: IfId) -> u16 {
        if id.is_none() {
            return 0;
        }
        let fresh = |numbers: &mut Vec<IfId>| {
            numbers.push(IfId::NONE);
            numbers.len() as u16
        };
        let any = self.numbers.len() < usize::from(UNTOLD) - 1;
        let Some(number) = self.free.pop().or_else(|| any.then(|| fresh(&mut self.numbers))) else {
            self.wants = true;
            return UNTOLD;
        };
        if self.here.len() <= id.slot() {
            self.here.resize(id.slot() + 1, (IfId::NONE, 0));
        }
        let (_, before) = std::mem::replace(&mut self.here[id.slot()], (id, number));
        self.retire(before);
        self.numbers[usize::from(number) - 1] = id;
        number
    }

    /// Who has a number.
    pub(crate) fn of(&self, number: u16) -> CameBy {
        match number.checked_sub(1) {
            None => CameBy::Nothing,
            Some(_) if number == UNTOLD => CameBy::Untold,
            Some(at) => CameBy::Interface(self.numbers.get(usize::from(at)).copied().unwrap_or(IfId::NONE)),
        }
    }

    /// Only those that stay have numbers.
    pub(crate) fn depart(&mut self, stays: &dyn Fn(IfId) -> bool) {
        for slot in 0..self.here.len() {
            let (id, number) = self.here[slot];
            if !id.is_none() && !stays(id) {
                self.here[slot] = (IfId::NONE, 0);
                self.retire(number);
            }
        }
    }

    fn retire(&mut self, number: u16) {
        if let Some(id) = usize::from(number).checked_sub(1).and_then(|at| self.numbers.get_mut(at)) {
            *id = IfId::NONE;
            self.departed.push(number);
        }
    }

    /// Whether somebody has got no number, and there would be some if the hand went round.
    pub(crate) fn take_wants(&mut self) -> bool {
        std::mem::take(&mut self.wants) && (self.going.is_some() || !self.departed.is_empty())
    }

    /// The hand that judges flows anew has gone on, from a slot.
    pub(crate) fn pass(&mut self, from: usize, step: Step) {
        if self.going.is_none() && !self.departed.is_empty() {
            self.going = Some((Lap::from(from), std::mem::take(&mut self.departed)));
        }
        if let Some((lap, _)) = &mut self.going
            && lap.pass(step)
            && let Some((_, names)) = self.going.take()
        {
            self.free.extend(names);
        }
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::super::round::Round;
    use super::*;

    fn id(slot: u64, generation: u64) -> IfId {
        IfId::from_u64(generation << 16 | slot)
    }

    /// The hand goes once round, from a slot on, of which there are ten.
    fn round(interfaces: &mut Interfaces, from: usize) {
        let mut left = Some(Round::from(from));
        while let Some(round) = left {
            let to = round.next(10, 4).end;
            let (next, step) = round.go(to, 10);
            interfaces.pass(round.at, step);
            left = next;
        }
    }

    #[test]
    fn a_newcomer_has_a_number_of_its_own_until_the_hand_has_been_round() {
        let mut interfaces = Interfaces::default();
        assert_eq!((interfaces.number(IfId::NONE), interfaces.of(0)), (0, CameBy::Nothing));
        let (first, other) = (interfaces.number(id(3, 1)), interfaces.number(id(0, 1)));
        assert_eq!((interfaces.number(id(3, 1)), interfaces.number(id(0, 1))), (first, other));
        interfaces.depart(&|there| there != id(3, 1));
        let next = interfaces.number(id(3, 2));
        assert_ne!(next, first);
        assert_eq!(interfaces.of(first), CameBy::Interface(IfId::NONE));
        assert_eq!(interfaces.of(next), CameBy::Interface(id(3, 2)));
        // Also where nobody has told that it has departed.
        let third = interfaces.number(id(3, 3));
        assert!(![first, other, next].contains(&third));
        round(&mut interfaces, 7);
        let used: Vec<u16> = (5..7).map(|slot| interfaces.number(id(slot, 1))).collect();
        assert!(used.contains(&first) && used.contains(&next), "{used:?}");
        assert_eq!(interfaces.of(other), CameBy::Interface(id(0, 1)));
    }

    #[test]
    fn a_number_is_free_only_when_the_hand_has_been_by_every_slot_since() {
        let mut interfaces = Interfaces::default();
        let first = interfaces.number(id(3, 1));
        // The hand is in the middle when the interface departs.
        let (left, _) = Round::from(0).go(4, 10);
        interfaces.depart(&|_| false);
        let mut left = left;
        while let Some(round) = left {
            let to = round.next(10, 4).end;
            let (next, step) = round.go(to, 10);
            interfaces.pass(round.at, step);
            left = next;
        }
        assert_ne!(interfaces.number(id(3, 2)), first, "slots 0 to 3 have not been looked at since");
        round(&mut interfaces, 0);
        assert_eq!(interfaces.number(id(4, 1)), first);
    }

    #[test]
    fn where_all_numbers_are_used_up_a_round_is_asked_for_and_gives_them_back() {
        let mut interfaces = Interfaces::default();
        let most = u64::from(UNTOLD) - 1;
        let all: Vec<u16> = (1..=most).map(|generation| interfaces.number(id(1, generation))).collect();
        assert!(!interfaces.take_wants());
        assert_eq!((all[0], all[all.len() - 1]), (1, UNTOLD - 1));
        let late = id(1, most + 1);
        assert_eq!(interfaces.number(late), UNTOLD);
        assert_eq!(interfaces.of(UNTOLD), CameBy::Untold);
        assert!(interfaces.take_wants() && !interfaces.take_wants());
        round(&mut interfaces, 0);
        let number = interfaces.number(late);
        assert_eq!(interfaces.of(number), CameBy::Interface(late));
    }
}
