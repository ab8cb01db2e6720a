//! What the scenarios share: packets that are counted, interfaces that notice who uses them, and a rig.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::AtomicU64 as Tally;
use std::sync::atomic::Ordering;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;
use siding_netisr::Cause;
use siding_netisr::IfId;
use siding_netisr::Local;
use siding_netisr::Metadata;
use siding_netisr::Nameless;
use siding_netisr::Netisr;
use siding_netisr::NoClock;
use siding_netisr::NoWake;
use siding_netisr::Packet;
use siding_netisr::PacketType;
use siding_netisr::TypeSpec;
use siding_netisr::Wake;
use siding_netisr::Worker;

use crate::checker::LARGE;
use crate::checker::sync::atomic::AtomicBool;
use crate::checker::sync::atomic::AtomicUsize;

/// Time that never runs out under a checker: its clock stands still.
pub(crate) const LONG: Duration = Duration::from_secs(3600);

/// `small` where every interleaving is looked at, `large` elsewhere.
pub(crate) fn pick<T>(small: T, large: T) -> T {
    if LARGE { large } else { small }
}

/// Runs `work` with the token of a thread that is no worker.
pub(crate) fn outside<O>(work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
    let mut root = Root::new();
    let mut entered = root.enter().expect("a scenario's thread has one token");
    work(&mut entered.ctx())
}

/// One thing that is alive. The tally is no atomic of the checker's: it orders nothing and nobody waits for it.
pub(crate) struct Live(Arc<Tally>);

impl Live {
    fn new(tally: &Arc<Tally>) -> Live {
        tally.fetch_add(1, Ordering::Relaxed);
        Live(tally.clone())
    }
}

impl Clone for Live {
    fn clone(&self) -> Live {
        Live::new(&self.0)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Something that handlers use and that goes away: an interface, or a module with its handler.
///
/// Its words are relaxed: only the facility's own ordering keeps user and remover apart, and loom shows a stale
/// value wherever that falls short.
pub(crate) struct Resource {
    users: AtomicUsize,
    gone: AtomicBool,
    /// Whether a worker's own state refers to it.
    pub(crate) kept: AtomicBool,
}

impl Resource {
    pub(crate) fn new() -> Arc<Resource> {
        Arc::new(Resource {
            users: AtomicUsize::new(0),
            gone: AtomicBool::new(false),
            kept: AtomicBool::new(false),
        })
    }

    pub(crate) fn use_it(&self) {
        self.users.fetch_add(1, Ordering::Relaxed);
        assert!(!self.gone.load(Ordering::Relaxed), "a handler runs with what has gone");
        self.users.fetch_sub(1, Ordering::Relaxed);
    }

    /// The facility has said that nobody uses it.
    pub(crate) fn tear_down(&self) {
        assert_eq!(self.users.load(Ordering::Relaxed), 0, "a handler still runs with what goes");
        assert!(!self.kept.load(Ordering::Relaxed), "a worker's own state still refers to what goes");
        self.gone.store(true, Ordering::Relaxed);
    }
}

#[derive(Clone)]
pub(crate) struct Interface {
    pub(crate) id: IfId,
    pub(crate) resource: Arc<Resource>,
}

/// A packet with a number.
pub(crate) struct Frame {
    pub(crate) number: u32,
    _live: Live,
}

impl Packet for Frame {
    fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {}
}

impl Nameless for Frame {}

/// Metadata that knows the number of its packet.
#[derive(Clone)]
pub(crate) struct Meta {
    number: u32,
    interface: Option<Interface>,
    _live: Live,
}

impl Metadata for Meta {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.interface.as_ref().map_or(IfId::NONE, |interface| interface.id));
    }
}

/// A worker's own state: may refer to interfaces.
#[derive(Default)]
pub(crate) struct Own {
    pub(crate) keeps: Vec<Interface>,
}

impl Own {
    pub(crate) fn keeping(interfaces: &[Interface]) -> Own {
        interfaces.iter().for_each(|interface| interface.resource.kept.store(true, Ordering::Relaxed));
        Own { keeps: interfaces.to_vec() }
    }
}

impl Local for Own {
    fn depart(&mut self, stays: &dyn Fn(IfId) -> bool) {
        self.keeps.retain(|interface| {
            let stays = stays(interface.id);
            interface.resource.kept.store(stays, Ordering::Relaxed);
            stays
        });
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        self.depart(&|_| false);
    }
}

pub(crate) type Kind = PacketType<Frame, Meta, Own>;
pub(crate) type Spec = TypeSpec<Frame, Meta>;

/// A facility with one type. Clones are for other threads.
#[derive(Clone)]
pub(crate) struct Rig {
    pub(crate) netisr: Netisr<Frame, Own>,
    pub(crate) kind: Kind,
    live: Arc<Tally>,
    accepted: Arc<Tally>,
    handled: Arc<Mutex<Vec<u32>>>,
}

impl Rig {
    pub(crate) fn new(spec: Spec) -> Rig {
        Rig::with(1, spec, Arc::new(NoWake), |_| {})
    }

