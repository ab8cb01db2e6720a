//! A worker whose thread holds its token from one poll to the next.

use std::cell::RefCell;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use siding_lockorder::Ctx;
use siding_lockorder::Entered;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::Pending;
use siding_netisr::TypeSpec;

struct Frame(u64);

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// Sums up what is handled; does something when it is to let go.
#[derive(Default)]
struct State {
    sum: u64,
    at_departure: Option<Box<dyn FnMut()>>,
}

impl State {
    fn doing(work: impl FnMut() + 'static) -> State {
        State { sum: 0, at_departure: Some(Box::new(work)) }
    }
}

impl Local for State {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {
        self.at_departure.as_mut().into_iter().for_each(|work| work());
    }
}

type Facility = Netisr<Frame, State>;

#[test]
fn g2_the_thread_has_no_other_token_between_polls() {
    let netisr = Facility::builder().build().unwrap();
    let kind = netisr
        .register(TypeSpec::new("sum"), |ctx, state: &mut State, frame: Frame, _: ()| {
            assert!(Root::new().enter().is_err() && ctx.seat().is_some());
            state.sum += frame.0;
        })
        .unwrap();
    let mut state = State::default();
    let mut worker = netisr.worker(0).unwrap();
    {
        let mut here = worker.on_thread();
        for packet in 1..=100 {
            assert!(kind.dispatch(&here.ctx(), Frame(packet), ()).is_ok());
            assert_eq!(here.poll(&mut state, 64).handled, 1);
            assert!(Root::new().enter().is_err() && netisr.polls_here(0), "the token is this thread's");
        }
        assert_eq!((state.sum, here.index()), (5050, 0));
    }
    assert!(Root::new().enter().is_ok() && !netisr.polls_here(0), "and is given back");
    assert_eq!(worker.poll(&mut state, 64).handled, 0);
}

#[test]
fn orders_are_carried_out_without_the_token_which_is_there_again_afterwards() {
    let netisr = Facility::builder().build().unwrap();
    let entered = Arc::<AtomicUsize>::default();
    let counted = entered.clone();
    let mut state = State::doing(move || {
        counted.fetch_add(usize::from(Root::new().enter().is_ok()), Ordering::Relaxed);
    });
    let mut worker = netisr.worker(0).unwrap();
    let mut here = worker.on_thread();
    for order in 1..=3 {
        netisr.call_workers();
        here.poll(&mut state, 64);
        assert_eq!(entered.load(Ordering::Relaxed), order, "the embedder's code had a token of its own");
        // Whether it sleeps or not: with the token out, and in again for whoever goes on.
        assert!(here.prepare_sleep());
        assert!(Root::new().enter().is_ok(), "who sleeps holds no token");
        here.awake();
        assert!(here.ctx().seat().is_some() && Root::new().enter().is_err());
    }
}

#[test]
fn a_panic_while_orders_are_carried_out_leaves_a_worker_that_goes_on() {
    let netisr = Facility::builder().build().unwrap();
    let kind = netisr
        .register(TypeSpec::new("sum"), |_ctx, state: &mut State, frame: Frame, _: ()| state.sum += frame.0)
        .unwrap();
    let mut once = true;
    let mut state = State::doing(move || assert!(!std::mem::take(&mut once), "the first time"));
    let mut worker = netisr.worker(0).unwrap();
    let mut here = worker.on_thread();
    netisr.call_workers();
    assert!(catch_unwind(AssertUnwindSafe(|| here.poll(&mut state, 64))).is_err());
    assert!(Root::new().enter().is_ok());
    assert!(kind.dispatch(&here.ctx(), Frame(7), ()).is_ok());
    here.poll(&mut state, 64);
    assert_eq!(state.sum, 7);
}

