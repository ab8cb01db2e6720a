//! Shares: how many packets each interface may have in a lane, and whose the packet in each slot is.

use super::*;
use crate::sync::atomic::AtomicU32;

pub(super) struct Shares {
    /// None: who has a packet here is only noted, for whoever drops it to make room.
    share: Option<u32>,
    /// Packets that each interface has here.
    used: Box<[AtomicU32]>,
    /// Whose packet is in each slot, plus one; 0 for nobody's.
    payers: Box<[AtomicU32]>,
}

impl Shares {
    pub(super) fn new(share: Option<u32>, interfaces: usize, slots: usize) -> Shares {
        let zeros = |count| (0..count).map(|_| AtomicU32::new(0)).collect();
        Shares { share, used: zeros(if share.is_some() { interfaces } else { 0 }), payers: zeros(slots) }
    }

    /// Charges an interface; gives who pays, if anybody does.
    pub(super) fn charge(&self, id: IfId) -> Result<Option<usize>, Cause> {
        if id.is_none() {
            return Ok(None);
        }
        if let (Some(share), Some(used)) = (self.share, self.used.get(id.slot())) {
            // One step: a charge that is taken back would make others be refused meanwhile.
            let charge = |now| (now < share).then_some(now + 1);
            used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, charge).map_err(|_| Cause::Share)?;
        }
        Ok(Some(id.slot()))
    }

    /// The same for room that is there in any case.
    pub(super) fn charge_always(&self, id: IfId) -> Option<usize> {
        if id.is_none() {
            return None;
        }
        if let Some(used) = self.used.get(id.slot()) {
            used.fetch_add(1, Ordering::Relaxed);
        }
        Some(id.slot())
    }

    /// Notes who has paid for the packet in a slot, before that is published.
    pub(super) fn note(&self, slot: usize, payer: Option<usize>) {
        self.payers[slot].store(payer.map_or(0, |payer| payer as u32 + 1), Ordering::Relaxed);
    }

    /// Takes back what was charged for the packet in a slot. Gives who had paid.
    pub(super) fn discharge(&self, slot: usize) -> Option<usize> {
        let payer = (self.payers[slot].load(Ordering::Relaxed) as usize).checked_sub(1)?;
        self.payers[slot].store(0, Ordering::Relaxed);
        self.give_back(payer);
        Some(payer)
    }

    pub(super) fn give_back(&self, payer: usize) {
        if let Some(used) = self.used.get(payer) {
            used.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Moves the note of a slot's payer to another slot.
    pub(super) fn move_note(&self, from: usize, to: usize) {
        self.payers[to].store(self.payers[from].swap(0, Ordering::Relaxed), Ordering::Relaxed);
    }
}
