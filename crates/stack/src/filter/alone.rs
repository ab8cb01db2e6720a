//! What passes for its state alone on its way to others: the filter's part of [express](crate::express), a batch at a time.
//!
//! Where rules let all that is established pass, whatever else it has, nothing of such a packet counts but its flow. That is
//! noted by whoever reads its header, found with those of the whole batch, moved on when the packet's turn comes, and what rules
//! would have counted is counted for all of them at the end.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_machines::filter::Known;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::mutant;
use siding_wire::IpProto;

use super::keeper::Keeper;
use super::read;
use crate::ifnet::Version;

impl Keeper {
    /// Whether anything may pass so.
    #[inline]
    pub(crate) fn lets_some_pass_alone(&self) -> bool {
        self.alone != [0; 2]
    }

    /// Notes the flow of a batch's next packet, by what has been read of it and by what follows its header; gives its place, if it
    /// has one.
    #[inline]
    pub(crate) fn note6(&mut self, ends: [Ipv6Addr; 2], proto: IpProto, upper: &[u8]) -> Option<usize> {
        let ends = read::ends(ends.map(|addr| addr.octets()), proto, upper)?;
        Some(self.ahead.note(self.states.as_deref()?, ends, proto))
    }

    /// The same of IPv4: one that is whole.
    #[inline]
    pub(crate) fn note4(&mut self, ends: [Ipv4Addr; 2], proto: IpProto, upper: &[u8]) -> Option<usize> {
        self.note6(ends.map(|addr| addr.to_ipv6_mapped()), proto, upper)
    }

    /// Notes the flow of a frame that is to be judged, if it has one.
    pub(crate) fn note_frame(&mut self, frame: &[u8]) {
        if let Some(states) = self.states.as_deref() {
            self.ahead.note_frame(states, frame);
        }
    }

    /// The flows of all have been noted.
    pub(crate) fn glance(&mut self) {
        if let Some(states) = self.states.as_deref_mut() {
            self.ahead.glance(states);
        }
    }

    /// Whether a packet passes, which has come by `on` and whose flow has this place; `upper` follows its header. If so it has
    /// passed all hooks. If not it is to be judged next, and nothing has been done that would be done again then.
    #[inline]
    pub(crate) fn passes_alone(
        &mut self,
        now: Instant,
        (place, on): (usize, IfId),
        version: Version,
        (packet, upper): (&[u8], &[u8]),
    ) -> bool {
        let Some(states) = self.states.as_deref_mut() else { return false };
        let known = self.ahead.follow_at(states, now, place, (packet, upper));
        let alone = self.alone[version as usize];
        let passes =
            |known: &Known| alone & 1 << known.state as u8 != 0 || mutant("express-passes-any-state");
        let Some(known) = known.filter(passes) else {
            self.ahead.leave(place, known);
            return known.is_none() && mutant("express-passes-the-unknown");
        };
        self.ahead.pass(place);
        if !mutant("express-notes-no-interface") {
            self.note_interface(Some(known), on);
        }
        let (packets, bytes) = &mut self.tally[version as usize][known.state as usize];
        *packets += 1;
        if !mutant("express-counts-no-bytes") {
            *bytes += packet.len() as u64;
        }
        true
    }

    /// A batch begins: no flow of it has been noted.
    pub(crate) fn begin(&mut self) {
        self.ahead.clear();
    }

    /// Ends a batch.
    pub(crate) fn settle(&mut self, at: (usize, Instant)) {
        self.ahead.clear();
        self.put_down(at);
    }
}
