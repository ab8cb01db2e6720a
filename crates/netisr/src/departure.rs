//! Departure: an interface goes, and nothing of it stays.
//!
//! 1. *Mark*, one exchange on the gate's word. Dispatches that come later are refused.
//! 2. *Pins* run out: those that somebody took with [`Netisr::pin`](crate::Netisr::pin).
//! 3. *Order*: every worker comes by once, between handlers. By coming by it shows that it has seen the mark,
//!    also for what it dispatches itself, and has no handler of before running. It lets go of what its own state
//!    holds, and sweeps those of its lanes in which something may name the interface: packets are looked at where they
//!    wait, and only those that depart are taken out. A dispatch from another thread either has its place on the ring by then, and
//!    the sweep waits for it; or claims it later, and then sees the mark (see the `ring` module).
//!
//! Nobody stops: a worker comes by at its next poll, and goes on with the others' packets. It looks at 65,536 of them at
//! most in one poll, and at more in the next; who comes by in its stead, at all of them.
//!
//! # Locks
//!
//! Marking takes none; the departure is noted, and its order numbered, in one locking of control's. Waiting asks for a token that holds none, for whoever waits with a lock held waits for
//! itself. # Teardown: a departure that is dropped before it is complete is completed by the workers, and can be taken
//! up again by another [`Netisr::detach`](crate::Netisr::detach); one that is [forgotten](core::mem::forget) is
//! completed when the next interface is attached. See `leaving`.

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::IfId;
use crate::Local;
use crate::Packet;
use crate::StillHeld;
use crate::control::Inner;
use crate::sync::mutant;
use crate::wait;

/// A departure under way. See [`Netisr::detach`](crate::Netisr::detach). One that is dropped, or forgotten, goes on: its
/// slot is free again in the end.
///
/// A worker that is held and not polled keeps it from completing, be it by somebody who has
/// [forgotten](core::mem::forget) it.
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
    /// The interface is departing already, and somebody has its [`Departure`]; or it has gone.
    NotAttached(IfId),
}

impl<P: Packet, W: Local> Departure<P, W> {
    pub(crate) fn begin(inner: Arc<Inner<P, W>>, id: IfId) -> Result<Self, DetachError> {
        let is_new = inner.core.gates.mark(id);
        let order = match is_new {
            true => inner.departing(id),
            false => inner.resume_departure(id).ok_or(DetachError::NotAttached(id))?,
        };
        let mut departure = Departure { inner, id, order, complete: false };
        if is_new && order != 0 {
            departure.inner.core.tell();
        }
        // Workers that are held have hardly come by yet.
        if order == 0 || departure.inner.core.is_any_vacant() {
            departure.is_complete();
        }
        Ok(departure)
    }

    /// Whether the interface has gone: no handler runs or will run with it, and none of its packets waits.
    /// Does what can be done without waiting.
    pub fn is_complete(&mut self) -> bool {
        self.complete = self.complete || self.inner.bring_on_departure(self.id, &mut self.order);
        self.complete
    }

    /// Waits until the departure is complete, at most `timeout`: by the facility's clock or by the system's, whichever
    /// says first that it is over. Every worker comes by once, between two handlers, whatever interfaces these are for: so
    /// it takes as long as the longest that runs.
    ///
    /// The token shows that no lock is held. From inside a handler, or what else runs while a worker is polled
    /// ([`Local::depart`], a hook, a `Drop`), this is refused at once, for the worker cannot come by while it waits here:
    /// keep the departure, and ask [`is_complete`](Self::is_complete) later.
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
        let mut holders = self.inner.holders_of(self.id);
        if self.order != 0 && !self.complete {
            let late = (0..core.workers.len()).filter(|worker| !core.has_acknowledged(*worker, self.order));
            holders.extend(late.map(|worker| self.inner.describe(worker)));
        }
        StillHeld { holders }
    }

    /// The interface that departs.
    pub fn id(&self) -> IfId {
        self.id
    }
}

impl<P: Packet, W: Local> Drop for Departure<P, W> {
    fn drop(&mut self) {
        if self.complete || mutant("dropped-departure-is-lost") || self.inner.leave_departure(self.id) {
            return;
        }
        // A pin may have been let go, or a worker, while nobody looked.
        if self.order == 0 || self.inner.core.is_any_vacant() {
            self.is_complete();
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

impl fmt::Display for DetachError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let DetachError::NotAttached(id) = self;
        write!(f, "interface {id} is not attached: it is departing already, or has gone")
    }
}

impl core::error::Error for DetachError {}
