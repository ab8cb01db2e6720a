//! Departures and unregisterings that nobody keeps, and waits that end.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use siding_lockorder::Root;
use siding_netisr::Clock;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::NoClock;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;
use siding_netisr::Wake;
use siding_netisr::Worker;

struct Frame;

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// Registers a type whose handler holds `life`.
fn register<W: Local>(netisr: &Netisr<Frame, W>, name: &str, life: &Arc<()>) -> PacketType<Frame, (), W> {
    let life = life.clone();
    netisr.register(TypeSpec::new(name), move |_, _, _, ()| assert!(Arc::strong_count(&life) > 1)).unwrap()
}

fn poll(worker: &mut Worker<Frame>, times: usize) {
    (0..times).for_each(|_| {
        worker.poll(&mut (), 64);
    });
}

#[test]
fn g6_unregisterings_that_are_dropped_are_finished_by_the_workers() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let life = Arc::new(());
    for turn in 0..200 {
        let kind = register(&netisr, "again and again", &life);
        worker.with_ctx(|ctx| kind.dispatch(ctx, Frame, ()).unwrap());
        let pending = if turn % 2 == 0 { Pending::Flush } else { Pending::Drain };
        drop(worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, pending)).unwrap());
        // A drain is over when the worker has found nothing to do for a while.
        poll(&mut worker, if turn % 2 == 0 { 4 } else { 140 });
        assert_eq!(netisr.types().len(), 0);
        assert_eq!(Arc::strong_count(&life), 1, "the handler of turn {turn} is still there");
    }
}

#[test]
fn g6_unregisterings_that_are_forgotten_are_finished_by_later_calls() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let life = Arc::new(());
    for _ in 0..200 {
        let kind = register(&netisr, "again and again", &life);
        std::mem::forget(worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, Pending::Flush)).unwrap());
        poll(&mut worker, 4);
    }
    assert!(Arc::strong_count(&life) < 4, "handlers stay");
}

#[test]
fn g6_an_unregistering_that_was_dropped_is_taken_up_again() {
    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let life = Arc::new(());
    let kind = register(&netisr, "output", &life);
    let permit = kind.reserve(&entered.ctx(), None).unwrap();
    kind.dispatch(&entered.ctx(), Frame, ()).unwrap();
    drop(netisr.unregister(&entered.ctx(), &kind, Pending::Drain).unwrap());
    let mut second = netisr.unregister(&entered.ctx(), &kind, Pending::Flush).unwrap();
    let third = netisr.unregister(&entered.ctx(), &kind, Pending::Flush);
    assert!(third.is_err(), "somebody asks after it");
    assert!(second.wait(&mut entered.ctx(), Duration::from_millis(1)).is_err(), "the permit is held");
    drop(permit);
    // What waits at a worker that nobody holds could not have been drained. It is flushed now.
    assert_eq!(second.wait(&mut entered.ctx(), Duration::from_secs(5)), Ok(()));
    assert!(netisr.unregister(&entered.ctx(), &kind, Pending::Flush).is_err(), "it is gone");
    drop(second);
    assert_eq!(Arc::strong_count(&life), 1, "who waits drops the handler");
}

/// A handler's captures may do anything when they are dropped: never under the locks of who unregisters.
#[test]
fn g6_a_handler_is_not_dropped_on_the_stack_of_who_unregisters() {
    struct Captured(Arc<AtomicBool>, Arc<AtomicUsize>);

    impl Drop for Captured {
        fn drop(&mut self) {
            assert!(!self.0.load(Ordering::Relaxed), "dropped where locks may be held");
            self.1.fetch_add(1, Ordering::Relaxed);
        }
    }

    let netisr = Netisr::<Frame>::builder().build().unwrap();
    let (locked, dropped) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let mut root = Root::new();
    for turn in 0..3 {
        let captured = Captured(locked.clone(), dropped.clone());
        let kind = netisr
            .register(TypeSpec::new("output"), move |_, _, _, ()| assert!(Arc::strong_count(&captured.0) > 0))
            .unwrap();
        let mut worker = (turn > 0).then(|| netisr.worker(0).unwrap());
        locked.store(true, Ordering::Relaxed);
        {
            let mut entered = root.enter().unwrap();
            let mut leaving = netisr.unregister(&entered.ctx(), &kind, Pending::Flush).unwrap();
            assert_eq!(leaving.is_complete(), turn == 0, "without a worker it is done at once");
            if turn == 2 {
                drop(leaving);
            }
        }
        locked.store(false, Ordering::Relaxed);
        worker.iter_mut().for_each(|worker| poll(worker, 4));
        let id = netisr.attach().unwrap();
        drop(root.enter().map(|mut entered| netisr.detach(&entered.ctx(), id)));
        worker.iter_mut().for_each(|worker| poll(worker, 4));
        assert_eq!(dropped.load(Ordering::Relaxed), if turn == 0 { 0 } else { turn + 1 });
    }
}

