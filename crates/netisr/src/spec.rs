//! How a type of packet is registered.

use alloc::string::String;
use alloc::string::ToString;
use alloc::sync::Arc;
use core::fmt;

use crate::counters::Cause;
use crate::panics::OnPanic;
use crate::ring;
use crate::ring::Fate;
use crate::wake;

/// What to do with a packet when the worker already holds as many of its type as the limit allows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overflow {
    /// Give the new packet back to its caller.
    #[default]
    RefuseNewest,
    /// Drop the packet that has waited longest. Room that is reserved is not taken: when nothing but
    /// reservations fills the queue, or the oldest packet is being taken at this moment, the newest is refused.
    ///
    /// None of the dropped packet's code runs on the caller's stack: it waits in its slot, and takes up no room of the
    /// limit, until its worker comes by and buries it. There are slots to spare for that, at least 255 and at
    /// least as many as the limit; when they are used up before the worker has come, the newest is refused. So a type
    /// with this policy has 512 slots (256 at a limit of 1), or from a limit of 257 on the power of two that is not below
    /// twice the limit, at each worker, each the size of packet and metadata and 8 bytes.
    DropOldest,
}

/// What decides over the worker of a packet.
pub(crate) type FlowKey<P, M> = fn(&P, &M) -> u64;

/// Which worker a number stands for, or a closure with state of its own.
pub(crate) type Choice<P, M> = dyn Fn(&P, &M) -> usize + Send + Sync;

/// How a packet comes to its worker.
pub(crate) enum Steer<P, M> {
    /// It stays with the worker that dispatches it; from elsewhere, its first interface decides.
    Own,
    Key(FlowKey<P, M>),
    At(usize),
    Chosen(Arc<Choice<P, M>>),
}

/// What is traced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Traced {
    /// It is handed to the handler, next.
    Handled,
    /// It goes back to its caller.
    Refused(Cause),
    /// It was accepted, and is dropped.
    Dropped(Fate),
}

/// Who is shown what becomes of each packet.
pub(crate) type Trace<P, M> = dyn Fn(Traced, &P, &M) + Send + Sync;

/// Who is handed what is dropped.
pub(crate) type Hook<P, M> = dyn Fn(Fate, P, M) + Send + Sync;

/// A type of packet, before it is [registered](crate::Netisr::register).
pub struct TypeSpec<P, M> {
    pub(crate) name: String,
    pub(crate) limit: u32,
    pub(crate) overflow: Overflow,
    pub(crate) share: Option<u32>,
    pub(crate) limit_up_to: u32,
    pub(crate) steer: Steer<P, M>,
    pub(crate) time_every: u64,
    pub(crate) on_panic: Option<OnPanic>,
    pub(crate) hook: Option<Arc<Hook<P, M>>>,
    pub(crate) trace: Option<Arc<Trace<P, M>>>,
}

impl<P, M> TypeSpec<P, M> {
    /// A type by its name, with a limit of 256 packets for each worker.
    pub fn new(name: &str) -> TypeSpec<P, M> {
        TypeSpec {
            name: name.to_string(),
            limit: 256,
            overflow: Overflow::default(),
            share: None,
            limit_up_to: 0,
            steer: Steer::Own,
            time_every: 64,
            on_panic: None,
            hook: None,
            trace: None,
        }
    }

    /// How many packets may wait for each worker: exactly so many, 1 to 32,767; 256 unless told. What a handler has been given
    /// waits no more.
    pub fn limit(mut self, packets: u32) -> Self {
        self.limit = packets;
        self
    }

    /// Lets the limit be [changed](crate::PacketType::set_limit) while the type is in use, to as many packets as `packets`
    /// at most (16,384 or fewer): so much memory is set aside.
    pub fn limit_up_to(mut self, packets: u32) -> Self {
        self.limit_up_to = packets;
        self
    }

    /// What to do at the limit.
    pub fn overflow(mut self, policy: Overflow) -> Self {
        self.overflow = policy;
        self
    }

    /// How many of the limit one interface may have at each worker: the first that the metadata names, else
    /// the packet. Without a share, one interface may have them all.
    pub fn share(mut self, packets: u32) -> Self {
        self.share = Some(packets);
        self
    }

    /// Packets with the same key go to the same worker, so that they are handled in the order in which they
    /// were dispatched wherever that was. Without a key a packet stays with the worker that dispatches it;
    /// from other threads it goes to a worker that its first interface decides.
    ///
    /// `key` may be asked more than once of a packet that is dispatched, in a batch up to three times, and must say the
    /// same each time.
    pub fn flow_key(mut self, key: fn(&P, &M) -> u64) -> Self {
        self.steer = Steer::Key(key);
        self
    }

    /// All packets go to worker `worker`, wherever they are dispatched: one that owns what the handler needs, say.
    pub fn at_worker(mut self, worker: usize) -> Self {
        self.steer = Steer::At(worker);
        self
    }

    /// `choose` gives the number of each packet's worker, modulo how many there are. It may have state of its own, such
    /// as a table that control changes. Packets for which it says the same are handled in the order of their dispatch;
    /// where it changes its mind about a flow, what is dispatched afterwards may overtake what waits elsewhere. The key of
    /// a [permit](crate::PacketType::reserve) is the number that it gives. Called in `dispatch`, under whatever locks are
    /// held there: it must not block, lock or allocate. It may be asked more
    /// than once of a packet, in a batch up to three times: what takes turns counts by something of the packet's.
    pub fn choose_worker(mut self, choose: impl Fn(&P, &M) -> usize + Send + Sync + 'static) -> Self {
        self.steer = Steer::Chosen(Arc::new(choose));
        self
    }

