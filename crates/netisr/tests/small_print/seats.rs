//! Whose token it is decides where a packet goes.

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Netisr;

use super::rig::Facility;
use super::rig::Frame;
use super::rig::Spec;
use super::rig::outside;
use super::rig::poll;
use super::rig::register;
use super::rig::send;
use super::rig::send_own;
use super::rig::settled;

fn facility(workers: usize) -> Facility {
    Netisr::builder().workers(workers).interfaces(4).build().unwrap()
}

#[test]
fn a_workers_own_packets_stay_with_it() {
    // So that our seats are not the first of the process.
    let _before = facility(3);
    let netisr = facility(4);
    let _after = facility(3);
    let kind = register(&netisr, Spec::new("test"));
    let mut workers: Vec<_> = (0..4).map(|index| settled(&netisr, index)).collect();
    for (number, worker) in (0..).zip(&mut workers) {
        assert_eq!(worker.index(), number as usize);
        send_own(worker, &kind, number, IfId::NONE).unwrap();
    }
    for (number, worker) in (0..).zip(&mut workers) {
        assert_eq!(poll(worker, 64), (vec![number], false));
    }
}

#[test]
fn another_facilitys_worker_is_a_stranger() {
    let (before, netisr, after) = (facility(2), facility(2), facility(2));
    let kind = register(&netisr, Spec::new("test"));
    let mut zero = settled(&netisr, 0);
    let mut one = settled(&netisr, 1);
    // Worker 1 of the one before has the seat before ours, worker 0 of the one after the seat behind ours.
    for (other, index) in [(&before, 1), (&after, 0), (&after, 1), (&before, 0)] {
        send_own(&mut other.worker(index).unwrap(), &kind, 7, IfId::NONE).unwrap();
        let to_zero = poll(&mut zero, 64).0.len();
        let to_one = poll(&mut one, 64).0.len();
        assert_eq!((to_zero, to_one), (1, 0), "no interface: what strangers send goes to worker 0");
    }
}

#[test]
fn what_strangers_send_is_spread_by_interface_and_by_key() {
    let netisr = facility(4);
    let by_interface = register(&netisr, Spec::new("by interface"));
    let by_key = register(&netisr, Spec::new("by key").limit(1_000).flow_key(|frame, _| u64::from(frame.0)));
    let ids: Vec<_> = (0..4).map(|_| netisr.attach().unwrap()).collect();
    let mut workers: Vec<_> = (0..4).map(|index| settled(&netisr, index)).collect();
    for (number, id) in (0..).zip(&ids) {
        (0..2).for_each(|_| send(&by_interface, number, *id).unwrap());
    }
    let handled: Vec<_> = workers.iter_mut().map(|worker| poll(worker, 64).0).collect();
    assert!(handled.iter().filter(|numbers| !numbers.is_empty()).count() >= 3, "{handled:?}");
    for numbers in handled {
        assert!(numbers.chunks(2).all(|pair| pair[0] == pair[1]), "one interface, one worker: {numbers:?}");
    }
    for number in 0..400 {
        // A permit of the same key is of the same worker.
        workers[0].with_ctx(|ctx| {
            by_key.dispatch(ctx, Frame(number), IfId::NONE).unwrap();
            let permit = by_key.reserve(ctx, Some(u64::from(number))).unwrap();
            permit.dispatch(ctx, Frame(number), IfId::NONE).unwrap();
        });
    }
    for worker in &mut workers {
        let numbers: Vec<_> = (0..10).flat_map(|_| poll(worker, 64).0).collect();
        assert!((150..250).contains(&numbers.len()), "{} of 800", numbers.len());
        assert!(numbers.chunks(2).all(|pair| pair[0] == pair[1]), "{numbers:?}");
    }
}

#[test]
fn a_permit_is_for_its_flow_and_not_for_another_of_the_same_worker() {
    let netisr = facility(1);
    let kind = register(&netisr, Spec::new("test").flow_key(|frame, _| u64::from(frame.0)));
    let mut worker = settled(&netisr, 0);
    outside(|ctx| {
        let permit = kind.reserve(ctx, Some(7)).unwrap();
        let refused = permit.dispatch(ctx, Frame(8), IfId::NONE).unwrap_err();
        assert_eq!((refused.packet.0, refused.cause), (8, Cause::OtherFlow));
        kind.reserve(ctx, Some(9)).unwrap().dispatch(ctx, Frame(9), IfId::NONE).unwrap();
    });
    assert_eq!(poll(&mut worker, 64).0, [9]);
}
