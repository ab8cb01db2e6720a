//! The promises, one by one, on one thread: what order of calls can show without a race.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_lockorder::Mutex;
use siding_lockorder::Root;
use siding_lockorder::rank;
use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Metadata;
use siding_netisr::Netisr;
use siding_netisr::Overflow;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::RegisterError;
use siding_netisr::TypeSpec;
use siding_netisr::Worker;

mod dropped;
mod here;
mod hooks;
mod hostile;
mod leaving;
mod on_thread;
mod order;
mod panics;
mod pins;
mod sweeps;
mod threads;

rank!(Table after Unlocked);

/// A packet that counts the live ones, with a number and the interface it came in on.
struct Frame {
    number: u32,
    rcvif: IfId,
    live: Arc<AtomicUsize>,
}

impl Packet for Frame {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.rcvif);
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Two roles in the metadata.
struct Out {
    outgoing: IfId,
    further: IfId,
}

impl Metadata for Out {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.outgoing);
        visit(self.further);
    }
}

fn out(outgoing: IfId) -> Out {
    Out { outgoing, further: IfId::NONE }
}

/// What the handler was called with, in order.
#[derive(Default)]
struct Seen(Vec<(u32, IfId)>);

impl Local for Seen {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

struct Rig {
    netisr: Netisr<Frame, Seen>,
    kind: PacketType<Frame, Out, Seen>,
    worker: Worker<Frame, Seen>,
    seen: Seen,
    live: Arc<AtomicUsize>,
}

impl Rig {
    fn new(spec: TypeSpec<Frame, Out>) -> Rig {
        let netisr = Netisr::builder().interfaces(4).build().unwrap();
        let kind = netisr.register(spec, note).unwrap();
        let worker = netisr.worker(0).unwrap();
        Rig { netisr, kind, worker, seen: Seen::default(), live: Arc::default() }
    }

    fn frame(&self, number: u32, rcvif: IfId) -> Frame {
        self.live.fetch_add(1, Ordering::Relaxed);
        Frame { number, rcvif, live: self.live.clone() }
    }

    /// Dispatches from the worker itself.
    fn dispatch(&mut self, number: u32, meta: Out) -> Result<(), Cause> {
        let frame = self.frame(number, IfId::NONE);
        let kind = &self.kind;
        self.worker.with_ctx(|ctx| kind.dispatch(ctx, frame, meta)).map_err(|refused| refused.cause)
    }

    /// Dispatches from a thread that is no worker.
    fn dispatch_outside(&mut self, number: u32, meta: Out) -> Result<(), Cause> {
        let frame = self.frame(number, IfId::NONE);
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        self.kind.dispatch(&entered.ctx(), frame, meta).map_err(|refused| refused.cause)
    }

    fn poll(&mut self) -> usize {
        self.worker.poll(&mut self.seen, usize::MAX).handled
    }

    fn numbers(&self) -> Vec<u32> {
        self.seen.0.iter().map(|(number, _)| *number).collect()
    }

