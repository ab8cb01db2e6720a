//! What discovery knows, in words.

use siding_wire::nd::Preference;

use super::dad::DadState;
use crate::stack::Shown;
use crate::table::TableSpec;
use crate::table::dash;
use crate::table::left;
use crate::table::named;
use crate::table::yes;

/// What hosts have learnt, what we advertise as a router, and addresses that are tested.
pub(super) const TABLES: &[Shown] = &[
    Shown {
        table: TableSpec {
            name: "routers",
            about: "Routers that were learnt from their advertisements",
            columns: &["interface", "router", "for", "preference", "left/s", "used"],
        },
        fill: |stack, ctx, table| {
            let config = stack.shared.config.load();
            table.add(stack.default_routers(ctx), |report| {
                let preference = match report.preference {
                    Preference::Low => "low",
                    Preference::Medium => "medium",
                    Preference::High => "high",
                };
                [
                    named(&config, report.interface),
                    report.addr.to_string(),
                    report.prefix.to_string(),
                    preference.to_owned(),
                    left(report.lifetime),
                    yes(report.used),
                ]
            });
        },
    },
    Shown {
        table: TableSpec {
            name: "prefixes",
            about: "Prefixes that were learnt, and the addresses made from them",
            columns: &["interface", "prefix", "on-link/s", "address", "preferred/s", "valid/s"],
        },
        fill: |stack, ctx, table| {
            let config = stack.shared.config.load();
            table.add(stack.prefixes(ctx), |report| {
                [
                    named(&config, report.interface),
                    report.prefix.to_string(),
                    dash(report.on_link.map(left)),
                    dash(report.address.map(|(address, ..)| address)),
                    dash(report.address.map(|(_, preferred, _)| left(preferred))),
                    dash(report.address.map(|(.., valid)| left(valid))),
                ]
            });
        },
    },
    Shown {
        table: TableSpec {
            name: "advertisers",
            about: "Interfaces that advertise us as a router",
            columns: &["interface", "source", "next/s", "sent", "prefixes", "messages"],
        },
        fill: |stack, ctx, table| {
            let config = stack.shared.config.load();
            table.add(stack.advertisers(ctx), |report| {
                [
                    named(&config, report.interface),
                    dash(report.source),
                    dash(report.next.map(|next| next.as_secs())),
                    report.sent.to_string(),
                    report.prefixes.len().to_string(),
                    report.messages.to_string(),
                ]
            });
        },
    },
    Shown {
        table: TableSpec {
            name: "address-tests",
            about: "IPv6 addresses that are tested, or were found to be somebody else's",
            columns: &["interface", "address", "state"],
        },
        fill: |stack, _ctx, table| {
            let config = stack.shared.config.load();
            for there in config.interfaces() {
                let tested = there.addrs6.iter();
                let tested = tested.filter(|own| own.state != DadState::Preferred || own.retested);
                table.add(tested, |own| {
                    [there.ifnet.name.clone(), own.addr.to_string(), own.status().to_owned()]
                });
            }
        },
    },
];
