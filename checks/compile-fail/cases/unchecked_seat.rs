//! A root for a worker's seat is made without the word `unsafe`.

use siding_lockorder::{Root, Seats};

fn main() {
    let seats = Seats::new(1);
    let _root = Root::unchecked(seats.seat(0));
}
