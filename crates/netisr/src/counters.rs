//! Counters: what was accepted, what became of it, and why the rest was refused.

use alloc::boxed::Box;
use core::fmt;

use crate::ring::NoRoom;
use crate::sync::atomic::AtomicU64;
use crate::sync::atomic::Ordering;

/// Why a packet was not accepted.
///
/// ```
/// let why: Box<dyn std::error::Error> = siding_netisr::Cause::Full.into();
/// assert_eq!(why.to_string(), "the queue is at its limit");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Cause {
    /// An interface that the packet or its metadata names is departing or has gone.
    Departed,
    /// The worker holds as many packets of this type as its limit allows.
    Full,
    /// The interface holds as many packets of this type as its share allows.
    Share,
    /// The type is being unregistered.
    Closed,
    /// Packet and metadata name more than eight different interfaces.
    TooManyInterfaces,
    /// The type's handler has panicked, and [the choice](crate::OnPanic) was to stop the type.
    Stopped,
    /// The permit is for another flow, or another worker's; or packets whose flow is not known beforehand were dispatched
    /// [from](crate::PacketType::dispatch_from) where they are made.
    OtherFlow,
}

impl Cause {
    /// All causes, in the order of their counters.
    pub const ALL: [Cause; 7] = [
        Cause::Departed,
        Cause::Full,
        Cause::Share,
        Cause::Closed,
        Cause::TooManyInterfaces,
        Cause::Stopped,
        Cause::OtherFlow,
    ];

    /// The cause in a word, as tables show it.
    pub const fn name(self) -> &'static str {
        match self {
            Cause::Departed => "departed",
            Cause::Full => "full",
            Cause::Share => "share",
            Cause::Closed => "closed",
            Cause::TooManyInterfaces => "too-many-interfaces",
            Cause::Stopped => "stopped",
            Cause::OtherFlow => "other-flow",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Cause::Departed => "an interface that it names is departing or has gone",
            Cause::Full => "the queue is at its limit",
            Cause::Share => "the interface has used up its share of the queue",
            Cause::Closed => "the packet type is being unregistered",
            Cause::TooManyInterfaces => "it names more than eight interfaces",
            Cause::Stopped => "the packet type was stopped, for its handler has panicked",
            Cause::OtherFlow => "the permit is for another flow or another worker",
        })
    }
}

impl core::error::Error for Cause {}

impl From<NoRoom> for Cause {
    fn from(why: NoRoom) -> Cause {
        match why {
            NoRoom::Full => Cause::Full,
            NoRoom::Closed => Cause::Closed,
        }
    }
}

/// A counter that one thread writes and all may read: no locked instruction.
#[derive(Default)]
pub(crate) struct Single(AtomicU64);

impl Single {
    #[inline]
    pub(crate) fn add(&self, by: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(by), Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// For the thread that writes it, and knows its value.
    #[inline]
    pub(crate) fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    pub(crate) fn clear(&self) {
        self.set(0);
    }
}

/// A counter that any thread writes.
#[derive(Default)]
pub(crate) struct Shared(AtomicU64);

impl Shared {
    pub(crate) fn add(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    pub(crate) fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The fates that the consumer deals out, and the refusals. On different cache lines: while a queue is full its
/// producers count refusals as fast as they can, and the consumer must not feel it.
#[derive(Default)]
#[repr(C, align(64))]
pub(crate) struct FateCounters {
    pub(crate) handled: Single,
    pub(crate) departed: Single,
    pub(crate) flushed: Single,
    /// By whoever made room, so by any thread.
    pub(crate) dropped_oldest: Shared,
    refused: Refusing,
}

#[derive(Default)]
#[repr(align(64))]
struct Refusing([Shared; Cause::ALL.len()]);

impl FateCounters {
    pub(crate) fn refuse(&self, cause: Cause, by: u64) {
        self.refused.0[cause as usize].add(by);
    }

    pub(crate) fn refusals(&self) -> Refusals {
        Refusals(core::array::from_fn(|cause| self.refused.0[cause].value()))
    }

    pub(crate) fn clear(&self) {
        for single in [&self.handled, &self.departed, &self.flushed] {
            single.clear();
        }
        self.dropped_oldest.clear();
        self.refused.0.iter().for_each(Shared::clear);
    }
}

/// Fate counters of one worker for each interface.
pub(crate) struct PerInterface {
    counters: Box<[FateCounters]>,
    /// Of packets that name none. Nobody asks for it.
    nobody: FateCounters,
}

impl PerInterface {
    pub(crate) fn new(interfaces: usize) -> PerInterface {
        let counters = (0..interfaces).map(|_| FateCounters::default()).collect();
        PerInterface { counters, nobody: FateCounters::default() }
    }

    /// The counters of an interface; none for [`IfId::NONE`](crate::IfId::NONE).
    #[inline]
    pub(crate) fn of(&self, id: crate::IfId) -> Option<&FateCounters> {
        if id.is_none() { None } else { self.of_slot(id.slot()) }
    }

    /// Where packets are counted that name no interface.
    #[inline]
    pub(crate) fn nobody(&self) -> &FateCounters {
        &self.nobody
    }

    #[inline]
    pub(crate) fn of_slot(&self, slot: usize) -> Option<&FateCounters> {
        self.counters.get(slot)
    }
}

/// Refused packets by [`Cause`].
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct Refusals([u64; Cause::ALL.len()]);

impl fmt::Debug for Refusals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().filter(|(_, refused)| *refused > 0)).finish()
    }
}

impl Refusals {
    /// How many were refused for `cause`.
    pub fn of(&self, cause: Cause) -> u64 {
        self.0[cause as usize]
    }

    /// How many were refused.
    pub fn total(&self) -> u64 {
        self.0.iter().sum()
    }

    /// Each cause with its count.
    pub fn iter(&self) -> impl Iterator<Item = (Cause, u64)> + '_ {
        Cause::ALL.iter().map(|cause| (*cause, self.of(*cause)))
    }

    /// What was refused since an `earlier` reading.
    pub fn since(&self, earlier: &Refusals) -> Refusals {
        Refusals(core::array::from_fn(|cause| self.0[cause].saturating_sub(earlier.0[cause])))
    }

    pub(crate) fn add(&mut self, other: &Refusals) {
        for (mine, theirs) in self.0.iter_mut().zip(other.0) {
            *mine += theirs;
        }
    }
}
