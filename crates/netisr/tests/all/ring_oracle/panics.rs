//! Any sequence of calls while the embedder's code panics at any of its calls: nothing is lost, nothing comes twice.
//!
//! What exactly a step does is not foretold here. What must hold is looked at after each: fates add up, what was
//! dropped was dropped once, flows keep their order, a sleeper was woken; and at the end the facility is as good as new.

use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_netisr::Cause;
use siding_netisr::Departure;
use siding_netisr::IfId;
use siding_netisr::Netisr;
use siding_netisr::OnPanic;
use siding_netisr::Overflow;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::Permit;
use siding_netisr::RegisterError;
use siding_netisr::TypeSpec;
use siding_netisr::Unregistering;
use siding_netisr::Worker;

const INTERFACES: usize = 3;
const WORKERS: usize = 2;

#[path = "embedder.rs"]
mod embedder;

use embedder::*;

#[derive(Clone, Debug)]
enum Step {
    Dispatch { by: usize, interface: usize },
    Batch { by: usize, interfaces: Vec<usize> },
    Reserve { by: usize, key: Option<u64> },
    UsePermit { by: usize, interface: usize },
    DropPermit,
    Poll { worker: usize, budget: usize },
    Sleep { worker: usize },
    Detach { interface: usize, keep: bool },
    Attach { interface: usize },
    Unregister { flush: bool },
}

#[derive(Clone, Debug)]
struct Shape {
    limit: u32,
    drop_oldest: bool,
    share: Option<u32>,
    keyed: bool,
    on_panic: OnPanic,
}

fn shape() -> impl Strategy<Value = Shape> {
    let on_panic = prop_oneof![Just(OnPanic::Unwind), Just(OnPanic::GoOn), Just(OnPanic::StopType)];
    (2u32..7, any::<bool>(), proptest::option::of(1u32..4), any::<bool>(), on_panic).prop_map(
        |(limit, drop_oldest, share, keyed, on_panic)| Shape { limit, drop_oldest, share, keyed, on_panic },
    )
}

fn step() -> impl Strategy<Value = Step> {
    // The last interface is none at all; the last of those who dispatch is no worker.
    let interface = || 0..=INTERFACES;
    let by = || 0..=WORKERS;
    prop_oneof![
        8 => (by(), interface()).prop_map(|(by, interface)| Step::Dispatch { by, interface }),
        4 => (by(), proptest::collection::vec(interface(), 0..6))
            .prop_map(|(by, interfaces)| Step::Batch { by, interfaces }),
        3 => (by(), proptest::option::of(0..FLOWS)).prop_map(|(by, key)| Step::Reserve { by, key }),
        3 => (by(), interface()).prop_map(|(by, interface)| Step::UsePermit { by, interface }),
        1 => Just(Step::DropPermit),
        6 => (0..WORKERS, 0usize..5).prop_map(|(worker, budget)| Step::Poll { worker, budget }),
        2 => (0..WORKERS).prop_map(|worker| Step::Sleep { worker }),
        2 => (0..INTERFACES, any::<bool>()).prop_map(|(interface, keep)| Step::Detach { interface, keep }),
        2 => (0..INTERFACES).prop_map(|interface| Step::Attach { interface }),
        // Rarely: nothing much happens afterwards.
        1 => proptest::option::weighted(0.2, any::<bool>()).prop_map(|flush| match flush {
            Some(flush) => Step::Unregister { flush },
            None => Step::Poll { worker: 0, budget: 64 },
        }),
    ]
}

/// How many flows there are, with keys from 0. Packets of each have ascending numbers.
const FLOWS: u64 = 3;

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_whatever_panics(
        shape in shape(),
        steps in proptest::collection::vec((step(), proptest::option::weighted(0.4, 1u8..12)), 0..60),
    ) {
        let mut rig = Rig::new(shape);
        for (step, fuse) in &steps {
            FUSE.set(fuse.unwrap_or(0));
            drop(catch_unwind(AssertUnwindSafe(|| rig.step(step))));
            FUSE.set(0);
            rig.look(step);
        }
        rig.finish();
    }
}

