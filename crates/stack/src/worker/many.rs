//! What a worker does for many packets at a time: it counts that it has forwarded them.

use siding_mbuf::Mbuf;

use super::Local;
use crate::ifnet::Forwarded;
use crate::ifnet::Interface;
use crate::ifnet::Version;

impl Local {
    /// Counts a packet of others for which there is a way.
    #[inline]
    pub(crate) fn note_forwarded(&mut self, version: Version, packet: &Mbuf, out: &Interface) {
        if let Some(before) = self.forwarded[version as usize].note(packet.rcvif(), out.ifnet.id) {
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
