//! A lock that is held to look is taken to change.

use siding_lockorder::{Root, RwLock, rank};

rank!(Table after Unlocked);

fn main() {
    let table = RwLock::<Table, _>::new(1);
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (_looks, mut ctx) = ctx.read(&table);
    let (_changes, _ctx) = ctx.write(&table);
}
