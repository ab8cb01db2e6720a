//! `Unlocked` is made a rank by somebody else.

use siding_lockorder::{Rank, Unlocked, rank};

rank!(Entry after Unlocked);

impl Rank for Unlocked {
    const NAME: &'static str = "Unlocked";
    type Outer = Entry;
}

fn main() {}