    fn finish(self) {
        self.netisr.check_conservation().unwrap();
        let live = self.live.clone();
        drop(self);
        assert_eq!(live.load(Ordering::Relaxed), 0, "a packet was leaked, or dropped twice");
    }
}

fn note(
    _ctx: &mut siding_lockorder::Ctx<'_, siding_lockorder::Unlocked>,
    seen: &mut Seen,
    frame: Frame,
    meta: Out,
) {
    seen.0.push((frame.number, meta.outgoing));
}

fn spec() -> TypeSpec<Frame, Out> {
    TypeSpec::new("test").limit(4)
}

#[test]
fn g1_nothing_runs_on_the_callers_stack() {
    let mut rig = Rig::new(spec());
    rig.dispatch(1, out(IfId::NONE)).unwrap();
    assert!(rig.seen.0.is_empty());
    assert_eq!(rig.poll(), 1);
    rig.finish();
}

#[test]
fn g2_dispatch_under_a_lock() {
    let mut rig = Rig::new(spec());
    let table = Mutex::<Table, _>::new(());
    let frame = rig.frame(1, IfId::NONE);
    rig.worker.with_ctx(|ctx| {
        let (_guard, ctx) = ctx.lock(&table);
        assert!(rig.kind.dispatch(&ctx, frame, out(IfId::NONE)).is_ok());
    });
    assert_eq!(rig.poll(), 1);
    rig.finish();
}

#[test]
fn g4_refused_packets_come_back() {
    let mut rig = Rig::new(spec());
    (0..4).for_each(|n| rig.dispatch(n, out(IfId::NONE)).unwrap());
    let frame = rig.frame(9, IfId::NONE);
    let kind = rig.kind.clone();
    let refused = rig.worker.with_ctx(|ctx| kind.dispatch(ctx, frame, out(IfId::NONE))).unwrap_err();
    assert_eq!((refused.packet.number, refused.cause), (9, Cause::Full));
    drop(refused);
    let total = rig.netisr.types()[0].total();
    assert_eq!((total.accepted, total.resident, total.high_water), (4, 4, 4));
    assert_eq!(total.refused.of(Cause::Full), 1);
    rig.poll();
    rig.finish();
}

#[test]
fn g5_every_role_departs() {
    for role in 0..3 {
        let mut rig = Rig::new(spec());
        let (stays, goes) = (rig.netisr.attach().unwrap(), rig.netisr.attach().unwrap());
        let (rcvif, meta) = match role {
            0 => (goes, out(stays)),
            1 => (stays, out(goes)),
            _ => (stays, Out { outgoing: stays, further: goes }),
        };
        let frame = rig.frame(1, rcvif);
        let kind = rig.kind.clone();
        rig.worker.with_ctx(|ctx| kind.dispatch(ctx, frame, meta).unwrap());
        rig.dispatch(2, out(stays)).unwrap();
        let netisr = rig.netisr.clone();
        let mut departure = rig.worker.with_ctx(|ctx| netisr.detach(ctx, goes)).unwrap();
        assert!(!departure.is_complete(), "the worker has not come by");
        assert_eq!(rig.dispatch(3, out(goes)), Err(Cause::Departed));
        assert_eq!(rig.dispatch_outside(4, out(goes)), Err(Cause::Departed));
        rig.poll();
        assert!(departure.is_complete());
        assert_eq!(rig.numbers(), [2], "role {role}");
        let total = rig.netisr.types()[0].total();
        assert_eq!((total.departed, total.handled, total.refused.of(Cause::Departed)), (1, 1, 2));
        rig.finish();
    }
}

#[test]
fn g5_t29_a_newcomer_in_the_same_slot_sees_nothing() {
    let mut rig = Rig::new(spec());
    let slots: Vec<_> = (0..4).map(|_| rig.netisr.attach().unwrap()).collect();
    assert!(rig.netisr.attach().is_none(), "four slots");
    rig.dispatch(1, out(slots[2])).unwrap();
    let netisr = rig.netisr.clone();
    let mut departure = rig.worker.with_ctx(|ctx| netisr.detach(ctx, slots[2])).unwrap();
    rig.poll();
    assert!(departure.is_complete());
    let newcomer = rig.netisr.attach().unwrap();
    assert_eq!(newcomer.slot(), slots[2].slot());
    assert_ne!(newcomer, slots[2]);
    assert_eq!(rig.dispatch(2, out(slots[2])), Err(Cause::Departed));
    rig.dispatch(3, out(newcomer)).unwrap();
    rig.poll();
    assert_eq!(rig.seen.0, [(3, newcomer)]);
    assert_eq!(rig.netisr.interface(newcomer).handled, 1);
    assert_eq!(
        rig.netisr.interface(newcomer).refused.total(),
        0,
        "the old one's refusals are not the new one's"
    );
    rig.finish();
}

#[test]
fn g5_a_sweep_keeps_the_order_and_the_limit() {
    let mut rig = Rig::new(spec());
    let (stays, goes) = (rig.netisr.attach().unwrap(), rig.netisr.attach().unwrap());
    for (number, id) in [(1, stays), (2, goes), (3, stays), (4, stays)] {
        rig.dispatch(number, out(id)).unwrap();
    }
    let netisr = rig.netisr.clone();
    let _departure = rig.worker.with_ctx(|ctx| netisr.detach(ctx, goes)).unwrap();
    // A budget of nothing: control's order is carried out, no handler runs.
    rig.worker.poll(&mut rig.seen, 0);
    assert_eq!(rig.netisr.types()[0].total().resident, 3);
    rig.dispatch(5, out(stays)).unwrap();
    assert_eq!(rig.dispatch(6, out(stays)), Err(Cause::Full), "what the sweep kept still counts");
    rig.poll();
    assert_eq!(rig.numbers(), [1, 3, 4, 5]);
    rig.finish();
}

#[test]
fn g5_detach_from_inside_a_handler() {
    let netisr = Netisr::<Frame, Seen>::builder().build().unwrap();
    let id = netisr.attach().unwrap();
    let inside = netisr.clone();
    let departures = Arc::new(std::sync::Mutex::new(Vec::new()));
    let kept = departures.clone();
    let kind = netisr
        .register(spec(), move |ctx, seen: &mut Seen, frame: Frame, meta: Out| {
            seen.0.push((frame.number, meta.outgoing));
            let mut departure = inside.detach(ctx, meta.outgoing).unwrap();
            let held = departure.wait(ctx, Duration::from_secs(10)).unwrap_err();
            assert!(held.to_string().contains("waits here itself"), "{held}");
            kept.lock().unwrap().push(departure);
        })
        .unwrap();
    let live = Arc::new(AtomicUsize::new(2));
    let mut worker = netisr.worker(0).unwrap();
    for number in [1, 2] {
        let frame = Frame { number, rcvif: IfId::NONE, live: live.clone() };
        worker.with_ctx(|ctx| kind.dispatch(ctx, frame, out(id)).unwrap());
    }
    let mut seen = Seen::default();
    worker.poll(&mut seen, 64);
    assert_eq!(seen.0, [(1, id)], "the second one departed, in the same poll");
    worker.poll(&mut seen, 64);
    assert!(departures.lock().unwrap()[0].is_complete());
    netisr.check_conservation().unwrap();
    assert_eq!(live.load(Ordering::Relaxed), 0);
}

#[test]
fn g5_a_slow_departure_names_who_holds_it() {
    let rig = Rig::new(spec());
    let id = rig.netisr.attach().unwrap();
    let line = line!() + 1;
    let pin = rig.netisr.pin(id, "the test").unwrap();
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    let mut departure = rig.netisr.detach(&entered.ctx(), id).unwrap();
    let held = departure.wait(&mut entered.ctx(), Duration::from_millis(1)).unwrap_err().to_string();
    assert!(held.contains("'the test'") && held.contains(&format!("promises.rs:{line}:")), "{held}");
    drop(pin);
    let held = departure.wait(&mut entered.ctx(), Duration::from_millis(1)).unwrap_err().to_string();
    assert!(held.contains("worker 0, which has not been polled"), "{held}");
    drop(rig.worker);
    departure
        .wait(&mut entered.ctx(), Duration::from_secs(5))
        .expect("a vacant worker is served by the waiter");
    assert!(rig.netisr.detach(&entered.ctx(), id).is_err(), "twice");
}

#[test]
fn g6_t35_drain_and_flush() {
    for (pending, handled, flushed) in [(Pending::Drain, 3, 0), (Pending::Flush, 0, 3)] {
        let mut rig = Rig::new(spec());
        (0..3).for_each(|n| rig.dispatch(n, out(IfId::NONE)).unwrap());
        let (netisr, kind) = (rig.netisr.clone(), rig.kind.clone());
        let mut leaving = rig.worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, pending)).unwrap();
        assert!(rig.worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, pending)).is_err(), "twice");
        assert!(!leaving.is_complete());
        assert_eq!(rig.dispatch(9, out(IfId::NONE)), Err(Cause::Closed));
        assert!(matches!(netisr.register(spec(), note), Err(RegisterError::DuplicateName(_))));
        assert_eq!(rig.poll(), handled);
        let total = rig.netisr.types()[0].total();
        assert_eq!((total.handled, total.flushed), (handled as u64, flushed));
        rig.netisr.check_conservation().unwrap();
        assert!(!leaving.is_complete(), "the handler might still run: the worker has to come by");
        rig.poll();
        assert!(leaving.is_complete());
        assert!(rig.netisr.types().is_empty());
        // It is gone, and its handle tells what its packets came to; what is refused now, too.
        assert_eq!(rig.dispatch(9, out(IfId::NONE)), Err(Cause::Closed));
        let report = rig.kind.report();
        let total = report.total();
        assert_eq!((report.workers.len(), total.accepted), (1, 3));
        assert_eq!((total.handled, total.flushed, total.resident), (handled as u64, flushed, 0));
        assert_eq!((total.refused.of(Cause::Closed), total.refused.total()), (2, 2));
        assert_eq!(format!("{:?}", total.refused), "{Closed: 2}");
        rig.kind = netisr.register(spec(), note).unwrap();
        rig.dispatch(10, out(IfId::NONE)).unwrap();
        assert_eq!(rig.poll(), 1);
        rig.finish();
    }
}

