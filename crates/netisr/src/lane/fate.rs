//! What becomes of a packet that is taken, and where it ends when that is not the handler.

use super::*;

impl<P: Packet, M: Metadata> Lane<P, M> {
    /// Decides and counts the fate of a packet at position `at`: whether it is to be handled.
    ///
    /// What is `known` of the interface that the last packet named spares most packets the look-ups; the gate itself
    /// is read afresh each time.
    #[inline(always)]
    pub(super) fn deal<'w>(
        &self,
        consumer: &Consumer<'w>,
        known: &mut Option<Known<'w>>,
        packet: &P,
        meta: &M,
        at: u64,
    ) -> bool {
        let timed = self.ring.is_timed(at);
        if let Some(Known { id: last, gate, counters }) = known
            && !timed
        {
            let (mut named, mut others) = (false, false);
            let mut visit = |id: IfId| {
                named |= id == *last;
                others |= id != *last && !id.is_none();
            };
            let asking = Asking { lane: self, at };
            meta.interfaces(&mut visit);
            packet.interfaces(&mut visit);
            core::mem::forget(asking);
            if named && !others && gate.is_open() {
                self.fates.handled.add(1);
                counters.handled.add(1);
                return true;
            }
        }
        let stamp = if timed { self.ring.stamp(at) } else { 0 };
        self.deal_anew(consumer, known, packet, meta, at, stamp)
    }

    #[cold]
    fn deal_anew<'w>(
        &self,
        consumer: &Consumer<'w>,
        known: &mut Option<Known<'w>>,
        packet: &P,
        meta: &M,
        at: u64,
        stamp: u64,
    ) -> bool {
        let asking = Asking { lane: self, at };
        let (first, open) = consumer.core.look(packet, meta);
        core::mem::forget(asking);
        let counters = consumer.interfaces().of(first);
        *known = Known::look_up(consumer, first);
        self.last.0.store(first.as_u64(), Ordering::Relaxed);
        if open && stamp != 0 {
            // A clock that panics leaves the packet where it is, and uncounted.
            self.residence.record(consumer.core.clock.now().as_nanos().saturating_sub(stamp));
        }
        let fate = |fates: &FateCounters| if open { fates.handled.add(1) } else { fates.departed.add(1) };
        fate(&self.fates);
        counters.into_iter().for_each(fate);
        open
    }

    /// The end of a packet that has its fate: the type's hook has it, or it is dropped; on a worker that is polled, and
    /// nowhere else.
    #[cold]
    pub(super) fn bury(&self, consumer: &Consumer<'_>, fate: Fate, item: Item<P, M>) {
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
    pub(crate) fn bury_rest(&self, consumer: &Consumer<'_>) {
        self.bury_all(consumer);
        while self.ring.pass(&mut |fate, item| self.bury(consumer, fate, item)) {}
    }

    /// Buries what went in the worker's stead. For the worker itself.
    #[cold]
    pub(crate) fn bury_all(&self, consumer: &Consumer<'_>) {
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
