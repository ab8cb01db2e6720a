//! What is counted, and how counts are summed.

use std::time::Duration;

use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::InterfaceReport;
use siding_netisr::LaneReport;
use siding_netisr::Netisr;
use siding_netisr::Overflow;
use siding_netisr::Pending;
use siding_netisr::Refusals;

use super::rig::Facility;
use super::rig::Spec;
use super::rig::outside;
use super::rig::poll;
use super::rig::register;
use super::rig::send;
use super::rig::send_own;
use super::rig::settled;

fn facility(workers: usize) -> Facility {
    Netisr::builder().workers(workers).interfaces(2).build().unwrap()
}

#[test]
fn a_total_is_the_sum_of_its_workers() {
    let netisr = facility(1);
    register(&netisr, Spec::new("test").limit(7));
    let mut report = netisr.types().remove(0);
    assert_eq!((report.name.as_str(), report.limit), ("test", 7));
    let lane = |by: u64| LaneReport {
        accepted: 3 * by,
        handled: 4 * by,
        departed: 5 * by,
        flushed: 6 * by,
        dropped_oldest: 7 * by,
        resident: 8 * by,
        reserved: 9 * by,
        high_water: 10 * by,
        oldest_age: Some(Duration::from_nanos(11 * by)),
        ..LaneReport::default()
    };
    report.workers = vec![lane(10), lane(1), lane(100)];
    let total = report.total();
    let mut sum = lane(111);
    // No sums of these: the highest of any.
    (sum.high_water, sum.oldest_age) = (1_000, Some(Duration::from_nanos(1_100)));
    sum.residence = total.residence.clone();
    assert_eq!(total, sum);
}

#[test]
fn every_fate_is_in_the_balance() {
    let even = LaneReport {
        accepted: 31,
        handled: 1,
        departed: 2,
        flushed: 4,
        dropped_oldest: 8,
        resident: 16,
        ..LaneReport::default()
    };
    assert!(even.is_conserved());
    assert!(LaneReport::default().is_conserved());
    // It counts modulo 2^47.
    let wrapped = LaneReport { handled: 1 + (1 << 47), ..even.clone() };
    assert!(wrapped.is_conserved());
    assert!(!LaneReport { handled: 1 + (1 << 46), ..even.clone() }.is_conserved());
    for (which, change) in [
        |lane: &mut LaneReport| lane.accepted += 1,
        |lane: &mut LaneReport| lane.handled += 1,
        |lane: &mut LaneReport| lane.departed -= 1,
        |lane: &mut LaneReport| lane.flushed += 1,
        |lane: &mut LaneReport| lane.dropped_oldest -= 1,
        |lane: &mut LaneReport| lane.resident += 1,
    ]
    .into_iter()
    .enumerate()
    {
        let mut odd = even.clone();
        change(&mut odd);
        assert!(!odd.is_conserved(), "change {which}");
    }
}

/// Has `worker` handle 3 + `more` packets of the interface, refuse 4 + `more`, and drop 5 + `more` for newer ones.
fn use_it(netisr: &Facility, worker: usize, kinds: &[super::rig::Kind; 2], id: IfId, more: u32) {
    let [narrow, fresh] = kinds;
    let mut worker = settled(netisr, worker);
    for number in 0..3 + more {
        send_own(&mut worker, narrow, number, id).unwrap();
        poll(&mut worker, 1);
    }
    send_own(&mut worker, narrow, 99, IfId::NONE).unwrap();
    for number in 0..4 + more {
        assert_eq!(send_own(&mut worker, narrow, number, id), Err(Cause::Full));
    }
    for number in 0..6 + more {
        send_own(&mut worker, fresh, number, id).unwrap();
    }
}

