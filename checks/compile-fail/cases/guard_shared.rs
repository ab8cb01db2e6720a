//! Two threads at what a guard guards, which is for one at a time.

use std::cell::Cell;

use siding_lockorder::{Mutex, Root, rank};

rank!(Table after Unlocked);

fn main() {
    let table = Mutex::<Table, _>::new(Cell::new(1));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (guard, _inner) = ctx.lock(&table);
    let shared = &guard;
    std::thread::scope(|scope| {
        scope.spawn(move || shared.set(2));
        shared.set(3);
    });
}
