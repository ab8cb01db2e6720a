//! A packet is dispatched with the metadata of another type.

use siding_lockorder::Root;
use siding_netisr::{IfId, Netisr, Packet, TypeSpec};

struct Frame;

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

fn main() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let output = netisr.register(TypeSpec::new("output"), |_ctx, _: &mut (), _frame, _out: IfId| {}).unwrap();
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let _ = output.dispatch(&entered.ctx(), Frame, ());
}
