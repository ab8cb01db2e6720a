//! Unregistering a type: intake stops, what waits is handled or dropped, what runs is waited for.
//!
//! # Locks
//!
//! Beginning takes control's lock for a look-up. Waiting asks for a token that holds none. # Teardown: one that is
//! dropped early is completed by the workers, and can be taken up again by another [`Netisr::unregister`]; one that is
//! [forgotten](core::mem::forget) is completed by the next call that registers, unregisters or attaches. See `leaving`.

use alloc::string::String;
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::sync::Weak;
use core::fmt;
use core::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use crate::Local;
use crate::Metadata;
use crate::Netisr;
use crate::Packet;
use crate::PacketType;
use crate::StillHeld;
use crate::any_type::AnyType;
use crate::control::Inner;
use crate::sync::mutant;
use crate::wait;

/// What becomes of the packets that wait when their type is unregistered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pending {
    /// They are handled first.
    Drain,
    /// They are dropped, and counted as flushed.
    Flush,
}

/// A type that is being unregistered. One that is dropped, or forgotten, goes on: name and place are free in the end.
///
/// The handler itself is dropped by a worker, or by who [waits](Self::wait).
#[must_use = "handlers may run until the type is gone: wait for it, or keep asking"]
pub struct Unregistering<P: Packet, W: Local = ()> {
    inner: Arc<Inner<P, W>>,
    /// Not one that keeps it, for this may be forgotten.
    kind: Weak<dyn AnyType<P, W>>,
    complete: bool,
    /// The order that shows that no handler of before is running; 0 until nothing waits any more.
    order: u64,
}

/// The type is not registered: it is being unregistered already, and somebody has its [`Unregistering`]; or it is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotRegistered(String);

impl<P: Packet, W: Local> Netisr<P, W> {
    /// Stops intake of a type, at once, and lets go of it when nothing of it waits or runs any more. May be
    /// called under any locks and from inside the type's own handler, and does not wait. One that was begun before and
    /// whose [`Unregistering`] was dropped is taken up again; packets that were to be drained can be flushed after all.
    ///
    /// # Errors
    ///
    /// The type is being unregistered already, and somebody has its `Unregistering`; or it is gone.
    pub fn unregister<L, M: Metadata>(
        &self,
        _ctx: &Ctx<'_, L>,
        kind: &PacketType<P, M, W>,
        pending: Pending,
    ) -> Result<Unregistering<P, W>, NotRegistered> {
        self.inner.settle();
        let (bit, state) = (kind.shared.bit, Arc::as_ptr(&kind.shared).cast());
        let (kind, order) = self
            .inner
            .begin_type(bit, state, pending == Pending::Flush)
            .ok_or_else(|| NotRegistered(kind.name().to_string()))?;
        self.inner.core.order();
        let mut leaving = Unregistering { inner: self.inner.clone(), kind, complete: false, order };
        leaving.is_complete();
        Ok(leaving)
    }
}

impl<P: Packet, W: Local> Unregistering<P, W> {
    /// Whether the type is gone: its handler does not run, and will not run again. Does what can be done
    /// without waiting.
    pub fn is_complete(&mut self) -> bool {
        self.complete = self.complete
            || match self.kind() {
                Some(kind) => self.inner.bring_on_type(&*kind, &mut self.order),
                None => true,
            };
        self.complete
    }

    fn kind(&self) -> Option<Arc<dyn AnyType<P, W>>> {
        // Under the lock, so that it is not the last to refer to it: see `Inner::bury`.
        self.inner.with_control(|_| self.kind.upgrade())
    }

    /// Waits until the type is gone, at most `timeout`. Refused at once from inside a handler, or what else runs while a worker is polled; see
    /// [`Departure::wait`](crate::Departure::wait).
    ///
    /// # Errors
    ///
    /// Time is up: who is in the way. The type stays closed, and may be waited for again.
    pub fn wait(&mut self, ctx: &mut Ctx<'_, Unlocked>, timeout: Duration) -> Result<(), StillHeld> {
        let core = self.inner.core.clone();
        let outcome = wait::complete(&core, ctx, timeout, || self.is_complete())
            .map_err(|own| own.unwrap_or_else(|| self.holders()));
        // No lock is held, says the token.
        self.inner.bury();
        outcome
    }

    /// What is in the way, at this moment.
    pub fn holders(&self) -> StillHeld {
        let mut holders = alloc::vec::Vec::new();
        let Some(kind) = self.kind().filter(|_| !self.complete) else { return StillHeld { holders } };
        let permits = kind.permits();
        if permits > 0 {
            holders.push(alloc::format!(
                "{permits} permit(s) of '{}' that were neither used nor dropped",
                kind.name()
            ));
        }
        let core = &self.inner.core;
        let last = core.last_order();
        let order = if self.order == 0 { last } else { self.order };
        let late = (0..core.workers.len())
            .filter(|worker| kind.report(*worker).resident > 0 || !core.has_acknowledged(*worker, order));
        holders.extend(late.map(|worker| self.inner.describe(worker)));
        StillHeld { holders }
    }
}

impl<P: Packet, W: Local> Drop for Unregistering<P, W> {
    fn drop(&mut self) {
        if !self.is_complete()
            && let Some(kind) = self.kind()
            && !mutant("dropped-unregistering-is-lost")
        {
            self.inner.leave_type(&*kind);
            // The last worker may have come by before it could see that nobody asks.
            self.is_complete();
        }
    }
}

impl<P: Packet, W: Local> fmt::Debug for Unregistering<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unregistering").field("complete", &self.complete).finish_non_exhaustive()
    }
}

impl fmt::Display for NotRegistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet type '{}' is not registered: it is being unregistered already, or is gone", self.0)
    }
}

impl core::error::Error for NotRegistered {}