#[test]
fn g6_unregister_waits_for_permits() {
    let mut rig = Rig::new(spec());
    let (netisr, kind) = (rig.netisr.clone(), rig.kind.clone());
    let permit = rig.worker.with_ctx(|ctx| kind.reserve(ctx, None)).unwrap();
    let mut leaving = rig.worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, Pending::Drain)).unwrap();
    (0..3).for_each(|_| _ = rig.poll());
    assert!(!leaving.is_complete());
    assert!(leaving.holders().to_string().contains("1 permit(s) of 'test'"), "{}", leaving.holders());
    let frame = rig.frame(1, IfId::NONE);
    rig.worker.with_ctx(|ctx| permit.dispatch(ctx, frame, out(IfId::NONE)).unwrap());
    (0..3).for_each(|_| {
        rig.poll();
        leaving.is_complete();
    });
    assert!(leaving.is_complete());
    assert_eq!(rig.numbers(), [1]);
    rig.finish();
}

#[test]
fn g8_permits_count_and_cannot_fail() {
    let mut rig = Rig::new(spec());
    let kind = rig.kind.clone();
    let permits: Vec<_> =
        (0..3).map(|_| rig.worker.with_ctx(|ctx| kind.reserve(ctx, None)).unwrap()).collect();
    rig.dispatch(0, out(IfId::NONE)).unwrap();
    assert_eq!(rig.dispatch(9, out(IfId::NONE)), Err(Cause::Full));
    assert_eq!(rig.worker.with_ctx(|ctx| kind.reserve(ctx, None)).unwrap_err(), Cause::Full);
    for (number, permit) in (1..).zip(permits) {
        let frame = rig.frame(number, IfId::NONE);
        rig.worker.with_ctx(|ctx| permit.dispatch(ctx, frame, out(IfId::NONE)).unwrap());
    }
    rig.poll();
    assert_eq!(rig.numbers(), [0, 1, 2, 3]);
    let permit = rig.worker.with_ctx(|ctx| kind.reserve(ctx, None)).unwrap();
    assert_eq!(rig.netisr.types()[0].total().reserved, 1);
    drop(permit);
    (0..4).for_each(|n| rig.dispatch(n, out(IfId::NONE)).unwrap());
    rig.poll();
    rig.finish();
}

