//! Any sequence of calls, on one thread, against a queue that is written down in the plainest way.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;

use proptest::prelude::*;
use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_netisr::Cause;
use siding_netisr::Departure;
use siding_netisr::IfId;
use siding_netisr::LimitError;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Overflow;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::Pending;
use siding_netisr::Permit;
use siding_netisr::TypeSpec;
use siding_netisr::Unregistering;
use siding_netisr::Worker;

mod panics;

const INTERFACES: usize = 3;

/// The highest limit that there may be, where it changes.
const MOST: u32 = 9;

#[derive(Clone, Debug)]
enum Step {
    Dispatch { own: bool, interface: usize },
    Batch { own: bool, interfaces: Vec<usize> },
    Reserve { own: bool },
    UsePermit { own: bool, interface: usize },
    DropPermit,
    Poll { budget: usize },
    Detach { interface: usize },
    Attach { interface: usize },
    Unregister { flush: bool },
    SetLimit { limit: u32 },
}

#[derive(Clone, Debug)]
struct Shape {
    limit: u32,
    /// Whether it may be changed.
    changes: bool,
    drop_oldest: bool,
    share: Option<u32>,
}

fn shape() -> impl Strategy<Value = Shape> {
    let share = proptest::option::of(1u32..4);
    (1u32..7, any::<bool>(), any::<bool>(), share).prop_map(|(limit, changes, drop_oldest, share)| Shape {
        limit,
        changes,
        drop_oldest,
        share,
    })
}

