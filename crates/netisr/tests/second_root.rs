//! G2 at run time: a handler has one token, the worker's, and cannot mint or borrow another.

#![allow(clippy::unwrap_used)] // Helpers of tests are tests.

use std::sync::Arc;
use std::sync::Mutex;

use siding_lockorder::AlreadyEntered;
use siding_lockorder::Root;
use siding_netisr::IfId;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

struct Frame;

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

#[test]
fn g2_a_handler_cannot_enter_a_second_root() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let output = netisr
        .register(TypeSpec::new("output"), |_ctx, _: &mut (), _frame, ()| {
            assert_eq!(Root::new().enter().map(drop), Err(AlreadyEntered));
        })
        .unwrap();
    let mut worker = netisr.worker(0).unwrap();
    worker.with_ctx(|ctx| output.dispatch(ctx, Frame, ()).unwrap());
    assert_eq!(worker.poll(&mut (), 64).handled, 1);
    assert!(Root::new().enter().is_ok(), "between polls the thread's token is free");
}

#[test]
#[should_panic(expected = "polled from within a handler")]
fn g2_a_handler_cannot_poll_another_worker() {
    let netisr = Netisr::<Frame>::builder().workers(2).build().unwrap();
    let other: Arc<Mutex<Option<Worker<Frame>>>> = Arc::new(Mutex::new(netisr.worker(1)));
    let poll_other = move || {
        let mut other = other.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        other.as_mut().unwrap().with_ctx(|_ctx| ());
    };
    let output =
        netisr.register(TypeSpec::new("output"), move |_ctx, _: &mut (), _frame, ()| poll_other()).unwrap();
    let mut worker = netisr.worker(0).unwrap();
    worker.with_ctx(|ctx| output.dispatch(ctx, Frame, ()).unwrap());
    worker.poll(&mut (), 64);
}
