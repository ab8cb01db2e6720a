//! Interfaces: what stays with one for its life, and what a snapshot says of it.

mod counters;
mod first_hops;
mod fit;
mod groups4;
mod intake;
mod late;
mod macs;
mod mib;
mod stalls;
mod vrf;

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::EtherType;
use siding_wire::Mac;
use siding_wire::ip6;

pub use counters::IfCounter;
pub use counters::IfCounters;
pub(crate) use counters::settle;
pub(crate) use first_hops::FirstHops;
pub(crate) use fit::Back;
pub use fit::LEAST_MTU6;
pub use fit::Unfit;
pub use fit::Use;
pub use groups4::Joined4;
pub(crate) use intake::Intake;
pub(crate) use intake::Wants;
pub(crate) use late::Late;
pub use macs::FURTHER_MACS;
pub(crate) use macs::Macs;
pub(crate) use mib::Forwarded;
pub use mib::IcmpStats;
pub use mib::IpStats;
pub(crate) use mib::Met;
pub use mib::Mib;
pub use mib::Version;
pub(crate) use stalls::Stalls;
pub use vrf::VrfId;

use crate::drops::IfDrops;
use crate::lltable::NeighborLimits;
use crate::lltable::Neighbors;
use crate::nd6::dad::DadState;
use crate::nd6::nud::NudConfig;
pub use siding_machines::host::AddrOrigin;

/// The hop limit while neither operator nor router has said (RFC 1700, and RFC 4861 s6.3.2).
pub const DEFAULT_HOP_LIMIT: u8 = 64;

/// An interface, from attach to detach. Its identity is never used again.
#[derive(Debug)]
pub struct Ifnet {
    /// The identity that packets name it by.
    pub id: IfId,
    /// The operator's name for it.
    pub name: String,
    /// Who is on its link.
    pub(crate) neighbors: Neighbors,
    /// What went in and out.
    pub counters: IfCounters,
    /// What RFC 4293 counts.
    pub mib: Mib,
    /// What was dropped on its account.
    pub drops: Arc<IfDrops>,
    /// Transmit queues that do not move.
    pub(crate) tx_stalls: Stalls,
    /// Answers for its anycast addresses that wait for their moment.
    pub(crate) anycast_waiting: AtomicUsize,
    /// How often others' messages may make us work.
    pub(crate) intake: Intake,
}

/// An interface as a snapshot has it: immutable.
#[derive(Debug, Clone)]
pub struct Interface {
    /// The interface itself.
    pub ifnet: Arc<Ifnet>,
    /// Its link-layer address: what it sends from.
    pub mac: Mac,
    /// Others that it was given: frames to them are for it, too. In order. They are this interface's alone: a VLAN on it may
    /// be another virtual router's backup, which must not take its frames (RFC 9568 s6.4.2).
    pub further_macs: Arc<[Mac]>,
    /// The largest IP packet, in bytes.
    pub mtu: u16,
    /// Administratively up.
    pub up: bool,
    /// How often IPv6 has become usable on it: what was said on its link before that may have been forgotten there.
    pub(crate) comings: u32,
    /// Whether its link is there: for a device, what its driver says; for a VLAN, whether frames pass below; for a
    /// lagg or bridge, whether any port is active.
    pub link: bool,
    /// The link-local address that somebody else has together with our MAC, if IP is stopped for that.
    pub stopped: Option<Ipv6Addr>,
    /// What carries its frames.
    pub kind: Kind,
    /// The routing instance that it belongs to.
    pub vrf: VrfId,
    /// The lagg or bridge that it is a port of; [`IfId::NONE`] for none.
    pub member_of: IfId,
    /// The address that it came with, and that it gets back when it leaves a lagg.
    pub permanent_mac: Mac,
    /// The largest IP packet that the link takes, in bytes; `mtu` may be less. Of a lagg or bridge, the largest that it was
    /// made for.
    pub link_mtu: u16,
    /// What the operator wants of it; `None` for as much as can be. Remembered apart from what it gets, which may be less
    /// for a while.
    pub asked_mtu: Option<u16>,
    /// What it gets: what was asked for, as far as its link and all that it lies on take it. What a router says may be
    /// less still.
    pub own_mtu: u16,
    /// Whether what carries its frames is there at all: the device, or what a VLAN lies on.
    pub present: bool,
    /// The name of what a VLAN lies on: one of that name that is made anew takes its place.
    pub(crate) lies_on: Option<Arc<str>>,
    /// Addresses that a port has when it is released: link-local ones, that it had before it became one or was given
    /// since.
    pub set_aside: Arc<[Addr6]>,
    /// What its host watches of its neighbours.
    pub(crate) first_hops: Arc<FirstHops>,
    /// Its IPv6 addresses, link-local first.
    pub addrs6: Arc<[Addr6]>,
    /// Its IPv4 addresses.
    pub addrs4: Arc<[Addr4]>,
    /// Anycast addresses that it was given, besides those that follow from its addresses.
    pub anycast: Arc<[Ipv6Addr]>,
    /// Groups that it was told to join, besides those that follow from its addresses.
    pub joined: Arc<[Ipv6Addr]>,
    /// IPv4 groups that it was told to join, besides that of all hosts.
    pub joined4: Arc<[Joined4]>,
    /// Timers of its neighbours.
    pub nud: NudConfig,
    /// Bounds of its neighbour table.
    pub neighbors: NeighborLimits,
    /// The operator says that its link has but two ends: what comes from the other is not sent back there.
    pub point_to_point: bool,
    /// Hop limit of what starts here.
    pub hop_limit: u8,
    /// The one that the operator gave, for when no router says another.
    pub own_hop_limit: u8,
}

