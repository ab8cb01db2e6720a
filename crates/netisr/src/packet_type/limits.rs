//! Limits that change while packets flow.
//!
//! A queue has slots for the highest limit that it may get. Under a lower one the difference is *held back*: reserved as
//! if by permits, in the same word that decides over all room. To change the limit is thus one step in the order of all
//! dispatches, each of which sees the old limit or the new one; and nothing that dispatches knows of it.
//!
//! # Locks
//!
//! `held`, a leaf, for those who change and those who report: neither must see half a change. Dispatch never takes it.

use alloc::boxed::Box;
use core::fmt;

use super::PacketType;
use super::TypeState;
use crate::Cause;
use crate::Metadata;
use crate::Packet;
use crate::spec::TypeSpec;
use crate::sync;

pub(crate) struct Limits {
    ceiling: u32,
    held: sync::Mutex<Held>,
}

struct Held {
    /// How much room is held back at each worker.
    back: u64,
    /// For each worker.
    before: Box<[Before]>,
}

/// What was known when the limit was changed.
#[derive(Clone, Copy, Default)]
struct Before {
    high_water: u64,
    /// How often the limit had been reached.
    reached: u64,
}

impl Limits {
    pub(crate) fn of<P, M>(spec: &TypeSpec<P, M>, workers: usize) -> Option<Limits> {
        let before = (0..workers).map(|_| Before::default()).collect();
        let held = Held { back: u64::from(spec.ceiling() - spec.limit), before };
        (spec.limit_up_to > 0).then(|| Limits { ceiling: spec.ceiling(), held: sync::Mutex::new(held) })
    }
}

/// Why a limit was not changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LimitError {
    /// The type was registered without [`TypeSpec::limit_up_to`].
    Fixed,
    /// A limit of no packets, or of more than the second number, which the type was registered for.
    OutOfRange(u32, u32),
}

impl<P: Packet, M: Metadata, W: 'static> PacketType<P, M, W> {
    /// Changes how many packets may wait for each worker, of a type that was registered for it
    /// ([`TypeSpec::limit_up_to`]).
    ///
    /// Exact: every dispatch that comes after this call is decided by the new limit. Where more packets wait than it
    /// allows they stay, and further ones are refused, or drop the oldest, until there is room below it: the first dispatch afterwards
    /// drops as many as are too many, each in a few steps. Where permits alone take up the limit, all are refused and none is
    /// dropped. Permits that are held stay good. May be called under any locks, and beside dispatches; waits for others who change the limit.
    ///
    /// # Errors
    ///
    /// The type's limit is fixed, or would be out of range.
    pub fn set_limit(&self, packets: u32) -> Result<(), LimitError> {
        let this = &*self.shared;
        let limits = this.limits.as_ref().ok_or(LimitError::Fixed)?;
        if !(1..=limits.ceiling).contains(&packets) {
            return Err(LimitError::OutOfRange(packets, limits.ceiling));
        }
        let mut held = sync::lock(&limits.held);
        let back = u64::from(limits.ceiling - packets);
        for (worker, lane) in this.lanes.iter().enumerate() {
            held.before[worker] = Before {
                high_water: this.high_water_of(worker, &held, limits.ceiling),
                reached: this.reached(worker),
            };
            if back > held.back {
                lane.ring().hold_back(back - held.back);
            } else {
                lane.ring().let_go(held.back - back);
            }
            lane.ring().forget_high_water(back + lane.ring().resident());
        }
        held.back = back;
        Ok(())
    }

    /// How many packets may wait for each worker.
    pub fn limit(&self) -> u32 {
        self.shared.limit()
    }
}

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    pub(crate) fn limit(&self) -> u32 {
        self.limits
            .as_ref()
            .map_or(self.limit, |limits| limits.ceiling - sync::lock(&limits.held).back as u32)
    }

    /// Shows `look` how much room is held back at each worker, while that stays so.
    pub(crate) fn while_limit_stays<O>(&self, look: impl FnOnce(u64) -> O) -> O {
        match &self.limits {
            None => look(0),
            Some(limits) => look(sync::lock(&limits.held).back),
        }
    }

    /// The most packets and permits that there ever were at a worker.
    pub(crate) fn high_water(&self, worker: usize) -> u64 {
        match &self.limits {
            // Only a full queue refuses, so then the limit was reached, by packets or by permits.
            None if self.reached(worker) > 0 => u64::from(self.limit),
            None => self.lanes[worker].ring().high_water(),
            Some(limits) => self.high_water_of(worker, &sync::lock(&limits.held), limits.ceiling),
        }
    }

    fn high_water_of(&self, worker: usize, held: &Held, ceiling: u32) -> u64 {
        let before = held.before[worker];
        let since = match self.reached(worker) > before.reached {
            true => u64::from(ceiling) - held.back,
            false => self.lanes[worker].ring().high_water().saturating_sub(held.back),
        };
        before.high_water.max(since)
    }

    /// How often the limit was reached: packets were refused, or dropped to make room.
    fn reached(&self, worker: usize) -> u64 {
        let fates = &self.lanes[worker].fates;
        fates.refusals().of(Cause::Full) + fates.dropped_oldest.value()
    }
}

impl fmt::Display for LimitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LimitError::Fixed => {
                f.write_str("the type's limit is fixed: register it with `limit_up_to` to change it later")
            }
            LimitError::OutOfRange(packets, ceiling) => {
                write!(f, "a limit of {packets} is out of range: the type was registered for 1 to {ceiling}")
            }
        }
    }
}

impl core::error::Error for LimitError {}