#[test]
fn g8_drop_oldest() {
    let mut rig = Rig::new(spec().overflow(Overflow::DropOldest));
    (0..6).for_each(|n| rig.dispatch(n, out(IfId::NONE)).unwrap());
    rig.poll();
    assert_eq!(rig.numbers(), [2, 3, 4, 5]);
    assert_eq!(rig.netisr.types()[0].total().dropped_oldest, 2);
    rig.finish();
}

#[test]
fn g8_a_share_for_each_interface() {
    let mut rig = Rig::new(spec().share(2));
    let (greedy, modest) = (rig.netisr.attach().unwrap(), rig.netisr.attach().unwrap());
    rig.dispatch(1, out(greedy)).unwrap();
    rig.dispatch(2, out(greedy)).unwrap();
    assert_eq!(rig.dispatch(3, out(greedy)), Err(Cause::Share));
    rig.dispatch(4, out(modest)).unwrap();
    rig.poll();
    rig.dispatch(5, out(greedy)).unwrap();
    rig.poll();
    assert_eq!(rig.numbers(), [1, 2, 4, 5]);
    assert_eq!(rig.netisr.interface(greedy).refused.of(Cause::Share), 1);
    rig.finish();
}

#[test]
fn batches_take_what_fits_and_leave_the_rest() {
    let mut rig = Rig::new(spec());
    let (stays, goes) = (rig.netisr.attach().unwrap(), rig.netisr.attach().unwrap());
    let netisr = rig.netisr.clone();
    let _departure = rig.worker.with_ctx(|ctx| netisr.detach(ctx, goes)).unwrap();
    for outside in [false, true] {
        let ids = [stays, goes, stays, stays, stays, stays, stays];
        let mut batch: Vec<_> =
            (0..).zip(ids).map(|(number, id)| Some((rig.frame(number, IfId::NONE), out(id)))).collect();
        let kind = rig.kind.clone();
        let accepted = if outside {
            let mut root = Root::new();
            let mut entered = root.enter().unwrap();
            kind.dispatch_batch(&entered.ctx(), &mut batch)
        } else {
            rig.worker.with_ctx(|ctx| kind.dispatch_batch(ctx, &mut batch))
        };
        assert_eq!(accepted, 4);
        let left: Vec<_> = batch.iter().flatten().map(|(frame, _)| frame.number).collect();
        assert_eq!(left, [1, 5, 6]);
        rig.poll();
        assert_eq!(rig.numbers(), [0, 2, 3, 4]);
        rig.seen.0.clear();
    }
    rig.finish();
}

