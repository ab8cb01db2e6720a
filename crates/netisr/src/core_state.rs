//! What dispatchers, workers and control share.

use alloc::boxed::Box;
use alloc::sync::Arc;

use siding_lockorder::Numbers;
use siding_lockorder::Root;
use siding_lockorder::Seat;
use siding_lockorder::Seats;

use crate::IfId;
use crate::Metadata;
use crate::Packet;
use crate::clock::Clock;
use crate::counters::PerInterface;
use crate::counters::Shared;
use crate::counters::Single;
use crate::gate::Gates;
use crate::pad::CachePadded;
use crate::panics::Panics;
use crate::ring::Named;
use crate::sync::atomic::AtomicBool;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;
use crate::sync::mutant;
use crate::visits::Visits;
use crate::wake::Pending;
use crate::wake::Wake;

pub(crate) struct Core {
    pub(crate) gates: Gates,
    pub(crate) workers: Box<[Arc<CachePadded<WorkerState>>]>,
    /// Counts the orders of control: marks, registrations, closings. A worker that has acknowledged one has
    /// seen what was done before it, and has nothing left in hand from before.
    orders: AtomicU64,
    pub(crate) clock: Box<dyn Clock>,
    wake: Arc<dyn Wake>,
    pub(crate) panics: Panics,
    seats: Seats,
}

pub(crate) struct WorkerState {
    pub(crate) pending: CachePadded<Pending>,
    /// The last order that this worker has carried out.
    acknowledged: AtomicU64,
    /// Whether somebody holds the worker: the right to consume its lanes.
    pub(crate) claimed: AtomicBool,
    pub(crate) interfaces: PerInterface,
    pub(crate) polls: Single,
    pub(crate) sleeps: Single,
    pub(crate) wakeups: Shared,
    /// Panics of the hook after its polls.
    pub(crate) panicked: Single,
    pub(crate) visits: Visits,
    /// By what panic the worker's thread has ended. Whoever takes the worker again begins anew.
    #[cfg(feature = "std")]
    pub(crate) end: std::sync::Mutex<Option<alloc::string::String>>,
}

/// Workers that are still to be told of an order.
struct Rest<'c> {
    core: &'c Core,
    workers: core::ops::Range<usize>,
}

impl Rest<'_> {
    fn tell(&mut self) {
        for worker in self.workers.by_ref() {
            if self.core.workers[worker].0.pending.0.order() && !mutant("orders-wake-nobody") {
                self.core.rouse(worker);
            }
        }
    }
}

