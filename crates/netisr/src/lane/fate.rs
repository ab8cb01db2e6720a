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
        consumer: &'w Consumer,
        known: &mut Option<Known<'w>>,
        packet: &P,
        meta: &M,
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
        if !timed && !others {
            if first.is_none() {
                self.fates.handled.add(1);
                return true;
            }
            if known.as_ref().is_none_or(|known| known.id != first) {
                *known = Known::look_up(consumer, first);
            }
            if let Some(Known { gate, counters, .. }) = known
                && gate.is_open()
            {
                self.fates.handled.add(1);
                counters.handled.add(1);
                return true;
            }
        }
        let stamp = if timed { self.ring.stamp(at) } else { 0 };
        self.deal_anew(consumer, packet, meta, at, stamp)
    }

    #[cold]
    fn deal_anew(&self, consumer: &Consumer, packet: &P, meta: &M, at: u64, stamp: u64) -> bool {
        let asking = Asking { lane: self, at };
        let (first, open) = consumer.core.look(packet, meta);
        core::mem::forget(asking);
        let counters = consumer.interfaces().of(first);
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
