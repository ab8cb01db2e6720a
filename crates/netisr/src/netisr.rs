//! The facility itself: built once, then types are registered and interfaces attached.
//!
//! # Locks
//!
//! Control's, for look-ups and changes: see `control`.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::marker::PhantomData;

use siding_lockorder::Ctx;
use siding_lockorder::Numbers;
use siding_lockorder::Unlocked;

use crate::IfId;
use crate::Local;
use crate::Metadata;
use crate::Packet;
use crate::PacketType;
use crate::RegisterError;
use crate::TypeSpec;
use crate::Worker;
use crate::any_type::AnyType;
use crate::any_type::Registered;
use crate::clock::Clock;
use crate::control::Control;
use crate::control::Hint;
use crate::control::Inner;
use crate::control::Leaving;
use crate::core_state::Core;
use crate::departure::Departure;
use crate::departure::DetachError;
use crate::here;
use crate::lane::Lane;
use crate::packet_type::Limits;
use crate::packet_type::TypeState;
use crate::panics::OnPanic;
use crate::panics::Panicked;
use crate::panics::Panics;
use crate::pins::Pins;
use crate::spec::Steer;
use crate::spec::Traced;
use crate::sync;
use crate::sync::atomic::AtomicBool;
use crate::sync::mutant;
use crate::wake::MOST_TYPES;
use crate::wake::NoWake;
use crate::wake::Wake;

mod report;

/// A queue for packets that must be sent later. Clones refer to the same facility.
///
/// `P` is the packet, `W` the state that each worker lends to the handlers that run on it.
pub struct Netisr<P: Packet, W: Local = ()> {
    pub(crate) inner: Arc<Inner<P, W>>,
}

/// Sizes and services of a facility that is about to be built.
pub struct Builder<P, W> {
    workers: usize,
    interfaces: usize,
    clock: Option<Box<dyn Clock>>,
    wake: Arc<dyn Wake>,
    panics: Panics,
    of: PhantomData<fn(P, W)>,
}

/// Why a facility was not built.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BuildError {
    /// No workers, or more than 1,024.
    Workers(usize),
    /// No interfaces, or more than 65,536.
    Interfaces(usize),
    /// The [`Wake`] says that it has [places](Wake::places) for the first number of workers, fewer than the second one, which there are
    /// to be.
    Places(usize, usize),
    /// No clock was given, and without `std` there is none to fall back on.
    NoClock,
}

impl<P: Packet, W: Local> Builder<P, W> {
    /// How many workers there are, 1 to 1,024; 1 unless told.
    pub fn workers(mut self, workers: usize) -> Self {
        self.workers = workers;
        self
    }

    /// How many interfaces there can be at a time, 1 to 65,536; 256 unless told.
    pub fn interfaces(mut self, interfaces: usize) -> Self {
        self.interfaces = interfaces;
        self
    }

    /// Where timed packets get their time from; the system's monotonic clock unless told.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Some(Box::new(clock));
        self
    }

    /// What rouses sleeping workers; nothing unless told, for workers that are polled all the time.
    pub fn wake(mut self, wake: Arc<dyn Wake>) -> Self {
        self.wake = wake;
        self
    }

    /// What workers do about panics in handlers, but for types that [choose themselves](TypeSpec::on_panic): they
    /// unwind out of the poll unless told.
    pub fn on_panic(mut self, policy: OnPanic) -> Self {
        self.panics.policy = policy;
        self
    }

    /// Whom to tell of panics in handlers, whatever is done about them. Called on the worker, before that is done.
    /// Without it, a panic that is caught shows in [`LaneReport::panicked`](crate::LaneReport::panicked), and in what
    /// the program's own panic hook prints.
    pub fn report_panics(mut self, report: impl Fn(&Panicked<'_>) + Send + Sync + 'static) -> Self {
        self.panics.report = Some(Box::new(report));
        self
    }

    /// Builds the facility.
    ///
    /// # Errors
    ///
    /// A size is out of its range, or the [`Wake`] says that it has places for fewer workers.
    pub fn build(self) -> Result<Netisr<P, W>, BuildError> {
        if !(1..=1024).contains(&self.workers) {
            return Err(BuildError::Workers(self.workers));
        }
        if !(1..=65_536).contains(&self.interfaces) {
            return Err(BuildError::Interfaces(self.interfaces));
        }
        if let Some(places) = self.wake.places().filter(|places| *places < self.workers) {
            return Err(BuildError::Places(places, self.workers));
        }
        let clock = self.clock.or_else(default_clock).ok_or(BuildError::NoClock)?;
        let control = Control {
            types: [const { None }; MOST_TYPES],
            version: 1,
            free: (0..self.interfaces).collect(),
            pins: Pins::default(),
            leaving: Leaving::new(),
        };
        let core = Arc::new(Core::new(self.workers, self.interfaces, clock, self.wake, self.panics));
        let control = sync::Mutex::new(control);
        Ok(Netisr { inner: Arc::new(Inner { core, control, leaving_hint: Hint::default() }) })
    }
}