#[test]
fn a_token_that_is_kept_meanwhile_is_not_taken_away_and_only_refuses() {
    let netisr = Facility::builder().build().unwrap();
    let kind = netisr
        .register(TypeSpec::new("sum"), |_ctx, state: &mut State, frame: Frame, _: ()| state.sum += frame.0)
        .unwrap();
    let kept = Rc::<RefCell<Option<Entered<'static>>>>::default();
    let keeps = kept.clone();
    let mut state = State::doing(move || {
        let root = Box::leak(Box::new(Root::new()));
        *keeps.borrow_mut() = Some(root.enter().unwrap());
    });
    let mut worker = netisr.worker(0).unwrap();
    let mut here = worker.on_thread();
    netisr.call_workers();
    for _ in 0..2 {
        let refused = catch_unwind(AssertUnwindSafe(|| here.poll(&mut state, 64))).unwrap_err();
        let why = refused.downcast_ref::<String>().unwrap();
        assert!(why.contains("under another token"), "{why}");
        assert!(catch_unwind(AssertUnwindSafe(|| here.ctx().seat())).is_err(), "nor is it lent");
        assert!(catch_unwind(AssertUnwindSafe(|| here.prepare_sleep())).is_err(), "nor does it sleep");
        // What waits is for later, and an order was carried out before the token was asked for.
        outside_of(&mut kept.borrow_mut(), |ctx| kind.dispatch(ctx, Frame(7), ()).unwrap());
    }
    assert!(kept.borrow_mut().take().is_some());
    assert_eq!((here.poll(&mut state, 64).handled, state.sum), (2, 14));
    assert!(here.ctx().seat().is_some() && Root::new().enter().is_err());
    drop(here);
    assert!(Root::new().enter().is_ok());
}

fn outside_of(kept: &mut Option<Entered<'static>>, work: impl FnOnce(&mut Ctx<'_, Unlocked>)) {
    work(&mut kept.as_mut().unwrap().ctx());
}

/// What a handler has captured: notes, when it is dropped, whether that is with no token taken.
struct Captured(Arc<AtomicUsize>);

impl Drop for Captured {
    fn drop(&mut self) {
        self.0.store(if Root::new().enter().is_ok() { 1 } else { 2 }, Ordering::Relaxed);
    }
}

#[test]
fn what_is_gone_is_dropped_without_a_token() {
    let netisr = Facility::builder().workers(2).build().unwrap();
    let dropped = Arc::<AtomicUsize>::default();
    let captured = Captured(dropped.clone());
    let goes = netisr
        .register(TypeSpec::new("goes"), move |_ctx, _: &mut State, _: Frame, _: ()| {
            assert_eq!(captured.0.load(Ordering::Relaxed), 0);
        })
        .unwrap();
    let stays = netisr
        .register(TypeSpec::new("stays"), |_ctx, state: &mut State, frame: Frame, _: ()| state.sum += frame.0)
        .unwrap();
    let mut state = State::default();
    let (mut worker, mut other) = (netisr.worker(0).unwrap(), netisr.worker(1).unwrap());
    drop(worker.with_ctx(|ctx| netisr.unregister(ctx, &goes, Pending::Flush)).unwrap());
    while netisr.types().len() > 1 {
        other.poll(&mut state, 64);
        worker.poll(&mut state, 64);
    }
    worker.poll(&mut state, 64);
    let mut here = worker.on_thread();
    assert!(stays.dispatch(&here.ctx(), Frame(1), ()).is_ok());
    assert_eq!((here.poll(&mut state, 64).handled, dropped.load(Ordering::Relaxed)), (1, 0));
    // The other worker was the last to refer to the handler. No order comes, so this one drops it when it looks round.
    drop(other);
    for polls in 0.. {
        assert!(polls < 200, "nobody drops the handler");
        here.poll(&mut state, 64);
        assert!(Root::new().enter().is_err() || dropped.load(Ordering::Relaxed) != 0);
        if dropped.load(Ordering::Relaxed) != 0 {
            break;
        }
    }
    assert_eq!(dropped.load(Ordering::Relaxed), 1, "it was dropped under the worker's token");
    assert!(here.ctx().seat().is_some());
}
