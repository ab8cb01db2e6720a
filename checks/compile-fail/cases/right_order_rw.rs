//! Locks in a static, read, written and tried in their order; a token comes back from a lock that is not had.

use siding_lockorder::{Ctx, Mutex, Root, RwLock, Unlocked, rank};

rank!(Table after Unlocked);
rank!(Entry after Table);

static TABLE: RwLock<Table, u32> = RwLock::new(1);
static ENTRY: Mutex<Entry, u32> = Mutex::new(2);

fn send(_ctx: &mut Ctx<'_, Unlocked>) {}

fn main() {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    {
        let (table, mut ctx) = ctx.read(&TABLE);
        let (mut entry, _ctx) = ctx.lock(&ENTRY);
        *entry += *table;
    }
    send(&mut ctx);
    if let Some((mut table, mut ctx)) = ctx.try_write(&TABLE) {
        if let Some((entry, _ctx)) = ctx.try_lock(&ENTRY) {
            *table += *entry;
        }
        let (_entry, _ctx) = ctx.lock(&ENTRY);
    }
    send(&mut ctx);
    assert_eq!(*ctx.try_read(&TABLE).expect("nobody changes it").0, 4);
}