fn step() -> impl Strategy<Value = Step> {
    // The last interface is none at all.
    let interface = || 0..=INTERFACES;
    prop_oneof![
        8 => (any::<bool>(), interface()).prop_map(|(own, interface)| Step::Dispatch { own, interface }),
        4 => (any::<bool>(), proptest::collection::vec(interface(), 0..6))
            .prop_map(|(own, interfaces)| Step::Batch { own, interfaces }),
        3 => any::<bool>().prop_map(|own| Step::Reserve { own }),
        3 => (any::<bool>(), interface()).prop_map(|(own, interface)| Step::UsePermit { own, interface }),
        1 => Just(Step::DropPermit),
        6 => (0usize..5).prop_map(|budget| Step::Poll { budget }),
        2 => (0..INTERFACES).prop_map(|interface| Step::Detach { interface }),
        2 => (0..INTERFACES).prop_map(|interface| Step::Attach { interface }),
        2 => (0..MOST + 2).prop_map(|limit| Step::SetLimit { limit }),
        // Rarely: nothing much happens afterwards.
        1 => proptest::option::weighted(0.2, any::<bool>()).prop_map(|flush| match flush {
            Some(flush) => Step::Unregister { flush },
            None => Step::Poll { budget: 64 },
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_facility_is_the_oracle(shape in shape(), steps in proptest::collection::vec(step(), 0..60)) {
        let mut rig = Rig::new(shape);
        for step in steps {
            rig.step(&step);
            rig.compare(&step);
        }
        rig.finish();
    }
}

struct Frame {
    number: u32,
    live: Arc<AtomicUsize>,
}

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.live.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The numbers that the handler was called with.
#[derive(Default)]
struct Seen(Vec<u32>);

impl Local for Seen {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

/// The facility beside its oracle.
struct Rig {
    netisr: Netisr<Frame, Seen>,
    kind: PacketType<Frame, IfId, Seen>,
    worker: Worker<Frame, Seen>,
    seen: Seen,
    live: Arc<AtomicUsize>,
    ids: [IfId; INTERFACES],
    permits: Vec<Permit<Frame, IfId, Seen>>,
    departures: Vec<Departure<Frame, Seen>>,
    leaving: Option<Unregistering<Frame, Seen>>,
    oracle: Oracle,
    next: u32,
}

impl Rig {
    fn new(shape: Shape) -> Rig {
        let netisr = Netisr::builder().interfaces(INTERFACES).build().unwrap();
        let mut spec = TypeSpec::new("test").limit(shape.limit);
        if shape.changes {
            spec = spec.limit_up_to(MOST);
        }
        if shape.drop_oldest {
            spec = spec.overflow(Overflow::DropOldest);
        }
        if let Some(share) = shape.share {
            spec = spec.share(share);
        }
        let kind = netisr
            .register(spec, |_ctx, seen: &mut Seen, frame: Frame, _out: IfId| seen.0.push(frame.number))
            .unwrap();
        let worker = netisr.worker(0).unwrap();
        let ids = [(); INTERFACES].map(|()| netisr.attach().unwrap());
        Rig {
            netisr,
            kind,
            worker,
            seen: Seen::default(),
            live: Arc::default(),
            ids,
            permits: Vec::new(),
            departures: Vec::new(),
            leaving: None,
            oracle: Oracle::new(shape, ids),
            next: 0,
        }
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Dispatch { own, interface } => {
                let (frame, id) = self.packet(*interface);
                let number = frame.number;
                let kind = self.kind.clone();
                let result = self.with_ctx(*own, |ctx| kind.dispatch(ctx, frame, id));
                if let Err(refused) = &result {
                    assert_eq!(
                        (refused.packet.number, refused.meta),
                        (number, id),
                        "another packet came back"
                    );
                }
                assert_eq!(result.map_err(|refused| refused.cause), self.oracle.dispatch(number, id));
            }
            Step::Batch { own, interfaces } => {
                let mut batch: Vec<_> = interfaces.iter().map(|at| Some(self.packet(*at))).collect();
                let asked: Vec<_> = batch.iter().flatten().map(|(frame, id)| (frame.number, *id)).collect();
                let kind = self.kind.clone();
                let accepted = self.with_ctx(*own, |ctx| kind.dispatch_batch(ctx, &mut batch));
                let expected: Vec<_> = asked
                    .iter()
                    .filter(|(number, id)| self.oracle.dispatch(*number, *id).is_err())
                    .copied()
                    .collect();
                let left: Vec<_> = batch.iter().flatten().map(|(frame, id)| (frame.number, *id)).collect();
                assert_eq!(left, expected, "what the batch leaves");
                assert_eq!(accepted + left.len(), asked.len());
            }
            Step::Reserve { own } => {
                let kind = self.kind.clone();
                let permit = self.with_ctx(*own, |ctx| kind.reserve(ctx, None));
                assert_eq!(permit.as_ref().map(|_| ()).map_err(|cause| *cause), self.oracle.reserve());
                self.permits.extend(permit);
            }
            Step::UsePermit { own, interface } => {
                let Some(permit) = self.permits.pop() else { return };
                let (frame, id) = self.packet(*interface);
                let number = frame.number;
                let result = self.with_ctx(*own, |ctx| permit.dispatch(ctx, frame, id));
                assert_eq!(result.map_err(|refused| refused.cause), self.oracle.use_permit(number, id));
            }
            Step::DropPermit => {
                if self.permits.pop().is_some() {
                    self.oracle.permits -= 1;
                }
            }
            Step::Poll { budget } => {
                // What is flushed needs no budget, but a poll with none may put it off.
                let budget = if self.oracle.flushing { (*budget).max(1) } else { *budget };
                let polled = self.worker.poll(&mut self.seen, budget);
                assert_eq!(polled.handled, self.oracle.poll(budget));
                for mut departure in self.departures.drain(..) {
                    assert!(departure.is_complete(), "the worker has come by");
                }
            }
            Step::Detach { interface } => {
                let (netisr, id) = (self.netisr.clone(), self.ids[*interface]);
                let departure = self.worker.with_ctx(|ctx| netisr.detach(ctx, id));
                assert_eq!(departure.is_ok(), self.oracle.detach(id));
                if let Ok(mut departure) = departure {
                    assert!(!departure.is_complete(), "the worker has not come by");
                    self.departures.push(departure);
                }
            }
            Step::Attach { interface } => {
                if self.netisr.is_attached(self.ids[*interface]) || !self.departures.is_empty() {
                    return;
                }
                let id = self.netisr.attach().expect("a slot is free: its departure is complete");
                assert!(!self.oracle.ever.contains(&id), "an identity is used again");
                self.ids[*interface] = id;
                self.oracle.attach(id);
            }
            Step::SetLimit { limit } => self.set_limit(*limit),
            Step::Unregister { flush } => {
                let pending = if *flush { Pending::Flush } else { Pending::Drain };
                let (netisr, kind) = (self.netisr.clone(), self.kind.clone());
                let leaving = self.worker.with_ctx(|ctx| netisr.unregister(ctx, &kind, pending));
                assert_eq!(leaving.is_ok(), !self.oracle.closed);
                if let Ok(leaving) = leaving {
                    self.leaving = Some(leaving);
                    self.oracle.close(*flush);
                }
            }
        }
    }

    fn set_limit(&mut self, limit: u32) {
        let expected = match self.oracle.shape.changes {
            false => Err(LimitError::Fixed),
            true if (1..=MOST).contains(&limit) => Ok(()),
            true => Err(LimitError::OutOfRange(limit, MOST)),
        };
        assert_eq!(self.kind.set_limit(limit), expected);
        if expected.is_ok() {
            self.oracle.shape.limit = limit;
            self.oracle.most = self.oracle.resident() + self.oracle.permits;
        }
        assert_eq!(self.kind.limit(), self.oracle.shape.limit);
    }

    /// Everything that can be seen from outside.
    fn compare(&self, step: &Step) {
        assert_eq!(self.seen.0, self.oracle.handled, "after {step:?}");
        let report = self.netisr.types();
        let Some(kind) = report.first() else {
            assert!(self.oracle.closed && self.oracle.resident() == 0, "a type is gone early");
            return;
        };
        let total = kind.total();
        let oracle = &self.oracle;
        let fates = (total.accepted, total.departed, total.flushed, total.dropped_oldest);
        assert_eq!(
            fates,
            (oracle.accepted, oracle.departed, oracle.flushed, oracle.dropped),
            "after {step:?}"
        );
        assert_eq!(total.handled, oracle.handled.len() as u64);
        assert_eq!((total.resident, total.reserved), (oracle.resident(), oracle.permits), "after {step:?}");
        assert_eq!(kind.limit, oracle.shape.limit);
        assert!(total.resident + total.reserved <= oracle.most.max(u64::from(oracle.shape.limit)));
        for cause in Cause::ALL {
            assert_eq!(total.refused.of(cause), oracle.refused[cause as usize], "{cause} after {step:?}");
        }
        assert!(total.is_conserved());
        let unburied = (self.live.load(Ordering::Relaxed) as u64).checked_sub(oracle.resident());
        // An order that concerns others does not look at them.
        let right = unburied.is_some_and(|unburied| unburied <= oracle.unburied);
        assert!(right, "{unburied:?} of {} are kept, after {step:?}", oracle.unburied);
    }

    fn finish(mut self) {
        let permits = self.permits.len() as u64;
        self.permits.clear();
        self.oracle.permits -= permits;
        for budget in [64, 64] {
            self.step(&Step::Poll { budget });
            self.compare(&Step::Poll { budget });
        }
        assert_eq!(self.oracle.resident(), 0);
        if let Some(mut leaving) = self.leaving.take() {
            leaving.is_complete();
            self.worker.poll(&mut self.seen, 64);
            assert!(leaving.is_complete(), "{}", leaving.holders());
        }
        let live = self.live.clone();
        drop(self);
        assert_eq!(live.load(Ordering::Relaxed), 0);
    }

    fn packet(&mut self, interface: usize) -> (Frame, IfId) {
        self.next += 1;
        self.live.fetch_add(1, Ordering::Relaxed);
        let id = self.ids.get(interface).copied().unwrap_or(IfId::NONE);
        (Frame { number: self.next, live: self.live.clone() }, id)
    }

    fn with_ctx<O>(&mut self, own: bool, work: impl FnOnce(&Ctx<'_, Unlocked>) -> O) -> O {
        if own {
            return self.worker.with_ctx(|ctx| work(ctx));
        }
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        work(&entered.ctx())
    }
}

type Entry = (u32, IfId);

/// What the facility must do, with no regard to threads or speed.
struct Oracle {
    shape: Shape,
    attached: Vec<IfId>,
    ever: Vec<IfId>,
    queue: VecDeque<Entry>,
    /// Packets that made room, which the worker drops when it comes by, at the latest when it handles some.
    unburied: u64,
    permits: u64,
    /// Packets and permits when the limit was last changed: they stay, whatever it is.
    most: u64,
    closed: bool,
    flushing: bool,
    /// Control has ordered something that the worker carries out at its next poll.
    ordered: bool,
    accepted: u64,
    handled: Vec<u32>,
    departed: u64,
    flushed: u64,
    dropped: u64,
    refused: [u64; Cause::ALL.len()],
}

impl Oracle {
    fn new(shape: Shape, ids: [IfId; INTERFACES]) -> Oracle {
        Oracle {
            shape,
            attached: ids.to_vec(),
            ever: ids.to_vec(),
            queue: VecDeque::new(),
            unburied: 0,
            permits: 0,
            most: 0,
            closed: false,
            flushing: false,
            ordered: true,
            accepted: 0,
            handled: Vec::new(),
            departed: 0,
            flushed: 0,
            dropped: 0,
            refused: [0; Cause::ALL.len()],
        }
    }

    fn dispatch(&mut self, number: u32, id: IfId) -> Result<(), Cause> {
        if !self.stays(id) {
            return self.refuse(Cause::Departed);
        }
        let used = self.queue.iter().filter(|(_, other)| *other == id).count();
        if self.shape.share.is_some_and(|share| used >= share as usize) && !id.is_none() {
            return self.refuse(Cause::Share);
        }
        if self.closed {
            return self.refuse(Cause::Closed);
        }
        while !self.has_room() {
            let in_vain = self.permits >= u64::from(self.shape.limit);
            if !self.shape.drop_oldest || in_vain || self.queue.pop_front().is_none() {
                return self.refuse(Cause::Full);
            }
            self.dropped += 1;
            self.unburied += 1;
        }
        self.accept(number, id)
    }

    fn reserve(&mut self) -> Result<(), Cause> {
        if self.closed {
            return self.refuse(Cause::Closed);
        }
        if !self.has_room() {
            return self.refuse(Cause::Full);
        }
        self.permits += 1;
        Ok(())
    }

    fn use_permit(&mut self, number: u32, id: IfId) -> Result<(), Cause> {
        self.permits -= 1;
        if self.stays(id) { self.accept(number, id) } else { self.refuse(Cause::Departed) }
    }

    fn poll(&mut self, budget: usize) -> usize {
        if self.flushing {
            self.flushed += self.resident();
            self.queue.clear();
        } else if self.ordered {
            let before = self.resident();
            let attached = &self.attached;
            self.queue.retain(|(_, id)| id.is_none() || attached.contains(id));
            self.departed += before - self.resident();
        }
        if budget > 0 {
            self.unburied = 0;
        }
        self.ordered = false;
        let handled = (self.resident() as usize).min(budget);
        self.handled.extend(self.queue.drain(..handled).map(|(number, _)| number));
        handled
    }

    fn detach(&mut self, id: IfId) -> bool {
        let before = self.attached.len();
        self.attached.retain(|other| *other != id);
        let detached = self.attached.len() < before;
        self.ordered |= detached;
        detached
    }

    fn attach(&mut self, id: IfId) {
        self.attached.push(id);
        self.ever.push(id);
    }

    fn close(&mut self, flush: bool) {
        (self.closed, self.flushing, self.ordered) = (true, flush, true);
    }

    fn resident(&self) -> u64 {
        self.queue.len() as u64
    }

    fn has_room(&self) -> bool {
        self.resident() + self.permits < u64::from(self.shape.limit)
    }

    fn stays(&self, id: IfId) -> bool {
        id.is_none() || self.attached.contains(&id)
    }

    fn accept(&mut self, number: u32, id: IfId) -> Result<(), Cause> {
        self.queue.push_back((number, id));
        self.accepted += 1;
        Ok(())
    }

    fn refuse(&mut self, cause: Cause) -> Result<(), Cause> {
        self.refused[cause as usize] += 1;
        Err(cause)
    }
}
