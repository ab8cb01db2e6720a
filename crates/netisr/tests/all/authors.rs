//! What authors ask for besides: limits that change, workers that are chosen, hooks, traces, room that is waited for.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_netisr::Cause;
use siding_netisr::Ctx;
use siding_netisr::Fate;
use siding_netisr::IfId;
use siding_netisr::LimitError;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Overflow;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::Polled;
use siding_netisr::RegisterError;
use siding_netisr::Root;
use siding_netisr::Traced;
use siding_netisr::TypeSpec;
use siding_netisr::Unlocked;

struct Frame(u32);

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// What was handled here, and what the hooks were told.
#[derive(Default)]
struct Seen {
    numbers: Vec<u32>,
    drained: Vec<(String, usize)>,
    polled: Vec<Polled>,
}

impl Local for Seen {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}

    fn drained(&mut self, _ctx: &mut Ctx<'_, Unlocked>, name: &str, handled: usize) {
        self.drained.push((name.into(), handled));
    }

    fn polled(&mut self, _ctx: &mut Ctx<'_, Unlocked>, polled: Polled) {
        self.polled.push(polled);
    }
}

type Kind = PacketType<Frame, IfId, Seen>;
type Spec = TypeSpec<Frame, IfId>;

fn facility(workers: usize, spec: Spec) -> (Netisr<Frame, Seen>, Kind) {
    let netisr = Netisr::builder().workers(workers).interfaces(4).build().unwrap();
    let kind = register(&netisr, spec).unwrap();
    (netisr, kind)
}

fn register(netisr: &Netisr<Frame, Seen>, spec: Spec) -> Result<Kind, RegisterError> {
    netisr.register(spec, |_ctx, seen: &mut Seen, frame: Frame, _out: IfId| seen.numbers.push(frame.0))
}

fn outside<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    work(&mut Root::new().enter().unwrap().ctx())
}

fn send(kind: &Kind, number: u32) -> Result<(), Cause> {
    outside(|ctx| kind.dispatch(ctx, Frame(number), IfId::NONE)).map_err(|refused| refused.cause)
}

/// How many of `packets` are accepted.
fn accepted(kind: &Kind, packets: u32) -> usize {
    (0..packets).filter(|number| send(kind, *number).is_ok()).count()
}

fn poll(netisr: &Netisr<Frame, Seen>, worker: usize) -> Seen {
    let mut seen = Seen::default();
    netisr.worker(worker).unwrap().poll(&mut seen, 64);
    seen
}

#[test]
fn g8_a_limit_that_changes_is_exact() {
    let (netisr, kind) = facility(1, Spec::new("test").limit(3).limit_up_to(8));
    assert_eq!((kind.limit(), accepted(&kind, 9)), (3, 3));
    kind.set_limit(8).unwrap();
    assert_eq!((kind.limit(), accepted(&kind, 9)), (8, 5));
    // Lower than what waits: all of it stays, and nothing comes in until there is room below the limit.
    kind.set_limit(2).unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let mut seen = Seen::default();
    for _ in 0..6 {
        assert_eq!(accepted(&kind, 1), 0);
        worker.poll(&mut seen, 1);
    }
    assert_eq!(accepted(&kind, 1), 0, "two wait");
    worker.poll(&mut seen, 1);
    assert_eq!(accepted(&kind, 2), 1);
    let report = netisr.types()[0].clone();
    assert_eq!((report.limit, report.total().resident, report.total().high_water), (2, 2, 8));
    assert_eq!(report.total().reserved, 0, "what is held back is no permit");
    netisr.check_conservation().unwrap();
}

#[test]
fn g8_permits_stay_good_under_a_lower_limit() {
    let (netisr, kind) = facility(1, Spec::new("test").limit(4).limit_up_to(4));
    let permits: Vec<_> = (0..3).map(|_| outside(|ctx| kind.reserve(ctx, None)).unwrap()).collect();
    kind.set_limit(1).unwrap();
    assert_eq!(netisr.types()[0].total().reserved, 3);
    assert_eq!(accepted(&kind, 1), 0);
    for permit in permits {
        outside(|ctx| permit.dispatch(ctx, Frame(7), IfId::NONE)).unwrap();
    }
    assert_eq!(poll(&netisr, 0).numbers, [7, 7, 7]);
    assert_eq!((accepted(&kind, 2), netisr.types()[0].total().reserved), (1, 0));
}

#[test]
fn g8_under_a_lower_limit_as_many_of_the_oldest_go_as_it_takes() {
    let spec = Spec::new("test").limit(6).limit_up_to(6).overflow(Overflow::DropOldest);
    let (netisr, kind) = facility(1, spec);
    assert_eq!(accepted(&kind, 6), 6);
    kind.set_limit(2).unwrap();
    send(&kind, 9).unwrap();
    let total = netisr.types()[0].total();
    assert_eq!((total.resident, total.dropped_oldest), (2, 5));
    assert_eq!(poll(&netisr, 0).numbers, [5, 9]);
}

