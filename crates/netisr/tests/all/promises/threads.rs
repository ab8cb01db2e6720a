//! Worker threads: they begin, sleep, stop, begin again, and end with a cause.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;
use std::time::Instant;

use siding_lockorder::Root;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;
use siding_netisr::Wake;
use siding_netisr::threads::ParkWake;
use siding_netisr::threads::Threads;
use siding_netisr::threads::run;

struct Frame;

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// A facility and its one type, whose handler counts.
struct Rig {
    netisr: Netisr<Frame>,
    output: PacketType<Frame, ()>,
    handled: Arc<AtomicUsize>,
}

impl Rig {
    fn new(workers: usize, wake: Arc<dyn Wake>) -> Rig {
        let netisr = Netisr::builder().workers(workers).wake(wake).build().unwrap();
        let handled = Arc::new(AtomicUsize::new(0));
        let count = handled.clone();
        let spec = TypeSpec::new("output").flow_key(|_, ()| 0);
        let output = netisr
            .register(spec, move |_ctx, _: &mut (), _, ()| {
                count.fetch_add(1, Ordering::Relaxed);
            })
            .unwrap();
        Rig { netisr, output, handled }
    }

    fn dispatch(&self) {
        let mut root = Root::new();
        self.output.dispatch(&root.enter().unwrap().ctx(), Frame, ()).unwrap();
    }

    /// Whether the worker that sleeps is woken by a packet.
    fn answers(&self) -> bool {
        let before = self.handled.load(Ordering::Relaxed);
        let sleeps = || self.netisr.worker_reports()[0].sleeping;
        within_seconds(5, sleeps) && {
            self.dispatch();
            within_seconds(5, || self.handled.load(Ordering::Relaxed) > before)
        }
    }
}

fn within_seconds(seconds: u64, mut holds: impl FnMut() -> bool) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        if holds() {
            return true;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    false
}

/// That it comes back is half of what is tested.
fn stop(threads: Threads) -> bool {
    let stopping = std::thread::spawn(move || threads.stop().is_ok());
    within_seconds(10, || stopping.is_finished()) && stopping.join().unwrap()
}

#[test]
fn g9_threads_stop_and_run_again() {
    let wake = ParkWake::new(1);
    let rig = Rig::new(1, wake.clone());
    for turn in 0..3 {
        let threads = run(&rig.netisr, &wake, |_| ());
        assert!(rig.answers(), "run {turn}");
        assert!(stop(threads), "stop {turn}");
        // What comes in between is handled by the next.
        rig.dispatch();
    }
    let sleeps = rig.netisr.worker_reports()[0].sleeps;
    assert!(sleeps < 100, "{sleeps} sleeps: it was not woken, it looked");
}

/// One that has a place is woken when there is something to do, and does not look in between; nor does the next there.
#[test]
fn g9_an_idle_worker_stays_asleep() {
    let wake = ParkWake::new(1);
    let rig = Rig::new(1, wake.clone());
    for turn in 0..2 {
        let threads = run(&rig.netisr, &wake, |_| ());
        assert!(rig.answers());
        let sleeps = || rig.netisr.worker_reports()[0].sleeps;
        let before = sleeps();
        std::thread::sleep(Duration::from_millis(100));
        let looks = sleeps() - before;
        assert!(looks < 10, "run {turn}: it has looked {looks} times");
        assert!(stop(threads));
    }
}

/// A place is a worker's if it is rung there while it tries, and not because somebody was rung there before.
#[test]
fn g9_who_rings_itself_leaves_no_place_to_a_worker_that_nobody_can_wake() {
    let wake = ParkWake::new(1);
    let netisr = Netisr::<Frame>::builder().wake(wake.clone()).build().unwrap();
    let (bell, rung) = (wake.clone(), Arc::new(AtomicUsize::new(0)));
    let count = rung.clone();
    let ringer = netisr
        .register(TypeSpec::new("ringer"), move |_ctx, _: &mut (), _, ()| {
            bell.wake(0);
            count.fetch_add(1, Ordering::Relaxed);
        })
        .unwrap();
    let threads = run(&netisr, &wake, |_| ());
    let mut root = Root::new();
    ringer.dispatch(&root.enter().unwrap().ctx(), Frame, ()).unwrap();
    assert!(within_seconds(5, || rung.load(Ordering::Relaxed) > 0) && stop(threads));
    let silent = Rig::new(1, Arc::new(siding_netisr::NoWake));
    let threads = run(&silent.netisr, &wake, |_| ());
    assert!(silent.answers());
    assert!(stop(threads));
}

#[test]
fn g9_a_second_run_serves_no_worker_and_takes_none_away() {
    let wake = ParkWake::new(2);
    let rig = Rig::new(2, wake.clone());
    let first = run(&rig.netisr, &wake, |_| ());
    assert!(within_seconds(5, || rig.netisr.worker_reports().iter().all(|worker| worker.claimed)));
    let second = run(&rig.netisr, &wake, |_| ());
    assert!(stop(second) && rig.answers() && stop(first));
}

