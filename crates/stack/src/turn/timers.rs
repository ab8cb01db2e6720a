//! Who runs what was armed by whom.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_mbuf::Pool;
use siding_mbuf::PoolConfig;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::Wake;
use siding_wire::Mac;

use super::StackWorker;
use crate::Device;
use crate::InterfaceSpec;
use crate::Sent;
use crate::Stack;
use crate::StackConfig;
use crate::device::Unread;
use crate::stack::worker::Local;
use crate::timer::Due;

/// Says that a frame waits, however often it is asked.
#[derive(Default)]
struct Busy(u64);

/// Has nothing.
struct Idle;

impl Device for Busy {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
        self.0 += 1;
        Ok(0)
    }

    fn unread(&self) -> Option<Unread> {
        Some(Unread { taken: self.0, waiting: 1 })
    }

    fn transmit(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>) -> Sent {
        Sent::default()
    }
}

impl Device for Idle {
    fn receive(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>, _: usize) -> std::io::Result<usize> {
        Ok(0)
    }

    fn transmit(&mut self, _: &mut Cache, _: &mut Vec<Mbuf>) -> Sent {
        Sent::default()
    }
}

/// How often it was looked at.
#[derive(Debug, Clone, Default)]
struct Looks(Arc<AtomicUsize>);

impl Looks {
    fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Due<Local> for Looks {
    fn interface(&self) -> IfId {
        IfId::NONE
    }

    fn run(self: Box<Self>, _: &mut Ctx<'_, Unlocked>, _: &mut Local) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// How often the second worker was called.
#[derive(Default)]
struct Calls(AtomicUsize);

impl Wake for Calls {
    fn wake(&self, worker: usize) {
        self.0.fetch_add(worker, Ordering::Relaxed);
    }
}

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

/// Two workers: one with nothing to do, and one that never has time.
fn two() -> (Stack, [StackWorker; 2], Arc<Calls>) {
    let pool = Pool::new(PoolConfig::default()).expect("sizes in range");
    let mut config = StackConfig::new(pool, || at(1));
    let calls = Arc::new(Calls::default());
    config.workers = 2;
    config.wake = Some(calls.clone());
    let stack = Stack::new(config).expect("sizes in range");
    let mut workers = [0, 1].map(|index| stack.worker(index).expect("vacant"));
    let mut root = Root::new();
    let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
    stack
        .attach(
            &mut root.enter().expect("no other").ctx(),
            spec,
            vec![Box::new(Idle), Box::new(Busy::default())],
        )
        .expect("a free slot");
    for worker in &mut workers {
        while worker.turn(at(1)).handled > 0 {}
        assert!(worker.turn(at(1)).next > at(1000), "nothing else is due in what follows");
    }
    (stack, workers, calls)
}

fn arm(worker: &mut StackWorker, deadline: u64, looks: &Looks) {
    let StackWorker { worker, local, .. } = worker;
    worker.with_ctx(|ctx| local.timers().arm(ctx, at(deadline), looks.clone()));
}

#[test]
fn who_has_time_runs_what_others_have_armed_and_who_has_not_runs_its_own() {
    let (_stack, [mut idle, mut busy], _) = two();
    let looks = Looks::default();
    arm(&mut idle, 100, &looks);
    for _ in 0..4 {
        busy.turn(at(100));
        assert_eq!(looks.count(), 0, "another's, and there is something to read");
    }
    idle.turn(at(100));
    assert_eq!(looks.count(), 1, "all have read up to then");

    arm(&mut busy, 200, &looks);
    idle.turn(at(200));
    busy.turn(at(200));
    assert_eq!(looks.count(), 1, "what waited at its deadline has not been read");
    busy.turn(at(201));
    assert_eq!(looks.count(), 2, "its own, though it has no time");

    arm(&mut busy, 300, &looks);
    (0..3).for_each(|_| _ = busy.turn(at(300)));
    assert_eq!(looks.count(), 2, "another has not read up to then");
    assert_eq!(
        idle.turn(at(250)).next,
        at(300),
        "who may sleep sleeps no longer than until the first of all"
    );
    idle.turn(at(300));
    assert_eq!(looks.count(), 3, "the last to have read runs it");
}

#[test]
fn what_a_worker_leaves_is_run_by_others_who_are_called() {
    let (stack, [mut idle, mut busy], calls) = two();
    let looks = Looks::default();
    assert!(busy.prepare_sleep());
    let before = calls.0.load(Ordering::Relaxed);
    arm(&mut idle, 100, &looks);
    drop(idle);
    assert!(calls.0.load(Ordering::Relaxed) > before, "it sleeps until something else is due");
    busy.awake();
    (0..2).for_each(|_| _ = busy.turn(at(100)));
    assert_eq!(looks.count(), 1);

    // Whoever takes the seat takes what lies there, with his first turn.
    let mut again = stack.worker(0).expect("vacant again");
    arm(&mut again, 200, &looks);
    drop(again);
    let mut again = stack.worker(0).expect("vacant again");
    assert_eq!(again.turn(at(150)).timers, 0);
    (0..3).for_each(|_| _ = busy.turn(at(200)));
    assert_eq!(looks.count(), 1, "it is another's again");
    again.turn(at(200));
    assert_eq!(looks.count(), 2);
}

#[test]
fn what_lies_on_a_seat_is_everybodys_until_who_has_claimed_it_turns() {
    let (stack, [mut idle, mut busy], _) = two();
    let looks = Looks::default();
    arm(&mut idle, 100, &looks);
    drop(idle);
    let claimed = stack.worker(0).expect("vacant again");
    (0..2).for_each(|_| _ = busy.turn(at(100)));
    assert_eq!(looks.count(), 1, "who has claimed the seat may never turn");
    drop(claimed);
}
