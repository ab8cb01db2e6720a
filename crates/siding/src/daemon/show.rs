//! What the daemon tells of itself.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use siding_drivers::DeviceStats;
use siding_netisr::Histogram;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::LaneReport;
use siding_netisr::Refusals;
use siding_stack::Way;
use siding_stack::drops::Whose;
use siding_stack::ifnet::Addr6;
use siding_stack::ifnet::AddrOrigin;
use siding_stack::ifnet::IcmpStats;
use siding_stack::ifnet::Interface;
use siding_stack::ifnet::IpStats;
use siding_stack::ifnet::Kind;
use siding_stack::ifnet::Use;
use siding_stack::ifnet::Version;
use siding_stack::route::Address;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Origin;
use siding_stack::route::Refusal;
use siding_stack::route::Route;

use crate::address::told;
use crate::control::AddressRow;
use crate::control::BucketRow;
use crate::control::DropRow;
use crate::control::Dropper;
use crate::control::IcmpRow;
use crate::control::InterfaceRow;
use crate::control::IpRow;
use crate::control::LaneRow;
use crate::control::LimitRow;
use crate::control::NeighborRow;
use crate::control::PathMtuRow;
use crate::control::RouteRow;
use crate::control::ShareRow;
use crate::control::TypeRow;
use crate::control::WayRow;
use crate::control::WorkerRow;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::daemon::name_in;
use crate::state::lock::lock;
use crate::state::tell;

impl Daemon {
    pub(super) fn show_interfaces(&self, ctx: &mut Free<'_>) -> Vec<InterfaceRow> {
        self.reap();
        let config = self.stack.config();
        let reports = self.stack.interfaces(ctx);
        let ports = lock(&self.ports);
        let row = |report: siding_stack::InterfaceReport| {
            let port = ports.get(&report.name);
            let mut addresses = Vec::new();
            if let Some(there) = config.interface(report.id) {
                addresses = told::addresses(there);
            }
            let netisr = report.netisr;
            let mut fates: BTreeMap<String, u64> = [
                ("handled", netisr.handled),
                ("departed", netisr.departed),
                ("flushed", netisr.flushed),
                ("dropped-oldest", netisr.dropped_oldest),
            ]
            .into_iter()
            .map(named)
            .collect();
            fates.extend(
                refused(&netisr.refused).into_iter().map(|(cause, n)| (format!("refused-{cause}"), n)),
            );
            InterfaceRow {
                id: report.id.to_string(),
                driver: port
                    .map_or_else(|| carrier_name(&config, report.id), |port| port.driver.name())
                    .to_owned(),
                device: port.map_or_else(|| self.carriers(&config, report.id), |port| port.device.clone()),
                up: report.up,
                link: report.link,
                state: report.unfit.map_or_else(|| "up".into(), |why| why.to_string()),
                mac: report.mac.to_string(),
                mtu: report.mtu,
                addresses,
                neighbors: report.neighbors,
                tx_stalled_ms: report.tx_stalled.map(|since| nanos(since) / 1_000_000),
                put_right: port.map_or(0, |port| port.kept.times),
                altered: port.and_then(|port| port.kept.failed.clone()),
                counters: report.counters.iter().map(|(what, n)| named((what.name(), *n))).collect(),
                ip: report.ip.iter().map(ip_row).collect(),
                device_counters: port
                    .map(|port| device_counters(port.counters.iter().map(|counters| counters.stats())))
                    .unwrap_or_default(),
                netisr: fates,
                name: report.name,
            }
        };
        reports.into_iter().map(row).collect()
    }

    pub(super) fn show_addresses(&self) -> Vec<AddressRow> {
        let (config, now) = (self.stack.config(), self.stack.now());
        let mut rows = Vec::new();
        for there in config.interfaces() {
            let interface = &there.ifnet.name;
            rows.extend(there.addrs6.iter().map(|own| AddressRow {
                address: format!("{}/{}", own.addr, own.prefix_len),
                interface: interface.clone(),
                state: own.status().into(),
                origin: origin_name(own.origin).into(),
                preferred_s: seconds_left(own.preferred_until, now),
                valid_s: seconds_left(own.valid_until, now),
            }));
            rows.extend(there.anycast.iter().map(|addr| AddressRow {
                address: addr.to_string(),
                interface: interface.clone(),
                state: "anycast".into(),
                origin: "manual".into(),
                preferred_s: None,
                valid_s: None,
            }));
            let given: std::collections::BTreeSet<_> = there.anycast.iter().copied().collect();
            let subnets = there.addrs6.iter().filter(|_| config.forwarding).filter_map(Addr6::subnet_router);
            let subnets: std::collections::BTreeSet<_> =
                subnets.filter(|addr| !given.contains(addr)).collect();
            rows.extend(subnets.into_iter().map(|addr| AddressRow {
                address: addr.to_string(),
                interface: interface.clone(),
                state: "anycast".into(),
                origin: "subnet-router".into(),
                preferred_s: None,
                valid_s: None,
            }));
            rows.extend(there.addrs4.iter().map(|own| AddressRow {
                address: format!("{}/{}", own.addr, own.prefix_len),
                interface: interface.clone(),
                state: own.state.to_string().to_lowercase(),
                origin: "manual".into(),
                preferred_s: None,
                valid_s: None,
            }));
        }
        rows
    }

