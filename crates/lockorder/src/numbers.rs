//! Seats told apart, without the right to their tokens.

use crate::Seat;
use crate::Seats;

/// Tells the seats of one facility from all others, in one step, and gives no right to their tokens.
#[derive(Clone, Copy, Debug)]
pub struct Numbers {
    first: u64,
}

impl Numbers {
    /// Those of a facility.
    pub fn of(seats: &Seats) -> Numbers {
        Numbers { first: seats.first() }
    }

    /// Of no facility: every seat is another one's.
    pub const NONE: Numbers = Numbers { first: 1 << 63 };

    /// Where in an array of the facility's workers the one with `seat` is; beyond the end of every array, if it is not
    /// one of them.
    #[inline(always)]
    pub fn place_of(self, seat: Option<Seat>) -> usize {
        let number = seat.map_or(0, |seat| seat.number());
        usize::try_from(number.wrapping_sub(self.first)).unwrap_or(usize::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_told_from_those_of_others_in_one_step() {
        let (ours, theirs) = (Seats::new(3), Seats::new(2));
        let workers = [(); 3];
        let place =
            |numbers: Numbers, seat| workers.get(numbers.place_of(seat)).map(|()| numbers.place_of(seat));
        for index in 0..3 {
            assert_eq!(place(Numbers::of(&ours), ours.seat(index)), Some(index as usize));
            assert_eq!(place(Numbers::NONE, ours.seat(index)), None);
        }
        assert_eq!(
            (place(Numbers::of(&ours), theirs.seat(0)), place(Numbers::of(&theirs), ours.seat(2))),
            (None, None)
        );
        assert_eq!((place(Numbers::of(&ours), None), place(Numbers::NONE, None)), (None, None));
    }
}
