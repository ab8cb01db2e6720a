//! Two ranks are declared after each other.

use siding_lockorder::rank;

rank!(Table after Entry);
rank!(Entry after Table);

fn main() {}
