//! Unregistering a type: intake stops, what waits is handled or dropped, what runs is waited for.
//!
//! # Locks
//!
//! Beginning takes control's lock for a look-up. Waiting asks for a token that holds none. # Teardown: see
//! [`Unregistering`]; one that is dropped early stays in the list of types, closed, until it is asked again.

use alloc::string::String;
use alloc::string::ToString;
use alloc::sync::Arc;
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
use crate::Worker;
use crate::any_type::AnyType;
use crate::departure::describe;
use crate::netisr::Inner;
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

/// A type that is being unregistered.
#[must_use = "handlers may run until the type is gone: wait for it, or keep asking"]
pub struct Unregistering<P: Packet, W: Local = ()> {
    inner: Arc<Inner<P, W>>,
    kind: Option<Arc<dyn AnyType<P, W>>>,
    /// The order that shows that no handler of before is running; 0 until nothing waits any more.
    order: u64,
}

/// The type is not registered: it is being unregistered already, or is gone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NotRegistered(String);

impl<P: Packet, W: Local> Netisr<P, W> {
    /// Stops intake of a type, at once, and lets go of it when nothing of it waits or runs any more. May be
    /// called under any locks and from inside the type's own handler, and does not wait.
    ///
    /// # Errors
    ///
    /// The type is being unregistered already.
    pub fn unregister<L, M: Metadata>(
        &self,
        _ctx: &Ctx<'_, L>,
        kind: &PacketType<P, M, W>,
        pending: Pending,
    ) -> Result<Unregistering<P, W>, NotRegistered> {
        let not_registered = || NotRegistered(kind.name().to_string());
        let name = kind.name();
        let found =
            self.inner.types().into_iter().find(|other| other.name() == name).ok_or_else(not_registered)?;
        if !core::ptr::addr_eq(found.state(), Arc::as_ptr(&kind.shared))
            || !found.close(pending == Pending::Flush)
        {
            return Err(not_registered());
        }
        self.inner.core.order();
        let mut leaving = Unregistering { inner: self.inner.clone(), kind: Some(found), order: 0 };
        leaving.is_complete();
        Ok(leaving)
    }
}

impl<P: Packet, W: Local> Unregistering<P, W> {
    /// Whether the type is gone: its handler does not run, and will not run again. Does what can be done
    /// without waiting.
    pub fn is_complete(&mut self) -> bool {
        let Some(kind) = &self.kind else { return true };
        let core = &self.inner.core;
        self.serve_vacant();
        if self.order == 0 {
            if !kind.is_quiet() && !mutant("unregister-does-not-wait") {
                return false;
            }
            self.order = core.order();
            self.serve_vacant();
        }
        let all = (0..core.workers.len()).all(|worker| core.has_acknowledged(worker, self.order));
        if !all && !mutant("unregister-does-not-wait") {
            return false;
        }
        self.inner.forget(kind.bit(), kind.name());
        self.kind = None;
        true
    }

    /// Waits until the type is gone, at most `timeout`. Refused at once from inside a handler; see
    /// [`Departure::wait`](crate::Departure::wait).
    ///
    /// # Errors
    ///
    /// Time is up: who is in the way. The type stays closed, and may be waited for again.
    pub fn wait(&mut self, ctx: &mut Ctx<'_, Unlocked>, timeout: Duration) -> Result<(), StillHeld> {
        let core = self.inner.core.clone();
        wait::complete(&core, ctx, timeout, || self.is_complete())
            .map_err(|own| own.unwrap_or_else(|| self.holders()))
    }

    /// What is in the way, at this moment.
    pub fn holders(&self) -> StillHeld {
        let mut holders = alloc::vec::Vec::new();
        let Some(kind) = &self.kind else { return StillHeld { holders } };
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
        holders.extend(late.map(|worker| describe(&self.inner, worker)));
        StillHeld { holders }
    }

    /// Comes by in the stead of workers that nobody polls. What waits there cannot be handled, only flushed;
    /// a drain waits until somebody takes the worker.
    fn serve_vacant(&self) {
        for worker in 0..self.inner.core.workers.len() {
            if let Some(mut vacant) = Worker::claim(&self.inner, worker) {
                vacant.obey_vacant();
            }
        }
    }
}

impl<P: Packet, W: Local> fmt::Debug for Unregistering<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.kind.as_ref().map(|kind| kind.name());
        f.debug_struct("Unregistering").field("waiting_for", &name).finish_non_exhaustive()
    }
}

impl fmt::Display for NotRegistered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "packet type '{}' is not registered: it is being unregistered already, or is gone", self.0)
    }
}

impl core::error::Error for NotRegistered {}
