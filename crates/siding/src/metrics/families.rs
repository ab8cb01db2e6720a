//! Which rows become which numbers.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::Family;
use super::Kind;
use crate::control::AddressRow;
use crate::control::DropRow;
use crate::control::Dropper;
use crate::control::IcmpRow;
use crate::control::InterfaceRow;
use crate::control::IpRow;
use crate::control::LimitRow;
use crate::control::NeighborRow;
use crate::control::PerformanceRow;
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
    pub(crate) performance: Vec<PerformanceRow>,
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
        all.extend(shared(&self.routes));
        all.extend(drops(&self.interfaces, &self.drops));
        all.extend(types(&self.types));
        all.extend(workers(&self.workers));
        all.extend(performance(&self.performance));
        all.extend(limits(&self.limits));
        all
    }
}

/// Destinations whose flows several routers share, and those routers. One that cannot be used has none of the flows at the moment.
fn shared(rows: &[RouteRow]) -> [Family; 2] {
    let version = |row: &RouteRow| if row.to.contains(':') { "6" } else { "4" };
    let mut to: BTreeMap<&str, BTreeSet<&str>> =
        BTreeMap::from([("4", BTreeSet::new()), ("6", BTreeSet::new())]);
    let mut by: BTreeMap<(&str, &str, &str), u64> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.weight.is_some()) {
        to.entry(version(row)).or_default().insert(&row.to);
        let usable = if row.unfit.is_none() { "true" } else { "false" };
        *by.entry((&row.interface, version(row), usable)).or_default() += 1;
    }
    let mut groups = Family::new(
        Kind::Gauge,
        "nexthop_groups",
        "Destinations whose flows several routers share, of which there may be 16,384 of each version.",
    );
    for (version, to) in to {
        groups.add([("version", version)], to.len() as u64);
    }
    let mut hops = Family::new(
        Kind::Gauge,
        "nexthops",
        "Routers of such destinations, by interface and whether they can be used.",
    );
    for ((interface, version, usable), count) in by {
        hops.add([("interface", interface), ("version", version), ("usable", usable)], count);
    }
    [groups, hops]
}