impl Drop for Rest<'_> {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Core {
    pub(crate) fn new(
        workers: usize,
        interfaces: usize,
        clock: Box<dyn Clock>,
        wake: Arc<dyn Wake>,
        panics: Panics,
    ) -> Core {
        let state = || {
            Arc::new(CachePadded(WorkerState {
                pending: CachePadded(Pending::new()),
                acknowledged: AtomicU64::new(0),
                claimed: AtomicBool::new(false),
                interfaces: PerInterface::new(interfaces),
                polls: Single::default(),
                sleeps: Single::default(),
                wakeups: Shared::default(),
                panicked: Single::default(),
                visits: Visits::default(),
                #[cfg(feature = "std")]
                end: std::sync::Mutex::new(None),
            }))
        };
        Core {
            gates: Gates::new(interfaces),
            workers: (0..workers).map(|_| state()).collect(),
            orders: AtomicU64::new(0),
            clock,
            wake,
            panics,
            seats: Seats::new(workers as u32),
        }
    }

    /// A root for the holder of worker `worker`, which there is.
    #[cfg(feature = "std")]
    pub(crate) fn root(&self, worker: usize) -> Option<Root> {
        self.seats.root(worker as u32)
    }

    /// The same where a root cannot see what its thread has entered.
    #[cfg(not(feature = "std"))]
    pub(crate) fn root(&self, worker: usize) -> Option<Root> {
        // JUSTIFICATION: without thread-local state a root cannot see what its thread has entered.
        // SAFETY: a worker enters its root only in `poll`, `prepare_sleep` and `with_ctx`, or, through `on_thread`, for as long
        // as an `OnThread` lives. All of them borrow the worker exclusively, and it is the one holder of its seat. That one
        // thread enters no second root meanwhile, be it a second worker's polled from within a handler, is the embedder's
        // contract, which the crate's page and `OnThread` state.
        self.seats.seat(worker as u32).map(|seat| unsafe { Root::unchecked(Some(seat)) })
    }

    /// Which of our workers' tokens this thread has.
    #[cfg(feature = "std")]
    pub(crate) fn entered_here(&self) -> Option<usize> {
        self.seats.entered_here().map(|worker| worker as usize)
    }

    /// The same where nobody knows.
    #[cfg(not(feature = "std"))]
    pub(crate) fn entered_here(&self) -> Option<usize> {
        None
    }

    /// Which of our workers holds `seat`; none if it is another facility's.
    #[inline]
    pub(crate) fn worker_of(&self, seat: Option<Seat>) -> Option<usize> {
        self.seats.index_of(seat?).map(|worker| worker as usize)
    }

    /// What tells our workers' seats from others.
    pub(crate) fn seat_numbers(&self) -> Numbers {
        Numbers::of(&self.seats)
    }

    /// Whether every interface that packet and metadata name may be named, and its bit is in `named`.
    #[inline(always)]
    pub(crate) fn all_open_and_known<P: Packet, M: Metadata>(
        &self,
        packet: &P,
        meta: &M,
        named: u64,
    ) -> bool {
        let mut all = true;
        let mut visit = |id: IfId| {
            all &= id.is_none() || (named >> (id.as_u64() & 63) & 1 != 0 && self.gates.is_open(id));
        };
        meta.interfaces(&mut visit);
        packet.interfaces(&mut visit);
        all
    }

    /// The bits of all interfaces that packet and metadata name, if all of them may be named.
    #[cold]
    pub(crate) fn open_names<P: Packet, M: Metadata>(&self, packet: &P, meta: &M) -> Option<u64> {
        let (mut bits, mut open) = (0, true);
        let mut visit = |id: IfId| {
            if !id.is_none() {
                bits |= Named::bit(id);
                open &= self.gates.is_open(id);
            }
        };
        meta.interfaces(&mut visit);
        packet.interfaces(&mut visit);
        open.then_some(bits)
    }

    /// The first interface that metadata and packet name, and whether all of them may be named.
    #[inline]
    pub(crate) fn look<P: Packet, M: Metadata>(&self, packet: &P, meta: &M) -> (IfId, bool) {
        let (mut first, mut open) = (IfId::NONE, true);
        let mut visit = |id: IfId| {
            if first.is_none() {
                first = id;
            }
            open &= self.gates.is_open(id);
        };
        meta.interfaces(&mut visit);
        packet.interfaces(&mut visit);
        (first, open)
    }

    /// Tells a worker that somebody else published a packet of type `bit` for it.
    #[inline]
    pub(crate) fn raise(&self, worker: usize, bit: u32) {
        if self.workers[worker].0.pending.0.raise(bit) {
            self.rouse(worker);
        }
    }

    /// Gives an order: every worker will come by, see what was done before this call, and acknowledge.
    pub(crate) fn order(&self) -> u64 {
        let order = self.next_order();
        self.tell();
        order
    }

    /// Takes the number of an order, which the workers must then be [told](Self::tell) of. Nothing is called.
    pub(crate) fn next_order(&self) -> u64 {
        self.orders.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// Tells every worker that there are orders.
    pub(crate) fn tell(&self) {
        // All are told, also when what rouses one of them panics.
        let mut rest = Rest { core: self, workers: 0..self.workers.len() };
        rest.tell();
        core::mem::forget(rest);
    }

    pub(crate) fn last_order(&self) -> u64 {
        self.orders.load(Ordering::Acquire)
    }

    pub(crate) fn acknowledge(&self, worker: usize, order: u64) {
        self.workers[worker].0.acknowledged.store(order, Ordering::Release);
    }

    pub(crate) fn has_acknowledged(&self, worker: usize, order: u64) -> bool {
        self.workers[worker].0.acknowledged.load(Ordering::Acquire) >= order
    }

    pub(crate) fn have_all_acknowledged(&self, order: u64) -> bool {
        (0..self.workers.len()).all(|worker| self.has_acknowledged(worker, order))
    }

    /// Whether there is a worker that nobody holds, at this moment.
    pub(crate) fn is_any_vacant(&self) -> bool {
        self.workers.iter().any(|worker| !worker.0.claimed.load(Ordering::Relaxed))
    }

    /// By what panic the thread of a worker has ended, if nobody has taken the worker since.
    #[cfg(feature = "std")]
    pub(crate) fn end_of(&self, worker: usize) -> Option<alloc::string::String> {
        self.workers[worker].0.end.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    #[cfg(feature = "std")]
    pub(crate) fn set_end(&self, worker: usize, cause: Option<alloc::string::String>) {
        *self.workers[worker].0.end.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = cause;
    }

    /// What was said of a worker that nobody holds is said no more.
    #[cfg(feature = "std")]
    pub(crate) fn begin_anew(&self, worker: usize) {
        if !self.workers[worker].0.claimed.load(Ordering::Acquire) {
            self.set_end(worker, None);
        }
    }

    /// Without std the facility has no threads of its own.
    #[cfg(not(feature = "std"))]
    pub(crate) fn end_of(&self, _worker: usize) -> Option<alloc::string::String> {
        None
    }

    /// Wakes a worker as somebody would who has work for it.
    #[cfg(feature = "std")]
    pub(crate) fn ring(&self, worker: usize) {
        self.wake.wake(worker);
    }

    fn rouse(&self, worker: usize) {
        self.workers[worker].0.wakeups.add(1);
        self.wake.wake(worker);
    }
}