#[test]
fn g5_departures_that_are_dropped_or_forgotten_are_finished() {
    let netisr = Netisr::<Frame>::builder().interfaces(1).build().unwrap();
    let mut worker = netisr.worker(0).unwrap();
    for turn in 0..100 {
        let id = netisr.attach().unwrap_or_else(|| panic!("no slot is free at turn {turn}"));
        let pin = (turn % 2 == 0).then(|| netisr.pin(id, "the test").unwrap());
        let departure = worker.with_ctx(|ctx| netisr.detach(ctx, id)).unwrap();
        if turn % 3 == 0 {
            std::mem::forget(departure)
        } else {
            drop(departure)
        }
        poll(&mut worker, 2);
        drop(pin);
        poll(&mut worker, 2);
        if turn % 6 == 0 {
            // Pinned and forgotten: the first later call gives the order, the next sees that it was carried out.
            assert_eq!(netisr.attach(), None);
            poll(&mut worker, 1);
        }
    }
}

#[test]
fn g5_a_departure_that_was_dropped_is_taken_up_again() {
    let netisr = Netisr::<Frame>::builder().interfaces(1).build().unwrap();
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let id = netisr.attach().unwrap();
    let pin = netisr.pin(id, "the test").unwrap();
    drop(netisr.detach(&entered.ctx(), id).unwrap());
    let mut again = netisr.detach(&entered.ctx(), id).unwrap();
    assert!(netisr.detach(&entered.ctx(), id).is_err(), "somebody asks after it");
    let held = again.wait(&mut entered.ctx(), Duration::from_millis(1)).unwrap_err();
    assert!(held.to_string().contains("'the test', which pinned it at"), "{held}");
    drop(pin);
    assert_eq!(again.wait(&mut entered.ctx(), Duration::from_secs(5)), Ok(()));
    assert!(netisr.detach(&entered.ctx(), id).is_err(), "it has gone");
    // A stale handle has nothing to do with the slot's next interface.
    let next = netisr.attach().unwrap();
    let _pin = netisr.pin(next, "the next");
    drop(again);
    assert!(netisr.is_attached(next) && netisr.attach().is_none());
}

/// Each time it is read, as late as the last time; or earlier.
struct Odd(AtomicUsize);

impl Clock for Odd {
    fn now(&self) -> siding_netisr::Instant {
        siding_netisr::Instant::from_nanos(usize::MAX as u64 - self.0.fetch_add(1, Ordering::Relaxed) as u64)
    }
}

#[test]
fn g5_a_wait_ends_whatever_the_clock() {
    let wait = |netisr: Netisr<Frame>| {
        let id = netisr.attach().unwrap();
        let _pin = netisr.pin(id, "the test").unwrap();
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let mut departure = netisr.detach(&entered.ctx(), id).unwrap();
        let begun = Instant::now();
        assert!(departure.wait(&mut entered.ctx(), Duration::from_millis(20)).is_err());
        assert!((Duration::from_millis(20)..Duration::from_secs(5)).contains(&begun.elapsed()));
    };
    wait(Netisr::builder().clock(NoClock).build().unwrap());
    wait(Netisr::builder().clock(Odd(AtomicUsize::new(0))).build().unwrap());
}

/// Rouses nobody, and ends its caller.
struct Broken(AtomicUsize);

impl Wake for Broken {
    fn wake(&self, worker: usize) {
        self.0.fetch_add(1 << (8 * worker), Ordering::Relaxed);
        if worker == 0 {
            panic!("the bell is broken");
        }
    }
}

#[test]
fn g9_a_wake_that_panics_keeps_no_order_from_the_others() {
    let bell = Arc::new(Broken(AtomicUsize::new(0)));
    let netisr = Netisr::<Frame>::builder().workers(3).wake(bell.clone()).build().unwrap();
    let mut workers: Vec<_> = (0..3).map(|index| netisr.worker(index).unwrap()).collect();
    workers.iter_mut().for_each(|worker| poll(worker, 70));
    assert!(workers.iter_mut().all(Worker::prepare_sleep));
    let id = netisr.attach().unwrap();
    let detach = std::panic::AssertUnwindSafe(|| {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        netisr.detach(&entered.ctx(), id).map(drop)
    });
    assert!(std::panic::catch_unwind(detach).is_err());
    assert_eq!(bell.0.load(Ordering::Relaxed), 0x0001_0101, "one of them was not told, or told twice");
    for worker in &mut workers {
        worker.awake();
        poll(worker, 4);
    }
    assert!(!netisr.is_attached(id));
    let next = netisr.attach();
    assert!(next.is_some());
}
