//! ARP among the stack's protocols.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_wire::EtherType;

use super::Conflicts;
use super::acd::AcdConfig;
use super::acd::Defence;
use super::counted;
use super::detect::set_rules;
use super::input;
use super::restart;
use crate::config::Config;
use crate::event::Event;
use crate::ifnet::IfCounter;
use crate::nd6::dad::DadState;
use crate::next::Frame;
use crate::next::Next;
use crate::section::KeySpec;
use crate::section::Section;
use crate::section::SectionError;
use crate::section::SectionSpec;
use crate::section::Takes;
use crate::stack::Change;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::stack::Turn;
use crate::stack::worker::Local;
use crate::table::TableSpec;

const GIVE_UP: &str = "give-up";
const ONCE: &str = "once";

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

    fn section(&self) -> Option<&'static SectionSpec> {
        Some(&SectionSpec {
            name: "acd",
            about: "Conflict detection of IPv4 addresses (RFC 5227)",
            keys: &[
                KeySpec {
                    name: "enabled",
                    about: "Probe and defend IPv4 addresses",
                    takes: Takes::Switch,
                    usual: "true",
                },
                //= RFC 5227 s2.4 [5227-3]: the three ways, from which the operator chooses.
                KeySpec {
                    name: "defence",
                    about: "What to do when somebody claims an address that is in use (RFC 5227 s2.4)",
                    takes: Takes::Word(&[GIVE_UP, ONCE, "always"]),
                    usual: "always",
                },
            ],
        })
    }

    fn configure(
        &self,
        change: &mut Change<'_, '_>,
        told: &mut Vec<Event>,
        section: &Section,
    ) -> Result<(), SectionError> {
        let before = change.control.rooms.of::<Conflicts>().rules();
        let defence = match section.read::<String>("defence")?.as_str() {
            GIVE_UP => Defence::GiveUp,
            ONCE => Defence::Once,
            _ => Defence::Always,
        };
        let rules = AcdConfig { enabled: section.read("enabled")?, defence, ..before };
        set_rules(change, told, rules);
        Ok(())
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
