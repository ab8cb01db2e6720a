//! G5: an interface departs while others use it.

use siding_netisr::Cause;
use siding_netisr::Worker;
use siding_netisr::sync::mutant;

use crate::checker::thread;
use crate::rig::Frame;
use crate::rig::Interface;
use crate::rig::LONG;
use crate::rig::Own;
use crate::rig::Rig;
use crate::rig::Spec;
use crate::rig::outside;
use crate::rig::pick;

/// Detaches, waits, and tears down at once: from here on nobody may use the interface.
fn depart(rig: &Rig, interface: &Interface) {
    if mutant("purge-before-mark") {
        interface.resource.tear_down();
    }
    outside(|ctx| {
        let mut departure = rig.netisr.detach(ctx, interface.id).expect("attached until now");
        departure.wait(ctx, LONG).expect("a wait without a time limit");
        interface.resource.tear_down();
        assert_eq!(rig.dispatch(ctx, 99, Some(interface)), Err(Cause::Departed));
    });
}

/// Other threads dispatch on the interface, so many packets each.
fn producers(rig: &Rig, interface: &Interface, packets: u32) -> Vec<thread::JoinHandle<()>> {
    let producer = |producer: u32| {
        let (rig, interface) = (rig.clone(), interface.clone());
        thread::spawn(move || {
            for number in 0..packets {
                let result = outside(|ctx| rig.dispatch(ctx, producer * 10 + number, Some(&interface)));
                assert!(matches!(result, Ok(()) | Err(Cause::Departed | Cause::Full)), "{result:?}");
            }
        })
    };
    (0..pick(1, 2)).map(producer).collect()
}

fn no_more(rig: Rig, producers: Vec<thread::JoinHandle<()>>) {
    producers.into_iter().for_each(|producer| producer.join().expect("no panic"));
    assert_eq!(rig.resident(), 0, "packets of an interface that has gone");
    rig.finish();
}

/// Another thread dispatches on the interface. One thread detaches, and polls, and tears down.
pub(crate) fn foreign() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let worker = rig.worker();
    foreign_of(rig, worker);
}

/// The same on a queue that was in use before.
pub(crate) fn foreign_quick() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let mut worker = rig.worker();
    rig.use_it(&mut worker);
    foreign_of(rig, worker);
}

fn foreign_of(rig: Rig, mut worker: Worker<Frame, Own>) {
    let interface = rig.attach();
    let producers = producers(&rig, &interface, pick(1, 3));
    let mut departure = outside(|ctx| rig.netisr.detach(ctx, interface.id)).expect("attached until now");
    // A producer that stands between claiming and filling is waited for.
    while !departure.is_complete() {
        worker.poll(&mut Own::default(), 64);
        thread::yield_now();
    }
    interface.resource.tear_down();
    drop(worker);
    no_more(rig, producers);
}

/// Another thread has packets made on the interface, in their places. One thread detaches, and polls, and tears down.
pub(crate) fn made_in_place() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let mut worker = rig.worker();
    let (making, named) = (rig.clone(), interface.clone());
    let maker = thread::spawn(move || {
        for number in 0..pick(1, 3) {
            let result = outside(|ctx| making.dispatch_from(ctx, number, Some(&named), (2, 2)));
            assert!(matches!(result, Ok(1 | 2) | Err(Cause::Departed | Cause::Full)), "{result:?}");
        }
    });
    let mut departure = outside(|ctx| rig.netisr.detach(ctx, interface.id)).expect("attached until now");
    while !departure.is_complete() {
        worker.poll(&mut Own::default(), 64);
        thread::yield_now();
    }
    interface.resource.tear_down();
    drop(worker);
    no_more(rig, vec![maker]);
}

/// Another thread dispatches on the interface. Nobody polls: who detaches comes by in the worker's stead.
pub(crate) fn foreign_vacant() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let producers = producers(&rig, &interface, pick(1, 3));
    depart(&rig, &interface);
    no_more(rig, producers);
}

/// A packet waits. Its worker polls while the interface departs.
pub(crate) fn queued() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    outside(|ctx| rig.dispatch(ctx, 1, Some(&interface))).expect("attached, with room");
    let mut worker = rig.worker();
    let worker = thread::spawn(move || {
        (0..pick(1, 4)).for_each(|_| _ = worker.poll(&mut Own::default(), 64));
    });
    depart(&rig, &interface);
    no_more(rig, vec![worker]);
}

/// All three at a time: another thread dispatches on the interface, the worker polls, a third detaches.
pub(crate) fn foreign_polled() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let mut threads = producers(&rig, &interface, pick(1, 3));
    let mut worker = rig.worker();
    threads.push(thread::spawn(move || {
        (0..pick(1, 4)).for_each(|_| _ = worker.poll(&mut Own::default(), 64));
    }));
    depart(&rig, &interface);
    no_more(rig, threads);
}

