//! A guard is handed to a thread whose token knows nothing of it.

use siding_lockorder::{Mutex, Root, rank};

rank!(Table after Unlocked);

fn main() {
    let table = Mutex::<Table, _>::new(1);
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (guard, _inner) = ctx.lock(&table);
    std::thread::scope(|scope| {
        scope.spawn(move || drop(guard));
    });
}
