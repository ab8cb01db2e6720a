//! A departure's sweep of one lane.

use super::*;

pub(super) struct Sweep<'s, P, M> {
    pub(super) lane: &'s Lane<P, M>,
    pub(super) consumer: &'s Consumer,
}

impl<P: Packet, M: Metadata> Beside<Item<P, M>> for Sweep<'_, P, M> {
    fn goes(&mut self, item: &Item<P, M>, at: u64) -> Option<IfId> {
        let asking = Asking { lane: self.lane, at: || at };
        let (first, stays) = self.consumer.core.look(&item.packet, &item.meta);
        core::mem::forget(asking);
        (!stays).then_some(first)
    }

    fn settle(&mut self, first: IfId, at: u64) {
        self.lane.discharge(at);
        self.lane.fates.departed.add(u64::from(!mutant("departed-not-counted")));
        if let Some(interface) = self.consumer.interfaces().of(first) {
            interface.departed.add(1);
        }
    }

    fn bury(&mut self, fate: Fate, item: Item<P, M>) {
        self.lane.bury(self.consumer, fate, item);
    }

    fn moved(&mut self, from: u64, to: u64) {
        if let Some(shares) = &self.lane.shares {
            shares.move_note(self.lane.ring.slot_number(from), self.lane.ring.slot_number(to));
        }
    }
}
