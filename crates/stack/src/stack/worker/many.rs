//! What a worker does for many packets at a time: it gives them to their port, and counts that it has forwarded them.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;

use super::Local;
use crate::drops::DropReason;
use crate::ifnet::Forwarded;
use crate::ifnet::IfCounter;
use crate::ifnet::Interface;
use crate::ifnet::Version;

impl Local {
    /// Puts frames in the queue of a device, all of them whole, while nobody watches. `unfinished`: something may be left undone
    /// of them.
    pub(crate) fn transmit_all(
        &mut self,
        ctx: &mut Ctx<'_, Unlocked>,
        out: IfId,
        frames: &mut Vec<Mbuf>,
        unfinished: bool,
    ) {
        let port = self.ports.get_mut(out.slot()).and_then(Option::as_mut);
        let Some(port) = port.filter(|port| port.ifnet.id == out) else {
            return frames.drain(..).for_each(|frame| self.drop_on(out, frame, DropReason::InterfaceGone));
        };
        port.push_all(ctx, self.now, (&mut self.cache, &mut self.timed), (&mut *frames, unfinished));
        if !frames.is_empty() {
            port.ifnet.counters.add(self.index, IfCounter::TxDropped, frames.len() as u64);
            frames.drain(..).for_each(|frame| self.drop_on(out, frame, DropReason::TxFull));
        }
    }

    /// Counts a packet of others for which there is a way.
    #[inline]
    pub(crate) fn note_forwarded(&mut self, version: Version, packet: &Mbuf, out: &Interface) {
        self.note_many_forwarded(version, (packet.rcvif(), out.ifnet.id), 1);
    }

    /// The same of many from one interface to another.
    #[inline]
    pub(crate) fn note_many_forwarded(&mut self, version: Version, (from, to): (IfId, IfId), packets: u64) {
        if let Some(before) = self.forwarded[version as usize].note(from, to, packets) {
            self.put_forwarded(version, before);
        }
    }

    /// Puts down what has been forwarded: nothing is kept from one turn to the next.
    #[inline]
    pub(crate) fn put_all_forwarded(&mut self) {
        for version in [Version::V4, Version::V6] {
            if let Some(forwarded) = self.forwarded[version as usize].take() {
                self.put_forwarded(version, forwarded);
            }
        }
    }

    #[cold]
    fn put_forwarded(&self, version: Version, forwarded: Forwarded) {
        let config = self.config();
        forwarded.put(self.index, version, |id| Some(&config.interface(id)?.ifnet.mib));
    }
}
