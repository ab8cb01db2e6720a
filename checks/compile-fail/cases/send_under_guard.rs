//! A packet is sent with the outer token while a guard lives.

use siding_lockorder::{Ctx, Mutex, Root, Unlocked, rank};

rank!(Table after Unlocked);

fn send(_ctx: &mut Ctx<'_, Unlocked>) {}

fn main() {
    let table = Mutex::<Table, _>::new(1);
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (guard, _inner) = ctx.lock(&table);
    send(&mut ctx);
    drop(guard);
}