    pub(super) fn show_neighbors(&self, ctx: &mut Free<'_>) -> Vec<NeighborRow> {
        let config = self.stack.config();
        let row = |report: siding_stack::NeighborReport| NeighborRow {
            address: report.addr,
            interface: name_in(&config, report.interface),
            mac: report.lladdr.map(|mac| mac.to_string()),
            state: report.state.to_string(),
            router: report.router,
            fixed: report.fixed,
            held: report.held,
            age_ns: nanos(report.age),
            in_state_ns: nanos(report.in_state),
            confirmed_ns: report.confirmed.map(nanos),
        };
        let mut rows: Vec<NeighborRow> = self.stack.neighbors(ctx).into_iter().map(row).collect();
        rows.sort_by(|a, b| (&a.interface, a.address).cmp(&(&b.interface, b.address)));
        rows
    }

    pub(super) fn show_routes(&self) -> Vec<RouteRow> {
        // One for all: a table may have a million of them.
        let config = self.stack.config();
        let mut rows: Vec<RouteRow> =
            self.stack.routes6().iter().map(|route| self::route(&config, route)).collect();
        rows.extend(self.stack.routes4().iter().map(|route| self::route(&config, route)));
        rows.extend(self.stack.refusals6().iter().map(refusal));
        rows.extend(self.stack.refusals4().iter().map(refusal));
        rows.extend(self.stack.multipaths6().iter().flat_map(|group| group_rows(&config, group)));
        rows.extend(self.stack.multipaths4().iter().flat_map(|group| group_rows(&config, group)));
        rows
    }

    pub(super) fn show_way(&self, to: IpAddr) -> WayRow {
        let (config, what) = (self.stack.config(), if to.is_ipv4() { Use::Ip4 } else { Use::Ip6 });
        let share = |(interface, via, share): (IfId, IpAddr, usize)| ShareRow {
            via,
            interface: self.name_of(interface),
            share: share as u16,
            unfit: match config.interface(interface).map(|out| out.fit(what)) {
                Some(fit) => fit.err().map(|why| why.to_string()),
                None => Some("gone".to_owned()),
            },
        };
        let shared: Vec<ShareRow> = self.stack.sharing(to).into_iter().map(share).collect();
        match self.stack.way(to) {
            Way::Own(id) => WayRow { own: true, interface: Some(self.name_of(id)), ..WayRow::default() },
            Way::Refused(how) => WayRow { refuse: Some(how.to_string()), ..WayRow::default() },
            Way::Out { interface, next_hop, source } => WayRow {
                interface: Some(self.name_of(interface)),
                via: Some(next_hop),
                source,
                shared,
                ..WayRow::default()
            },
            Way::None => WayRow::default(),
        }
    }

    pub(super) fn show_netisr(&self) -> Vec<TypeRow> {
        let row = |report: siding_netisr::TypeReport| TypeRow {
            total: lane(&report.total(), report.workers.iter().all(LaneReport::is_conserved)),
            workers: report.workers.iter().map(|report| lane(report, report.is_conserved())).collect(),
            name: report.name,
            limit: report.limit,
        };
        self.stack.netisr_types().into_iter().map(row).collect()
    }

    pub(super) fn show_path_mtus(&self) -> Vec<PathMtuRow> {
        let config = self.stack.config();
        let row = |report: siding_stack::ip6::path_mtu::PathMtuReport| PathMtuRow {
            destination: report.path.destination.into(),
            interface: (!report.path.zone.is_none()).then(|| name_in(&config, report.path.zone)),
            mtu: report.mtu,
            left_ms: u64::try_from(report.left.as_millis()).unwrap_or(u64::MAX),
        };
        self.stack.path_mtus().into_iter().map(row).collect()
    }

    pub(super) fn show_limits(&self, ctx: &mut Free<'_>) -> Vec<LimitRow> {
        let row = |report: siding_stack::LimitReport| LimitRow {
            limit: report.name,
            interface: (!report.interface.is_none()).then(|| self.name_of(report.interface)),
            most: report.limit,
            used: report.used,
            highest: report.highest,
            refused: report.refused,
        };
        let mut rows: Vec<LimitRow> = self.stack.limits(ctx).into_iter().map(row).collect();
        rows.extend([
            tell::limit(),
            self.sessions.limit("control-sessions"),
            self.watchers.limit("monitor-sessions"),
        ]);
        rows.extend(self.log.events.limits());
        rows.extend(self.captures().into_iter().map(|(interface, loss)| LimitRow {
            limit: "capture-bytes".into(),
            interface,
            most: loss.waiting.1 as u64,
            used: loss.waiting.0 as u64,
            highest: None,
            refused: loss.frames,
        }));
        rows
    }

