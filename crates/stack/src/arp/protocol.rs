//! ARP among the stack's protocols.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_wire::EtherType;

use super::counted;
use super::input;
use crate::config::Config;
use crate::ifnet::IfCounter;
use crate::next::Frame;
use crate::next::Next;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::worker::Local;

/// ARP, and the detection of conflicts.
pub(crate) struct Arp;

impl Protocol for Arp {
    fn counters(&self) -> &'static [IfCounter] {
        counted::COUNTERS
    }

    fn ethertypes(&self) -> &'static [EtherType] {
        &[EtherType::ARP]
    }

    fn input<'c>(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        local: &mut Local,
        _config: &'c Config,
        Frame { on, from, packet, .. }: Frame<'c>,
    ) -> Next<'c> {
        input(ctx, local, on, from, packet);
        Next::Taken
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        moment.control.conflicts.forget(moment.interface.ifnet.id);
    }
}
