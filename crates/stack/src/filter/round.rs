//! The hand that goes round the slots of all states, to judge flows anew.

/// Once round, from a slot on: over the last slot that there is then, and to where it began. (There may be more slots by then than there
/// were: states that have begun meanwhile. To count so many slots would leave out some of before.)
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Lap {
    from: usize,
    /// The hand has begun again with the first.
    over: bool,
}

/// A step of the hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Step {
    /// Where it is now.
    at: usize,
    /// It has come to the end, and begins again with the first slot.
    over: bool,
}

/// States that are yet to be judged anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Round {
    pub(crate) at: usize,
    lap: Lap,
}

impl Lap {
    pub(crate) fn from(at: usize) -> Lap {
        Lap { from: at, over: false }
    }

    /// The hand has gone on. Whether it has been round.
    pub(crate) fn pass(&mut self, step: Step) -> bool {
        self.over |= step.over;
        self.over && step.at >= self.from
    }
}

impl Round {
    pub(crate) fn from(at: usize) -> Round {
        Round { at, lap: Lap::from(at) }
    }

    /// The next slots, of which there are so many: no more than `most`.
    pub(crate) fn next(&self, slots: usize, most: usize) -> std::ops::Range<usize> {
        let end = if self.lap.over { slots.min(self.lap.from) } else { slots };
        self.at.min(end)..(self.at + most).min(end)
    }

    /// The slots up to `to` have been looked at. The round that is left, if any is, and the step.
    pub(crate) fn go(mut self, to: usize, slots: usize) -> (Option<Round>, Step) {
        let over = to >= slots;
        let step = Step { at: if over { 0 } else { to }, over };
        let done = self.lap.pass(step);
        self.at = step.at;
        ((!done).then_some(self), step)
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use super::*;

    /// The slots that a round looks at that begins at one of them, 3 in a turn; after the first turn there are so many more.
    fn seen(from: usize, slots: usize, more: usize) -> Vec<usize> {
        let (mut round, mut seen) = (Some(Round::from(from)), Vec::new());
        let mut slots = slots;
        let mut more = Some(more);
        while let Some(at) = round {
            let next = at.next(slots, 3);
            seen.extend(next.clone());
            round = at.go(next.end, slots).0;
            slots += more.take().unwrap_or(0);
        }
        seen
    }

    #[test]
    fn a_round_comes_by_every_slot_once_however_many_come_meanwhile() {
        for from in 0..10 {
            for more in [0, 1, 5, 20] {
                let mut all = seen(from, 10, more);
                assert_eq!(all[0], from);
                all.sort_unstable();
                let last = if from + 3 >= 10 { 10 } else { 10 + more };
                assert_eq!(all, (0..last).collect::<Vec<_>>(), "{from} {more}");
            }
        }
        assert_eq!(seen(0, 0, 0), []);
    }
}