impl<P: Packet, W: Local> Netisr<P, W> {
    /// Sizes and services of a facility to be built: one worker and 256 interfaces, unless told.
    pub fn builder() -> Builder<P, W> {
        Builder {
            workers: 1,
            interfaces: 256,
            clock: None,
            wake: Arc::new(NoWake),
            panics: Panics::default(),
            of: PhantomData,
        }
    }

    /// Registers a type of packet: its name, limits and policy, and the handler that workers call for each
    /// packet with no lock held. Rings are allocated here, so that dispatch never does.
    ///
    /// A handler that holds a clone of the facility keeps it alive until the type is unregistered.
    ///
    /// # Errors
    ///
    /// The specification is out of range, the name is taken, or there are too many types.
    pub fn register<M: Metadata>(
        &self,
        mut spec: TypeSpec<P, M>,
        handler: impl Fn(&mut Ctx<'_, Unlocked>, &mut W, P, M) + Send + Sync + 'static,
    ) -> Result<PacketType<P, M, W>, RegisterError> {
        spec.check(self.workers())?;
        spec.trace_drops();
        self.inner.settle();
        let core = &self.inner.core;
        let lanes: Box<[_]> = (0..core.workers.len()).map(|_| Arc::new(Lane::new(&spec, core))).collect();
        let limits = Limits::of(&spec, core.workers.len());
        let mut control = sync::lock(&self.inner.control);
        if control.types.iter().flatten().any(|kind| kind.name() == spec.name) {
            return Err(RegisterError::DuplicateName(spec.name));
        }
        let place = control.types.iter().position(Option::is_none).ok_or(RegisterError::TooManyTypes)?;
        let shared = Arc::new(TypeState {
            // One that dispatches to its own lane, as nearly all do, need not be asked for more.
            quick: if lanes.iter().all(|lane| lane.is_plain())
                && (lanes.len() == 1 || matches!(spec.steer, Steer::Own))
            {
                core.seat_numbers()
            } else {
                Numbers::NONE
            },
            name: spec.name,
            limit: spec.limit,
            bit: place as u32,
            lanes,
            limits,
            steer: spec.steer,
            trace: spec.trace,
            closed: AtomicBool::new(false),
            flushing: AtomicBool::new(false),
            stopped: AtomicBool::new(false),
            on_panic: spec.on_panic.unwrap_or(core.panics.policy),
            core: core.clone(),
            of: PhantomData,
        });
        control.types[place] = Some(registered(&shared, handler));
        control.version += 1;
        drop(control);
        core.order();
        Ok(PacketType { shared })
    }

    /// Gives an interface an identity, and opens its gate. `None` when all slots are in use.
    pub fn attach(&self) -> Option<IfId> {
        self.inner.settle();
        let slot = sync::lock(&self.inner.control).free.pop_front()?;
        for worker in &self.inner.core.workers {
            if let Some(counters) = worker.0.interfaces.of_slot(slot) {
                counters.clear();
            }
        }
        Some(self.inner.core.gates.open(slot))
    }

    /// Marks an interface dying: from here on every dispatch that names it is refused, and workers drop its
    /// packets. Call it at unlink, *before* anything of the interface is torn down; may be called under any
    /// locks and from inside a handler, and does not wait. The result tells when the departure is complete. The
    /// departure of an interface whose [`Departure`] was dropped is taken up again.
    ///
    /// A worker looks only at queues in which a packet may name the interface, as far as 64 bits for each queue tell:
    /// interfaces whose slots are 64 apart have one bit, and a bit stays set from the first packet that names one of
    /// them until the worker finds the queue empty and lets it rest. What it looks at it leaves in its place.
    ///
    /// Packets are dropped by the workers that they wait for. Where nobody holds a worker it is cleared from here, and the
    /// packets, which count as departed, are dropped when somebody polls it.
    ///
    /// # Errors
    ///
    /// The interface is departing already, and somebody has its `Departure`; or it has gone.
    pub fn detach<L>(&self, _ctx: &Ctx<'_, L>, id: IfId) -> Result<Departure<P, W>, DetachError> {
        Departure::begin(self.inner.clone(), id)
    }

    /// Whether the interface is attached and not departing.
    pub fn is_attached(&self, id: IfId) -> bool {
        !id.is_none() && self.inner.core.gates.is_open(id)
    }

    /// Claims worker `index`: the right to poll it. `None` if there is no such worker or it is taken.
    pub fn worker(&self, index: usize) -> Option<Worker<P, W>> {
        Worker::claim(&self.inner, index)
    }

    /// Whether the thread that asks is polling worker `worker` at this moment, or gets it ready to sleep, or has its
    /// token: whether this is in a handler, a hook or a `Drop` that runs there. Waits are refused then. Without `std`
    /// nobody knows, and it is always false.
    pub fn polls_here(&self, worker: usize) -> bool {
        let core = &*self.inner.core;
        (core.entered_here() == Some(worker) && !mutant("held-token-unnoticed"))
            || here::is_busy(core, worker)
    }

    /// Has every worker come by soon, to look at what has changed: [`Local::depart`] is called on each.
    pub fn call_workers(&self) {
        self.inner.core.order();
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.inner.core.workers.len()
    }
}

impl<P: Packet, W: Local> Clone for Netisr<P, W> {
    fn clone(&self) -> Self {
        Netisr { inner: self.inner.clone() }
    }
}

impl<P: Packet, W: Local> fmt::Debug for Netisr<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Netisr").field("workers", &self.workers()).finish_non_exhaustive()
    }
}

