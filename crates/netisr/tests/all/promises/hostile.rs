//! Programs of the worst embedders: what they do to themselves stays with them.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use siding_lockorder::Root;
use siding_netisr::Cause;
use siding_netisr::Clock;
use siding_netisr::Departure;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::Local;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::Overflow;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;
use siding_netisr::threads::ParkWake;
use siding_netisr::threads::Threads;
use siding_netisr::threads::run;

type Work = Box<dyn FnOnce() + Send>;

/// A packet that does something when it is dropped, with whatever token it can get.
struct Bomb(Option<Work>);

impl Packet for Bomb {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

impl Drop for Bomb {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|work| work());
    }
}

impl Bomb {
    fn new(work: impl FnOnce() + Send + 'static) -> Bomb {
        Bomb(Some(Box::new(work)))
    }

    fn dud() -> Bomb {
        Bomb(None)
    }
}

type Kind = PacketType<Bomb, IfId>;

/// What a drop was able to do: each call that came back.
type Done = Arc<AtomicUsize>;

fn count(done: &Done) {
    done.fetch_add(1, SeqCst);
}

fn facility(workers: usize) -> Netisr<Bomb> {
    Netisr::builder().workers(workers).interfaces(4).build().unwrap()
}

fn sink(netisr: &Netisr<Bomb>, name: &str) -> Kind {
    netisr.register(TypeSpec::new(name).limit(4), |_ctx, _: &mut (), _, _: IfId| {}).unwrap()
}

fn send(worker: &mut Worker<Bomb>, kind: &Kind, packet: Bomb, id: IfId) -> Result<(), Cause> {
    worker.with_ctx(|ctx| kind.dispatch(ctx, packet, id)).map_err(|refused| refused.cause)
}

/// Polls until there is nothing to do, and looks whether all adds up.
fn settle(netisr: &Netisr<Bomb>, worker: &mut Worker<Bomb>) {
    settle_one(worker);
    netisr.check_conservation().unwrap();
    assert_eq!(netisr.types().iter().map(|kind| kind.total().resident).sum::<u64>(), 0);
}

/// Dispatch, detach, attach, register and unregister, all from the drop of a packet that departs, is flushed, is
/// handled, or makes room.
#[test]
fn a_drop_comes_back_into_the_facility() {
    let done = Done::default();
    for way in 0..4 {
        let netisr = facility(1);
        let spec = TypeSpec::new("bombs").limit(1).overflow(Overflow::DropOldest);
        let kind = netisr.register(spec, |_ctx, _: &mut (), _, _: IfId| {}).unwrap();
        let other = sink(&netisr, "others");
        let (goes, stays) = (netisr.attach().unwrap(), netisr.attach().unwrap());
        let mut worker = netisr.worker(0).unwrap();
        settle(&netisr, &mut worker);
        let (inner, target, told) = (netisr.clone(), other.clone(), done.clone());
        let bomb = Bomb::new(move || {
            // In a sweep there may be no other token on this thread, in a handler there is.
            let mut root = Root::new();
            let entered = root.enter();
            inner.call_workers();
            let fresh = inner.attach().unwrap();
            let name = format!("born {way}");
            let born = inner.register(TypeSpec::new(&name), |_ctx, _: &mut (), _, _: IfId| {}).unwrap();
            if let Ok(mut entered) = entered {
                let ctx = entered.ctx();
                target.dispatch(&ctx, Bomb::dud(), stays).map_err(|refused| refused.cause).unwrap();
                drop(inner.detach(&ctx, fresh));
                drop(inner.unregister(&ctx, &born, Pending::Flush));
            }
            assert!(inner.worker(0).is_none(), "its worker is held");
            count(&told);
        });
        send(&mut worker, &kind, bomb, goes).unwrap();
        let mut departure = None;
        match way {
            0 => departure = Some(worker.with_ctx(|ctx| netisr.detach(ctx, goes)).unwrap()),
            1 => drop(worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, Pending::Flush))),
            2 => {}
            _ => send(&mut worker, &kind, Bomb::dud(), stays).unwrap(),
        }
        settle(&netisr, &mut worker);
        assert!(departure.as_mut().is_none_or(Departure::is_complete));
        assert_eq!(done.load(SeqCst), way + 1);
        assert!(netisr.attach().is_some());
    }
}

