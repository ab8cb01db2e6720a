//! The list of what is on its way out: departures and unregisterings that have begun, and the orders that they wait for.
//!
//! # Locks
//!
//! Control's, for look-ups.

use alloc::collections::BTreeMap;
use alloc::sync::Arc;
use alloc::sync::Weak;
use alloc::vec::Vec;
// Outside the facade: a hint. What counts is read under control's lock.
use core::sync::atomic::AtomicUsize;
use core::sync::atomic::Ordering;
use core::sync::atomic::fence;

use super::Control;
use super::Inner;
use crate::IfId;
use crate::Local;
use crate::Packet;
use crate::any_type::AnyType;
use crate::core_state::Core;
use crate::ring::Named;

pub(crate) struct Leaving<P: Packet, W: Local> {
    departures: BTreeMap<IfId, Entry>,
    /// By the type's bit.
    types: BTreeMap<u32, Going<P, W>>,
    /// How many of both nobody asks after.
    unasked: usize,
    /// Types that are gone. Each is dropped when nobody else refers to it.
    gone: Vec<Arc<dyn AnyType<P, W>>>,
}

/// What is under way, with the orders that all workers must acknowledge; 0 for one that cannot be given yet.
pub(crate) struct UnderWay<P: Packet, W: Local> {
    pub(crate) departures: Vec<(IfId, u64)>,
    pub(crate) types: Vec<(Arc<dyn AnyType<P, W>>, u64)>,
}

type Going<P, W> = (Arc<dyn AnyType<P, W>>, Entry);

/// One that leaves.
#[derive(Clone, Copy)]
struct Entry {
    /// The order that all workers must acknowledge; 0 until it can be given.
    order: u64,
    /// Whether somebody asks how it goes.
    asked: bool,
}

/// How much a [`Leaving`] has in it, to be read without a lock.
#[derive(Default)]
pub(crate) struct Hint {
    all: AtomicUsize,
    /// What nobody asks after, and what is gone: for the workers to see to.
    workers: AtomicUsize,
}

const BEGUN: Entry = Entry { order: 0, asked: true };

impl<P: Packet, W: Local> Leaving<P, W> {
    pub(crate) const fn new() -> Self {
        Leaving { departures: BTreeMap::new(), types: BTreeMap::new(), unasked: 0, gone: Vec::new() }
    }

    /// The bits, in a lane's names, of all interfaces that are departing.
    pub(crate) fn going(&self) -> u64 {
        self.departures.keys().fold(0, |bits, id| bits | Named::bit(*id))
    }

    /// The entry of this very type, not of another that has its place by now.
    fn entry_of(&mut self, kind: &dyn AnyType<P, W>) -> Option<&mut Entry> {
        let (found, entry) = self.types.get_mut(&kind.bit())?;
        core::ptr::addr_eq(found.state(), kind.state()).then_some(entry)
    }
}

impl Hint {
    fn update<P: Packet, W: Local>(&self, leaving: &Leaving<P, W>) {
        let Leaving { departures, types, unasked, gone } = leaving;
        self.workers.store(unasked + gone.len(), Ordering::Relaxed);
        self.all.store(departures.len() + types.len() + gone.len(), Ordering::Relaxed);
    }

    /// Whether nothing is on its way out.
    pub(crate) fn is_empty(&self) -> bool {
        self.all.load(Ordering::Relaxed) == 0
    }

    /// Whether there is something that the workers see to.
    pub(crate) fn is_for_workers(&self) -> bool {
        self.workers.load(Ordering::Relaxed) > 0
    }
}

impl<P: Packet, W: Local> Inner<P, W> {
    fn with_leaving<O>(&self, work: impl FnOnce(&mut Leaving<P, W>) -> O) -> O {
        self.with_control(|control| {
            let outcome = work(&mut control.leaving);
            self.leaving_hint.update(&control.leaving);
            outcome
        })
    }

    /// Notes a departure that has just begun, with the number of its order; 0 while it waits for pins. Who carries out
    /// an order of that number finds the departure here.
    pub(crate) fn departing(&self, id: IfId) -> u64 {
        self.with_leaving(|leaving| {
            let order = if self.core.gates.is_unpinned(id) { self.core.next_order() } else { 0 };
            leaving.departures.insert(id, Entry { order, ..BEGUN });
            order
        })
    }

    /// Takes up a departure that nobody asks after any more. The order that it waits for, if it can be given.
    pub(crate) fn resume_departure(&self, id: IfId) -> Option<u64> {
        self.with_leaving(|leaving| leaving.departures.get_mut(&id)?.take_up(&mut leaving.unasked))
    }

    /// The order that a departure waits for, given now unless somebody else was first. None if it is complete.
    pub(crate) fn order_departure(&self, id: IfId) -> Option<u64> {
        let (order, is_new) = self
            .with_leaving(|leaving| leaving.departures.get_mut(&id).map(|entry| entry.agree(&self.core)))?;
        if is_new {
            self.core.tell();
        }
        Some(order)
    }

    /// A departure is complete: its slot is free, for the next interface; unless its identities are used up.
    pub(crate) fn departed(&self, id: IfId) {
        self.with_control(|control| {
            control.departed(&self.core, id);
            self.leaving_hint.update(&control.leaving);
        });
    }

