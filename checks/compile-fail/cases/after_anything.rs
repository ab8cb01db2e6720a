//! A rank that claims to come after anything.

use siding_lockorder::{After, Direct, Rank, Through, Unlocked};

struct One;
struct Other;

impl Rank for One {
    const NAME: &'static str = "One";
    type Outer = Unlocked;
}

impl<L> After<L> for One {
    type By = Through;
}

impl Rank for Other {
    const NAME: &'static str = "Other";
    type Outer = Unlocked;
}

impl<L> After<L> for Other {
    type By = Direct;
}

fn main() {}
