//! ARP among the stack's protocols.

use super::counted;
use crate::ifnet::IfCounter;
use crate::stack::Moment;
use crate::stack::Protocol;

/// ARP, and the detection of conflicts.
pub(crate) struct Arp;

impl Protocol for Arp {
    fn counters(&self) -> &'static [IfCounter] {
        counted::COUNTERS
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        moment.control.conflicts.forget(moment.interface.ifnet.id);
    }
}