/// What a new interface has until it is told otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    pub(crate) nud: NudConfig,
    pub(crate) neighbors: NeighborLimits,
}

/// What carries an interface's frames.
#[derive(Debug, Clone)]
pub enum Kind {
    /// A device of its own.
    Device,
    /// Another interface, with a tag.
    Vlan(Vlan),
    /// One or more of its ports.
    Lagg(Arc<crate::ports::lagg::View>),
    /// The port behind which a frame's destination is, or all of them.
    Bridge(Arc<crate::ports::bridge::View>),
}

/// Which tagged frames of which interface a VLAN is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Vlan {
    /// The interface that it lies on.
    pub parent: IfId,
    /// 1 to 4094.
    pub vid: u16,
    /// [`EtherType::VLAN`] (802.1Q) or [`EtherType::QINQ`] (802.1ad).
    pub ethertype: EtherType,
}

/// An IPv6 address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addr6 {
    /// The address.
    pub addr: Ipv6Addr,
    /// Bits of its prefix.
    pub prefix_len: u8,
    /// Whether it may be used yet, or at all.
    pub state: DadState,
    /// Who put it there.
    pub origin: AddrOrigin,
    /// Its preferred lifetime is over: still ours, but no source for what is new (RFC 4862 s5.5.4).
    pub deprecated: bool,
    /// When its preferred lifetime ends; [`Instant::NEVER`] for never.
    pub preferred_until: Instant,
    /// Whether it is tested for duplicates, each time that the interface comes up.
    pub detect: bool,
    /// When it ceases to be ours; [`Instant::NEVER`] for never.
    pub valid_until: Instant,
    /// It is tested once more while it is in use: its link was away for a moment.
    pub retested: bool,
    /// The link-layer address that others are told for it, if not the interface's own.
    pub mac: Option<Mac>,
}

/// An IPv4 address of an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Addr4 {
    /// The address.
    pub addr: Ipv4Addr,
    /// Bits of its prefix.
    pub prefix_len: u8,
    /// Whether it may be used yet, or at all (RFC 5227).
    pub state: DadState,
    /// The link-layer address that others are told for it, if not the interface's own.
    pub mac: Option<Mac>,
}

impl Addr4 {
    /// Whether it is ours: packets to it are for us, and packets may come from it.
    pub fn is_assigned(&self) -> bool {
        self.state == DadState::Preferred
    }
}

impl Addr6 {
    /// An address given by hand, for ever.
    pub fn manual(addr: Ipv6Addr, prefix_len: u8, state: DadState) -> Addr6 {
        Addr6 {
            addr,
            prefix_len,
            state,
            origin: AddrOrigin::Manual,
            deprecated: false,
            detect: true,
            preferred_until: Instant::NEVER,
            valid_until: Instant::NEVER,
            retested: false,
            mac: None,
        }
    }

    /// Whether it is ours: packets to it are for us, and packets may come from it. One that is only tentative is
    /// not, one that is optimistic or deprecated is.
    //= RFC 4862 s5.4, s5.5.4 [4862-4, 4862-9]: a tentative address is not assigned yet; a deprecated one still is.
    //= RFC 4429 s3.1 [4429-1]: an optimistic one is already.
    pub fn is_assigned(&self) -> bool {
        matches!(self.state, DadState::Preferred | DadState::Optimistic)
    }

    /// The address that all routers of its subnet have. Links with two ends do without (RFC 6164), and so does who is alone.
    pub fn subnet_router(&self) -> Option<Ipv6Addr> {
        let subnet = ip6::mask(self.addr, self.prefix_len);
        let has = self.is_assigned() && self.prefix_len < 127 && crate::ends::is_host6(subnet);
        has.then_some(subnet)
    }

    /// When a lifetime of it ends next, as of `now`; [`Instant::NEVER`] for never.
    pub(crate) fn next_age(&self, now: Instant) -> Instant {
        let ends = [self.preferred_until, self.valid_until].into_iter().filter(|end| *end > now);
        ends.min().unwrap_or(Instant::NEVER)
    }

