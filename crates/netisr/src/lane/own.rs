//! What a worker remembers, beside its lane, of what it dispatches to itself.

use crate::IfId;
use crate::gate::Gate;
use crate::gate::Gates;
use crate::sync::UnsafeCell;

/// The interface that the worker noted last: its bit is among the lane's names, and its gate need not be looked up. Not every packet
/// is noted: where interfaces take turns, some find theirs here, and none pays for it.
///
/// For the thread that has the worker, and no other: its token is shown by who dispatches, and its right to consume by who lets the
/// lane rest.
pub(super) struct Sent(UnsafeCell<Noted>);

#[derive(Clone, Copy)]
struct Noted {
    id: IfId,
    /// Of a gate of the core that the lane was made for.
    gate: Gate<'static>,
}

// SAFETY: one thread at a time has the worker, and what it did before is known to the next that claims it.
unsafe impl Sync for Sent {}
// SAFETY: a gate may be looked at by any thread.
unsafe impl Send for Sent {}

impl Sent {
    /// Nothing is noted but what names no interface.
    pub(super) fn new(gates: &Gates) -> Sent {
        Sent(UnsafeCell::new(Noted::kept(IfId::NONE, gates.of_nothing())))
    }

    /// Whether interface `id` is the one that was noted, and may be named at this moment.
    #[inline(always)]
    pub(super) fn is_open(&self, id: IfId) -> bool {
        let noted = self.noted();
        noted.id == id && noted.gate.is_open()
    }

    /// Which interface was noted, if it may be named at this moment.
    #[inline(always)]
    pub(super) fn open(&self) -> Option<IfId> {
        let noted = self.noted();
        noted.gate.is_open().then_some(noted.id)
    }

    #[inline(always)]
    fn noted(&self) -> Noted {
        // JUSTIFICATION: what one thread reads for each packet, in a lane that all know.
        // SAFETY: that thread has the worker, so nobody writes meanwhile.
        self.0.with(|noted| unsafe { *noted })
    }

    /// Notes interface `id`, whose bit is among the lane's names.
    #[cold]
    pub(super) fn note(&self, gates: &Gates, id: IfId) {
        let gate = if id.is_none() { Some(gates.of_nothing()) } else { gates.gate(id) };
        if let Some(gate) = gate {
            // JUSTIFICATION: as above.
            // SAFETY: as above, and no reference is kept.
            self.0.with_mut(|noted| unsafe { *noted = Noted::kept(id, gate) });
        }
    }
}

impl Noted {
    /// For as long as the core is there.
    fn kept(id: IfId, gate: Gate<'_>) -> Noted {
        // JUSTIFICATION: what is kept beside the facility that it refers into; looked up for each packet, it would cost ten
        // instructions.
        // SAFETY: gates are in a box of the core that is never exchanged, and that of nothing in the core itself, which is shared, and so
        // where it stays, before a lane is made. Who asks a lane for more than to be dropped has that core, and no reference is handed
        // out.
        let gate = unsafe { core::mem::transmute::<Gate<'_>, Gate<'static>>(gate) };
        Noted { id, gate }
    }
}
