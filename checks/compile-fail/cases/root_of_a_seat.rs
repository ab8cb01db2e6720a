//! A root is made out of a seat that somebody has seen.

use siding_lockorder::Root;
use siding_netisr::{IfId, Netisr, Packet};

struct Frame;

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

fn main() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let seat = worker.with_ctx(|ctx| ctx.seat()).unwrap();
    let _built = Root { seat: Some(seat), checked: true };
}