    /// What it is to the operator: its state, and whether its preferred lifetime is over.
    pub fn status(&self) -> &'static str {
        match self.state {
            DadState::Tentative => "tentative",
            DadState::Duplicate => "duplicate",
            DadState::Optimistic => "optimistic",
            DadState::Preferred if self.deprecated => "deprecated",
            DadState::Preferred => "preferred",
        }
    }
}

impl Interface {
    /// A new interface: up, with nothing of its own yet, and with a link if it is a device.
    pub(crate) fn new(ifnet: Arc<Ifnet>, mac: Mac, mtu: u16, kind: Kind, defaults: Defaults) -> Interface {
        Interface {
            ifnet,
            mac,
            further_macs: Arc::new([]),
            mtu,
            link_mtu: mtu,
            asked_mtu: None,
            own_mtu: mtu,
            present: true,
            lies_on: None,
            set_aside: Arc::new([]),
            first_hops: Arc::default(),
            up: true,
            comings: 0,
            link: matches!(kind, Kind::Device),
            stopped: None,
            kind,
            vrf: VrfId::DEFAULT,
            member_of: IfId::NONE,
            permanent_mac: mac,
            addrs6: Arc::new([]),
            anycast: Arc::new([]),
            addrs4: Arc::new([]),
            joined: Arc::new([]),
            joined4: Arc::new([]),
            nud: defaults.nud,
            neighbors: defaults.neighbors,
            point_to_point: false,
            hop_limit: DEFAULT_HOP_LIMIT,
            own_hop_limit: DEFAULT_HOP_LIMIT,
        }
    }

    /// It receives a frame by what carries it, on this worker.
    pub(crate) fn receives(&self, worker: usize, frame: &mut Mbuf) {
        frame.set_rcvif(self.ifnet.id);
        self.ifnet.counters.add(worker, IfCounter::RxPackets, 1);
        self.ifnet.counters.add(worker, IfCounter::RxBytes, frame.len() as u64);
    }

    /// The name of what a VLAN lies on, be that there or not.
    pub fn parent_name(&self) -> Option<&str> {
        self.lies_on.as_deref()
    }

    /// It is a port no more: it has its own addresses again, which are tested.
    pub(crate) fn release(&mut self) {
        self.member_of = IfId::NONE;
        self.mac = self.permanent_mac;
        self.addrs6 = std::mem::replace(&mut self.set_aside, Arc::new([]));
    }

    /// The address, if the interface has it, whatever its state.
    pub fn addr6(&self, addr: Ipv6Addr) -> Option<&Addr6> {
        self.addrs6.iter().find(|own| own.addr == addr)
    }

    /// Whether packets to `addr` are for this interface. A tentative address is not assigned yet.
    //= RFC 4862 s5.4 [4862-4]: packets to a tentative address are not ours, but for what detects duplicates.
    pub fn accepts(&self, addr: Ipv6Addr) -> bool {
        self.addr6(addr).is_some_and(Addr6::is_assigned)
    }

    /// Whether the interface listens to the group.
    //= RFC 4861 s7.2.1 [4861-24]: all nodes, and the solicited-node group of each address, tentative ones too.
    pub fn has_joined(&self, group: Ipv6Addr, forwarding: bool) -> bool {
        self.groups(forwarding).any(|joined| joined == group)
    }

    /// The groups that the interface listens to; one may come twice.
    pub fn groups(&self, forwarding: bool) -> impl Iterator<Item = Ipv6Addr> {
        let nodes = [ip6::ALL_NODES, ip6::ALL_NODES_IFACE].into_iter();
        let routers = forwarding.then_some(ip6::ALL_ROUTERS);
        let addresses = self.addrs6.iter().map(|own| ip6::solicited_node(own.addr));
        let anycast = self.anycast(forwarding).map(ip6::solicited_node);
        nodes.chain(routers).chain(addresses).chain(anycast).chain(self.joined.iter().copied())
    }

    /// The anycast addresses of this interface: those that it was given, and of a router each subnet's; one may come twice.
    //= RFC 4291 s2.6.1: a router has the Subnet-Router anycast address of each subnet that it has an interface to.
    pub fn anycast(&self, forwarding: bool) -> impl Iterator<Item = Ipv6Addr> {
        let subnets = self.addrs6.iter().filter(move |_| forwarding).filter_map(Addr6::subnet_router);
        // What is ours alone is a unicast address, whatever it looks like.
        self.anycast.iter().copied().chain(subnets).filter(|addr| self.addr6(*addr).is_none())
    }

    /// Whether `addr` is an anycast address of this interface.
    pub fn is_anycast(&self, addr: Ipv6Addr, forwarding: bool) -> bool {
        self.anycast(forwarding).any(|anycast| anycast == addr)
    }

    /// Whether `addr` is an address of this interface that may be a source.
    pub fn may_source(&self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V6(addr) => self.accepts(addr),
            IpAddr::V4(addr) => self.addrs4.iter().any(|own| own.addr == addr && own.is_assigned()),
        }
    }
}
