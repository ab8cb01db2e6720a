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
use crate::nd6::dad::DadState;
use crate::next::Frame;
use crate::next::Next;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::stack::Turn;
use crate::stack::worker::Local;
use crate::table::TableSpec;

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

    fn tables(&self) -> &'static [Shown] {
        &[Shown {
            table: TableSpec {
                name: "address-probes",
                about: "IPv4 addresses that are probed, or were found to be somebody else's",
                columns: &["interface", "address", "state"],
            },
            fill: |stack, _ctx, table| {
                let config = stack.shared.config.load();
                for there in config.interfaces() {
                    let probed = there.addrs4.iter().filter(|own| own.state != DadState::Preferred);
                    table.add(probed, |own| {
                        let state = own.state.to_string().to_lowercase();
                        [there.ifnet.name.clone(), own.addr.to_string(), state]
                    });
                }
            },
        }]
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