    /// Times one packet in `packets` (rounded up to a power of two; 64 unless told) from dispatch to handler.
    /// Timing reads the clock twice, tens of nanoseconds.
    pub fn time_every(mut self, packets: u32) -> Self {
        self.time_every = u64::from(packets.max(1));
        self
    }

    /// What workers do when this type's handler panics; what was said for
    /// [all types](crate::Builder::on_panic) unless told.
    pub fn on_panic(mut self, policy: OnPanic) -> Self {
        self.on_panic = Some(policy);
        self
    }

    /// Who is handed the packets that were accepted and are not handled, with what became of them: to be counted,
    /// traced, or put back into a pool. They are dropped unless told.
    ///
    /// Called on the worker while it is polled, between handlers and with no lock of the facility's held, like the
    /// packets' own `Drop`; what waits for a worker that nobody holds, on the thread that
    /// [waits](crate::Unregistering::wait) for the type to be unregistered, which has shown that it holds no lock, or, after that
    /// wait, on another worker that had yet to be polled once more. Its
    /// captures are dropped with the last handle on the type. Packets that still wait when
    /// the facility goes, or its last handle, are dropped without a fate.
    pub fn on_drop(mut self, hook: impl Fn(Fate, P, M) + Send + Sync + 'static) -> Self {
        self.hook = Some(Arc::new(hook));
        self
    }

    /// Who is shown each packet with what becomes of it; what is [handed over](Self::on_drop) is shown before that. Costs nothing
    /// for types that have none.
    ///
    /// What is handled or dropped is shown on its worker, with no lock held. What is refused is shown where it is
    /// dispatched, under whatever locks are held there: `trace` must not block or lock then. If it panics, the packet is
    /// lost where it is refused, and counts as handled or dropped elsewhere.
    pub fn trace(mut self, trace: impl Fn(Traced, &P, &M) + Send + Sync + 'static) -> Self {
        self.trace = Some(Arc::new(trace));
        self
    }

    /// How many slots are needed.
    pub(crate) fn ceiling(&self) -> u32 {
        self.limit.max(self.limit_up_to)
    }

    /// Has what is dropped traced, too.
    pub(crate) fn trace_drops(&mut self)
    where
        P: 'static,
        M: 'static,
    {
        let Some(trace) = self.trace.clone() else { return };
        let hook = self.hook.take();
        self.hook = Some(Arc::new(move |fate, packet, meta| {
            trace(Traced::Dropped(fate), &packet, &meta);
            if let Some(hook) = &hook {
                hook(fate, packet, meta);
            }
        }));
    }

    pub(crate) fn check(&self, workers: usize) -> Result<(), RegisterError> {
        match self {
            TypeSpec { name, .. } if name.is_empty() => Err(RegisterError::NoName),
            TypeSpec { limit: 0, .. } => Err(RegisterError::ZeroLimit),
            TypeSpec { limit, .. } if *limit > ring::MOST => Err(RegisterError::LimitTooLarge(*limit)),
            TypeSpec { limit_up_to, .. } if *limit_up_to > 0 && self.ceiling() > MOST_TO_CHANGE => {
                Err(RegisterError::LimitTooLarge(self.ceiling()))
            }
            TypeSpec { share: Some(0), .. } => Err(RegisterError::ZeroShare),
            TypeSpec { steer: Steer::At(worker), .. } if *worker >= workers => {
                Err(RegisterError::NoSuchWorker { worker: *worker, workers })
            }
            _ => Ok(()),
        }
    }
}

/// The largest limit that can be changed. What is held back counts with the permits, and there may be as many of both.
const MOST_TO_CHANGE: u32 = ring::MOST.div_ceil(2);

impl<P, M> fmt::Debug for TypeSpec<P, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TypeSpec")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .field("overflow", &self.overflow)
            .field("share", &self.share)
            .field("flow_key", &matches!(self.steer, Steer::Key(_)))
            .finish_non_exhaustive()
    }
}

/// Why a type of packet was not registered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RegisterError {
    /// The name is empty.
    NoName,
    /// A type of this name is registered, or still being unregistered.
    DuplicateName(String),
    /// A limit of no packets.
    ZeroLimit,
    /// A limit above 32,767 packets; or above 16,384 where it can be changed.
    LimitTooLarge(u32),
    /// A share of no packets.
    ZeroShare,
    /// It is to be handled at a worker that is not there.
    NoSuchWorker {
        /// The worker's number, from 0.
        worker: usize,
        /// How many there are.
        workers: usize,
    },
    /// All 62 places for types are taken.
    TooManyTypes,
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::NoName => f.write_str("a packet type needs a name"),
            RegisterError::DuplicateName(name) => {
                write!(f, "a packet type named '{name}' is registered already: choose another name, or unregister it first and wait for that to complete")
            }
            RegisterError::ZeroLimit => f.write_str("a limit of 0 would refuse every packet: give at least 1"),
            RegisterError::LimitTooLarge(limit) => write!(
                f,
                "a limit of {limit} is more than a queue can count: give at most {}, or {MOST_TO_CHANGE} for one that changes",
                ring::MOST
            ),
            RegisterError::NoSuchWorker { worker, workers } => {
                write!(f, "there is no worker {worker}: workers are numbered from 0, and there are {workers}")
            }
            RegisterError::ZeroShare => {
                f.write_str("a share of 0 would refuse every packet that names an interface: give at least 1, or no share")
            }
            RegisterError::TooManyTypes => {
                write!(f, "all {} places for packet types are taken: unregister one first", wake::MOST_TYPES)
            }
        }
    }
}

impl core::error::Error for RegisterError {}
