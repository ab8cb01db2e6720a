//! G2 at run time: a handler has one token, the worker's, and cannot mint or borrow another.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;

use siding_lockorder::AlreadyEntered;
use siding_lockorder::Root;
use siding_lockorder::Seats;
use siding_netisr::Cause;
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

/// Says what it names, and lets others go on before the dispatch does.
struct Slow(Arc<AtomicU32>);

impl Packet for Slow {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {
        if self.0.compare_exchange(0, 1, SeqCst, SeqCst).is_ok() {
            while self.0.load(SeqCst) != 2 {
                std::thread::yield_now();
            }
        }
    }
}

/// A worker's own packets are looked at once, for a departure waits for the worker. Whoever else has made a seat of
/// some kind must not pass for it.
#[test]
fn g5_a_seat_of_somebody_elses_is_not_the_workers() {
    let netisr = Netisr::<Slow>::builder().build().unwrap();
    let output = netisr.register(TypeSpec::new("output"), |_ctx, _: &mut (), _frame, _id: IfId| ()).unwrap();
    let id = netisr.attach().unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let step = Arc::new(AtomicU32::new(0));
    let (frame, stranger) = (Slow(step.clone()), output.clone());
    let late = std::thread::spawn(move || {
        let mut root = Seats::new(1).root(0).unwrap();
        stranger.dispatch(&root.enter().unwrap().ctx(), frame, id).map_err(|refused| refused.cause)
    });
    while step.load(SeqCst) != 1 {
        std::thread::yield_now();
    }
    let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, id)).unwrap();
    worker.poll(&mut (), 64);
    assert!(departure.is_complete());
    step.store(2, SeqCst);
    assert_eq!(late.join().unwrap(), Err(Cause::Departed));
    assert_eq!(worker.poll(&mut (), 64).handled, 0, "a packet of an interface that has gone");
}
