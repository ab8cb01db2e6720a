//! Interfaces, as they are told.

use std::collections::BTreeMap;

use siding_drivers::DeviceStats;
use siding_netisr::IfId;
use siding_stack::ifnet::IcmpStats;
use siding_stack::ifnet::Interface;
use siding_stack::ifnet::IpStats;
use siding_stack::ifnet::Kind;
use siding_stack::ifnet::Version;

use crate::address::report;
use crate::control::IcmpRow;
use crate::control::InterfaceRow;
use crate::control::IpRow;
use crate::rows::named;
use crate::rows::nanos;
use crate::rows::refused;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;

impl Daemon {
    pub(crate) fn show_interfaces(&self, ctx: &mut Free<'_>) -> Vec<InterfaceRow> {
        self.reap();
        let config = self.stack.config();
        let reports = self.stack.interfaces(ctx);
        let ports = lock(&self.ports);
        let row = |report: siding_stack::InterfaceReport| {
            let port = ports.get(&report.name);
            let mut addresses = Vec::new();
            if let Some(there) = config.interface(report.id) {
                addresses = report::addresses(there);
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
