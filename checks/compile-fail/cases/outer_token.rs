//! The outer token is used while a guard lives.

use siding_lockorder::{Mutex, Root, rank};

rank!(Table after Unlocked);

fn main() {
    let (one, other) = (Mutex::<Table, _>::new(1), Mutex::<Table, _>::new(2));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (guard, _inner) = ctx.lock(&one);
    let (another, _inner) = ctx.lock(&other);
    assert_eq!(*guard, *another);
}