/// What the handler notes: which packet, and of which interface.
type Log = Arc<Mutex<Vec<(usize, u64, IfId)>>>;

struct Rig {
    shape: Shape,
    netisr: Netisr<Frame, Own>,
    kind: PacketType<Frame, Meta, Own>,
    workers: Vec<Worker<Frame, Own>>,
    asleep: [bool; WORKERS],
    bell: Arc<Bell>,
    live: Arc<AtomicUsize>,
    ids: [IfId; INTERFACES],
    permits: Vec<(Permit<Frame, Meta, Own>, Option<u64>)>,
    departures: Vec<Departure<Frame, Own>>,
    /// Interfaces that have gone, each with how many packets had been handled by then.
    gone: Vec<(IfId, usize)>,
    leaving: Option<Unregistering<Frame, Own>>,
    log: Log,
    next: u64,
    /// Dispatches that said yes; and packets that were on their way when something panicked.
    accepted: u64,
    unknown: u64,
    closed: bool,
}

impl Rig {
    fn new(shape: Shape) -> Rig {
        let bell = Arc::new(Bell::default());
        let netisr = Netisr::builder()
            .workers(WORKERS)
            .interfaces(INTERFACES)
            .clock(Ticks(AtomicU64::new(1)))
            .wake(bell.clone())
            .on_panic(shape.on_panic)
            .report_panics(|_| called())
            .build()
            .unwrap();
        let log = Log::default();
        Rig {
            kind: register(&netisr, &shape, &log).unwrap(),
            shape,
            workers: (0..WORKERS).map(|index| netisr.worker(index).unwrap()).collect(),
            asleep: [false; WORKERS],
            bell,
            live: Arc::default(),
            ids: [(); INTERFACES].map(|()| netisr.attach().unwrap()),
            netisr,
            permits: Vec::new(),
            departures: Vec::new(),
            gone: Vec::new(),
            leaving: None,
            log,
            next: 0,
            accepted: 0,
            unknown: 0,
            closed: false,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Dispatch { by, interface } => {
                let (frame, meta) = self.packet(*interface, None);
                self.unknown += 1;
                let kind = self.kind.clone();
                let result = self.with_ctx(*by, |ctx| kind.dispatch(ctx, frame, meta).map_err(drop));
                self.unknown -= 1;
                self.accepted += u64::from(result.is_ok());
            }
            Step::Batch { by, interfaces } => {
                let mut batch: Vec<_> =
                    interfaces.iter().map(|interface| Some(self.packet(*interface, None))).collect();
                let asked = batch.len() as u64;
                self.unknown += asked;
                let kind = self.kind.clone();
                let accepted = self.with_ctx(*by, |ctx| kind.dispatch_batch(ctx, &mut batch)) as u64;
                self.unknown -= asked;
                self.accepted += accepted;
                assert_eq!(accepted, batch.iter().filter(|entry| entry.is_none()).count() as u64);
            }
            Step::Reserve { by, key } => {
                let kind = self.kind.clone();
                let permit = self.with_ctx(*by, |ctx| kind.reserve(ctx, *key));
                self.permits.extend(permit.map(|permit| (permit, *key)));
            }
            Step::UsePermit { by, interface } => {
                let Some((permit, key)) = self.permits.pop() else { return };
                let (frame, meta) = self.packet(*interface, key);
                self.unknown += 1;
                let result = self.with_ctx(*by, |ctx| permit.dispatch(ctx, frame, meta).map_err(drop));
                self.unknown -= 1;
                self.accepted += u64::from(result.is_ok());
            }
            Step::DropPermit => drop(self.permits.pop()),
            Step::Poll { worker, budget } => self.poll(*worker, *budget),
            Step::Sleep { worker } => self.sleep(*worker),
            Step::Detach { interface, keep } => {
                let id = self.ids[*interface];
                let departure = self.outside(|rig, ctx| rig.netisr.detach(ctx, id));
                self.departures.extend(departure.ok().filter(|_| *keep));
            }
            Step::Attach { interface } => {
                if !self.netisr.is_attached(self.ids[*interface])
                    && let Some(id) = self.netisr.attach()
                {
                    self.ids[*interface] = id;
                }
            }
            Step::Unregister { flush } => {
                let pending = if *flush { Pending::Flush } else { Pending::Drain };
                self.closed = true;
                let leaving = self.outside(|rig, ctx| rig.netisr.unregister(ctx, &rig.kind, pending));
                self.leaving = leaving.ok().or(self.leaving.take());
            }
        }
    }

