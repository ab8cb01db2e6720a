//! What the tests share.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_netisr::Cause;
use siding_netisr::Clock;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::Local;
use siding_netisr::Netisr;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::TypeSpec;
use siding_netisr::Wake;
use siding_netisr::Worker;

/// A packet with a number, that names no interface itself.
#[derive(Debug)]
pub(crate) struct Frame(pub(crate) u32);

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

/// The numbers that handlers were called with, in order.
#[derive(Default)]
pub(crate) struct Seen(pub(crate) Vec<u32>);

impl Local for Seen {
    fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {}
}

pub(crate) type Facility = Netisr<Frame, Seen>;
pub(crate) type Kind = PacketType<Frame, IfId, Seen>;
pub(crate) type Spec = TypeSpec<Frame, IfId>;

/// Registers a type whose handler notes the packet.
pub(crate) fn register(netisr: &Facility, spec: Spec) -> Kind {
    netisr.register(spec, |_ctx, seen: &mut Seen, frame: Frame, _id: IfId| seen.0.push(frame.0)).unwrap()
}

/// The worker, when it has carried out what control has ordered until now.
pub(crate) fn settled(netisr: &Facility, index: usize) -> Worker<Frame, Seen> {
    let mut worker = netisr.worker(index).unwrap();
    worker.poll(&mut Seen::default(), 0);
    worker
}

/// Runs `work` with the token of a thread that is no worker.
pub(crate) fn outside<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().unwrap();
    work(&mut entered.ctx())
}

/// Dispatches from a thread that is no worker.
pub(crate) fn send(kind: &Kind, number: u32, id: IfId) -> Result<(), Cause> {
    outside(|ctx| kind.dispatch(ctx, Frame(number), id)).map_err(|refused| refused.cause)
}

/// Dispatches from the worker itself.
pub(crate) fn send_own(
    worker: &mut Worker<Frame, Seen>,
    kind: &Kind,
    number: u32,
    id: IfId,
) -> Result<(), Cause> {
    worker.with_ctx(|ctx| kind.dispatch(ctx, Frame(number), id)).map_err(|refused| refused.cause)
}

/// What was handled by a poll with this budget, and whether there may be more.
pub(crate) fn poll(worker: &mut Worker<Frame, Seen>, budget: usize) -> (Vec<u32>, bool) {
    let mut seen = Seen::default();
    let polled = worker.poll(&mut seen, budget);
    assert_eq!(polled.handled, seen.0.len());
    (seen.0, polled.more)
}

/// A bell that notes whom it rang for.
#[derive(Default)]
pub(crate) struct Bell(Mutex<Vec<usize>>);

impl Bell {
    /// Who was woken since this was last asked.
    pub(crate) fn rung(&self) -> Vec<usize> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

impl Wake for Bell {
    fn wake(&self, worker: usize) {
        self.0.lock().unwrap().push(worker);
    }
}

/// A clock that a test sets.
#[derive(Clone, Default)]
pub(crate) struct Hand(pub(crate) Arc<AtomicU64>);

impl Hand {
    pub(crate) fn set(&self, nanos: u64) {
        self.0.store(nanos, Ordering::Relaxed);
    }
}

impl Clock for Hand {
    fn now(&self) -> Instant {
        Instant::from_nanos(self.0.load(Ordering::Relaxed))
    }
}
