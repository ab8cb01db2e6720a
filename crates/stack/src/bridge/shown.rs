//! Bridges, in words.

use crate::stack::Shown;
use crate::table::TableSpec;
use crate::table::named;
use crate::table::yes;

/// Bridges, and the stations that they know.
pub(super) const TABLES: &[Shown] = &[
    Shown {
        table: TableSpec {
            name: "bridges",
            about: "Bridges, and what they have done",
            columns: &[
                "name",
                "mac",
                "ports",
                "stations",
                "most",
                "forwarded",
                "flooded",
                "moved",
                "refused",
            ],
        },
        fill: |stack, _ctx, table| {
            table.add(stack.bridges(), |bridge| {
                [
                    bridge.name,
                    bridge.mac.to_string(),
                    bridge.ports.len().to_string(),
                    bridge.stations.len().to_string(),
                    bridge.limit.to_string(),
                    bridge.forwarded.to_string(),
                    bridge.flooded.to_string(),
                    bridge.moved.to_string(),
                    bridge.refused.to_string(),
                ]
            });
        },
    },
    Shown {
        table: TableSpec {
            name: "bridge-ports",
            about: "Ports of bridges, and how many stations are behind each",
            columns: &["bridge", "port", "forwarding", "stations"],
        },
        fill: |stack, _ctx, table| {
            for bridge in stack.bridges() {
                table.add(bridge.ports, |port| {
                    [bridge.name.clone(), port.name, yes(port.forwarding), port.stations.to_string()]
                });
            }
        },
    },
    Shown {
        table: TableSpec {
            name: "stations",
            about: "Stations that bridges know, and the ports that they are behind",
            columns: &["bridge", "station", "port", "age/s", "wanted"],
        },
        fill: |stack, _ctx, table| {
            let config = stack.shared.config.load();
            for bridge in stack.bridges() {
                table.add(bridge.stations, |station| {
                    [
                        bridge.name.clone(),
                        station.mac.to_string(),
                        named(&config, station.port),
                        station.age.as_secs().to_string(),
                        yes(station.wanted),
                    ]
                });
            }
        },
    },
];
