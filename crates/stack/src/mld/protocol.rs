//! Multicast listeners among the stack's protocols.

use super::counted;
use crate::ifnet::IfCounter;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;

use super::MldConfig;
use super::follow::Machines;
use super::follow::begin_anew;
use super::follow::resume;
use crate::Stack;
use crate::event::Event;
use crate::ifnet::Interface;
use crate::limits::LimitReport;
use crate::section::KeySpec;
use crate::section::Section;
use crate::section::SectionError;
use crate::section::SectionSpec;
use crate::section::Takes;
use crate::stack::Change;
use crate::stack::Moment;
use crate::stack::Protocol;
use crate::stack::Shown;
use crate::table::TableSpec;
use crate::table::dash;
use crate::table::named;
use crate::table::yes;

/// Multicast listener discovery.
pub(crate) struct Listeners;

impl Protocol for Listeners {
    fn counters(&self) -> &'static [IfCounter] {
        counted::COUNTERS
    }

    fn taken_up(&self, moment: &mut Moment<'_, '_>, _itself: bool) {
        let Moment { stack, control, ctx, interface, .. } = moment;
        resume(control, ctx, &stack.shared, interface.ifnet.id, stack.now());
    }

    fn departs(&self, moment: &mut Moment<'_, '_>) {
        moment.control.rooms.of::<Machines>().remove(&moment.interface.ifnet.id);
    }

    fn section(&self) -> Option<&'static SectionSpec> {
        Some(&SectionSpec {
            name: "mld",
            about: "Multicast listener discovery",
            keys: &[
                KeySpec { name: "enabled", about: "Speak MLD at all", takes: Takes::Switch, usual: "true" },
                //= RFC 3810 s9.1 [3810-4]: not 0, and not 1 either.
                KeySpec {
                    name: "robustness",
                    about: "Reports of each change",
                    takes: Takes::Number { of: "reports of each change", range: 2..=7 },
                    usual: "2",
                },
                KeySpec {
                    name: "groups",
                    about: "Groups that may be joined on each interface",
                    takes: Takes::Number { of: "joined groups", range: 0..=65_536 },
                    usual: "1024",
                },
            ],
        })
    }

    fn configure(
        &self,
        change: &mut Change<'_, '_>,
        _told: &mut Vec<Event>,
        section: &Section,
    ) -> Result<(), SectionError> {
        let before = change.control.mld;
        let config = MldConfig {
            enabled: section.read("enabled")?,
            robustness: section.read("robustness")?,
            groups: section.read("groups")?,
            ..before
        };
        change.control.mld = config;
        // What has been joined beyond a lower bound stays: its listeners need not begin anew for that.
        if before != (MldConfig { groups: before.groups, ..config }) {
            begin_anew(change);
        }
        Ok(())
    }

    fn tables(&self) -> &'static [Shown] {
        &[Shown {
            table: TableSpec {
                name: "groups",
                about: "Groups that are listened to, and whether routers have been told",
                columns: &["interface", "group", "why", "told", "mld"],
            },
            fill: |stack, ctx, table| {
                let config = stack.shared.config.load();
                table.add(stack.groups(ctx), |report| {
                    [
                        named(&config, report.interface),
                        report.group.to_string(),
                        report.why.name().to_owned(),
                        dash(report.told.map(yes)),
                        if report.version1_until.is_some() { "1" } else { "2" }.to_owned(),
                    ]
                });
            },
        }]
    }

    fn limits_on(&self, stack: &Stack, ctx: &mut Ctx<'_, Unlocked>, on: &Interface) -> Vec<LimitReport> {
        let (control, _ctx) = ctx.lock(&stack.shared.control);
        vec![
            LimitReport::new("joined-groups", control.mld.groups, on.joined.len()),
            LimitReport::new("joined-ip4-groups", control.mld.groups, on.joined4.len()),
        ]
    }
}