/// No room can come of dropping: what waits is left alone.
#[test]
fn g8_where_permits_take_up_the_limit_nothing_is_dropped_in_vain() {
    let spec = Spec::new("test").limit(8).limit_up_to(8).overflow(Overflow::DropOldest);
    let (netisr, kind) = facility(1, spec);
    let permits: Vec<_> = (0..3).map(|_| outside(|ctx| kind.reserve(ctx, None)).unwrap()).collect();
    assert_eq!(accepted(&kind, 5), 5);
    for limit in [3, 2] {
        kind.set_limit(limit).unwrap();
        assert_eq!(send(&kind, 9), Err(Cause::Full));
    }
    let total = netisr.types()[0].total();
    assert_eq!((total.resident, total.dropped_oldest), (5, 0));
    // One place more than the permits: all but the newcomer make room.
    kind.set_limit(4).unwrap();
    assert_eq!(send(&kind, 9), Ok(()));
    let total = netisr.types()[0].total();
    assert_eq!((total.resident, total.dropped_oldest), (1, 5));
    drop(permits);
    assert_eq!(poll(&netisr, 0).numbers, [9]);
}

/// A permit that needs room at each worker takes none while one of them has none.
#[test]
fn g8_who_waits_for_room_at_all_workers_takes_none_meanwhile() {
    let (netisr, kind) =
        facility(3, Spec::new("test").limit(1).choose_worker(|frame, _out| frame.0 as usize));
    send(&kind, 2).unwrap();
    let outcome = outside(|ctx| kind.reserve_within(ctx, None, Duration::from_millis(2)).map(drop));
    assert_eq!(outcome, Err(Cause::Full));
    assert_eq!(outside(|ctx| kind.reserve(ctx, None).map(drop)), Err(Cause::Full));
    let report = &netisr.types()[0];
    let high_water: Vec<_> = report.workers.iter().map(|lane| lane.high_water).collect();
    assert_eq!(high_water, [0, 0, 1], "room was taken that came to nothing");
    assert_eq!(report.workers[2].refused.of(Cause::Full), 2);
    poll(&netisr, 2);
    let permit = outside(|ctx| kind.reserve(ctx, None)).unwrap();
    assert_eq!(netisr.types()[0].total().reserved, 3);
    drop(permit);
    // Closed, it is said to be closed, and not full.
    let leaving = outside(|ctx| netisr.unregister(ctx, &kind, Pending::Drain)).unwrap();
    assert_eq!(outside(|ctx| kind.reserve(ctx, None).map(drop)), Err(Cause::Closed));
    drop(leaving);
}

#[test]
fn g6_room_that_is_held_back_does_not_keep_a_type() {
    let (netisr, kind) = facility(1, Spec::new("test").limit(1).limit_up_to(4));
    let mut leaving = outside(|ctx| netisr.unregister(ctx, &kind, Pending::Drain)).unwrap();
    assert!(leaving.is_complete(), "{}", leaving.holders());
}

#[test]
fn limits_say_what_is_wrong_with_them() {
    let (netisr, kind) = facility(2, Spec::new("fixed"));
    assert_eq!(kind.set_limit(1), Err(LimitError::Fixed));
    let changes = register(&netisr, Spec::new("changes").limit_up_to(300)).unwrap();
    for wrong in [0, 301] {
        assert_eq!(changes.set_limit(wrong), Err(LimitError::OutOfRange(wrong, 300)));
    }
    assert!(LimitError::OutOfRange(0, 300).to_string().contains("1 to 300"));
    assert!(LimitError::Fixed.to_string().contains("limit_up_to"));
    let wrong = register(&netisr, Spec::new("large").limit_up_to(16_385));
    assert_eq!(wrong.map(drop), Err(RegisterError::LimitTooLarge(16_385)));
    let wrong = register(&netisr, Spec::new("nowhere").at_worker(2));
    assert_eq!(wrong.map(drop), Err(RegisterError::NoSuchWorker { worker: 2, workers: 2 }));
}

#[test]
fn a_worker_is_chosen_by_number_and_by_a_closure_with_state() {
    let (netisr, kind) = facility(3, Spec::new("at").at_worker(2));
    let table = Arc::new(AtomicUsize::new(1));
    let choice = table.clone();
    let spec =
        Spec::new("chosen").choose_worker(move |frame, _| choice.load(Ordering::Relaxed) + frame.0 as usize);
    let chosen = register(&netisr, spec).unwrap();
    send(&kind, 1).unwrap();
    let permit = outside(|ctx| kind.reserve(ctx, None)).unwrap();
    assert_eq!(netisr.types()[0].workers.iter().map(|lane| lane.reserved).collect::<Vec<_>>(), [0, 0, 1]);
    netisr.worker(0).unwrap().with_ctx(|ctx| permit.dispatch(ctx, Frame(2), IfId::NONE)).unwrap();
    send(&chosen, 10).unwrap(); // 11 modulo 3
    table.store(0, Ordering::Relaxed);
    send(&chosen, 10).unwrap();
    let permit = outside(|ctx| chosen.reserve(ctx, Some(10))).unwrap();
    let other = outside(|ctx| permit.dispatch(ctx, Frame(11), IfId::NONE));
    assert_eq!(other.unwrap_err().cause, Cause::OtherFlow);
    let permit = outside(|ctx| chosen.reserve(ctx, Some(10))).unwrap();
    outside(|ctx| permit.dispatch(ctx, Frame(10), IfId::NONE)).unwrap();
    assert_eq!(poll(&netisr, 2).numbers, [1, 2, 10]);
    assert_eq!(poll(&netisr, 1).numbers, [10, 10]);
}

