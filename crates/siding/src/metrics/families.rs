//! Which rows become which numbers.

use std::collections::BTreeMap;

use super::Family;
use super::Kind;
use crate::control::AddressRow;
use crate::control::DropRow;
use crate::control::InterfaceRow;
use crate::control::LimitRow;
use crate::control::NeighborRow;
use crate::control::RouteRow;
use crate::control::TypeRow;
use crate::control::WorkerRow;

/// What is known at one moment: the rows of `siding show`.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) interfaces: Vec<InterfaceRow>,
    pub(crate) addresses: Vec<AddressRow>,
    pub(crate) neighbors: Vec<NeighborRow>,
    pub(crate) routes: Vec<RouteRow>,
    pub(crate) types: Vec<TypeRow>,
    pub(crate) drops: Vec<DropRow>,
    pub(crate) workers: Vec<WorkerRow>,
    pub(crate) limits: Vec<LimitRow>,
}

impl Rows {
    /// As families, in the order in which they are told.
    pub(crate) fn families(&self) -> Vec<Family> {
        let mut all = vec![build()];
        all.extend(interfaces(&self.interfaces));
        all.push(by_state(
            "addresses",
            "Addresses of ours, by state.",
            self.addresses.iter().map(|row| (&row.interface, &row.state)),
        ));
        all.push(by_state(
            "neighbors",
            "Neighbors, by state.",
            self.neighbors.iter().map(|row| (&row.interface, &row.state)),
        ));
        all.push(by_state(
            "routes",
            "Routes, by origin.",
            self.routes.iter().map(|row| (&row.interface, &row.origin)),
        ));
        let mut drops = Family::new(Kind::Counter, "dropped_packets", "Packets dropped, by cause.");
        self.drops.iter().for_each(|row| drops.add([("cause", &row.cause)], row.count));
        all.push(drops);
        all.extend(types(&self.types));
        all.extend(workers(&self.workers));
        all.extend(limits(&self.limits));
        all
    }
}

fn build() -> Family {
    let mut build = Family::new(Kind::Gauge, "build_info", "The version that runs.");
    build.add([("version", env!("CARGO_PKG_VERSION"))], 1);
    build
}

/// Counters that have a name of their own: the stack's, ours, and what it tells.
const NAMED: [(&str, &str, &str); 5] = [
    ("rx-packets", "interface_receive_packets", "Packets received."),
    ("rx-bytes", "interface_receive_bytes", "Bytes received."),
    ("tx-packets", "interface_transmit_packets", "Packets sent."),
    ("tx-bytes", "interface_transmit_bytes", "Bytes sent."),
    ("tx-dropped", "interface_transmit_dropped_packets", "Packets that the device did not take."),
];

fn interfaces(rows: &[InterfaceRow]) -> Vec<Family> {
    let gauge = |name, help, value: fn(&InterfaceRow) -> u64| {
        let mut family = Family::new(Kind::Gauge, name, help);
        rows.iter().for_each(|row| family.add([("interface", &row.name)], value(row)));
        family
    };
    let mut info = Family::new(Kind::Gauge, "interface_info", "What carries an interface's frames.");
    for row in rows {
        let (driver, device) = (row.driver.as_str(), row.device.as_str());
        info.add([("interface", &row.name), ("driver", driver), ("device", device), ("mac", &row.mac)], 1);
    }
    let mut all = vec![
        info,
        gauge("interface_up", "Whether it was not taken down.", |row| row.up.into()),
        gauge("interface_link", "Whether its link is there.", |row| row.link.into()),
        gauge("interface_mtu_bytes", "The largest packet.", |row| row.mtu.into()),
        gauge("interface_transmit_stalled", "Whether a transmit queue does not move.", |row| {
            row.tx_stalled_ms.is_some().into()
        }),
    ];
    for (counter, name, help) in NAMED {
        let mut family = Family::new(Kind::Counter, name, help);
        rows.iter()
            .filter_map(|row| Some((&row.name, *row.counters.get(counter)?)))
            .for_each(|(name, count)| family.add([("interface", name)], count));
        all.push(family);
    }
    let rest = |name: &str| !NAMED.iter().any(|(named, ..)| *named == name);
    let mut events = Family::new(Kind::Counter, "interface_events", "What else the stack counts, by name.");
    let mut device = Family::new(Kind::Counter, "device_events", "What the driver counts, by name.");
    let mut deferred = Family::new(Kind::Counter, "interface_deferred_packets", "Deferred packets, by fate.");
    for row in rows {
        for (event, count) in row.counters.iter().filter(|(name, _)| rest(name)) {
            events.add([("interface", &row.name), ("event", event)], *count);
        }
        for (event, count) in &row.device_counters {
            device.add([("interface", &row.name), ("event", event)], *count);
        }
        for (fate, count) in &row.netisr {
            deferred.add([("interface", &row.name), ("fate", fate)], *count);
        }
    }
    all.extend([events, device, deferred]);
    all
}

