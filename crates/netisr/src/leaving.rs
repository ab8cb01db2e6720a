//! What is on its way out: departures and unregisterings that have begun. The facility keeps them itself, so that
//! those whose handle was dropped or forgotten are finished too: by the workers, each time that they carry out an order
//! or find nothing to do, and by the next call that attaches, registers or unregisters.
//!
//! # Locks
//!
//! Control's, for look-ups: the list is in `control`. # Teardown: a handler is dropped by a worker, between polls'
//! work, or by somebody who waits with a token that shows no lock, for what it has captured may do anything then. Where
//! there is neither, it is dropped with the facility.

use alloc::string::String;
use alloc::sync::Arc;
use core::sync::atomic::Ordering;
use core::sync::atomic::fence;

use crate::IfId;
use crate::Local;
use crate::Packet;
use crate::any_type::AnyType;
use crate::control::Inner;
use crate::control::UnderWay;
use crate::serving::Claimed;
use crate::sync::mutant;

impl<P: Packet, W: Local> Inner<P, W> {
    /// Brings a departure on, as far as it goes without waiting: whether it is complete. `order` is the one that it waits
    /// for, 0 until that can be given.
    pub(crate) fn bring_on_departure(self: &Arc<Self>, id: IfId, order: &mut u64) -> bool {
        let core = &self.core;
        if *order == 0 {
            if !core.gates.is_unpinned(id) {
                return false;
            }
            let Some(agreed) = self.order_departure(id) else { return true };
            *order = agreed;
        }
        let all = (0..core.workers.len()).all(|worker| self.has_come_by(worker, *order));
        if !all && !mutant("detach-skips-workers") {
            return false;
        }
        self.departed(id);
        true
    }

    fn has_come_by(self: &Arc<Self>, worker: usize, order: u64) -> bool {
        // Nobody polls a vacant worker: come by in its stead.
        self.core.has_acknowledged(worker, order)
            || (self.visit(worker) && self.core.has_acknowledged(worker, order))
    }

    /// The same of a type that is being unregistered.
    pub(crate) fn bring_on_type(self: &Arc<Self>, kind: &dyn AnyType<P, W>, order: &mut u64) -> bool {
        let core = &self.core;
        self.serve_vacant();
        if *order == 0 {
            if !kind.is_quiet() && !mutant("unregister-does-not-wait") {
                return false;
            }
            let Some(agreed) = self.order_type(kind) else { return true };
            *order = agreed;
            self.serve_vacant();
        }
        let all = (0..core.workers.len()).all(|worker| core.has_acknowledged(worker, *order));
        if !all && !mutant("unregister-does-not-wait") {
            return false;
        }
        self.left(kind);
        true
    }

    /// Comes by in the stead of workers that nobody polls. What waits there cannot be handled, only flushed;
    /// a drain waits until somebody takes the worker.
    fn serve_vacant(self: &Arc<Self>) {
        (0..self.core.workers.len()).for_each(|worker| _ = self.visit(worker));
    }

    /// Comes by in the stead of a worker, if nobody holds it. Whether that is so.
    fn visit(self: &Arc<Self>, worker: usize) -> bool {
        let visit = self.core.workers[worker].0.visits.begin();
        let vacant = Claimed::claim(self, worker);
        let is_vacant = vacant.is_some();
        vacant.into_iter().for_each(|mut vacant| vacant.serving.obey_vacant());
        drop(visit);
        is_vacant
    }

    /// What workers do when they have carried out an order, or have nothing else to do.
    pub(crate) fn see_off(self: &Arc<Self>) {
        // After the acknowledgement, which whoever leaves something looks for: see `leave_departure`.
        fence(Ordering::SeqCst);
        if self.leaving_hint.is_for_workers() {
            self.settle();
            self.bury();
        }
    }

    /// Brings on all that is on its way out, as far as it goes without waiting.
    pub(crate) fn settle(self: &Arc<Self>) {
        if self.leaving_hint.is_empty() {
            return;
        }
        let UnderWay { departures, types } = self.under_way();
        for (id, mut order) in departures {
            self.bring_on_departure(id, &mut order);
        }
        for (kind, mut order) in types {
            self.bring_on_type(&*kind, &mut order);
        }
    }

    /// Drops the handlers of types that are gone. For workers, and for who has shown that no lock is held.
    pub(crate) fn bury(&self) {
        if !self.leaving_hint.is_for_workers() {
            return;
        }
        drop(self.take_alone());
    }

    /// A worker that has not come by, and what it is doing.
    pub(crate) fn describe(&self, worker: usize) -> String {
        match (self.running(worker), self.core.end_of(worker)) {
            (_, Some(cause)) => alloc::format!("worker {worker}, whose thread has ended: {cause}"),
            (Some(name), _) => alloc::format!("worker {worker}, in the handler of '{name}'"),
            (None, _) => alloc::format!("worker {worker}, which has not been polled since"),
        }
    }
}