/// From the drop of a packet, and from a handler: the worker of another facility is polled. Where that is refused, it
/// is as if it had not been asked for.
#[test]
fn another_worker_is_polled_within() {
    let (netisr, elsewhere) = (facility(1), facility(1));
    let their_kind = sink(&elsewhere, "theirs");
    let theirs = Arc::new(Mutex::new(elsewhere.worker(0).unwrap()));
    let poll = {
        let theirs = theirs.clone();
        move || {
            let poll = || theirs.lock().unwrap_or_else(PoisonError::into_inner).poll(&mut (), 64);
            let polled = catch_unwind(AssertUnwindSafe(poll));
            polled.map_or(0, |polled| polled.handled)
        }
    };
    let kind = {
        let poll = poll.clone();
        netisr
            .register(TypeSpec::new("ours"), move |_ctx, _: &mut (), _, _: IfId| {
                assert_eq!(poll(), 0, "in a handler");
            })
            .unwrap()
    };
    let mut worker = netisr.worker(0).unwrap();
    let goes = netisr.attach().unwrap();
    send(&mut theirs.lock().unwrap(), &their_kind, Bomb::dud(), IfId::NONE).unwrap();
    send(&mut worker, &kind, Bomb::dud(), IfId::NONE).unwrap();
    send(&mut worker, &kind, Bomb::new(move || _ = poll()), goes).unwrap();
    let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, goes)).unwrap();
    settle(&netisr, &mut worker);
    assert!(departure.is_complete());
    let mut theirs = theirs.lock().unwrap_or_else(PoisonError::into_inner);
    settle(&elsewhere, &mut theirs);
    assert_eq!(elsewhere.types()[0].total().handled, 1);
}

/// A handler stops the threads that it runs on and starts others, which find its worker taken.
#[test]
fn a_handler_stops_its_threads_and_starts_others() {
    let wake = ParkWake::new(2);
    let netisr = Netisr::<Bomb>::builder().workers(2).wake(wake.clone()).build().unwrap();
    let threads: Arc<Mutex<Vec<Threads>>> = Arc::default();
    let done = Done::default();
    let kind = {
        let (threads, inner, wake, done) = (threads.clone(), netisr.clone(), wake.clone(), done.clone());
        netisr
            .register(TypeSpec::new("restart"), move |_ctx, _: &mut (), _, _: IfId| {
                let mut threads = threads.lock().unwrap_or_else(PoisonError::into_inner);
                let old = std::mem::take(&mut *threads);
                assert!(old.into_iter().all(|threads| threads.stop().is_ok()));
                threads.push(run(&inner, &wake, |_| ()));
                count(&done);
            })
            .unwrap()
    };
    threads.lock().unwrap().push(run(&netisr, &wake, |_| ()));
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    for turn in 1..=6 {
        kind.dispatch(&entered.ctx(), Bomb::dud(), IfId::NONE).map_err(|refused| refused.cause).unwrap();
        let begun = std::time::Instant::now();
        while done.load(SeqCst) < turn {
            assert!(begun.elapsed() < Duration::from_secs(10), "turn {turn}: nobody serves the packet");
            // Whose thread was stopped is not served until somebody does.
            let more = run(&netisr, &wake, |_| ());
            threads.lock().unwrap_or_else(PoisonError::into_inner).push(more);
            std::thread::sleep(Duration::from_millis(2));
        }
    }
    let last = std::mem::take(&mut *threads.lock().unwrap());
    assert!(last.into_iter().all(|threads| threads.stop().is_ok()));
    drop(netisr.unregister(&entered.ctx(), &kind, Pending::Flush).unwrap());
    netisr.check_conservation().unwrap();
}

