//! A drain: what becomes of the packets that it takes, and where they end when that is not the handler.

use super::*;
use crate::gate::Gate;
use crate::packet::first_of;
use crate::ring::Look;

impl<P: Packet, M: Metadata> Lane<P, M> {
    /// A drain begins, which is to end when `goal` packets have been handled on this lane, and lasts until the result is dropped.
    #[inline(always)]
    pub(crate) fn draining(&self, goal: u64) -> Draining<'_> {
        self.stop.store(goal, Ordering::Relaxed);
        Draining(&self.stop)
    }

    /// When the drain is to end that [goes on](Draining::goes_on).
    pub(crate) fn draining_until(&self) -> u64 {
        self.stop.swap(0, Ordering::Relaxed)
    }

    /// Hands packets, oldest first, to `handle`, one at least, until none is ready or the drain is to end; there were `before`.
    /// `None` as soon as there is anything out of the ordinary: then [`drain_any`](Self::drain_any) goes on. Calls nothing
    /// but what is the embedder's: so whoever calls this need not put anything aside.
    #[inline(always)]
    pub(crate) fn drain(
        &self,
        consumer: &Consumer,
        last: &Last,
        before: u64,
        mut handle: impl FnMut(P, M),
    ) -> Option<usize> {
        if self.ring.is_odd() {
            return None;
        }
        let handled = Cell::new(0);
        let end = self.ring.consume_live(
            || {
                handled.set(self.fates.handled.value());
                handled.get() < self.stop.load(Ordering::Relaxed)
            },
            |item| self.passes(consumer, last, item, || self.ring.at_head()),
            |Item { packet, meta }| handle(packet, meta),
        );
        match end {
            End::Enough => Some((handled.get() - before) as usize),
            End::Dry => Some((self.fates.handled.value() - before) as usize),
            End::Odd => None,
        }
    }

    /// Goes on with a drain whatever there is: timed packets, those that depart, shares, packets to be buried or flushed, others who
    /// drop packets. True as soon as the rest may be ordinary again. A lane that is being flushed hands over none.
    #[cold]
    pub(crate) fn drain_any(&self, consumer: &Consumer, last: &Last, mut handle: impl FnMut(P, M)) -> bool {
        self.bury_all(consumer);
        if self.ring.has(Odd::FLUSHING) {
            self.flush(consumer); // A permit's packet, that came after the sweep.
            return false;
        }
        let begun = Cell::new(false);
        let is_to_go_on = || self.fates.handled.value() < self.stop.load(Ordering::Relaxed);
        let is_dry = self.ring.consume_any(
            || is_to_go_on() && (!begun.replace(true) || self.ring.is_odd()),
            |item, at| {
                let is_handled = self.deal(consumer, last, item, at);
                self.discharge(at);
                is_handled
            },
            |item| handle(item.packet, item.meta),
            &mut |fate, item| self.bury(consumer, fate, item),
        );
        !is_dry && is_to_go_on()
    }

    /// Whether a drain runs at this moment, and with it a handler.
    pub(crate) fn is_draining(&self) -> bool {
        self.stop.load(Ordering::Relaxed) != 0
    }

    /// Has every packet flushed from now on, and ends the drain that runs, at the next packet. Its own handler's doing, it is
    /// certain; from another thread, it may come too early or too late, and the order that follows settles it.
    pub(crate) fn begin_flush(&self) {
        self.ring.is(Odd::FLUSHING);
        // Where a drain runs it has handled one by then.
        self.stop.fetch_min(1, Ordering::Relaxed);
    }

    /// Drops every packet, as flushed.
    pub(crate) fn flush(&self, consumer: &Consumer) {
        self.ring.flush(
            |item, at| {
                let asking = Asking { lane: self, at: || at };
                let first = charged(&item.packet, &item.meta);
                core::mem::forget(asking);
                self.discharge(at);
                self.fates.flushed.add(1);
                if let Some(interface) = consumer.interfaces().of(first) {
                    interface.flushed.add(1);
                }
            },
            &mut |fate, item| self.bury(consumer, fate, item),
        );
    }

    /// Whether the packet at the head, which is not timed, is to be handled as it is: all that it names is there. Then it is counted.
    #[inline(always)]
    pub(super) fn passes(
        &self,
        consumer: &Consumer,
        last: &Last,
        Item { packet, meta }: &Item<P, M>,
        at: impl Fn() -> u64,
    ) -> Look {
        let asking = Asking { lane: self, at };
        let (first, others) = first_of(packet, meta);
        let are_open = !others || {
            let mut open = true;
            let mut visit = |id| open &= consumer.core.gates.is_open(id);
            meta.interfaces(&mut visit);
            packet.interfaces(&mut visit);
            open
        };
        core::mem::forget(asking);
        if !last.knows(first) {
            // Anew then: so that nothing of this is to be kept where it is known already.
            return if last.look_up(consumer, first, self.ring.at_head()) { Look::Again } else { Look::Odd };
        }
        if !are_open || !last.counts() {
            return Look::Odd;
        }
        self.fates.handled.add(1);
        Look::Live
    }

    /// Decides and counts the fate of a packet at position `at`, whatever it is: whether it is to be handled.
    #[inline]
    pub(super) fn deal(&self, consumer: &Consumer, last: &Last, item: &Item<P, M>, at: u64) -> bool {
        if !self.ring.is_timed(at) && self.passes(consumer, last, item, || at) == Look::Live {
            return true;
        }
        let is_handled = self.deal_anew(consumer, item, at);
        if is_handled {
            self.fates.handled.add(1);
        }
        is_handled
    }

    #[cold]
    fn deal_anew(&self, consumer: &Consumer, Item { packet, meta }: &Item<P, M>, at: u64) -> bool {
        let stamp = if self.ring.is_timed(at) { self.ring.stamp(at) } else { 0 };
        let asking = Asking { lane: self, at: || at };
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
    id: Cell<IfId>,
    gate: Cell<Gate<'static>>,
    counters: Cell<&'static FateCounters>,
    /// For which position it was looked up last.
    at: Cell<u64>,
    /// Has what `known` refers to.
    core: Arc<Core>,
}