#[test]
fn hooks_are_told_after_a_drain_and_after_a_poll() {
    let (netisr, kind) = facility(1, Spec::new("one"));
    let other = register(&netisr, Spec::new("other")).unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let mut seen = Seen::default();
    worker.poll(&mut seen, 64);
    assert!(seen.polled.is_empty(), "nothing was handled");
    (0..3).for_each(|number| send(&kind, number).unwrap());
    send(&other, 9).unwrap();
    worker.poll(&mut seen, 64);
    let mut drained = std::mem::take(&mut seen.drained);
    drained.sort();
    assert_eq!(drained, [("one".to_string(), 3), ("other".to_string(), 1)]);
    assert_eq!(seen.polled, [Polled { handled: 4, more: false }]);
    send(&kind, 1).unwrap();
    worker.poll(&mut seen, 1);
    assert_eq!(seen.polled.len(), 2);
}

#[test]
fn a_trace_sees_each_fate() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (noted, dropped) = (seen.clone(), Arc::new(AtomicUsize::new(0)));
    let counted = dropped.clone();
    let spec = Spec::new("test")
        .limit(2)
        .trace(move |what, frame: &Frame, _| noted.lock().unwrap().push((what, frame.0)))
        .on_drop(move |_, _, _| _ = counted.fetch_add(1, Ordering::Relaxed));
    let (netisr, kind) = facility(1, spec);
    let em0 = netisr.attach().unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let mut local = Seen::default();
    send(&kind, 1).unwrap();
    outside(|ctx| kind.dispatch(ctx, Frame(2), em0)).unwrap();
    assert_eq!(send(&kind, 3), Err(Cause::Full));
    assert_eq!(*seen.lock().unwrap(), [(Traced::Refused(Cause::Full), 3)]);
    let _departure = worker.with_ctx(|ctx| netisr.detach(ctx, em0)).unwrap();
    worker.poll(&mut local, 64);
    send(&kind, 4).unwrap();
    let _leaving = worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, Pending::Flush)).unwrap();
    worker.poll(&mut local, 64);
    let expected = [
        (Traced::Refused(Cause::Full), 3),
        (Traced::Dropped(Fate::Departed), 2),
        (Traced::Handled, 1),
        (Traced::Dropped(Fate::Flushed), 4),
    ];
    assert_eq!(*seen.lock().unwrap(), expected);
    assert_eq!(
        (local.numbers, dropped.load(Ordering::Relaxed)),
        (vec![1], 2),
        "hook and handler have theirs"
    );
}

#[test]
fn room_is_waited_for() {
    let (netisr, kind) = facility(1, Spec::new("test").limit(1));
    send(&kind, 1).unwrap();
    let short = Duration::from_millis(5);
    assert_eq!(outside(|ctx| kind.reserve_within(ctx, None, short)).map(drop), Err(Cause::Full));
    assert_eq!(netisr.types()[0].total().refused.of(Cause::Full), 1, "however often it was tried");
    let mut worker = netisr.worker(0).unwrap();
    let own = worker.with_ctx(|ctx| kind.reserve_within(ctx, None, Duration::from_secs(600)));
    assert_eq!(own.map(drop), Err(Cause::Full), "who makes room does not wait for it");
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| outside(|ctx| kind.reserve_within(ctx, None, Duration::from_secs(600))));
        std::thread::sleep(short);
        worker.poll(&mut Seen::default(), 64);
        assert!(waits.join().unwrap().is_ok());
    });
}

#[test]
fn counters_are_read_as_differences() {
    let (netisr, kind) = facility(1, Spec::new("test").limit(4).time_every(1));
    let (em0, mut worker) = (netisr.attach().unwrap(), netisr.worker(0).unwrap());
    let mut round = |packets: u32| {
        for number in 0..packets {
            _ = worker.with_ctx(|ctx| kind.dispatch(ctx, Frame(number), em0));
        }
        worker.poll(&mut Seen::default(), 64);
        (netisr.types()[0].clone(), netisr.worker_reports()[0], netisr.interface(em0))
    };
    // Often enough for the positions to come round.
    let mut before = round(1);
    for _ in 0..40 {
        let now = round(6);
        let lane = now.0.since(&before.0).total();
        assert_eq!((lane.accepted, lane.handled, lane.refused.of(Cause::Full)), (4, 4, 2));
        assert_eq!((lane.residence.count(), now.1.since(&before.1).polls), (4, 1));
        let interface = now.2.since(&before.2);
        assert_eq!((interface.handled, interface.refused.total()), (4, 2));
        before = now;
    }
}
