//! What the stack tells of itself.

use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::TypeReport;
use siding_netisr::WorkerReport;
use siding_wire::Mac;

use crate::Stack;
use crate::config::Config;
use crate::drops::DropReason;
use crate::drops::Whose;
use crate::ifnet::IfCounter;
use crate::ifnet::IpStats;
use crate::ifnet::Unfit;
use crate::ifnet::Use;
use crate::ifnet::Version;
use crate::ifnet::VrfId;
use crate::lltable::NeighborReport;
use crate::route::Prefix;
use crate::route::Route;
use crate::stack::worker::Frames;
use crate::stack::worker::FramesReport;
use crate::stack::worker::StepTimes;
use crate::stack::worker::StepsReport;

/// An interface, for tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InterfaceReport {
    /// Its identity.
    pub id: IfId,
    /// Its name.
    pub name: String,
    /// Its link-layer address.
    pub mac: Mac,
    /// The routing instance that it belongs to.
    pub vrf: VrfId,
    /// Others that it takes frames for.
    pub further_macs: Arc<[Mac]>,
    /// Its MTU in bytes.
    pub mtu: u16,
    /// Administratively up.
    pub up: bool,
    /// Whether its link is there.
    pub link: bool,
    /// Why it cannot be used, if it cannot: for frames, and unless it is a port, for IP of its own.
    pub unfit: Option<Unfit>,
    /// Neighbours it knows.
    pub neighbors: usize,
    /// For how long a transmit queue has not moved, if one is stalled; each worker has one.
    pub tx_stalled: Option<Duration>,
    /// Its counters.
    pub counters: Vec<(IfCounter, u64)>,
    /// What RFC 4293 counts, of IPv4 and IPv6.
    pub ip: [IpStats; 2],
    /// What became of packets that were dispatched in its name.
    pub netisr: siding_netisr::InterfaceReport,
}

/// Packets dropped for one cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropReport {
    /// The cause.
    pub cause: DropReason,
    /// How many, over all workers.
    pub count: u64,
}

/// Packets dropped on one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountReport {
    /// Whose packets those were.
    pub whose: Whose,
    /// The interface's name.
    pub name: Option<String>,
    /// How many for what.
    pub drops: Vec<DropReport>,
}

impl Stack {
    /// The configuration now.
    pub fn config(&self) -> Arc<Config> {
        self.shared.config.load()
    }