impl Last {
    /// For worker `worker`. Knows none yet but what names none.
    pub(crate) fn new(core: &Arc<Core>, worker: usize) -> Last {
        let (gate, counters) =
            kept((core.gates.of_nothing(), core.workers[worker].0.interfaces.nobody()), core);
        let (gate, counters) = (Cell::new(gate), Cell::new(counters));
        Last { id: Cell::new(IfId::NONE), gate, counters, at: Cell::new(!0), core: core.clone() }
    }

    /// Whether interface `id` is the one that was looked up.
    #[inline(always)]
    pub(super) fn knows(&self, id: IfId) -> bool {
        self.id.get() == id
    }

    /// Whether that may be named, at this moment; if so, a packet is counted as handled there.
    #[inline(always)]
    pub(super) fn counts(&self) -> bool {
        let is_open = self.gate.get().is_open();
        if is_open {
            self.counters.get().handled.add(1);
        }
        is_open
    }

    /// Looks interface `id` up, which a packet at position `at` names. False for an identity that has no gate, and if that packet has
    /// named another one before. Compiled in where it stands: for a call, its caller would have to put things aside.
    #[inline(always)]
    pub(super) fn look_up(&self, consumer: &Consumer, id: IfId, at: u64) -> bool {
        if self.at.replace(at) == at {
            return false;
        }
        let (gates, counters) = (&self.core.gates, consumer.interfaces());
        let known = match id.is_none() {
            true => Some((gates.of_nothing(), counters.nobody())),
            false => gates.gate(id).zip(counters.of_slot(id.slot())),
        };
        if let Some(known) = known {
            let (gate, counters) = kept(known, &self.core);
            self.id.set(id);
            self.gate.set(gate);
            self.counters.set(counters);
        }
        known.is_some()
    }
}

type Known<'c> = (Gate<'c>, &'c FateCounters);

/// The same for as long as the core is there, which its owner keeps.
fn kept(known: Known<'_>, _core: &Arc<Core>) -> Known<'static> {
    // JUSTIFICATION: what a worker keeps beside the facility that it refers into; looked up for each drain, it would cost
    // sixteen instructions.
    // SAFETY: gates and counters are in boxes of the core and of its workers' states, which it has for as long as it
    // lives and never exchanges. Who keeps this keeps the core, and hands out no reference.
    unsafe { core::mem::transmute::<Known<'_>, Known<'static>>(known) }
}

/// That a drain runs, until it is dropped, were it by a panic.
pub(crate) struct Draining<'l>(&'l AtomicU64);

impl Draining<'_> {
    /// What is asked for [next](Lane::draining_until) is when.
    #[inline(always)]
    pub(crate) fn goes_on(self) {
        core::mem::forget(self);
    }
}

impl Drop for Draining<'_> {
    #[inline(always)]
    fn drop(&mut self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// The consumer asks the packet at `at` what it names. Dropped by a panic, that packet departs: nobody can say that what
/// it names is there, and it must not be asked for ever.
pub(super) struct Asking<'l, P: Packet, M: Metadata, A: Fn() -> u64> {
    pub(super) lane: &'l Lane<P, M>,
    pub(super) at: A,
}

impl<P: Packet, M: Metadata, A: Fn() -> u64> Drop for Asking<'_, P, M, A> {
    fn drop(&mut self) {
        if mutant("asked-again-for-ever") {
            return;
        }
        let at = (self.at)();
        if self.lane.ring.condemn(at) {
            self.lane.discharge(at);
            self.lane.fates.departed.add(1);
        }
    }
}
