//! What runs while a worker is polled does not wait for that worker, whatever token it has found.

use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

/// So long nobody waits: what is refused at once takes no time.
const FOR_EVER: Duration = Duration::from_secs(3600);

/// A packet that does something when it is dropped.
#[derive(Default)]
struct Frame(Option<Box<dyn FnOnce() + Send>>);

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.0.take().into_iter().for_each(|work| work());
    }
}

/// A state that does something when it is to let go.
struct State(Box<dyn FnMut()>);

impl Local for State {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {
        (self.0)();
    }
}

type Facility = Netisr<Frame, State>;

fn idle() -> State {
    State(Box::new(|| {}))
}

/// Runs `work` with the token of a thread that is no worker.
fn outside<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

/// Detaches another interface, waits for it, and notes what came of that.
fn waits(netisr: &Facility, said: &Arc<Mutex<Vec<String>>>) {
    assert!(netisr.polls_here(0) && !netisr.polls_here(1));
    outside(|ctx| {
        let id = netisr.attach().unwrap();
        let mut departure = netisr.detach(ctx, id).unwrap();
        let held = departure.wait(ctx, FOR_EVER).unwrap_err();
        said.lock().unwrap().push(held.to_string());
    });
}

fn settle(worker: &mut Worker<Frame, State>, state: &mut State) {
    (0..10).for_each(|_| _ = worker.poll(state, 64));
}

#[test]
fn a_state_that_lets_go_does_not_wait() {
    let netisr = Facility::builder().build().unwrap();
    let said = Arc::<Mutex<Vec<String>>>::default();
    let (inner, told) = (netisr.clone(), said.clone());
    let mut once = Some(());
    let mut state = State(Box::new(move || {
        if once.take().is_some() {
            waits(&inner, &told);
        }
    }));
    let mut worker = netisr.worker(0).unwrap();
    netisr.call_workers();
    settle(&mut worker, &mut state);
    assert!(!netisr.polls_here(0));
    let said = said.lock().unwrap();
    assert!(said.len() == 1 && said[0].contains("worker 0, which waits here itself"), "{said:?}");
}

#[test]
fn what_a_sweep_drops_does_not_wait() {
    let netisr = Facility::builder().build().unwrap();
    let said = Arc::<Mutex<Vec<String>>>::default();
    let (inner, told) = (netisr.clone(), said.clone());
    let spec = TypeSpec::new("hooked").on_drop(move |_fate, _packet, _meta: IfId| waits(&inner, &told));
    let kind = netisr.register(spec, |_ctx, _: &mut State, _packet, _id: IfId| {}).unwrap();
    let gone = netisr.attach().unwrap();
    let (inner, told) = (netisr.clone(), said.clone());
    let drops = Frame(Some(Box::new(move || waits(&inner, &told))));
    let mut worker = netisr.worker(0).unwrap();
    outside(|ctx| {
        kind.dispatch(ctx, drops, gone).map_err(|refused| refused.cause).unwrap();
        drop(netisr.detach(ctx, gone).unwrap());
    });
    settle(&mut worker, &mut idle());
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 2, "the hook, and the packet's own drop");
    assert!(said.iter().all(|held| held.contains("waits here itself")), "{said:?}");
}

#[test]
fn a_handler_that_is_dropped_does_not_wait() {
    let netisr = Facility::builder().build().unwrap();
    let said = Arc::<Mutex<Vec<String>>>::default();
    let (inner, told) = (netisr.clone(), said.clone());
    let drops = Mutex::new(Frame(Some(Box::new(move || waits(&inner, &told)))));
    let kind = netisr
        .register(TypeSpec::new("gone"), move |_ctx, _: &mut State, _packet, _id: IfId| _ = &drops)
        .unwrap();
    let mut worker = netisr.worker(0).unwrap();
    outside(|ctx| drop(netisr.unregister(ctx, &kind, Pending::Drain).unwrap()));
    settle(&mut worker, &mut idle());
    while !worker.prepare_sleep() {
        settle(&mut worker, &mut idle());
    }
    worker.awake();
    let said = said.lock().unwrap();
    assert!(said.len() == 1 && said[0].contains("waits here itself"), "{said:?}");
}

#[test]
fn a_state_that_lets_go_does_not_wait_for_room() {
    let netisr = Facility::builder().build().unwrap();
    let kind = netisr
        .register(TypeSpec::new("full").limit(1), |_ctx, _: &mut State, _packet: Frame, _id: IfId| {})
        .unwrap();
    outside(|ctx| kind.dispatch(ctx, Frame(None), IfId::NONE).map_err(|refused| refused.cause).unwrap());
    let tried = Arc::<Mutex<Vec<Option<Cause>>>>::default();
    let note = tried.clone();
    let mut state = State(Box::new(move || {
        let outcome = outside(|ctx| kind.reserve_within(ctx, None, FOR_EVER).err());
        note.lock().unwrap().push(outcome);
    }));
    let mut worker = netisr.worker(0).unwrap();
    netisr.call_workers();
    worker.poll(&mut state, 64);
    assert_eq!(*tried.lock().unwrap(), [Some(Cause::Full)]);
}

#[test]
fn a_handler_is_seen_to_be_one() {
    let (netisr, other) =
        (Facility::builder().workers(2).build().unwrap(), Facility::builder().build().unwrap());
    let (inner, theirs) = (netisr.clone(), other.clone());
    let kind = netisr
        .register(
            TypeSpec::new("here").at_worker(1),
            move |_ctx, _: &mut State, _packet: Frame, _id: IfId| {
                assert!(inner.polls_here(1) && !inner.polls_here(0) && !theirs.polls_here(0));
            },
        )
        .unwrap();
    let mut worker = netisr.worker(1).unwrap();
    outside(|ctx| {
        kind.dispatch(ctx, Frame(None), IfId::NONE).map_err(|refused| refused.cause).unwrap();
        assert!(!netisr.polls_here(1));
    });
    settle(&mut worker, &mut idle());
    assert_eq!(netisr.types()[0].total().handled, 1);
    worker.with_ctx(|_ctx| assert!(netisr.polls_here(1)));
    assert!(!netisr.polls_here(1));
}

/// The state of one facility's worker polls another facility's, whose state asks after both.
#[test]
fn polls_within_polls_are_told_apart() {
    let (netisr, other) = (Facility::builder().build().unwrap(), Facility::builder().build().unwrap());
    let asked = Arc::<Mutex<u32>>::default();
    let (inner, theirs, note) = (netisr.clone(), other.clone(), asked.clone());
    let mut state = State(Box::new(move || {
        let mut worker = theirs.worker(0).unwrap();
        theirs.call_workers();
        let (both, note) = ([inner.clone(), theirs.clone()], note.clone());
        let mut state = State(Box::new(move || {
            assert!(both.iter().all(|netisr| netisr.polls_here(0)));
            *note.lock().unwrap() += 1;
        }));
        worker.poll(&mut state, 64);
        assert!(inner.polls_here(0) && !theirs.polls_here(0));
    }));
    let mut worker = netisr.worker(0).unwrap();
    netisr.call_workers();
    worker.poll(&mut state, 64);
    assert_eq!(*asked.lock().unwrap(), 1);
    assert!(!netisr.polls_here(0) && !other.polls_here(0));
}