    fn poll(&mut self, worker: usize, budget: usize) {
        self.awake(worker);
        self.workers[worker].poll(&mut Own(worker), budget);
    }

    fn sleep(&mut self, worker: usize) {
        self.awake(worker);
        self.bell.0[worker].store(false, Ordering::Relaxed);
        self.asleep[worker] = self.workers[worker].prepare_sleep();
    }

    fn awake(&mut self, worker: usize) {
        if std::mem::take(&mut self.asleep[worker]) {
            self.workers[worker].awake();
        }
    }

    /// What holds after every step, whatever it did.
    fn look(&mut self, step: &Step) {
        self.netisr.check_conservation().unwrap_or_else(|imbalance| panic!("{imbalance} after {step:?}"));
        let handled = self.log.lock().unwrap().clone();
        for flow in 0..FLOWS {
            let mut last = None;
            for (_, number, _) in handled.iter().filter(|entry| self.flow_of(entry) == flow) {
                assert!(last < Some(number), "out of order: {handled:?} after {step:?}");
                last = Some(number);
            }
        }
        self.departures.retain_mut(|departure| {
            let complete = departure.is_complete();
            if complete {
                self.gone.push((departure.id(), handled.len()));
            }
            !complete
        });
        for (id, by_then) in &self.gone {
            assert!(handled[*by_then..].iter().all(|(_, _, out)| out != id), "handled with what has gone");
        }
        let Some(kind) = self.netisr.types().pop() else { return };
        let total = kind.total();
        assert_eq!(total.handled, handled.len() as u64, "after {step:?}");
        assert!(total.accepted >= self.accepted && total.accepted <= self.accepted + self.unknown);
        for (worker, lane) in kind.workers.iter().enumerate() {
            assert!(lane.resident + lane.reserved <= u64::from(kind.limit), "after {step:?}");
            let rung = self.bell.0[worker].load(Ordering::Relaxed);
            assert!(!self.asleep[worker] || lane.resident == 0 || rung, "nobody is woken after {step:?}");
        }
        let permits = self.permits.len() as u64;
        assert!(total.reserved >= permits && total.reserved <= permits * WORKERS as u64);
    }

    /// The embedder's code panics no more.
    fn finish(mut self) {
        self.permits.clear();
        self.settle();
        assert!(self.departures.iter_mut().all(Departure::is_complete), "a departure is lost");
        assert_eq!(self.live.load(Ordering::Relaxed), 0, "packets or metadata were leaked");
        for at in 0..INTERFACES {
            if !self.netisr.is_attached(self.ids[at]) {
                self.ids[at] = self.netisr.attach().expect("the slot of a departure that was lost");
            }
        }
        if !self.closed {
            self.fill_up();
            let leaving = self.outside(|rig, ctx| rig.netisr.unregister(ctx, &rig.kind, Pending::Flush));
            self.leaving = Some(leaving.expect("nobody has unregistered it"));
        }
        self.settle();
        // It is gone, and its name is free again.
        if let Some(mut leaving) = self.leaving.take() {
            // The first look gives the order that the polls carry out.
            leaving.is_complete();
            self.settle();
            assert!(leaving.is_complete(), "{}", leaving.holders());
        }
        for _ in 0..3 {
            if let Ok(next) = register(&self.netisr, &self.shape, &self.log) {
                self.kind = next;
                break;
            }
            self.settle();
        }
        assert_eq!(
            self.netisr.types().iter().map(|kind| kind.total().accepted).sum::<u64>(),
            0,
            "it is lost"
        );
        (self.accepted, self.unknown) = (0, 0);
        self.log.lock().unwrap().clear();
        self.gone.clear();
        self.settle();
        self.fill_up();
        self.settle();
        let live = self.live.clone();
        drop(self);
        assert_eq!(live.load(Ordering::Relaxed), 0);
    }