    /// With so many workers, and a handler that does `more` than note the packet.
    pub(crate) fn with(
        workers: usize,
        spec: Spec,
        wake: Arc<dyn Wake>,
        more: impl Fn(&mut Ctx<'_, Unlocked>) + Send + Sync + 'static,
    ) -> Rig {
        let netisr = Netisr::builder()
            .workers(workers)
            .interfaces(2)
            .clock(NoClock)
            .wake(wake)
            .build()
            .expect("small sizes");
        let handled = Arc::new(Mutex::new(Vec::new()));
        let log = handled.clone();
        let kind = netisr
            .register(spec.time_every(1 << 20), move |ctx, _own: &mut Own, frame: Frame, meta: Meta| {
                assert_eq!(frame.number, meta.number, "the metadata is another packet's");
                if let Some(interface) = &meta.interface {
                    interface.resource.use_it();
                }
                more(ctx);
                log.lock().unwrap_or_else(PoisonError::into_inner).push(frame.number);
            })
            .expect("the first type");
        Rig { netisr, kind, live: Arc::default(), accepted: Arc::default(), handled }
    }

    pub(crate) fn attach(&self) -> Interface {
        Interface { id: self.netisr.attach().expect("a free slot"), resource: Resource::new() }
    }

    pub(crate) fn worker(&self) -> Worker<Frame, Own> {
        self.netisr.worker(0).expect("a scenario claims its worker once")
    }

    pub(crate) fn packet(&self, number: u32, interface: Option<&Interface>) -> (Frame, Meta) {
        let meta = Meta { number, interface: interface.cloned(), _live: Live::new(&self.live) };
        (Frame { number, _live: Live::new(&self.live) }, meta)
    }

    /// Dispatches packet `number`, that names `interface`.
    pub(crate) fn dispatch<L>(
        &self,
        ctx: &Ctx<'_, L>,
        number: u32,
        interface: Option<&Interface>,
    ) -> Result<(), Cause> {
        let (frame, meta) = self.packet(number, interface);
        let result = self.kind.dispatch(ctx, frame, meta);
        if let Err(refused) = &result {
            assert_eq!(refused.packet.number, number, "another packet comes back");
        }
        self.note_accepted(u64::from(result.is_ok()));
        result.map_err(|refused| refused.cause)
    }

    /// Dispatches as many packets as `made` says, all with the number `number` and made in their places; it announces `wanted`.
    pub(crate) fn dispatch_from<L>(
        &self,
        ctx: &Ctx<'_, L>,
        number: u32,
        interface: Option<&Interface>,
        (made, wanted): (usize, usize),
    ) -> Result<usize, Cause> {
        let meta = Meta { number, interface: interface.cloned(), _live: Live::new(&self.live) };
        let mut frames = Made { rig: self, number, left: made, announced: wanted };
        let result = self.kind.dispatch_from(ctx, &meta, &mut frames);
        let accepted = result.unwrap_or(0);
        assert_eq!(made - frames.left, accepted, "what is refused is not made, and what is made is accepted");
        self.note_accepted(accepted as u64);
        result
    }

    /// Some packets have gone before: who dispatches from outside finds room that nobody has to look for.
    pub(crate) fn use_it(&self, worker: &mut Worker<Frame, Own>) {
        for packets in [2, 1] {
            outside(|ctx| {
                (0..packets).for_each(|number| self.dispatch(ctx, 90 + number, None).expect("room"));
            });
            worker.poll(&mut Own::default(), 64);
        }
    }

    /// The callers have been told that so many packets were accepted.
    pub(crate) fn note_accepted(&self, packets: u64) {
        self.accepted.fetch_add(packets, Ordering::Relaxed);
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }

    pub(crate) fn handled(&self) -> Vec<u32> {
        self.handled.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Packets of the type that wait.
    pub(crate) fn resident(&self) -> u64 {
        self.netisr.types().iter().map(|kind| kind.total().resident).sum()
    }

    /// Goes away with packets that wait.
    pub(crate) fn abandon(self) {
        let live = self.live.clone();
        drop(self);
        assert_eq!(live.load(Ordering::Relaxed), 0, "packets or metadata were leaked, or dropped twice");
    }

    /// Checks what holds at the end of every scenario, when all other threads are joined. Handles what waits.
    pub(crate) fn finish(self) {
        for index in 0..self.netisr.workers() {
            let mut worker = self.netisr.worker(index).expect("all threads are joined");
            (0..3).for_each(|_| _ = worker.poll(&mut Own::default(), usize::MAX));
        }
        self.netisr.check_conservation().unwrap_or_else(|imbalance| panic!("{imbalance}"));
        let handled = self.handled().len() as u64;
        if let Some(kind) = self.netisr.types().first() {
            let total = kind.total();
            assert_eq!(total.resident, 0, "packets wait that no poll finds");
            assert_eq!(total.accepted, self.accepted(), "a dispatch's answer and the counters differ");
            assert_eq!(total.handled, handled, "the handler and the counters differ");
        }
        self.abandon();
    }
}

/// Makes frames, fewer perhaps than it announces.
struct Made<'r> {
    rig: &'r Rig,
    number: u32,
    left: usize,
    announced: usize,
}

impl Iterator for Made<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.left = self.left.checked_sub(1)?;
        self.announced -= 1;
        Some(Frame { number: self.number, _live: Live::new(&self.rig.live) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.announced, Some(self.announced))
    }
}

impl ExactSizeIterator for Made<'_> {}
