//! Two ranks after each other, and one after itself, without the macro.

use siding_lockorder::{After, Direct, Rank};

struct Table;
struct Entry;
struct Ring;

impl Rank for Table {
    const NAME: &'static str = "Table";
    type Outer = Entry;
}

impl Rank for Entry {
    const NAME: &'static str = "Entry";
    type Outer = Table;
}

impl After<Entry> for Table {
    type By = Direct;
}

impl After<Table> for Entry {
    type By = Direct;
}

impl Rank for Ring {
    const NAME: &'static str = "Ring";
    type Outer = Ring;
}

fn main() {}