/// The worker itself dispatches on the interface, between polls, and its own state refers to it.
pub(crate) fn own() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let mut worker = rig.worker();
    let mut own = Own::keeping(std::slice::from_ref(&interface));
    let (inside, named) = (rig.clone(), interface.clone());
    let polling = thread::spawn(move || {
        for number in 0..pick(2, 4) {
            let result = worker.with_ctx(|ctx| inside.dispatch(ctx, number, Some(&named)));
            assert!(matches!(result, Ok(()) | Err(Cause::Departed)), "{result:?}");
            worker.poll(&mut own, 64);
        }
        drop(own);
        drop(worker);
    });
    depart(&rig, &interface);
    polling.join().expect("no panic");
    assert_eq!(rig.resident(), 0, "packets of an interface that has gone");
    rig.finish();
}

/// The worker has seen packets of one type only, which it looks at first; then an interface departs, while another thread
/// dispatches on it. The next poll sees the order.
pub(crate) fn alone() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let mut worker = rig.worker();
    let mut own = Own::keeping(std::slice::from_ref(&interface));
    worker.with_ctx(|ctx| rig.dispatch(ctx, 0, None)).expect("room");
    assert_eq!(worker.poll(&mut own, 64).handled, 1);
    let threads = producers(&rig, &interface, pick(1, 3));
    let mut departure = outside(|ctx| rig.netisr.detach(ctx, interface.id)).expect("attached until now");
    worker.poll(&mut own, 64);
    assert!(own.keeps.is_empty(), "the order was not seen");
    while !departure.is_complete() {
        worker.poll(&mut own, 64);
        thread::yield_now();
    }
    interface.resource.tear_down();
    drop((own, worker));
    no_more(rig, threads);
}

/// Two interfaces depart at a time, and the worker's own state refers to both.
pub(crate) fn two() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interfaces = [rig.attach(), rig.attach()];
    let mut worker = rig.worker();
    let mut own = Own::keeping(&interfaces);
    worker.with_ctx(|ctx| {
        for (number, interface) in (0..).zip(&interfaces) {
            rig.dispatch(ctx, number, Some(interface)).expect("attached, with room");
        }
    });
    let controls = interfaces.clone().map(|interface| {
        let rig = rig.clone();
        thread::spawn(move || {
            let mut departure =
                outside(|ctx| rig.netisr.detach(ctx, interface.id)).expect("attached until now");
            // Asks but does not wait: two that wait for each other's turn have no end of interleavings.
            (0..pick(1, 4)).any(|_| departure.is_complete()).then(|| interface.resource.tear_down());
            departure
        })
    });
    (0..pick(1, 4)).for_each(|_| _ = worker.poll(&mut own, 1));
    let departures = controls.map(|control| control.join().expect("no panic"));
    worker.poll(&mut own, 0);
    for (mut departure, interface) in departures.into_iter().zip(interfaces) {
        assert!(departure.is_complete(), "{}", departure.holders());
        interface.resource.tear_down();
    }
    assert_eq!(rig.resident(), 0, "packets of interfaces that have gone");
    drop(own);
    drop(worker);
    rig.finish();
}

/// A producer with another interface stands before the departing one's packet on the ring: it has claimed its
/// place and not filled it. Under loom nobody polls, and the departure comes by in the worker's stead.
pub(crate) fn late_producer() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let (stays, goes) = (rig.attach(), rig.attach());
    let late = rig.clone();
    let producer = thread::spawn(move || {
        outside(|ctx| late.dispatch(ctx, 1, Some(&stays))).expect("attached, with room");
    });
    let worker = pick(None, Some(rig.clone())).map(|rig| {
        let mut worker = rig.worker();
        thread::spawn(move || (0..3).for_each(|_| _ = worker.poll(&mut Own::default(), 64)))
    });
    outside(|ctx| rig.dispatch(ctx, 2, Some(&goes))).expect("attached, with room");
    depart(&rig, &goes);
    producer.join().expect("no panic");
    worker.into_iter().for_each(|worker| worker.join().expect("no panic"));
    rig.finish();
}

/// Somebody outside the facility uses an interface under a pin, while it departs.
pub(crate) fn pinned() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    let users: Vec<_> = (0..pick(1, 2))
        .map(|_| {
            let (rig, interface) = (rig.clone(), interface.clone());
            thread::spawn(move || {
                if let Some(pin) = rig.netisr.pin(interface.id, "a user of the interface") {
                    interface.resource.use_it();
                    drop(pin);
                }
            })
        })
        .collect();
    depart(&rig, &interface);
    users.into_iter().for_each(|user| user.join().expect("no panic"));
    rig.finish();
}

/// The interface goes while its worker is between two owners: nobody polls it, then somebody does.
pub(crate) fn vacant() {
    let rig = Rig::new(Spec::new("test").limit(4));
    let interface = rig.attach();
    outside(|ctx| rig.dispatch(ctx, 1, Some(&interface))).expect("attached, with room");
    let polling = rig.clone();
    let worker = thread::spawn(move || {
        // The departure may hold it at this moment, to come by in its stead.
        if let Some(mut worker) = polling.netisr.worker(0) {
            (0..pick(1, 2)).for_each(|_| _ = worker.poll(&mut Own::default(), 64));
        }
    });
    depart(&rig, &interface);
    worker.join().expect("no panic");
    assert_eq!(rig.resident(), 0, "packets of an interface that has gone");
    rig.finish();
}
