//! ARP among the stack's protocols.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_wire::EtherType;

use super::Conflicts;
use super::counted;
use super::input;
use super::restart;
use crate::config::Config;
use crate::ifnet::IfCounter;
use crate::next::Frame;
use crate::next::Next;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Turn;
use crate::stack::worker::Local;

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

    fn turns(&self, moment: &mut Moment<'_, '_>, turn: Turn) {
        //= RFC 5227 s2.1 [5227-1]: a link that has come back may be another, where somebody has our addresses.
        if turn.ip4 == Some(true) {
            let id = moment.interface.ifnet.id;
            restart(&mut moment.change(turn.now), id, turn.back);
        }
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        moment.control.rooms.of::<Conflicts>().forget(moment.interface.ifnet.id);
    }
}
