//! A reader–writer lock round what two threads must not look at together is no lock for two threads.

use std::cell::Cell;

use siding_lockorder::{RwLock, rank};
use siding_lockorder::sync::spin_rw;

rank!(Table after Unlocked);

static RANKED: RwLock<Table, Cell<u32>> = RwLock::new(Cell::new(1));
static SPINS: spin_rw::RwLock<Cell<u32>> = spin_rw::RwLock::new(Cell::new(1));

fn main() {}
