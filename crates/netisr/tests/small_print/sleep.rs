//! Who is woken, how often, and who may sleep.

use std::sync::Arc;

use siding_netisr::IfId;
use siding_netisr::Netisr;
use siding_netisr::WorkerReport;

use super::rig::Bell;
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

fn facility() -> (Facility, Arc<Bell>) {
    let bell = Arc::new(Bell::default());
    let netisr = Netisr::builder().workers(2).interfaces(4).wake(bell.clone()).build().unwrap();
    (netisr, bell)
}

#[test]
fn a_packet_wakes_its_sleeper_once() {
    let (netisr, bell) = facility();
    let kinds: Vec<_> =
        ["one", "two", "three"].iter().map(|name| register(&netisr, Spec::new(name))).collect();
    let mut worker = settled(&netisr, 0);
    let mut other = settled(&netisr, 1);
    assert_eq!(bell.rung(), [0; 0], "nobody slept");
    for kind in &kinds {
        assert!(worker.prepare_sleep() && other.prepare_sleep());
        assert!(netisr.worker_reports().iter().all(|report| report.sleeping));
        send(kind, 1, IfId::NONE).unwrap();
        assert_eq!(bell.rung(), [0]);
        send(kind, 2, IfId::NONE).unwrap();
        assert_eq!(bell.rung(), [0; 0], "it is on its way");
        worker.awake();
        other.awake();
        assert!(netisr.worker_reports().iter().all(|report| !report.sleeping));
        assert!(!worker.prepare_sleep(), "two packets wait");
        assert!(other.prepare_sleep());
        other.awake();
        assert_eq!(poll(&mut worker, 64), (vec![1, 2], false));
        assert_eq!(poll(&mut other, 64), (vec![], false));
    }
    assert_eq!(poll(&mut worker, 64), (vec![], false));
}

#[test]
fn an_order_wakes_every_sleeper_once_and_nobody_else() {
    let (netisr, bell) = facility();
    let mut worker = settled(&netisr, 0);
    let _other = settled(&netisr, 1);
    netisr.call_workers();
    assert_eq!(bell.rung(), [0; 0], "both are awake");
    assert!(!worker.prepare_sleep(), "there are orders");
    poll(&mut worker, 0);
    assert!(worker.prepare_sleep());
    netisr.call_workers();
    netisr.call_workers();
    assert_eq!(bell.rung(), [0]);
    worker.awake();
    poll(&mut worker, 0);
    assert!(worker.prepare_sleep());
    let id = netisr.attach().unwrap();
    assert_eq!(bell.rung(), [0; 0], "an interface that comes concerns nobody yet");
    let departure = outside(|ctx| netisr.detach(ctx, id).unwrap());
    assert_eq!(bell.rung(), [0], "one that goes does");
    drop(departure);
}

#[test]
fn a_departure_wakes_nobody_while_it_waits_for_a_pin() {
    let (netisr, bell) = facility();
    let mut workers = [settled(&netisr, 0), settled(&netisr, 1)];
    for (asked, late) in [(true, false), (false, false), (false, true)] {
        let id = netisr.attach().unwrap();
        let pin = netisr.pin(id, "the test").unwrap();
        assert!(workers.iter_mut().all(|worker| worker.prepare_sleep()));
        let mut departure = Some(outside(|ctx| netisr.detach(ctx, id)).unwrap());
        assert_eq!(bell.rung(), [0; 0], "they could do nothing");
        if late {
            departure = None;
            assert_eq!(bell.rung(), [0; 0], "they still could not");
        }
        drop(pin);
        if !late {
            assert_eq!(bell.rung(), [0; 0], "somebody asks after it");
        }
        // Who asks, or asks no more, has the workers called; and where nobody asks, the last pin does.
        if asked {
            departure.as_mut().map(|departure| departure.is_complete());
        }
        drop(departure);
        assert_eq!(bell.rung(), [0, 1], "asked {asked}, late {late}");
        for worker in &mut workers {
            worker.awake();
            while !worker.prepare_sleep() {
                poll(worker, 0);
            }
            worker.awake();
        }
        bell.rung();
    }
}

#[test]
fn pins_that_come_and_go_wake_nobody() {
    let (netisr, bell) = facility();
    let mut worker = settled(&netisr, 0);
    assert!(worker.prepare_sleep());
    let id = netisr.attach().unwrap();
    (0..3).for_each(|_| drop(netisr.pin(id, "the test").unwrap()));
    assert_eq!(bell.rung(), [0; 0]);
}

/// At each poll, also at those that let lanes rest.
#[test]
fn an_order_that_comes_in_the_middle_of_a_poll_is_carried_out_by_the_next() {
    let netisr: Facility = Netisr::builder().interfaces(2).build().unwrap();
    let inside = netisr.clone();
    let kind = netisr
        .register(Spec::new("test"), move |_ctx, _: &mut Seen, _: Frame, _: IfId| inside.call_workers())
        .unwrap();
    let _quiet = register(&netisr, Spec::new("quiet"));
    let mut worker = settled(&netisr, 0);
    for number in 0..200 {
        send(&kind, number, IfId::NONE).unwrap();
        assert_eq!(worker.poll(&mut Seen::default(), 64).handled, 1);
        assert!(!worker.prepare_sleep(), "poll {number}: there is an order");
        worker.awake();
    }
}

#[test]
fn a_workers_own_packet_wakes_nobody_and_keeps_it_awake() {
    let (netisr, bell) = facility();
    let kinds: Vec<_> = ["one", "two"].iter().map(|name| register(&netisr, Spec::new(name))).collect();
    let mut worker = settled(&netisr, 1);
    for round in 0..3 {
        for kind in &kinds {
            assert!(worker.prepare_sleep());
            worker.awake();
            send_own(&mut worker, kind, round, IfId::NONE).unwrap();
            assert!(!worker.prepare_sleep());
            assert_eq!(poll(&mut worker, 64), (vec![round], false));
        }
    }
    assert_eq!(bell.rung(), [0; 0]);
}

#[test]
fn workers_are_reported() {
    let (netisr, _bell) = facility();
    let kind = register(&netisr, Spec::new("test"));
    let fresh = WorkerReport::default();
    assert_eq!(netisr.worker_reports(), [fresh, fresh]);
    let mut worker = netisr.worker(0).unwrap();
    assert!(netisr.worker(0).is_none(), "taken");
    assert!(netisr.worker(2).is_none(), "there is none");
    (0..3).for_each(|_| _ = poll(&mut worker, 64));
    (0..2).for_each(|_| {
        assert!(worker.prepare_sleep());
        send(&kind, 1, IfId::NONE).unwrap();
        worker.awake();
        poll(&mut worker, 64);
    });
    assert!(worker.prepare_sleep());
    let busy = WorkerReport { polls: 5, sleeps: 3, wakeups: 2, sleeping: true, claimed: true, ..fresh };
    assert_eq!(netisr.worker_reports(), [busy, fresh]);
    // One that is gone does not sleep.
    drop(worker);
    assert_eq!(netisr.worker_reports()[0], WorkerReport { sleeping: false, claimed: false, ..busy });
    assert!(netisr.worker(0).is_some());
}
