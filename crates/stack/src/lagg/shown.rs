//! Laggs, in words.

use siding_netisr::IfId;

use crate::stack::Shown;
use crate::table::TableSpec;
use crate::table::dash;
use crate::table::named;
use crate::table::yes;

/// Laggs, and their ports.
pub(super) const TABLES: &[Shown] = &[
    Shown {
        table: TableSpec {
            name: "laggs",
            about: "Laggs, and how they use their ports",
            columns: &["name", "mode", "ports", "primary", "active", "announced", "carrier"],
        },
        fill: |stack, ctx, table| {
            let config = stack.shared.config.load();
            let port = |id: Option<IfId>| dash(id.map(|id| named(&config, id)));
            table.add(stack.laggs(ctx), |lagg| {
                [
                    lagg.name,
                    lagg.mode.name().to_owned(),
                    lagg.ports.len().to_string(),
                    port(lagg.primary),
                    port(lagg.active),
                    lagg.announced.to_string(),
                    dash(lagg.lacp.map(|lacp| yes(lacp.carrier))),
                ]
            });
        },
    },
    Shown {
        table: TableSpec {
            name: "lagg-ports",
            about: "Ports of laggs; in LACP with what was agreed with the partner",
            columns: &[
                "lagg",
                "port",
                "priority",
                "usable",
                "sending",
                "receiving",
                "leaving",
                "mux",
                "selected",
                "partner",
            ],
        },
        fill: |stack, ctx, table| {
            for lagg in stack.laggs(ctx) {
                table.add(lagg.ports, |port| {
                    let lacp = port.lacp;
                    [
                        lagg.name.clone(),
                        port.name,
                        port.priority.to_string(),
                        yes(port.usable),
                        yes(port.sending),
                        yes(port.receiving),
                        yes(port.leaving),
                        dash(lacp.map(|lacp| lacp.mux)),
                        dash(lacp.map(|lacp| lacp.selected)),
                        dash(lacp.map(|lacp| lacp.partner.system.mac)),
                    ]
                });
            }
        },
    },
];