    /// Nobody asks after it any more. Whether it is complete.
    pub(crate) fn leave_departure(&self, id: IfId) -> bool {
        self.with_control(|control| {
            let Leaving { departures, unasked, .. } = &mut control.leaving;
            let Some(entry) = departures.get_mut(&id) else { return true };
            entry.leave(unasked);
            let order = entry.order;
            self.leaving_hint.update(&control.leaving);
            // The last worker may have come by before it could see that nobody asks.
            fence(Ordering::SeqCst);
            let is_complete = order != 0 && self.core.have_all_acknowledged(order);
            if is_complete {
                control.departed(&self.core, id);
                self.leaving_hint.update(&control.leaving);
            }
            is_complete
        })
    }

    /// Closes a type that is to leave and takes note of it, or takes up one that nobody asks after any more. With it,
    /// the order that it waits for, if it can be given. None if somebody else sees to it, or it is gone.
    pub(crate) fn begin_type(
        &self,
        bit: u32,
        state: *const (),
        flush: bool,
    ) -> Option<(Weak<dyn AnyType<P, W>>, u64)> {
        self.with_control(|control| {
            let found = control.types.get(bit as usize)?.as_ref()?;
            let kind = core::ptr::addr_eq(found.state(), state).then(|| found.clone())?;
            let Leaving { types, unasked, .. } = &mut control.leaving;
            let order = match types.get_mut(&bit) {
                Some((_, entry)) => entry.take_up(unasked)?,
                None => {
                    types.insert(bit, (kind.clone(), BEGUN));
                    0
                }
            };
            // Under the lock: who finds it here finds it closed.
            kind.close(flush);
            self.leaving_hint.update(&control.leaving);
            Some((Arc::downgrade(&kind), order))
        })
    }

    /// As [`order_departure`](Self::order_departure).
    pub(crate) fn order_type(&self, kind: &dyn AnyType<P, W>) -> Option<u64> {
        let (order, is_new) =
            self.with_leaving(|leaving| leaving.entry_of(kind).map(|entry| entry.agree(&self.core)))?;
        if is_new {
            self.core.tell();
        }
        Some(order)
    }

    /// A type is gone: its place and its name are free, and workers forget it.
    pub(crate) fn left(&self, kind: &dyn AnyType<P, W>) {
        let was_first = self.with_control(|control| {
            let leaving = &mut control.leaving;
            leaving.entry_of(kind)?;
            let (kind, entry) = leaving.types.remove(&kind.bit())?;
            leaving.unasked -= usize::from(!entry.asked);
            control.forget(&*kind);
            control.leaving.gone.push(kind);
            self.leaving_hint.update(&control.leaving);
            Some(())
        });
        if was_first.is_some() {
            self.core.order();
        }
    }

    /// As [`leave_departure`](Self::leave_departure).
    pub(crate) fn leave_type(&self, kind: &dyn AnyType<P, W>) {
        self.with_leaving(|leaving| {
            let mut unasked = leaving.unasked;
            leaving.entry_of(kind).into_iter().for_each(|entry| entry.leave(&mut unasked));
            leaving.unasked = unasked;
        });
    }

    /// All that is under way, with the orders that it waits for; but for departures that every worker has come by for, which are
    /// complete.
    pub(crate) fn under_way(&self) -> UnderWay<P, W> {
        self.with_control(|control| {
            let orders = control.leaving.departures.iter().map(|(id, entry)| (*id, entry.order));
            let (complete, departures): (Vec<_>, Vec<_>) =
                orders.partition(|(_, order)| *order != 0 && self.core.have_all_acknowledged(*order));
            complete.into_iter().for_each(|(id, _)| control.departed(&self.core, id));
            let types = control.leaving.types.values();
            let types: Vec<_> = types.map(|(kind, entry)| (kind.clone(), entry.order)).collect();
            self.leaving_hint.update(&control.leaving);
            UnderWay { departures, types }
        })
    }

    /// Takes the types that are gone, and that nobody else refers to, off the list: dropped, each drops its handler.
    pub(crate) fn take_alone(&self) -> Vec<Arc<dyn AnyType<P, W>>> {
        // Nobody can come to refer to one that nobody refers to: it is on no list, and who has a weak one looks under
        // this lock.
        let is_alone = |kind: &mut Arc<dyn AnyType<P, W>>| Arc::strong_count(kind) == 1;
        self.with_leaving(|leaving| leaving.gone.extract_if(.., is_alone).collect())
    }
}

impl<P: Packet, W: Local> Control<P, W> {
    /// A departure is complete, if it was not before.
    fn departed(&mut self, core: &Core, id: IfId) {
        let Some(entry) = self.leaving.departures.remove(&id) else { return };
        self.leaving.unasked -= usize::from(!entry.asked);
        if core.gates.can_open(id.slot()) {
            self.free.push_back(id.slot());
        }
    }
}

impl Entry {
    /// The order that it waits for; and whether it is a new one, that the workers must be told of.
    fn agree(&mut self, core: &Core) -> (u64, bool) {
        let is_new = self.order == 0;
        if is_new {
            self.order = core.next_order();
        }
        (self.order, is_new)
    }

    /// The order that it waits for. None if somebody asks after it already.
    fn take_up(&mut self, unasked: &mut usize) -> Option<u64> {
        if self.asked {
            return None;
        }
        self.asked = true;
        *unasked -= 1;
        Some(self.order)
    }

    fn leave(&mut self, unasked: &mut usize) {
        *unasked += usize::from(self.asked);
        self.asked = false;
    }
}