    /// What was dropped, with how fast that grows.
    pub(super) fn show_drops(&self) -> Vec<DropRow> {
        let mut rows = self.drops_now();
        rows.retain(|row| row.count > 0);
        self.drops.look(std::time::Instant::now(), rows)
    }

    /// The same without rates, and with what drivers have not met yet: no look that others' rates are told from.
    pub(super) fn drops_now(&self) -> Vec<DropRow> {
        self.reap();
        let mut rows: Vec<DropRow> = Vec::new();
        for account in self.stack.drops_by_interface() {
            rows.extend(account.drops.iter().map(|drop| DropRow {
                interface: account.name.clone(),
                departed: account.whose == Whose::Departed,
                by: Dropper::Stack,
                cause: drop.cause.to_string(),
                count: drop.count,
                per_second: None,
                over_s: None,
            }));
        }
        rows.extend(self.drops.rows());
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        rows
    }

    pub(super) fn show_workers(&self) -> Vec<WorkerRow> {
        let threads = lock(&self.runtime).as_ref().map(|runtime| runtime.stats()).unwrap_or_default();
        let reports = self.stack.workers().into_iter().zip(threads).enumerate();
        reports
            .map(|(worker, (report, thread))| WorkerRow {
                worker,
                core: thread.core,
                sleeping: report.sleeping,
                turns: thread.turns,
                busy: thread.busy,
                received: thread.received,
                sleeps: thread.sleeps,
                wakeups: report.wakeups,
            })
            .collect()
    }

    /// What an interface lies on, by name.
    fn carriers(&self, config: &siding_stack::config::Config, id: IfId) -> String {
        let names = |ids: &[IfId]| ids.iter().map(|id| self.name_of(*id)).collect::<Vec<_>>().join(",");
        match config.interface(id).map(|there| &there.kind) {
            Some(Kind::Vlan(vlan)) => {
                let parent = config.interface(id).and_then(Interface::parent_name).unwrap_or("-");
                format!("{parent}:{}", vlan.vid)
            }
            Some(Kind::Lagg(view)) if !view.ports.is_empty() => names(&view.ports),
            Some(Kind::Bridge(view)) if !view.ports.is_empty() => {
                names(&view.ports.iter().map(|port| port.id).collect::<Vec<_>>())
            }
            _ => "-".to_owned(),
        }
    }
}

fn route<A: Address + Into<std::net::IpAddr>>(
    config: &siding_stack::config::Config,
    route: &Route<A>,
) -> RouteRow {
    let origin = match route.origin {
        Origin::Connected => "connected",
        Origin::Static => "static",
        Origin::Redirect => "redirect",
        Origin::Advertised => "advertised",
    };
    let what = if A::MAX_LEN == 32 { Use::Ip4 } else { Use::Ip6 };
    let out = config.interface(route.interface);
    let unfit = out.and_then(|out| out.fit(what).err());
    RouteRow {
        to: route.prefix.to_string(),
        via: route.next_hop.map(Into::into),
        interface: name_in(config, route.interface),
        metric: route.metric,
        origin: origin.into(),
        weight: None,
        refuse: None,
        unfit: unfit.map(|why| why.to_string()),
    }
}

fn refusal<A: Address>(refused: &Route<A, Refusal>) -> RouteRow {
    RouteRow {
        to: refused.prefix.to_string(),
        via: None,
        interface: "-".into(),
        metric: refused.metric,
        origin: "static".into(),
        weight: None,
        refuse: Some(refused.interface.to_string()),
        unfit: None,
    }
}

/// Routers that share flows: a row for each.
fn group_rows<A: Address + Into<IpAddr>>(
    config: &siding_stack::config::Config,
    group: &Group<A>,
) -> Vec<RouteRow> {
    let row = |hop: &Hop<A>| RouteRow { weight: Some(hop.weight), ..route(config, &hop.route(group.prefix)) };
    group.hops.iter().map(row).collect()
}

/// What carries an interface that has no device of its own.
fn carrier_name(config: &siding_stack::config::Config, id: IfId) -> &'static str {
    match config.interface(id).map(|there| &there.kind) {
        Some(Kind::Vlan(_)) => "vlan",
        Some(Kind::Lagg(_)) => "lagg",
        Some(Kind::Bridge(_)) => "bridge",
        // A device that departs has given up its port.
        Some(Kind::Device) | None => "-",
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn origin_name(origin: AddrOrigin) -> &'static str {
    match origin {
        AddrOrigin::Manual => "manual",
        AddrOrigin::Autoconf => "autoconf",
        AddrOrigin::Temporary => "temporary",
    }
}

