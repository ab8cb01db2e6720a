//! What becomes of a packet that is taken, and where it ends when that is not the handler.

use super::*;
use crate::gate::Gate;

impl<P: Packet, M: Metadata> Lane<P, M> {
    /// Decides and counts the fate of a packet at position `at`: whether it is to be handled. Then it is one more of those
    /// that were `handled` on the lane, which is the counter's own value.
    #[inline(always)]
    pub(super) fn deal(
        &self,
        consumer: &Consumer,
        last: &Last,
        handled: &Cell<u64>,
        Item { packet, meta }: &Item<P, M>,
        at: u64,
    ) -> bool {
        let timed = self.ring.is_timed(at);
        let (mut first, mut others) = (IfId::NONE, false);
        let mut visit = |id: IfId| match first.is_none() {
            true => first = id,
            false => others |= id != first && !id.is_none(),
        };
        let asking = Asking { lane: self, at };
        meta.interfaces(&mut visit);
        packet.interfaces(&mut visit);
        core::mem::forget(asking);
        let is_handled = (!timed && !others && (first.is_none() || last.handles(consumer, first)))
            || self.deal_anew(consumer, packet, meta, at, timed);
        if is_handled {
            handled.set(handled.get() + 1);
            self.fates.handled.set(handled.get());
        }
        is_handled
    }

    #[cold]
    fn deal_anew(&self, consumer: &Consumer, packet: &P, meta: &M, at: u64, timed: bool) -> bool {
        let stamp = if timed { self.ring.stamp(at) } else { 0 };
        let asking = Asking { lane: self, at };
        let (first, open) = consumer.core.look(packet, meta);
        core::mem::forget(asking);
        let counters = consumer.interfaces().of(first);
        if open && stamp != 0 {
            // A clock that panics leaves the packet where it is, and uncounted.
            self.residence.record(consumer.core.clock.now().as_nanos().saturating_sub(stamp));
        }
        if open {
            counters.into_iter().for_each(|counters| counters.handled.add(1));
        } else {
            self.fates.departed.add(1);
            counters.into_iter().for_each(|counters| counters.departed.add(1));
        }
        open
    }

    /// The end of a packet that has its fate: the type's hook has it, or it is dropped; on a worker that is polled, and
    /// nowhere else.
    #[cold]
    pub(super) fn bury(&self, consumer: &Consumer, fate: Fate, item: Item<P, M>) {
        if consumer.vacant && !mutant("dropped-under-the-callers-locks") {
            sync::lock(&self.buried).push_back((fate, item));
            self.set_buried(true);
            return;
        }
        if let Some(hook) = &self.hook {
            hook(fate, item.packet, item.meta);
        }
    }

    /// Buries all that has its fate.
    pub(crate) fn bury_rest(&self, consumer: &Consumer) {
        self.bury_all(consumer);
        while self.ring.pass(&mut |fate, item| self.bury(consumer, fate, item)) {}
    }

    /// Buries what went in the worker's stead. For the worker itself.
    #[cold]
    pub(crate) fn bury_all(&self, consumer: &Consumer) {
        while !consumer.vacant && self.has_buried.load(Ordering::Relaxed) {
            let mut buried = sync::lock(&self.buried);
            // One by one: each may panic.
            let next = buried.pop_front();
            self.set_buried(!buried.is_empty());
            drop(buried);
            if let Some((fate, item)) = next {
                self.bury(consumer, fate, item);
            }
        }
    }
}

/// The interface that the last packet named, with its gate and counters looked up. A worker has one for each of its lanes, and
/// keeps it from one drain to the next: its next packet is most often of the same interface.
pub(crate) struct Last {
    known: Cell<Known<'static>>,
    /// Has what `known` refers to.
    core: Arc<Core>,
}

#[derive(Clone, Copy)]
struct Known<'c> {
    id: IfId,
    gate: Gate<'c>,
    counters: &'c FateCounters,
}

impl Last {
    /// For worker `worker`. Knows none yet.
    pub(crate) fn new(core: &Arc<Core>, worker: usize) -> Last {
        let known = Known {
            id: IfId::NONE,
            gate: core.gates.first(),
            counters: core.workers[worker].0.interfaces.first(),
        };
        Last { known: Cell::new(known.kept_by(core)), core: core.clone() }
    }

    /// Whether interface `id` may be named, at this moment; if so, a packet is counted as handled there. Not for
    /// [`IfId::NONE`].
    #[inline(always)]
    pub(super) fn handles(&self, consumer: &Consumer, id: IfId) -> bool {
        if self.known.get().id != id && !self.look_up(consumer, id) {
            return false;
        }
        let Known { gate, counters, .. } = self.known.get();
        let is_open = gate.is_open();
        if is_open {
            counters.handled.add(1);
        }
        is_open
    }

    /// False for an identity that has no gate.
    #[cold]
    fn look_up(&self, consumer: &Consumer, id: IfId) -> bool {
        let (gate, counters) = (self.core.gates.gate(id), consumer.interfaces().of(id));
        let known = gate.zip(counters).map(|(gate, counters)| Known { id, gate, counters });
        known.into_iter().for_each(|known| self.known.set(known.kept_by(&self.core)));
        known.is_some()
    }
}

impl Known<'_> {
    /// The same for as long as the core is there, which its owner keeps.
    fn kept_by(self, _core: &Arc<Core>) -> Known<'static> {
        // JUSTIFICATION: what a worker keeps beside the facility that it refers into; looked up for each drain, it would cost
        // sixteen instructions.
        // SAFETY: gates and counters are in boxes of the core and of its workers' states, which it has for as long as it
        // lives and never exchanges. Who keeps this keeps the core, and hands out no reference.
        unsafe { core::mem::transmute::<Known<'_>, Known<'static>>(self) }
    }
}

/// The consumer asks the packet at `at` what it names. Dropped by a panic, that packet departs: nobody can say that what
/// it names is there, and it must not be asked for ever.
pub(super) struct Asking<'l, P: Packet, M: Metadata> {
    pub(super) lane: &'l Lane<P, M>,
    pub(super) at: u64,
}

impl<P: Packet, M: Metadata> Drop for Asking<'_, P, M> {
    fn drop(&mut self) {
        if mutant("asked-again-for-ever") {
            return;
        }
        if self.lane.ring.condemn(self.at) {
            self.lane.discharge(self.at);
            self.lane.fates.departed.add(1);
        }
    }
}
