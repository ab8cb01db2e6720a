//! What a type tells of its packets.

use super::PacketType;
use super::TypeState;
use crate::Metadata;
use crate::Packet;
use crate::report::LaneReport;
use crate::report::TypeReport;
use crate::ring::POSITION;

impl<P: Packet, M: Metadata, W> PacketType<P, M, W> {
    /// What its packets came to; also when it has been unregistered, and is gone from [`Netisr::types`](crate::Netisr::types).
    pub fn report(&self) -> TypeReport {
        let workers = (0..self.shared.lanes.len()).map(|worker| self.shared.report_at(worker)).collect();
        TypeReport { name: self.shared.name.clone(), limit: self.shared.limit(), workers }
    }
}

impl<P: Packet, M: Metadata, W> TypeState<P, M, W> {
    pub(crate) fn report_at(&self, worker: usize) -> LaneReport {
        let lane = &self.lanes[worker];
        let fates = &lane.fates;
        let refused = fates.refusals();
        let resident = lane.ring().resident();
        let accepted = lane.ring().accepted();
        debug_assert!(accepted <= POSITION);
        LaneReport {
            accepted,
            handled: fates.handled.value(),
            departed: fates.departed.value(),
            flushed: fates.flushed.value(),
            dropped_oldest: fates.dropped_oldest.value(),
            resident,
            panicked: lane.panicked.value(),
            reserved: self.while_limit_stays(|held| lane.ring().reserved().saturating_sub(held)),
            high_water: self.high_water(worker),
            oldest_age: lane
                .ring()
                .oldest_stamp()
                .map(|stamp| self.core.clock.now().since(crate::Instant::from_nanos(stamp))),
            refused,
            residence: lane.residence.read(),
        }
    }
}
