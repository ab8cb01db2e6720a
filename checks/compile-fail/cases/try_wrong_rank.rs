//! A lock is only tried whose rank is not declared after the one that is held.

use siding_lockorder::{Mutex, Root, RwLock, rank};

rank!(Table after Unlocked);
rank!(Entry after Table);

fn main() {
    let (table, other, entry) =
        (Mutex::<Table, _>::new(1), RwLock::<Table, _>::new(1), Mutex::<Entry, _>::new(2));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (_entry, mut ctx) = ctx.lock(&entry);
    let _table = ctx.try_lock(&table);
    let _other = ctx.try_read(&other);
    let _other = ctx.try_write(&other);
}
