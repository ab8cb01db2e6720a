//! The right order, sending with no lock held, and dispatching under two.

use siding_lockorder::{Ctx, Mutex, Root, Unlocked, rank};
use siding_netisr::{IfId, Netisr, Packet, TypeSpec};

rank!(Table after Unlocked);
rank!(Entry after Table);

struct Frame;

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

fn send(_ctx: &mut Ctx<'_, Unlocked>, _frame: Frame) {}

fn main() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let output = netisr.register(TypeSpec::new("output"), |ctx, _: &mut (), frame, ()| send(ctx, frame)).unwrap();
    let (table, entry) = (Mutex::<Table, _>::new(1), Mutex::<Entry, _>::new(2));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut ctx = entered.ctx();
    {
        let (table, mut ctx) = ctx.lock(&table);
        let (entry, ctx) = ctx.lock(&entry);
        assert_eq!(*table + *entry, 3);
        output.dispatch(&ctx, Frame, ()).unwrap();
    }
    send(&mut ctx, Frame);
}
