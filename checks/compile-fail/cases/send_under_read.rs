//! A packet is sent with the outer token while a lock is held to look, or to change.

use siding_lockorder::{Ctx, Root, RwLock, Unlocked, rank};

rank!(Table after Unlocked);

fn send(_ctx: &mut Ctx<'_, Unlocked>) {}

fn main() {
    let table = RwLock::<Table, _>::new(1);
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    let (guard, _inner) = ctx.read(&table);
    send(&mut ctx);
    drop(guard);
    let (guard, _inner) = ctx.write(&table);
    send(&mut ctx);
    drop(guard);
}
