//! A chain that begins at a place of somebody's own.

use siding_lockorder::Level;

struct Nowhere;

impl Level for Nowhere {
    const LABEL: &'static str = "Nowhere";
}

fn main() {}