#[test]
fn an_interfaces_packets_are_counted_over_types_and_workers_and_for_it_alone() {
    let netisr = facility(2);
    let narrow = register(&netisr, Spec::new("narrow").limit(1));
    let fresh = register(&netisr, Spec::new("fresh").limit(1).overflow(Overflow::DropOldest));
    let kinds = [narrow, fresh];
    let (id, other) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    use_it(&netisr, 0, &kinds, id, 0);
    use_it(&netisr, 1, &kinds, id, 1);
    let report = netisr.interface(id);
    assert_eq!((report.handled, report.dropped_oldest, report.refused.of(Cause::Full)), (7, 11, 9));
    assert_eq!((report.departed, report.flushed, report.refused.total()), (0, 0, 9));
    // One packet waits at each worker.
    let mut leaving = outside(|ctx| netisr.unregister(ctx, &kinds[1], Pending::Flush)).unwrap();
    let mut zero = settled(&netisr, 0);
    assert_eq!(netisr.interface(id).flushed, 2, "the other worker is vacant: whoever unregisters comes by");
    let pin = netisr.pin(id, "the test").unwrap();
    send_own(&mut zero, &kinds[0], 1, id).unwrap_err();
    poll(&mut zero, 64);
    send_own(&mut zero, &kinds[0], 1, id).unwrap();
    let mut departure = outside(|ctx| netisr.detach(ctx, id)).unwrap();
    assert_eq!(send_own(&mut zero, &kinds[0], 2, id), Err(Cause::Departed));
    netisr.call_workers();
    poll(&mut zero, 64);
    let report = netisr.interface(id);
    assert_eq!((report.handled, report.departed), (7, 1));
    assert_eq!((report.refused.of(Cause::Departed), report.refused.of(Cause::Full)), (1, 10));
    assert_eq!(netisr.interface(other), InterfaceReport::default());
    drop(pin);
    assert!(!departure.is_complete(), "from here on the workers are asked");
    poll(&mut zero, 64);
    assert!(departure.is_complete());
    leaving.is_complete();
    let kept = netisr.interface(id);
    // The slot's next interface begins at zero, and what is out of date is not counted on it.
    let newcomer = netisr.attach().unwrap();
    assert_eq!(newcomer.slot(), id.slot());
    assert_eq!(netisr.interface(newcomer), InterfaceReport::default());
    assert_eq!(send(&kinds[0], 3, id), Err(Cause::Departed));
    assert_eq!(netisr.interface(newcomer), InterfaceReport::default());
    assert_eq!(netisr.interface(id), InterfaceReport::default(), "it was {kept:?}");
    netisr.check_conservation().unwrap();
}

#[test]
fn refusals_are_told_by_cause() {
    let netisr = facility(2);
    let kind = register(&netisr, Spec::new("test").limit(1).share(1));
    let (id, gone) = (netisr.attach().unwrap(), netisr.attach().unwrap());
    let _departure = outside(|ctx| netisr.detach(ctx, gone)).unwrap();
    for worker in 0..2 {
        let mut worker = settled(&netisr, worker);
        send_own(&mut worker, &kind, 0, id).unwrap();
        (0..2).for_each(|_| assert_eq!(send_own(&mut worker, &kind, 1, id), Err(Cause::Share)));
        (0..3).for_each(|_| assert_eq!(send_own(&mut worker, &kind, 1, IfId::NONE), Err(Cause::Full)));
        assert_eq!(send_own(&mut worker, &kind, 1, gone), Err(Cause::Departed));
        assert_eq!(worker.with_ctx(|ctx| kind.reserve(ctx, None)).unwrap_err(), Cause::Full);
    }
    let refused = netisr.types()[0].total().refused;
    assert_eq!(refused.total(), 14);
    let told: Vec<_> = refused.iter().filter(|(_, count)| *count > 0).collect();
    assert_eq!(told, [(Cause::Departed, 2), (Cause::Full, 8), (Cause::Share, 4)]);
    assert_eq!(refused.iter().count(), Cause::ALL.len());
    assert_eq!(Refusals::default().total(), 0);
}

#[test]
fn high_water_is_the_most_that_ever_waited() {
    let netisr = facility(1);
    let kinds = [Overflow::RefuseNewest, Overflow::DropOldest].map(|policy| {
        register(
            &netisr,
            Spec::new(if policy == Overflow::DropOldest { "b" } else { "a" }).limit(4).overflow(policy),
        )
    });
    let mut worker = settled(&netisr, 0);
    let marks = || netisr.types().iter().map(|kind| kind.total().high_water).collect::<Vec<_>>();
    assert_eq!(marks(), [0, 0]);
    for most in [1, 3, 2, 3] {
        for kind in &kinds {
            (0..most).for_each(|number| send_own(&mut worker, kind, number, IfId::NONE).unwrap());
        }
        while poll(&mut worker, 64).1 {}
    }
    assert_eq!(marks(), [3, 3]);
    for kind in &kinds {
        (0..6).for_each(|number| _ = send_own(&mut worker, kind, number, IfId::NONE));
    }
    assert_eq!(marks(), [4, 4]);
}