/// How many of each state there are on each interface.
fn by_state<'r>(
    name: &'static str,
    help: &'static str,
    rows: impl Iterator<Item = (&'r String, &'r String)>,
) -> Family {
    let mut count: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for (interface, state) in rows {
        *count.entry((interface, state)).or_default() += 1;
    }
    let label = if name == "routes" { "origin" } else { "state" };
    let mut family = Family::new(Kind::Gauge, name, help);
    for ((interface, state), count) in count {
        family.add([("interface", interface), (label, state)], count);
    }
    family
}

fn types(rows: &[TypeRow]) -> Vec<Family> {
    let mut fates = Family::new(Kind::Counter, "deferred_packets", "Deferred packets, by type and fate.");
    let mut refused =
        Family::new(Kind::Counter, "refused_packets", "Packets not deferred, by type and cause.");
    let mut queued = Family::new(Kind::Gauge, "queued_packets", "Packets that wait.");
    let mut highest =
        Family::new(Kind::Gauge, "queued_highest_packets", "The most that waited at one worker.");
    let mut limit =
        Family::new(Kind::Gauge, "queue_limit_packets", "The most that may wait for each worker.");
    for row in rows {
        let (of, lane) = (row.name.as_str(), &row.total);
        for (fate, count) in [
            ("accepted", lane.accepted),
            ("handled", lane.handled),
            ("departed", lane.departed),
            ("flushed", lane.flushed),
            ("dropped-oldest", lane.dropped_oldest),
        ] {
            fates.add([("type", of), ("fate", fate)], count);
        }
        for (cause, count) in &lane.refused {
            refused.add([("type", of), ("cause", cause)], *count);
        }
        queued.add([("type", of)], lane.resident);
        highest.add([("type", of)], lane.high_water);
        limit.add([("type", of)], row.limit.into());
    }
    vec![fates, refused, queued, highest, limit]
}

fn workers(rows: &[WorkerRow]) -> Vec<Family> {
    let counter = |name, help, value: fn(&WorkerRow) -> u64| {
        let mut family = Family::new(Kind::Counter, name, help);
        rows.iter().for_each(|row| family.add([("worker", &row.worker.to_string())], value(row)));
        family
    };
    vec![
        counter("worker_turns", "Turns of a worker.", |row| row.turns),
        counter("worker_busy_turns", "Turns that found something to do.", |row| row.busy),
        counter("worker_received_frames", "Frames received.", |row| row.received),
        counter("worker_sleeps", "How often it slept.", |row| row.sleeps),
        counter("worker_wakeups", "How often another thread had to wake it.", |row| row.wakeups),
    ]
}

fn limits(rows: &[LimitRow]) -> Vec<Family> {
    let mut most = Family::new(Kind::Gauge, "limit_most", "The most that there may be.");
    let mut used = Family::new(Kind::Gauge, "limit_used", "What there is of it.");
    let mut refused = Family::new(Kind::Counter, "limit_refusals", "What was refused because of it.");
    for row in rows {
        let labels = [("limit", row.limit.as_str()), ("interface", row.interface.as_deref().unwrap_or(""))];
        most.add(labels, row.most);
        used.add(labels, row.used);
        refused.add(labels, row.refused);
    }
    vec![most, used, refused]
}
