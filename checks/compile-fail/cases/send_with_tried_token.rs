//! A packet is sent with the token that a lock which was tried has lent.

use siding_lockorder::{Ctx, Mutex, Root, Unlocked, rank};

rank!(Table after Unlocked);

fn send(_ctx: &mut Ctx<'_, Unlocked>) {}

fn main() {
    let table = Mutex::<Table, _>::new(1);
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    if let Some((_guard, mut inner)) = ctx.try_lock(&table) {
        send(&mut inner);
    }
}