#[test]
fn bad_registrations_say_what_to_do() {
    let rig = Rig::new(spec());
    let error = |spec| rig.netisr.register(spec, note).unwrap_err();
    assert_eq!(error(spec()), RegisterError::DuplicateName("test".into()));
    assert_eq!(error(TypeSpec::new("zero").limit(0)), RegisterError::ZeroLimit);
    assert_eq!(error(TypeSpec::new("large").limit(40_000)), RegisterError::LimitTooLarge(40_000));
    assert_eq!(error(TypeSpec::new("share").share(0)), RegisterError::ZeroShare);
    for n in 1..62 {
        rig.netisr.register(TypeSpec::new(&format!("type {n}")).limit(1), note).unwrap();
    }
    assert_eq!(error(TypeSpec::new("one more")), RegisterError::TooManyTypes);
}

#[test]
fn residence_is_timed() {
    let mut rig = Rig::new(spec().time_every(1));
    (0..3).for_each(|n| rig.dispatch(n, out(IfId::NONE)).unwrap());
    std::thread::sleep(Duration::from_millis(2));
    assert!(rig.netisr.types()[0].total().oldest_age.unwrap() >= Duration::from_millis(2));
    rig.poll();
    let total = rig.netisr.types()[0].total();
    assert_eq!(total.residence.count(), 3);
    assert!(total.residence.percentile(50.0).unwrap() >= Duration::from_millis(2));
    assert_eq!(total.oldest_age, None);
    rig.finish();
}