/// Permits that are used when their type is being unregistered, is gone, or has no facility any more; and with the
/// token of another facility's worker.
#[test]
fn permits_are_used_when_all_is_over() {
    let (netisr, elsewhere) = (facility(1), facility(1));
    let kind = sink(&netisr, "permits");
    let mut stranger = elsewhere.worker(0).unwrap();
    let live = Arc::new(());
    let alive = || {
        let live = live.clone();
        Bomb::new(move || drop(live))
    };
    let mut permits: Vec<_> =
        (0..4).map(|_| stranger.with_ctx(|ctx| kind.reserve(ctx, None)).unwrap()).collect();
    let mut worker = netisr.worker(0).unwrap();
    let mut leaving = worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, Pending::Drain)).unwrap();
    let mut use_one = |worker: &mut Worker<Bomb>| {
        let permit = permits.pop().unwrap();
        worker.with_ctx(|ctx| permit.dispatch(ctx, alive(), IfId::NONE)).map_err(|refused| refused.cause)
    };
    assert_eq!(use_one(&mut stranger), Ok(()));
    assert_eq!(use_one(&mut worker), Ok(()));
    settle(&netisr, &mut worker);
    assert!(!leaving.is_complete() && leaving.holders().to_string().contains("2 permit(s)"));
    assert_eq!(Arc::strong_count(&live), 1, "both were handled");
    drop((leaving, worker, netisr));
    assert_eq!(use_one(&mut stranger), Ok(()), "nobody will handle it");
    drop((kind, permits));
    assert_eq!(Arc::strong_count(&live), 1, "dropped with the last that knows of the type");
}

/// A handler waits for what only its own worker can bring about, is refused, and forgets it; for another facility's
/// departure, whose worker nobody polls, it waits as long as it said.
#[test]
fn a_handler_waits() {
    let (netisr, elsewhere) = (facility(1), facility(1));
    let their_worker = elsewhere.worker(0).unwrap();
    let (inner, theirs) = (netisr.clone(), elsewhere.clone());
    let own: Arc<Mutex<Option<Kind>>> = Arc::default();
    let found = own.clone();
    let kind = netisr
        .register(TypeSpec::new("waits"), move |ctx, _: &mut (), _, _: IfId| {
            let id = inner.attach().unwrap();
            let mut departure = inner.detach(ctx, id).unwrap();
            let held = departure.wait(ctx, Duration::from_secs(3600)).unwrap_err();
            assert!(held.to_string().contains("which waits here itself"), "{held}");
            std::mem::forget(departure);
            let id = theirs.attach().unwrap();
            let mut departure = theirs.detach(ctx, id).unwrap();
            let held = departure.wait(ctx, Duration::from_millis(5)).unwrap_err();
            assert!(held.to_string().contains("worker 0, which has not been polled since"), "{held}");
            let kind = found.lock().unwrap().take().unwrap();
            let mut leaving = inner.unregister(ctx, &kind, Pending::Drain).unwrap();
            assert!(leaving.wait(ctx, Duration::from_secs(3600)).is_err());
            std::mem::forget(leaving);
        })
        .unwrap();
    *own.lock().unwrap() = Some(kind.clone());
    let mut worker = netisr.worker(0).unwrap();
    send(&mut worker, &kind, Bomb::dud(), IfId::NONE).unwrap();
    settle(&netisr, &mut worker);
    assert_eq!(send(&mut worker, &kind, Bomb::dud(), IfId::NONE), Err(Cause::Closed));
    drop(their_worker);
    for netisr in [&netisr, &elsewhere] {
        (0..2).for_each(|_| assert!(netisr.attach().is_some()));
        settle_idle(netisr);
    }
}

