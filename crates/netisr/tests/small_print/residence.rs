//! How long packets wait: which are timed, and what is told of them.

use std::time::Duration;

use siding_netisr::Histogram;
use siding_netisr::IfId;
use siding_netisr::Netisr;

use super::rig::Frame;
use super::rig::Hand;
use super::rig::Spec;
use super::rig::poll;
use super::rig::register;
use super::rig::send_own;
use super::rig::settled;

/// The residence times of packets that waited so long each, in nanoseconds, spread over two workers.
fn of(waits: &[u64]) -> Histogram {
    let clock = Hand::default();
    let netisr = Netisr::builder().workers(2).clock(clock.clone()).build().unwrap();
    let kind = register(&netisr, Spec::new("test").time_every(1));
    let mut workers = [settled(&netisr, 0), settled(&netisr, 1)];
    let mut now = 1;
    for (number, wait) in waits.iter().enumerate() {
        let worker = &mut workers[number % 2];
        send_own(worker, &kind, 0, IfId::NONE).unwrap();
        now += wait;
        clock.set(now);
        assert_eq!(poll(worker, 1).0.len(), 1);
    }
    let report = netisr.types().remove(0);
    let total = report.total().residence;
    assert_eq!(total.count(), report.workers.iter().map(|lane| lane.residence.count()).sum::<u64>());
    assert!(report.workers.iter().all(|lane| lane.residence.longest() <= total.longest()));
    total
}

fn at(histogram: &Histogram, percent: f64) -> u64 {
    histogram.percentile(percent).unwrap().as_nanos() as u64
}

#[test]
fn small_times_are_exact() {
    let waits = [0, 1, 2, 3, 4, 5, 6, 7, 7, 7];
    let histogram = of(&waits);
    assert_eq!(histogram.count(), 10);
    for (rank, wait) in waits.iter().enumerate() {
        assert_eq!(at(&histogram, 10.0 * rank as f64 + 1.0), *wait, "rank {rank}");
    }
    assert_eq!(at(&histogram, 100.0), 7);
    assert_eq!(histogram.longest(), Duration::from_nanos(7));
}

#[test]
fn large_times_are_at_most_a_quarter_too_long() {
    for wait in [8, 9, 63, 64, 65, 1_000, 999_999, 1 << 20, (1 << 40) - 1, 1 << 40, 1 << 61] {
        // Between a shorter one and a longer one, so that nothing but its own bucket answers for it.
        let histogram = of(&[0, wait, 3 * wait]);
        let read = at(&histogram, 50.0);
        assert!(read >= wait && read - wait <= wait / 4, "{wait} reads {read}");
        assert_eq!(at(&histogram, 1.0), 0);
        assert_eq!(at(&histogram, 99.0), 3 * wait, "never above the longest");
        assert_eq!(histogram.longest(), Duration::from_nanos(3 * wait));
    }
}

#[test]
fn nothing_timed_has_no_percentile() {
    let histogram = of(&[]);
    assert_eq!((histogram.count(), histogram.percentile(50.0)), (0, None));
    assert_eq!(histogram.longest(), Duration::ZERO);
    assert_eq!(of(&[u64::MAX - 1]).longest(), Duration::from_nanos(u64::MAX - 1));
}

#[test]
fn every_so_many_th_is_timed_and_the_oldest_tells_its_age() {
    let clock = Hand::default();
    clock.set(1_000);
    let netisr = Netisr::builder().clock(clock.clone()).build().unwrap();
    // Rounded up, to 4.
    let kind = register(&netisr, Spec::new("test").time_every(3));
    let mut worker = settled(&netisr, 0);
    let age = || netisr.types()[0].total().oldest_age;
    assert_eq!(age(), None);
    for number in 0..8 {
        send_own(&mut worker, &kind, number, IfId::NONE).unwrap();
        clock.set(1_000 + 10 * (u64::from(number) + 1));
    }
    assert_eq!(age(), Some(Duration::from_nanos(80)));
    assert_eq!(poll(&mut worker, 1).0, [0]);
    assert_eq!(age(), Some(Duration::from_nanos(40)), "number 4 came at 1,040");
    assert_eq!(poll(&mut worker, 4).0, [1, 2, 3, 4]);
    assert_eq!(age(), None);
    assert_eq!(poll(&mut worker, 64).0, [5, 6, 7]);
    assert_eq!(netisr.types()[0].total().residence.count(), 2);
}

#[test]
fn one_in_64_is_timed_unless_told() {
    let netisr = Netisr::builder().clock(Hand::default()).build().unwrap();
    let kind = register(&netisr, Spec::new("test"));
    let mut worker = settled(&netisr, 0);
    for number in 0..129 {
        send_own(&mut worker, &kind, number, IfId::NONE).unwrap();
        poll(&mut worker, 1);
    }
    assert_eq!(netisr.types()[0].total().residence.count(), 3);
}

/// Alone, in a batch, and whatever it names.
#[test]
fn each_is_timed_that_is_to_be() {
    let clock = Hand::default();
    let netisr = Netisr::builder().interfaces(2).clock(clock.clone()).build().unwrap();
    let kind = register(&netisr, Spec::new("test").time_every(1));
    let mut worker = settled(&netisr, 0);
    let mut now = 1;
    for (round, id) in (1..).zip([IfId::NONE, netisr.attach().unwrap(), netisr.attach().unwrap()]) {
        let mut batch: Vec<_> = (0..3).map(|number| Some((Frame(number), id))).collect();
        assert_eq!(worker.with_ctx(|ctx| kind.dispatch_batch(ctx, &mut batch)), 3);
        send_own(&mut worker, &kind, 3, id).unwrap();
        now += 7 * round;
        clock.set(now);
        assert_eq!(poll(&mut worker, 64).0, [0, 1, 2, 3]);
        let total = netisr.types()[0].total().residence;
        assert_eq!((total.count(), total.longest()), (4 * round, Duration::from_nanos(7 * round)));
    }
    assert_eq!(at(&netisr.types()[0].total().residence, 1.0), 7, "and none as if it had come before");
}
