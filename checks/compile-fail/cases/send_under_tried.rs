//! A packet is sent with the outer token while a lock that was tried is held.

use siding_lockorder::{Ctx, Mutex, Root, RwLock, Unlocked, rank};

rank!(Table after Unlocked);

fn send(_ctx: &mut Ctx<'_, Unlocked>) {}

fn main() {
    let (table, other) = (Mutex::<Table, _>::new(1), RwLock::<Table, _>::new(1));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    if let Some((guard, _inner)) = ctx.try_lock(&table) {
        send(&mut ctx);
        drop(guard);
    }
    if let Some((guard, _inner)) = ctx.try_read(&other) {
        send(&mut ctx);
        drop(guard);
    }
    if let Some((guard, _inner)) = ctx.try_write(&other) {
        send(&mut ctx);
        drop(guard);
    }
}