/// Facilities whose handlers send to each other for ever, with the other one's interfaces: each has its turn, and what
/// it names is nobody's here.
#[test]
fn two_facilities_send_to_each_other() {
    let (one, other) = (facility(1), Netisr::<Bomb>::builder().interfaces(9).build().unwrap());
    let foreign: Vec<_> = (0..9).map(|_| other.attach().unwrap()).collect();
    let kinds: Arc<Mutex<Vec<Kind>>> = Arc::default();
    for (at, netisr) in [&one, &other].into_iter().enumerate() {
        let known = kinds.clone();
        let forward = move |ctx: &mut siding_lockorder::Ctx<'_, _>, _: &mut (), packet: Bomb, id: IfId| {
            let target = known.lock().unwrap()[1 - at].clone();
            assert!(target.dispatch(ctx, packet, id).is_ok());
        };
        let kind = netisr.register(TypeSpec::new("forward"), forward).unwrap();
        kinds.lock().unwrap().push(kind);
    }
    let (mut first, mut second) = (one.worker(0).unwrap(), other.worker(0).unwrap());
    let (here, there) = {
        let kinds = kinds.lock().unwrap();
        (kinds[0].clone(), kinds[1].clone())
    };
    // One that only the larger facility has room for, and one that is not attached here.
    assert_eq!(send(&mut first, &here, Bomb::dud(), foreign[8]), Err(Cause::Departed));
    assert_eq!(send(&mut first, &here, Bomb::dud(), foreign[0]), Err(Cause::Departed));
    assert!(one.pin(foreign[8], "nobody's").is_none() && !one.is_attached(foreign[8]));
    assert!(first.with_ctx(|ctx| one.detach(ctx, foreign[8])).is_err());
    send(&mut first, &here, Bomb::dud(), IfId::NONE).unwrap();
    for turn in 0..100 {
        assert_eq!(first.poll(&mut (), 64).handled, 1, "turn {turn}");
        assert_eq!(second.poll(&mut (), 64).handled, 1, "turn {turn}");
    }
    kinds.lock().unwrap().clear();
    drop(first.with_ctx(|ctx| one.unregister(ctx, &here, Pending::Flush)));
    drop(second.with_ctx(|ctx| other.unregister(ctx, &there, Pending::Flush)));
    settle(&one, &mut first);
    settle(&other, &mut second);
}

/// A thread that is started under a lock has a token of its own: it detaches and waits, which needs no lock of its
/// starter's as long as nobody else does.
#[test]
fn a_thread_is_started_under_a_lock() {
    let netisr = facility(1);
    let kind = sink(&netisr, "sink");
    let mut worker = netisr.worker(0).unwrap();
    let id = netisr.attach().unwrap();
    let table = siding_lockorder::Mutex::<super::Table, _>::new(());
    let over = AtomicBool::new(false);
    let polling = std::thread::scope(|scope| {
        let polling = scope.spawn(|| {
            while !over.load(SeqCst) {
                worker.poll(&mut (), 64);
            }
            worker
        });
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let mut ctx = entered.ctx();
        let (_guard, ctx) = ctx.lock(&table);
        kind.dispatch(&ctx, Bomb::dud(), id).map_err(|refused| refused.cause).unwrap();
        let sub = scope.spawn(|| {
            let mut root = Root::new();
            let mut entered = root.enter().unwrap();
            let mut departure = netisr.detach(&entered.ctx(), id).unwrap();
            departure.wait(&mut entered.ctx(), Duration::from_secs(10))
        });
        let outcome = sub.join();
        over.store(true, SeqCst);
        assert_eq!(outcome.unwrap(), Ok(()));
        polling.join()
    });
    settle(&netisr, &mut polling.unwrap());
}

/// Goes back, by ever more.
struct Back(AtomicU64);

impl Clock for Back {
    fn now(&self) -> Instant {
        let reads = self.0.fetch_add(1, SeqCst);
        Instant::from_nanos((u64::MAX / 2).saturating_sub(reads * reads * 1_000_000_007))
    }
}

