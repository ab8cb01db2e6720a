//! Guards of a reader–writer lock are handed to a thread whose token knows nothing of them.

use siding_lockorder::{Root, RwLock, rank};

rank!(Table after Unlocked);
rank!(Entry after Table);

fn main() {
    let (table, entry) = (RwLock::<Table, _>::new(1), RwLock::<Entry, _>::new(1));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (looks, mut ctx) = ctx.read(&table);
    let (changes, _inner) = ctx.write(&entry);
    std::thread::scope(|scope| {
        scope.spawn(move || drop(looks));
        scope.spawn(move || drop(changes));
    });
}
