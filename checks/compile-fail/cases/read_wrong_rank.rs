//! A lock is taken to look whose rank is not declared after the one that is held, to look, too.

use siding_lockorder::{Root, RwLock, rank};

rank!(Table after Unlocked);
rank!(Entry after Table);

fn main() {
    let (table, entry) = (RwLock::<Table, _>::new(1), RwLock::<Entry, _>::new(2));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (_entry, mut ctx) = ctx.read(&entry);
    let (_table, _ctx) = ctx.read(&table);
}