/// What is left of a lifetime; `None` is all of eternity.
fn seconds_left(until: Instant, now: Instant) -> Option<u64> {
    (until < Instant::NEVER).then(|| until.since(now).as_secs())
}

/// Times whose histogram is told: from a microsecond to seventeen seconds, each four times the one before. That is where the
/// facility's own buckets end, so the counts are exact.
const WAITS: [u64; 13] = {
    let mut waits = [(1 << 10) - 1; 13];
    let mut at = 1;
    while at < waits.len() {
        waits[at] = (1 << (10 + 2 * at)) - 1;
        at += 1;
    }
    waits
};

fn bucket(of: &Histogram, at_most_ns: u64) -> BucketRow {
    BucketRow { at_most_ns, packets: of.at_most(Duration::from_nanos(at_most_ns)) }
}

fn ip_row(stats: &IpStats) -> IpRow {
    let icmp =
        |stats: &IcmpStats| IcmpRow { kind: stats.kind, in_pkts: stats.in_pkts, out_pkts: stats.out_pkts };
    IpRow {
        version: match stats.version {
            Version::V4 => 4,
            Version::V6 => 6,
        },
        in_receives: stats.in_receives,
        in_hdr_errors: stats.in_hdr_errors,
        in_no_routes: stats.in_no_routes,
        in_addr_errors: stats.in_addr_errors,
        in_unknown_protos: stats.in_unknown_protos,
        in_forw_datagrams: stats.in_forw_datagrams,
        reasm_reqds: stats.reasm_reqds,
        reasm_oks: stats.reasm_oks,
        reasm_fails: stats.reasm_fails,
        in_delivers: stats.in_delivers,
        out_requests: stats.out_requests,
        out_forw_datagrams: stats.out_forw_datagrams,
        out_discards: stats.out_discards,
        out_frag_reqds: stats.out_frag_reqds,
        out_frag_oks: stats.out_frag_oks,
        out_frag_fails: stats.out_frag_fails,
        out_frag_creates: stats.out_frag_creates,
        out_transmits: stats.out_transmits,
        icmp: stats.icmp.iter().map(icmp).collect(),
    }
}

fn lane(report: &LaneReport, conserved: bool) -> LaneRow {
    let timed = report.residence.count();
    LaneRow {
        accepted: report.accepted,
        handled: report.handled,
        departed: report.departed,
        flushed: report.flushed,
        dropped_oldest: report.dropped_oldest,
        resident: report.resident,
        panicked: report.panicked,
        reserved: report.reserved,
        high_water: report.high_water,
        refused: refused(&report.refused),
        oldest_age_ns: report.oldest_age.map(nanos),
        residence_p50_ns: report.residence.percentile(50.0).map(nanos),
        residence_p99_ns: report.residence.percentile(99.0).map(nanos),
        residence_max_ns: (timed > 0).then(|| nanos(report.residence.longest())),
        timed,
        residence: WAITS.map(|at_most_ns| bucket(&report.residence, at_most_ns)).into(),
        conserved,
    }
}

fn refused(refusals: &Refusals) -> BTreeMap<String, u64> {
    refusals.iter().map(|(cause, count)| named((cause.name(), count))).collect()
}

fn device_counters(devices: impl Iterator<Item = DeviceStats>) -> BTreeMap<String, u64> {
    let mut sum = BTreeMap::new();
    for stats in devices {
        let counters = [
            ("rx-frames", stats.rx_frames),
            ("rx-bytes", stats.rx_bytes),
            ("rx-no-buffer", stats.rx_no_buffer),
            ("rx-too-big", stats.rx_too_big),
            ("rx-offload", stats.rx_offload),
            ("rx-malformed", stats.rx_malformed),
            ("rx-overrun", stats.rx_overrun),
            ("rx-errors", stats.rx_errors),
            ("rx-dropped", stats.rx_dropped()),
            ("tx-frames", stats.tx_frames),
            ("tx-bytes", stats.tx_bytes),
            ("tx-too-big", stats.tx_too_big),
            ("tx-down", stats.tx_down),
            ("tx-kernel-dropped", stats.tx_kernel_dropped),
            ("tx-no-memory", stats.tx_no_memory),
            ("tx-gone", stats.tx_gone),
            ("tx-refused", stats.tx_refused),
            ("tx-dropped", stats.tx_dropped()),
        ];
        for (what, count) in counters {
            *sum.entry(what.to_owned()).or_default() += count;
        }
    }
    sum
}

fn named((name, count): (&str, u64)) -> (String, u64) {
    (name.to_owned(), count)
}
