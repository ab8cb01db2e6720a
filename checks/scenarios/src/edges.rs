//! What an embedder does at the edge: lets go of departures, unregisterings and pins too early, has a type flushed by
//! its own handler, waits for what does not come.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::Duration;

use siding_netisr::Cause;
use siding_netisr::NoWake;
use siding_netisr::Pending;

use crate::checker::thread;
use crate::rig::LONG;
use crate::rig::Own;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

/// Two pins on one interface, let go of by two threads, while it departs.
pub(crate) fn pins() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let pins = ["one", "another"].map(|what| rig.netisr.pin(interface.id, what).expect("attached"));
    let users = pins.map(|pin| {
        let interface = interface.clone();
        thread::spawn(move || {
            interface.resource.use_it();
            drop(pin);
        })
    });
    outside(|ctx| {
        let mut departure = rig.netisr.detach(ctx, interface.id).expect("attached until now");
        departure.wait(ctx, LONG).expect("a wait without a time limit");
        interface.resource.tear_down();
    });
    users.into_iter().for_each(|user| user.join().expect("no panic"));
    rig.finish();
}

/// A departure is dropped while a pin is held. The worker finishes it, or somebody takes it up again.
pub(crate) fn dropped_departure() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let pin = rig.netisr.pin(interface.id, "a user of the interface").expect("attached");
    let mut worker = rig.worker();
    let polling =
        thread::spawn(move || (0..pick(1, 4)).for_each(|_| _ = worker.poll(&mut Own::default(), 64)));
    outside(|ctx| drop(rig.netisr.detach(ctx, interface.id)));
    let again = outside(|ctx| rig.netisr.detach(ctx, interface.id));
    let mut again = again.expect("nobody asks after it, and the pin is held");
    drop(pin);
    outside(|ctx| again.wait(ctx, LONG)).expect("a wait without a time limit");
    interface.resource.tear_down();
    polling.join().expect("no panic");
    rig.finish();
}

/// An unregistering is dropped while a permit is held: the worker finishes it, and drops the handler.
pub(crate) fn dropped_unregistering() {
    let life = Arc::new(());
    let held = life.clone();
    let rig = Rig::with(1, Spec::new("test").limit(4), Arc::new(NoWake), move |_ctx| {
        assert!(Arc::strong_count(&held) > 0);
    });
    let permit = outside(|ctx| rig.kind.reserve(ctx, None)).expect("room");
    let mut worker = rig.worker();
    outside(|ctx| drop(rig.netisr.unregister(ctx, &rig.kind, Pending::Flush)));
    let letting_go = thread::spawn(move || drop(permit));
    (0..pick(1, 4)).for_each(|_| _ = worker.poll(&mut Own::default(), 64));
    letting_go.join().expect("no panic");
    // An order of anybody's, which the worker carries out: it looks what else there is.
    for _ in 0..3 {
        rig.netisr.call_workers();
        worker.poll(&mut Own::default(), 64);
    }
    assert!(rig.netisr.types().is_empty(), "its name and place are not free");
    drop(worker);
    assert_eq!(Arc::strong_count(&life), 1, "the handler of a type that is gone");
    rig.finish();
}

/// A type is flushed by its own handler: what waits is not handled any more, nor what comes in meanwhile.
pub(crate) fn flush_own() {
    let own: Arc<Mutex<Option<Rig>>> = Arc::default();
    let found = own.clone();
    let rig = Rig::with(1, Spec::new("test").limit(4), Arc::new(NoWake), move |ctx| {
        let rig = found.lock().unwrap_or_else(PoisonError::into_inner).take();
        let rig = rig.expect("the handler is called once");
        drop(rig.netisr.unregister(ctx, &rig.kind, Pending::Flush));
    });
    outside(|ctx| (1..=2).for_each(|number| rig.dispatch(ctx, number, None).expect("room")));
    *own.lock().unwrap_or_else(PoisonError::into_inner) = Some(rig.clone());
    let sending = rig.clone();
    let producer = thread::spawn(move || {
        for number in 3..=pick(3, 4) {
            let result = outside(|ctx| sending.dispatch(ctx, number, None));
            assert!(matches!(result, Ok(()) | Err(Cause::Closed)), "{result:?}");
        }
    });
    let mut worker = rig.worker();
    (0..pick(2, 4)).for_each(|_| _ = worker.poll(&mut Own::default(), 64));
    producer.join().expect("no panic");
    drop(worker);
    assert_eq!(rig.handled(), [1]);
    rig.finish();
}

/// A wait with a time limit, for what does not come, by a clock that stands still.
pub(crate) fn wait_ends() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let pin = rig.netisr.pin(interface.id, "a user of the interface").expect("attached");
    let waiting = rig.clone();
    let waiter = thread::spawn(move || {
        outside(|ctx| {
            let mut departure = waiting.netisr.detach(ctx, interface.id).expect("attached until now");
            departure.wait(ctx, Duration::from_nanos(50)).expect_err("it is pinned");
            departure
        })
    });
    outside(|ctx| rig.dispatch(ctx, 1, None)).expect("room");
    let departure = waiter.join().expect("no panic");
    drop((pin, departure));
    rig.finish();
}

/// A thread has its worker's token from one poll to the next, and asks whether it polls that worker: there it may not wait for
/// it. Another thread, which may, asks the same.
pub(crate) fn polls_here() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let asking = rig.clone();
    let other = thread::spawn(move || assert!(!asking.netisr.polls_here(0), "it is another thread's"));
    let mut worker = rig.worker();
    let mut here = worker.on_thread();
    rig.dispatch(&here.ctx(), 1, None).expect("room");
    here.poll(&mut Own::default(), 64);
    assert!(rig.netisr.polls_here(0), "a wait for the worker would not end");
    drop(here);
    assert!(!rig.netisr.polls_here(0), "nobody polls it");
    drop(worker);
    other.join().expect("no panic");
    rig.finish();
}