    /// Polls until nothing is left to do.
    fn settle(&mut self) {
        for _ in 0..140 {
            (0..WORKERS).for_each(|worker| self.poll(worker, 64));
        }
        for worker in 0..WORKERS {
            self.sleep(worker);
            assert!(self.asleep[worker], "there is always something to do");
        }
        self.look(&Step::Poll { worker: 0, budget: 64 });
        let resident: u64 = self.netisr.types().iter().map(|kind| kind.total().resident).sum();
        assert_eq!(resident, 0, "packets wait that no poll finds");
    }

    /// A type that panics have not stopped has all its room, and each interface its share.
    fn fill_up(&mut self) {
        let room = u64::from(self.shape.limit);
        let share = self.shape.share.map_or(room, |share| room.min(u64::from(share)));
        for (interface, packets) in (0..INTERFACES).map(|at| (at, share)).chain([(INTERFACES, room)]) {
            for packet in 0..packets {
                let (frame, meta) = self.packet(interface, Some(0));
                let kind = self.kind.clone();
                let result = self.with_ctx(0, |ctx| kind.dispatch(ctx, frame, meta));
                match result.map_err(|refused| refused.cause) {
                    Ok(()) => self.accepted += 1,
                    Err(Cause::Stopped) => return,
                    Err(why) => panic!("packet {packet} of {packets} on interface {interface}: {why}"),
                }
            }
            self.settle();
        }
    }

    /// A packet of the flow `key`, if it is to be of one.
    fn packet(&mut self, interface: usize, key: Option<u64>) -> (Frame, Meta) {
        self.next += 1;
        while key.is_some_and(|key| self.next % FLOWS != key) {
            self.next += 1;
        }
        let out = self.ids.get(interface).copied().unwrap_or(IfId::NONE);
        (
            Frame { number: self.next, _live: Live::new(&self.live) },
            Meta { out, _live: Live::new(&self.live) },
        )
    }

    /// With a key, packets with the same one keep their order; without, packets of one worker.
    fn flow_of(&self, (worker, number, _): &(usize, u64, IfId)) -> u64 {
        if self.shape.keyed { number % FLOWS } else { *worker as u64 }
    }

    fn with_ctx<O>(&mut self, by: usize, work: impl FnOnce(&Ctx<'_, Unlocked>) -> O) -> O {
        if by == WORKERS {
            return self.outside(|_, ctx| work(ctx));
        }
        self.awake(by);
        self.workers[by].with_ctx(|ctx| work(ctx))
    }

    fn outside<O>(&self, work: impl FnOnce(&Rig, &Ctx<'_, Unlocked>) -> O) -> O {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        work(self, &entered.ctx())
    }
}

fn register(
    netisr: &Netisr<Frame, Own>,
    shape: &Shape,
    log: &Log,
) -> Result<PacketType<Frame, Meta, Own>, RegisterError> {
    let mut spec = TypeSpec::new("test").limit(shape.limit).time_every(2);
    if shape.drop_oldest {
        spec = spec.overflow(Overflow::DropOldest);
    }
    if let Some(share) = shape.share {
        spec = spec.share(share);
    }
    if shape.keyed {
        spec = spec.flow_key(|frame: &Frame, _: &Meta| {
            called();
            frame.number % FLOWS
        });
    }
    let log = log.clone();
    netisr.register(spec, move |_ctx, own: &mut Own, frame: Frame, meta: Meta| {
        log.lock().unwrap().push((own.0, frame.number, meta.out));
        called();
    })
}
