//! A lock whose token would say that no lock is held.

use siding_lockorder::{After, Mutex, Unlocked, rank};

rank!(Entry after Unlocked);

impl After<Entry> for Unlocked {
    type By = siding_lockorder::Direct;
}

fn main() {
    let _door = Mutex::<Unlocked, ()>::new(());
}
