//! Departure: an interface goes, and nothing of it stays.
//!
//! 1. *Mark*, one exchange on the gate's word. Dispatches that come later are refused.
//! 2. *Pins* run out: those that somebody took with [`Netisr::pin`](crate::Netisr::pin).
//! 3. *Order*: every worker comes by once, between handlers. By coming by it shows that it has seen the mark,
//!    also for what it dispatches itself, and has no handler of before running. It lets go of what its own state
//!    holds, and sweeps its lanes. A dispatch from another thread either has its place on the ring by then, and
//!    the sweep waits for it; or claims it later, and then sees the mark (see the `ring` module).
//!
//! Nobody stops: a worker comes by at its next poll, and goes on with the others' packets.
//!
//! # Locks
//!
//! Marking takes none. Waiting asks for a token that holds none, for whoever waits with a lock held waits for
//! itself. # Teardown: a departure that is dropped before it is complete completes by itself; its slot is
//! freed when the next interface is attached.

use alloc::string::String;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::IfId;
use crate::Local;
use crate::Packet;
use crate::Worker;
use crate::netisr::Inner;
use crate::sync::mutant;
use crate::wait;

/// A departure under way. See [`Netisr::detach`](crate::Netisr::detach).
#[must_use = "the interface is in use until the departure is complete: wait for it, or keep asking"]
pub struct Departure<P: Packet, W: Local = ()> {
    inner: Arc<Inner<P, W>>,
    id: IfId,
    /// The order that every worker must acknowledge; 0 until the pins have run out.
    order: u64,
    complete: bool,
}

/// Why a detach was not begun.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DetachError {
    /// The interface is departing already, or has gone.
    NotAttached(IfId),
}

/// Why a wait ended before what it waited for: who is still in the way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StillHeld {
    /// Each holder, in words: a worker and what it runs, or a pin and where it was taken.
    pub holders: Vec<String>,
}

impl<P: Packet, W: Local> Departure<P, W> {
    pub(crate) fn begin(inner: Arc<Inner<P, W>>, id: IfId) -> Result<Self, DetachError> {
        if !inner.core.gates.mark(id) {
            return Err(DetachError::NotAttached(id));
        }
        Ok(Departure::resume(inner, id, 0))
    }

    pub(crate) fn resume(inner: Arc<Inner<P, W>>, id: IfId, order: u64) -> Self {
        let mut departure = Departure { inner, id, order, complete: false };
        departure.is_complete();
        departure
    }

    /// Whether the interface has gone: no handler runs or will run with it, and none of its packets waits.
    /// Does what can be done without waiting.
    pub fn is_complete(&mut self) -> bool {
        if self.complete {
            return true;
        }
        let core = &self.inner.core;
        if self.order == 0 {
            if core.gates.pins(self.id) > 0 && !mutant("detach-skips-pins") {
                return false;
            }
            self.order = core.order();
        }
        let all = (0..core.workers.len()).all(|worker| self.has_come_by(worker));
        if all || mutant("detach-skips-workers") {
            self.complete = true;
            self.inner.free_slot(self.id);
        }
        self.complete
    }

    /// Waits until the departure is complete, at most `timeout`.
    ///
    /// The token shows that no lock is held. From inside a handler this is refused at once, for the worker
    /// cannot come by while it waits here: keep the departure, and ask [`is_complete`](Self::is_complete)
    /// later.
    ///
    /// # Errors
    ///
    /// Time is up: who still holds the interface. The departure goes on, and may be waited for again.
    pub fn wait(&mut self, ctx: &mut Ctx<'_, Unlocked>, timeout: Duration) -> Result<(), StillHeld> {
        let core = self.inner.core.clone();
        wait::complete(&core, ctx, timeout, || self.is_complete())
            .map_err(|own| own.unwrap_or_else(|| self.holders()))
    }

    /// Who is in the way of the departure, at this moment.
    pub fn holders(&self) -> StillHeld {
        let core = &self.inner.core;
        let mut holders: Vec<String> = self
            .inner
            .holders_of(self.id)
            .iter()
            .map(|holder| alloc::format!("'{}', which pinned it at {}", holder.what, holder.at))
            .collect();
        let nameless = (core.gates.pins(self.id) as usize).saturating_sub(holders.len());
        if nameless > 0 {
            holders.push(alloc::format!("{nameless} dispatch(es) under way on other threads"));
        }
        if self.order != 0 && !self.complete {
            let late = (0..core.workers.len()).filter(|worker| !core.has_acknowledged(*worker, self.order));
            holders.extend(late.map(|worker| describe(&self.inner, worker)));
        }
        StillHeld { holders }
    }

    /// The interface that departs.
    pub fn id(&self) -> IfId {
        self.id
    }

    fn has_come_by(&self, worker: usize) -> bool {
        self.inner.core.has_acknowledged(worker, self.order) || {
            // Nobody polls a vacant worker: come by in its stead.
            Worker::claim(&self.inner, worker).is_some_and(|mut vacant| {
                vacant.obey_vacant();
                self.inner.core.has_acknowledged(worker, self.order)
            })
        }
    }
}

impl<P: Packet, W: Local> Drop for Departure<P, W> {
    fn drop(&mut self) {
        if !self.is_complete() {
            self.inner.orphan(self.id, self.order);
        }
    }
}

impl<P: Packet, W: Local> fmt::Debug for Departure<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Departure")
            .field("id", &self.id)
            .field("complete", &self.complete)
            .finish_non_exhaustive()
    }
}

/// A worker that has not come by, and what it is doing.
pub(crate) fn describe<P: Packet, W: Local>(inner: &Inner<P, W>, worker: usize) -> String {
    match inner.running(worker) {
        Some(name) => alloc::format!("worker {worker}, in the handler of '{name}'"),
        None => alloc::format!("worker {worker}, which has not been polled since"),
    }
}

impl fmt::Display for DetachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DetachError::NotAttached(id) = self;
        write!(f, "interface {id} is not attached: it is departing already, or has gone")
    }
}

impl core::error::Error for DetachError {}

impl fmt::Display for StillHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.holders.is_empty() {
            return f.write_str("still held, by somebody who let go at this moment");
        }
        write!(f, "still held by {}", self.holders.join("; "))
    }
}

impl core::error::Error for StillHeld {}

impl From<StillHeld> for String {
    fn from(held: StillHeld) -> String {
        held.to_string()
    }
}