#[test]
fn a_clock_goes_back() {
    let netisr = Netisr::<Bomb>::builder().clock(Back(AtomicU64::new(0))).build().unwrap();
    let spec = TypeSpec::new("timed").limit(4).time_every(1);
    let kind = netisr.register(spec, |_ctx, _: &mut (), _, _: IfId| {}).unwrap();
    let mut worker = netisr.worker(0).unwrap();
    for _ in 0..50 {
        (0..4).for_each(|_| send(&mut worker, &kind, Bomb::dud(), IfId::NONE).unwrap());
        assert_eq!(netisr.types()[0].total().oldest_age, Some(Duration::ZERO));
        assert_eq!(worker.poll(&mut (), 64).handled, 4);
    }
    assert_eq!(netisr.types()[0].total().residence.count(), 200);
    let id = netisr.attach().unwrap();
    let pin = netisr.pin(id, "a user").unwrap();
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut departure = netisr.detach(&entered.ctx(), id).unwrap();
    assert!(departure.wait(&mut entered.ctx(), Duration::from_millis(2)).is_err());
    drop((pin, departure, entered));
    settle(&netisr, &mut worker);
}

thread_local! {
    static LIE: Cell<u64> = const { Cell::new(0) };
}

/// The next of a row of lies.
fn lie() -> u64 {
    LIE.set(LIE.get().wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
    LIE.get() >> 33
}

/// Names something else each time that it is asked, and as often as it likes.
struct Liar(Vec<IfId>);

impl Metadata for Liar {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        for _ in 0..lie() % 4 {
            visit(self.0[lie() as usize % self.0.len()]);
        }
    }
}

/// Flow keys and names that change each time that they are asked for. Who lies harms his own order and his own shares,
/// and nothing else: fates add up, the limit is exact, departures and honest types are as ever.
#[test]
fn packets_lie() {
    for overflow in [Overflow::RefuseNewest, Overflow::DropOldest] {
        let netisr = facility(2);
        let spec = TypeSpec::new("lies").limit(5).share(2).overflow(overflow).flow_key(|_, _| lie());
        let liars = netisr.register(spec, |_ctx, _: &mut (), _: Bomb, _: Liar| {}).unwrap();
        let honest = sink(&netisr, "honest");
        let mut workers: Vec<_> = (0..2).map(|index| netisr.worker(index).unwrap()).collect();
        let mut ids: Vec<_> = (0..3).map(|_| netisr.attach().unwrap()).collect();
        for turn in 0..400 {
            let at = lie() as usize % 2;
            let names = ids.iter().copied().chain([IfId::NONE]).collect();
            let mut batch: Vec<_> = (0..lie() % 4).map(|_| Some((Bomb::dud(), Liar(ids.clone())))).collect();
            workers[at].with_ctx(|ctx| {
                drop(liars.dispatch(ctx, Bomb::dud(), Liar(names)));
                liars.dispatch_batch(ctx, &mut batch);
                if let Ok(permit) = liars.reserve(ctx, Some(lie())) {
                    drop(permit.dispatch(ctx, Bomb::dud(), Liar(ids.clone())));
                }
            });
            assert!(netisr.types().iter().flat_map(|kind| &kind.workers).all(|lane| lane.resident <= 5));
            if turn % 3 == 0 {
                workers[lie() as usize % 2].poll(&mut (), 2);
            }
            if turn % 7 == 0 {
                let mut departure = workers[at].with_ctx(|ctx| netisr.detach(ctx, ids[0])).unwrap();
                workers.iter_mut().for_each(|worker| _ = worker.poll(&mut (), 0));
                assert!(departure.is_complete());
                ids.remove(0);
                ids.push(netisr.attach().unwrap());
            }
            netisr.check_conservation().unwrap();
            send(&mut workers[at], &honest, Bomb::dud(), ids[2]).unwrap();
            workers[at].poll(&mut (), 64);
        }
        assert_eq!(netisr.types()[1].total().handled, 400);
        workers.iter_mut().for_each(settle_one);
        netisr.check_conservation().unwrap();
    }
}

/// Names the first of its interfaces as often as it says, and the other from then on.
struct Fickle {
    ids: [IfId; 2],
    left: Cell<usize>,
}

