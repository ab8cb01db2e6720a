//! Evidence that somebody else made up.

use siding_lockorder::{After, Evidence, rank};

rank!(Table after Unlocked);
rank!(Other after Unlocked);

struct Trust;

impl Evidence<Table, Other> for Trust {}

impl After<Other> for Table {
    type By = Trust;
}

fn main() {}