/// Interfaces by name; what has none is named `-`, and those that have gone are one together.
fn drops(interfaces: &[InterfaceRow], rows: &[DropRow]) -> [Family; 3] {
    let mut stack =
        Family::new(Kind::Counter, "dropped_packets", "Packets that the stack dropped, by cause.");
    let mut driver =
        Family::new(Kind::Counter, "device_dropped_packets", "Packets that drivers dropped, by cause.");
    for row in rows {
        let family = match row.by {
            Dropper::Stack => &mut stack,
            Dropper::Driver => &mut driver,
        };
        family.add([("interface", row.account()), ("cause", &row.cause)], row.count);
    }
    // What has not been met yet has no number there, so nobody sees its first packets; here everything has one.
    let mut all = Family::new(Kind::Counter, "interface_dropped_packets", "Packets that the stack dropped.");
    for name in interfaces.iter().map(|row| row.name.as_str()).chain(["-"]) {
        let its =
            rows.iter().filter(|row| row.by == Dropper::Stack && !row.departed && row.account() == name);
        all.add([("interface", name)], its.map(|row| row.count).sum());
    }
    [stack, driver, all]
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
    all.extend(ip(rows));
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

/// RFC 4293's counters.
fn ip(rows: &[InterfaceRow]) -> Vec<Family> {
    let counter = |name, help, value: fn(&IpRow) -> u64| {
        let mut family = Family::new(Kind::Counter, name, help);
        for (row, stats) in rows.iter().flat_map(|row| row.ip.iter().map(move |stats| (row, stats))) {
            family.add([("interface", &row.name), ("version", &stats.version.to_string())], value(stats));
        }
        family
    };
    let messages = |name, help, value: fn(&IcmpRow) -> u64| {
        let mut family = Family::new(Kind::Counter, name, help);
        for (row, stats) in rows.iter().flat_map(|row| row.ip.iter().map(move |stats| (row, stats))) {
            for icmp in &stats.icmp {
                let (version, kind) = (stats.version.to_string(), icmp.kind.map(|kind| kind.to_string()));
                let labels = [
                    ("interface", row.name.as_str()),
                    ("version", &version),
                    ("type", kind.as_deref().unwrap_or("other")),
                ];
                family.add(labels, value(icmp));
            }
        }
        family
    };
    vec![
        counter("ip_in_receives", "ipIfStatsInReceives: datagrams received.", |row| row.in_receives),
        counter("ip_in_hdr_errors", "ipIfStatsInHdrErrors: with a header at fault.", |row| row.in_hdr_errors),
        counter("ip_in_no_routes", "ipIfStatsInNoRoutes: for others, and with no way.", |row| {
            row.in_no_routes
        }),
        counter("ip_in_addr_errors", "ipIfStatsInAddrErrors: for nobody, or from nobody.", |row| {
            row.in_addr_errors
        }),
        counter("ip_in_unknown_protos", "ipIfStatsInUnknownProtos: of unknown protocols.", |row| {
            row.in_unknown_protos
        }),
        counter(
            "ip_in_forw_datagrams",
            "ipIfStatsInForwDatagrams: for others; a way was looked for.",
            |row| row.in_forw_datagrams,
        ),
        counter("ip_reasm_reqds", "ipIfStatsReasmReqds: fragments for us.", |row| row.reasm_reqds),
        counter("ip_reasm_oks", "ipIfStatsReasmOKs: datagrams put together.", |row| row.reasm_oks),
        counter("ip_reasm_fails", "ipIfStatsReasmFails: what was not put together.", |row| row.reasm_fails),
        counter("ip_in_delivers", "ipIfStatsInDelivers: of those, given to what is above IP.", |row| {
            row.in_delivers
        }),
        counter("ip_out_requests", "ipIfStatsOutRequests: datagrams of our own.", |row| row.out_requests),
        counter("ip_out_forw_datagrams", "ipIfStatsOutForwDatagrams: those of others.", |row| {
            row.out_forw_datagrams
        }),
        counter("ip_out_discards", "ipIfStatsOutDiscards: given up for want of their neighbour.", |row| {
            row.out_discards
        }),
        counter("ip_out_frag_reqds", "ipIfStatsOutFragReqds: too large for the link.", |row| {
            row.out_frag_reqds
        }),
        counter("ip_out_frag_oks", "ipIfStatsOutFragOKs: of those, cut.", |row| row.out_frag_oks),
        counter("ip_out_frag_fails", "ipIfStatsOutFragFails: of those, not cut.", |row| row.out_frag_fails),
        counter("ip_out_frag_creates", "ipIfStatsOutFragCreates: made by cutting.", |row| {
            row.out_frag_creates
        }),
        counter("ip_out_transmits", "ipIfStatsOutTransmits: handed to the link.", |row| row.out_transmits),
        messages("icmp_msg_in_packets", "icmpMsgStatsInPkts: ICMP messages received, by type.", |row| {
            row.in_pkts
        }),
        messages("icmp_msg_out_packets", "icmpMsgStatsOutPkts: ICMP messages sent, by type.", |row| {
            row.out_pkts
        }),
    ]
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
    let mut waited =
        Family::new(Kind::Histogram, "queue_wait_seconds", "How long deferred packets waited, by type.");
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
        let waits = lane.residence.iter().map(|row| (row.at_most_ns, row.packets)).collect();
        waited.add_times([("type", of)], waits, lane.timed);
        queued.add([("type", of)], lane.resident);
        highest.add([("type", of)], lane.high_water);
        limit.add([("type", of)], row.limit.into());
    }
    vec![fates, refused, queued, highest, limit, waited]
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

fn performance(rows: &[PerformanceRow]) -> Vec<Family> {
    let mut busy = Family::new(Kind::Counter, "worker_busy_seconds", "Time of turns with packets.");
    let mut looking = Family::new(Kind::Counter, "worker_looking_seconds", "Time of turns without a packet.");
    let mut packets =
        Family::new(Kind::Counter, "worker_packets", "Frames received and deferred packets handled.");
    let mut sizes =
        Family::new(Kind::Histogram, "worker_turn_packets", "Turns, by how many packets they had.");
    let mut timed = Family::new(
        Kind::Counter,
        "worker_timed_packets",
        "Packets of the turns of which each step is timed, one in 1,024.",
    );
    let mut steps = Family::new(
        Kind::Counter,
        "worker_step_seconds",
        "What each step of those turns took: over worker_timed_packets it is the time of a packet.",
    );
    let mut frames = Family::new(
        Kind::Counter,
        "worker_frames",
        "Frames received that went by express, as plain packets for others do, whether or not the port then had room, and that were walked.",
    );
    for row in rows {
        let worker = row.worker.to_string();
        let labels = [("worker", worker.as_str())];
        frames.add([labels[0], ("way", "express")], row.frames.expressed);
        frames.add([labels[0], ("way", "walk")], row.frames.walked);
        timed.add(labels, row.timed.packets);
        for step in &row.timed.steps {
            steps.add_nanos([labels[0], ("step", step.step.as_str())], step.took_ns);
        }
        let time = |with: bool| {
            let some = row.turns.iter().filter(|size| (size.at_least > 0) == with);
            some.map(|size| size.took_ns).sum::<u64>()
        };
        busy.add_nanos(labels, time(true));
        looking.add_nanos(labels, time(false));
        packets.add(labels, row.turns.iter().map(|size| size.packets).sum());
        let mut turns = 0;
        let ends = row.turns.iter().skip(1).map(|next| next.at_least - 1);
        let bounds = row.turns.iter().zip(ends).map(|(size, most)| {
            turns += size.turns;
            (most.to_string(), turns)
        });
        let bounds = bounds.collect();
        sizes.add_buckets(labels, bounds, row.turns.iter().map(|size| size.turns).sum());
    }
    vec![busy, looking, packets, sizes, frames, timed, steps]
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::page::Format;
    use crate::metrics::page::page;

    #[test]
    fn destinations_that_routers_share_and_those_routers() {
        let row = |to: &str, interface: &str, weight: Option<u8>, unfit: Option<&str>| RouteRow {
            to: to.to_owned(),
            via: Some("192.0.2.9".parse().unwrap()),
            interface: interface.to_owned(),
            metric: 1024,
            origin: "static".to_owned(),
            weight,
            refuse: None,
            unfit: unfit.map(str::to_owned),
        };
        let rows = [
            row("192.0.2.0/24", "a", Some(1), None),
            row("192.0.2.0/24", "b", Some(2), Some("no carrier")),
            row("198.51.100.0/24", "a", Some(1), None),
            row("203.0.113.0/24", "a", None, None),
            row("2001:db8::/32", "a", Some(1), None),
        ];
        let text = page(&shared(&rows), Format::Plain);
        let samples: Vec<&str> = text.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(
            samples,
            [
                "siding_nexthop_groups{version=\"4\"} 2",
                "siding_nexthop_groups{version=\"6\"} 1",
                "siding_nexthops{interface=\"a\",version=\"4\",usable=\"true\"} 2",
                "siding_nexthops{interface=\"a\",version=\"6\",usable=\"true\"} 1",
                "siding_nexthops{interface=\"b\",version=\"4\",usable=\"false\"} 1",
            ]
        );
        // Nobody needs to know that there are none yet to ask for them.
        let none = page(&shared(&[]), Format::Plain);
        assert!(none.contains("siding_nexthop_groups{version=\"6\"} 0"), "{none}");
    }
}