impl<P, W> fmt::Debug for Builder<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("workers", &self.workers)
            .field("interfaces", &self.interfaces)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::Workers(n) => write!(f, "{n} workers: give 1 to 1024"),
            BuildError::Interfaces(n) => write!(f, "{n} interfaces: give 1 to 65536"),
            BuildError::Places(places, workers) => {
                write!(f, "the wake has places for {places} of {workers} workers: make it for all of them")
            }
            BuildError::NoClock => f.write_str("no clock: give one with Builder::clock, or build with `std`"),
        }
    }
}

impl core::error::Error for BuildError {}

/// A type with its handler, which is shown to the trace first if there is one.
fn registered<P: Packet, M: Metadata, W: Local>(
    state: &Arc<TypeState<P, M, W>>,
    handler: impl Fn(&mut Ctx<'_, Unlocked>, &mut W, P, M) + Send + Sync + 'static,
) -> Arc<dyn AnyType<P, W>> {
    let Some(trace) = state.trace.clone() else {
        return Arc::new(Registered { state: state.clone(), handler });
    };
    // Through a pointer, so that not every handler is compiled twice.
    let handler: Box<Handler<P, M, W>> = Box::new(handler);
    let traced = move |ctx: &mut Ctx<'_, Unlocked>, local: &mut W, packet: P, meta: M| {
        trace(Traced::Handled, &packet, &meta);
        handler(ctx, local, packet, meta);
    };
    Arc::new(Registered { state: state.clone(), handler: traced })
}

type Handler<P, M, W> = dyn Fn(&mut Ctx<'_, Unlocked>, &mut W, P, M) + Send + Sync;

#[cfg(feature = "std")]
fn default_clock() -> Option<Box<dyn Clock>> {
    Some(Box::new(crate::clock::SystemClock::default()))
}

#[cfg(not(feature = "std"))]
fn default_clock() -> Option<Box<dyn Clock>> {
    None
}
