//! A worker's seat is made out of a number.

use std::num::NonZeroU64;

use siding_lockorder::Seat;

fn main() {
    let _made = Seat(NonZeroU64::MIN);
}