impl Metadata for Fickle {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        visit(self.ids[usize::from(left == 0)]);
    }
}

/// Whatever a worker remembers of one that answers now so and now so: the packets of others that wait here are found when their interface
/// departs.
#[test]
fn who_changes_what_he_names_hides_no_others_packets_from_a_departure() {
    for times in 0..12 {
        let netisr = facility(1);
        let spec = TypeSpec::new("fickle").limit(64);
        let kind = netisr.register(spec, |_ctx, _: &mut (), _: Bomb, _: Fickle| {}).unwrap();
        let mut worker = netisr.worker(0).unwrap();
        let (one, other) = (netisr.attach().unwrap(), netisr.attach().unwrap());
        let send = |worker: &mut Worker<Bomb>, ids, times, packet| {
            let meta = Fickle { ids, left: Cell::new(times) };
            worker.with_ctx(|ctx| kind.dispatch(ctx, packet, meta)).map_err(|refused| refused.cause).unwrap();
        };
        // The lane has had that many before: it need not ask how full it is.
        (0..8).for_each(|_| send(&mut worker, [one, one], 0, Bomb::dud()));
        settle_one(&mut worker);
        send(&mut worker, [one, other], times, Bomb::dud());
        let gone = Done::default();
        for _ in 0..2 {
            let gone = gone.clone();
            send(&mut worker, [other, other], 0, Bomb::new(move || count(&gone)));
        }
        let mut departure = worker.with_ctx(|ctx| netisr.detach(ctx, other)).unwrap();
        (0..20).filter(|_| !departure.is_complete()).for_each(|_| _ = worker.poll(&mut (), 0));
        assert!(departure.is_complete(), "{times}");
        assert_eq!(gone.load(SeqCst), 2, "asked {times} times, it named the other");
        settle_one(&mut worker);
        netisr.check_conservation().unwrap();
    }
}

/// A worker's own state that, told of a change, changes more.
struct Busy {
    netisr: Netisr<Bomb, Busy>,
    calls: usize,
}

impl Local for Busy {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {
        self.calls += 1;
        if self.calls > 50 {
            return;
        }
        let id = self.netisr.attach().unwrap();
        let name = format!("call {}", self.calls);
        let kind = self.netisr.register(TypeSpec::new(&name), |_ctx, _: &mut Busy, _, _: IfId| {}).unwrap();
        self.netisr.call_workers();
        let mut root = Root::new();
        if let Ok(mut entered) = root.enter() {
            kind.dispatch(&entered.ctx(), Bomb::dud(), id).map_err(|refused| refused.cause).unwrap();
            drop(self.netisr.detach(&entered.ctx(), id));
            drop(self.netisr.unregister(&entered.ctx(), &kind, Pending::Drain));
        }
    }
}

#[test]
fn a_state_that_is_told_of_a_change_changes_more() {
    let netisr = Netisr::<Bomb, Busy>::builder().interfaces(60).build().unwrap();
    let mut worker = netisr.worker(0).unwrap();
    let mut busy = Busy { netisr: netisr.clone(), calls: 0 };
    netisr.call_workers();
    (0..300).for_each(|_| _ = worker.poll(&mut busy, 64));
    assert!(worker.prepare_sleep() && busy.calls > 50);
    worker.awake();
    netisr.check_conservation().unwrap();
    assert_eq!(netisr.types().iter().map(|kind| kind.total().resident).sum::<u64>(), 0);
}

fn settle_one(worker: &mut Worker<Bomb>) {
    (0..140).for_each(|_| _ = worker.poll(&mut (), 64));
    assert!(worker.prepare_sleep(), "there is always something to do");
    worker.awake();
}

/// The same for a worker that nobody holds.
fn settle_idle(netisr: &Netisr<Bomb>) {
    if let Some(mut worker) = netisr.worker(0) {
        settle(netisr, &mut worker);
    }
    netisr.check_conservation().unwrap();
}