/// Facilities that share a `ParkWake`, that have too small a one, or another one: nobody is lost.
#[test]
fn g9_a_worker_that_nobody_can_wake_looks_for_itself() {
    let wake = ParkWake::new(1);
    let (one, other) = (Rig::new(1, wake.clone()), Rig::new(2, wake.clone()));
    let silent = Rig::new(1, Arc::new(siding_netisr::NoWake));
    let threads = [&one, &other, &silent].map(|rig| run(&rig.netisr, &wake, |_| ()));
    assert!([&one, &other, &silent].iter().all(|rig| rig.answers() && rig.answers()));
    assert!(threads.into_iter().all(stop));
}

#[test]
fn g9_threads_may_be_stopped_by_a_handler() {
    let wake = ParkWake::new(2);
    let netisr = Netisr::<Frame>::builder().workers(2).wake(wake.clone()).build().unwrap();
    let threads: Arc<Mutex<Option<Threads>>> = Arc::default();
    let own = threads.clone();
    let output = netisr
        .register(TypeSpec::new("stop"), move |_ctx, _: &mut (), _, ()| {
            let taken = own.lock().unwrap_or_else(PoisonError::into_inner).take();
            drop(taken.map(Threads::stop));
        })
        .unwrap();
    *threads.lock().unwrap() = Some(run(&netisr, &wake, |_| ()));
    assert!(within_seconds(10, || netisr.worker_reports().iter().all(|worker| worker.claimed)));
    let mut root = Root::new();
    output.dispatch(&root.enter().unwrap().ctx(), Frame, ()).unwrap();
    assert!(within_seconds(10, || netisr.worker_reports().iter().all(|worker| !worker.claimed)));
    assert!(threads.lock().unwrap().is_none());
}

/// The state of a worker, that may be of the worst kind.
struct Bad {
    depart: bool,
    drop: bool,
}

impl Local for Bad {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {
        assert!(!self.depart, "nothing departs here");
    }
}

impl Drop for Bad {
    fn drop(&mut self) {
        assert!(!self.drop, "nothing is dropped here");
    }
}

/// A panic payload that panics.
struct Payload;

impl Drop for Payload {
    fn drop(&mut self) {
        panic!("a payload");
    }
}

#[test]
fn g9_a_thread_ends_with_its_cause_and_who_waits_is_told() {
    let wake = ParkWake::new(1);
    let netisr = Netisr::<Frame, Bad>::builder().wake(wake.clone()).build().unwrap();
    let spec = || TypeSpec::new("output");
    let output = netisr.register(spec(), |_ctx, _: &mut Bad, _, ()| panic!("no route")).unwrap();
    let local = |_| Bad { depart: false, drop: true };
    let threads = run(&netisr, &wake, local);
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    output.dispatch(&entered.ctx(), Frame, ()).unwrap();
    assert!(within_seconds(5, || netisr.worker_reports()[0].ended));
    assert_eq!(netisr.end_of_worker(0).as_deref(), Some("no route"));
    assert_eq!(netisr.end_of_worker(1), None);

    // A drain waits for a worker, and there is none. A departure does not.
    output.dispatch(&entered.ctx(), Frame, ()).unwrap();
    let mut leaving = netisr.unregister(&entered.ctx(), &output, Pending::Drain).unwrap();
    let held = leaving.wait(&mut entered.ctx(), Duration::from_millis(10)).unwrap_err();
    assert!(held.to_string().contains("worker 0, whose thread has ended: no route"), "{held}");
    let id = netisr.attach().unwrap();
    let mut departure = netisr.detach(&entered.ctx(), id).unwrap();
    assert_eq!(departure.wait(&mut entered.ctx(), Duration::from_secs(5)), Ok(()));

    let ended = threads.stop().unwrap_err();
    assert_eq!(ended.workers, [(0, "no route".to_string())]);
    assert_eq!(ended.to_string(), "the thread of worker 0 has ended: no route");

    // It may run again, and is then as good as new: handles what waited, and ends by that.
    let threads = run(&netisr, &wake, |_| Bad { depart: false, drop: false });
    assert!(within_seconds(5, || netisr.worker_reports()[0].ended));
    assert!(threads.stop().is_err());
    assert_eq!(leaving.wait(&mut entered.ctx(), Duration::from_secs(5)), Ok(()));

    // The worker's state may be what ends it.
    let threads = run(&netisr, &wake, |_| Bad { depart: true, drop: false });
    netisr.call_workers();
    assert!(within_seconds(5, || netisr.end_of_worker(0).as_deref() == Some("nothing departs here")));
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(threads)));
    assert!(told.is_err(), "a drop cannot give the error, and is not silent");

    let threads = run(&netisr, &wake, |_| std::panic::panic_any(Payload));
    assert!(within_seconds(5, || netisr.end_of_worker(0).is_some()));
    assert_eq!(threads.stop().unwrap_err().workers[0].1, "a panic without a message");
}
