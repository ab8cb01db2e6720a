//! Ranks that claim a place which is not theirs: after a sibling, and before what comes before them.

use siding_lockorder::{After, Direct, Through, rank};

rank!(Table after Unlocked);
rank!(Entry after Table);
rank!(Other after Unlocked);

impl After<Other> for Table {
    type By = Direct;
}

impl After<Entry> for Table {
    type By = Through;
}

fn main() {}
