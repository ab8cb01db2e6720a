//! Departures that nobody waits for, that somebody holds up, and that come in the middle of things.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Netisr;

use super::rig::Facility;
use super::rig::Frame;
use super::rig::Seen;
use super::rig::Spec;
use super::rig::outside;
use super::rig::poll;
use super::rig::register;
use super::rig::send;
use super::rig::send_own;
use super::rig::settled;

fn facility(interfaces: usize) -> Facility {
    Netisr::builder().interfaces(interfaces).build().unwrap()
}

#[test]
fn a_departure_that_is_dropped_completes_and_gives_its_slot_back_once() {
    let netisr = facility(1);
    let mut worker = settled(&netisr, 0);
    for _ in 0..3 {
        let id = netisr.attach().unwrap();
        let pin = netisr.pin(id, "the test").unwrap();
        drop(outside(|ctx| netisr.detach(ctx, id)).unwrap());
        assert!(netisr.attach().is_none(), "it is pinned");
        drop(pin);
        assert!(netisr.attach().is_none(), "the worker has not come by");
        poll(&mut worker, 0);
        let next = netisr.attach().expect("nothing holds the slot");
        assert!(netisr.attach().is_none(), "there is one slot only");
        let mut departure = outside(|ctx| netisr.detach(ctx, next)).unwrap();
        assert!(!departure.is_complete());
        poll(&mut worker, 0);
        assert!(departure.is_complete() && departure.is_complete());
        drop(departure);
    }
    assert!(netisr.attach().is_some());
    assert!(netisr.attach().is_none(), "a departure that was complete has given its slot back before");
}

#[test]
fn it_is_complete_when_the_last_pin_is_gone_and_the_last_worker_has_come_by() {
    let netisr = Netisr::<Frame, Seen>::builder().workers(2).build().unwrap();
    let (id, other) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let mut workers = [settled(&netisr, 0), settled(&netisr, 1)];
    let pins = [netisr.pin(id, "one").unwrap(), netisr.pin(id, "two").unwrap()];
    let _another = netisr.pin(other, "another's").unwrap();
    assert!(netisr.is_attached(id));
    let mut departure = outside(|ctx| netisr.detach(ctx, id)).unwrap();
    assert_eq!(departure.id(), id);
    assert!(!netisr.is_attached(id) && netisr.is_attached(other) && !netisr.is_attached(IfId::NONE));
    assert!(netisr.pin(id, "late").is_none() && netisr.pin(IfId::NONE, "nothing").is_none());
    workers.iter_mut().for_each(|worker| _ = poll(worker, 0));
    for (pin, (held, free)) in pins.into_iter().zip([("'one'", ""), ("'two'", "'one'")]) {
        let holders = departure.holders().to_string();
        assert!(!departure.is_complete());
        assert!(holders.contains(held) && (free.is_empty() || !holders.contains(free)), "{holders}");
        assert!(!holders.contains("another's") && !holders.contains("worker"), "{holders}");
        drop(pin);
    }
    for worker in &mut workers {
        assert!(!departure.is_complete());
        let holders = departure.holders();
        assert!(holders.to_string().contains(&format!("worker {}", worker.index())), "{holders}");
        poll(worker, 0);
    }
    assert!(departure.is_complete());
    assert_eq!(departure.holders().holders, [""; 0]);
}

#[test]
fn a_wait_takes_its_time_and_no_more() {
    let netisr = facility(2);
    let id = netisr.attach().unwrap();
    let pin = netisr.pin(id, "the test").unwrap();
    outside(|ctx| {
        let mut departure = netisr.detach(ctx, id).unwrap();
        let begun = std::time::Instant::now();
        assert!(departure.wait(ctx, Duration::from_millis(20)).is_err());
        assert!(begun.elapsed() >= Duration::from_millis(20));
        let freed = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(20));
            drop(pin);
        });
        assert!(departure.wait(ctx, Duration::from_secs(60)).is_ok());
        freed.join().unwrap();
        assert!(departure.wait(ctx, Duration::ZERO).is_ok(), "it is complete");
    });
}

#[test]
fn a_departure_in_the_middle_of_a_poll_is_seen_by_the_next_packet() {
    let netisr = facility(2);
    let (stays, goes) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let inside = netisr.clone();
    let departures = Arc::new(Mutex::new(Vec::new()));
    let kept = departures.clone();
    let kind = netisr
        .register(Spec::new("test"), move |ctx, seen: &mut Seen, frame: Frame, _id: IfId| {
            seen.0.push(frame.0);
            if frame.0 == 5 {
                kept.lock().unwrap().push(inside.detach(ctx, goes).unwrap());
            }
        })
        .unwrap();
    let mut worker = settled(&netisr, 0);
    // None of those that matter is timed, and each follows one of the same interface.
    for number in 1..=9 {
        send_own(&mut worker, &kind, number, if number == 8 { stays } else { goes }).unwrap();
    }
    assert_eq!(poll(&mut worker, 64).0, [1, 2, 3, 4, 5, 8]);
    let total = netisr.types()[0].total();
    assert_eq!((total.handled, total.departed, total.resident), (6, 3, 0));
    poll(&mut worker, 0);
    assert!(departures.lock().unwrap()[0].is_complete());
}

#[test]
fn an_interface_that_is_pinned_may_be_named() {
    let netisr = facility(2);
    let id = netisr.attach().unwrap();
    let kind = register(&netisr, Spec::new("test"));
    let mut worker = settled(&netisr, 0);
    let _pins: Vec<_> = (0..3).map(|_| netisr.pin(id, "the test").unwrap()).collect();
    for number in 0..3 {
        send(&kind, number, id).unwrap();
        send_own(&mut worker, &kind, 10 + number, id).unwrap();
    }
    assert_eq!(poll(&mut worker, 64).0, [0, 10, 1, 11, 2, 12]);
    let _departure = outside(|ctx| netisr.detach(ctx, id)).unwrap();
    assert_eq!(send(&kind, 9, id), Err(Cause::Departed));
    assert_eq!(send_own(&mut worker, &kind, 9, id), Err(Cause::Departed));
}