    /// Every interface, in order of slots.
    pub fn interfaces(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<InterfaceReport> {
        let (config, now) = (self.config(), self.now());
        config
            .interfaces()
            .map(|interface| InterfaceReport {
                id: interface.ifnet.id,
                name: interface.ifnet.name.clone(),
                mac: interface.mac,
                vrf: interface.vrf,
                further_macs: interface.further_macs.clone(),
                mtu: interface.mtu,
                up: interface.up,
                link: interface.link,
                unfit: interface.fit(Use::Ip6).err().filter(|why| *why != Unfit::Port),
                neighbors: interface.ifnet.neighbors.len(ctx),
                tx_stalled: interface.ifnet.tx_stalls.get().map(|since| now.since(since)),
                counters: IfCounter::all()
                    .map(|counter| (counter, interface.ifnet.counters.of(counter)))
                    .collect(),
                ip: [Version::V4, Version::V6].map(|version| interface.ifnet.mib.stats(version)),
                netisr: self.shared.netisr.interface(interface.ifnet.id),
            })
            .collect()
    }

    /// Every neighbour.
    pub fn neighbors(&self, ctx: &mut Ctx<'_, Unlocked>) -> Vec<NeighborReport> {
        let now = self.now();
        self.config().interfaces().flat_map(|interface| interface.ifnet.neighbors.report(ctx, now)).collect()
    }

    /// Every IPv6 route, of all routing instances: that of its interface is its own.
    pub fn routes6(&self) -> Vec<Route<Ipv6Addr>> {
        let config = self.config();
        let all = config.vrfs.iter().map(|(_, vrf)| vrf.routes.rib6());
        all.flat_map(|rib| rib.routes().iter().copied().collect::<Vec<_>>()).collect()
    }

    /// Every IPv4 route, in the same way.
    pub fn routes4(&self) -> Vec<Route<Ipv4Addr>> {
        let config = self.config();
        let all = config.vrfs.iter().map(|(_, vrf)| vrf.routes.rib4());
        all.flat_map(|rib| rib.routes().iter().copied().collect::<Vec<_>>()).collect()
    }

    /// How often routes, groups and refusals of both families have changed, ever, and how many there are.
    pub fn route_changes(&self) -> (u64, usize) {
        let config = self.config();
        let of_each = config.vrfs.iter().map(|(_, vrf)| {
            let (six, four) = (vrf.routes.rib6(), vrf.routes.rib4());
            let groups = six.hop_count() + four.hop_count();
            let refusals = six.refusals().len() + four.refusals().len();
            let all = six.routes().len() + four.routes().len() + refusals + groups;
            (six.changes() + four.changes(), all)
        });
        of_each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    }

    /// The IPv6 routes to a prefix, the best first.
    pub fn routes6_to(&self, prefix: &Prefix<Ipv6Addr>) -> Vec<Route<Ipv6Addr>> {
        let config = self.config();
        let all = config.vrfs.iter().map(|(_, vrf)| vrf.routes.rib6());
        all.flat_map(|rib| rib.routes().routes_to(prefix).copied().collect::<Vec<_>>()).collect()
    }

    /// The same of IPv4.
    pub fn routes4_to(&self, prefix: &Prefix<Ipv4Addr>) -> Vec<Route<Ipv4Addr>> {
        let config = self.config();
        let all = config.vrfs.iter().map(|(_, vrf)| vrf.routes.rib4());
        all.flat_map(|rib| rib.routes().routes_to(prefix).copied().collect::<Vec<_>>()).collect()
    }

    /// What was dropped on whose account, causes that were not met left out. It adds up to [`drops`](Self::drops).
    pub fn drops_by_interface(&self) -> Vec<AccountReport> {
        let config = self.config();
        let all = self.shared.drops.read(|id| config.interface(id).is_some());
        let account = |(whose, counts): (Whose, Vec<u64>)| AccountReport {
            whose,
            name: match whose {
                Whose::Interface(id) => config.interface(id).map(|interface| interface.ifnet.name.clone()),
                Whose::Nobody | Whose::Departed => None,
            },
            drops: DropReason::all()
                .zip(counts)
                .map(|(cause, count)| DropReport { cause, count })
                .filter(|drop| drop.count > 0)
                .collect(),
        };
        all.into_iter().map(account).collect()
    }

    /// Every cause of drops with its count, zeros included.
    pub fn drops(&self) -> Vec<DropReport> {
        DropReason::all().map(|cause| DropReport { cause, count: self.dropped(cause) }).collect()
    }

    /// How many packets were dropped for `cause`.
    pub fn dropped(&self, cause: DropReason) -> u64 {
        self.shared.drops.of(cause)
    }

    /// Every type of deferred packet.
    pub fn netisr_types(&self) -> Vec<TypeReport> {
        self.shared.netisr.types()
    }

    /// What the steps of turns take, of every worker: of the turns that were timed, one in 1,024 of those with packets.
    pub fn steps(&self) -> Vec<StepsReport> {
        self.shared.steps.iter().map(StepTimes::report).collect()
    }

    /// Which way the frames of each worker have gone.
    pub fn frames(&self) -> Vec<FramesReport> {
        self.shared.frames.iter().map(Frames::report).collect()
    }

    /// Every worker.
    pub fn workers(&self) -> Vec<WorkerReport> {
        self.shared.netisr.worker_reports()
    }
}
