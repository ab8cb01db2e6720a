//! Interfaces that lie on others, and how a request or a file that wants one is checked.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_stack::Announce;
use siding_stack::BridgeSpec;
use siding_stack::HashLayers;
use siding_stack::LacpSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::NeighborLimits;
use siding_stack::Reselect;
use siding_stack::lagg::lacp::Activity;
use siding_stack::lagg::lacp::Rate;
use siding_wire::EtherType;

use super::Advertised;
use super::Learnt;
use super::file;
use crate::words::value;

/// An interface that lies on others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Nested {
    Vlan(VlanConfig),
    Lagg(LaggConfig),
    Bridge(BridgeConfig),
}

/// A VLAN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VlanConfig {
    pub(crate) name: String,
    pub(crate) parent: String,
    pub(crate) vid: u16,
    pub(crate) tag: file::Tag,
    /// What is wanted; `None` is that of what it lies on.
    pub(crate) mtu: Option<u16>,
    pub(crate) addressing: Addressing,
}

/// A lagg.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LaggConfig {
    pub(crate) spec: LaggSpec,
    /// With their priorities.
    pub(crate) ports: Vec<(String, u16)>,
    pub(crate) primary: Option<String>,
    pub(crate) addressing: Addressing,
}

/// A bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BridgeConfig {
    pub(crate) spec: BridgeSpec,
    pub(crate) ports: Vec<String>,
    pub(crate) addressing: Addressing,
}

/// What can be said of any interface, whatever carries its frames: its addresses, and how it behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addressing {
    pub(crate) addresses: Vec<Cidr>,
    /// Those of them that are tested otherwise than `dad` says.
    pub(crate) otherwise: Vec<IpAddr>,
    pub(crate) link_local: bool,
    pub(crate) dad: bool,
    /// It is not taken down.
    pub(crate) up: bool,
    /// Of what starts at it; `None` is the usual one.
    pub(crate) hop_limit: Option<u8>,
    /// Its link has but two ends.
    pub(crate) point_to_point: bool,
    /// Addresses that others have, too.
    pub(crate) anycast: Vec<Ipv6Addr>,
    /// BaseReachableTime and RetransTimer; `None` are those of the stack.
    pub(crate) times: (Option<Duration>, Option<Duration>),
    /// `None`: those of the stack.
    pub(crate) neighbors: Option<NeighborLimits>,
    /// What it advertises as a router, if anything.
    pub(crate) advertise: Option<Advertised>,
    /// What it is as a host; `None` listens to no router.
    pub(crate) autoconf: Option<Learnt>,
}

impl Default for Addressing {
    /// Without addresses, not even a link-local one.
    fn default() -> Addressing {
        Addressing {
            addresses: Vec::new(),
            otherwise: Vec::new(),
            link_local: false,
            dad: true,
            up: true,
            hop_limit: None,
            point_to_point: false,
            anycast: Vec::new(),
            times: (None, None),
            neighbors: None,
            advertise: None,
            autoconf: None,
        }
    }
}

/// Seconds that a bridge remembers a station, at the most: 802.1D s7.9.2 goes so far.
pub(crate) const MOST_AGEING: u64 = 1_000_000;

/// Announcements of an address, at the most: RFC 9131 s6.2 asks for restraint.
pub(crate) const MOST_ANNOUNCEMENTS: u32 = 100;

impl Nested {
    pub(crate) fn name(&self) -> &str {
        match self {
            Nested::Vlan(vlan) => &vlan.name,
            Nested::Lagg(lagg) => &lagg.spec.name,
            Nested::Bridge(bridge) => &bridge.spec.name,
        }
    }

    pub(crate) fn addressing_mut(&mut self) -> &mut Addressing {
        match self {
            Nested::Vlan(vlan) => &mut vlan.addressing,
            Nested::Lagg(lagg) => &mut lagg.addressing,
            Nested::Bridge(bridge) => &mut bridge.addressing,
        }
    }

    /// Whether an interface of this name is a port of it.
    pub(crate) fn has_port(&self, name: &str) -> bool {
        self.ports().contains(&name)
    }

    /// Its ports.
    pub(crate) fn ports(&self) -> Vec<&str> {
        match self {
            Nested::Vlan(_) => Vec::new(),
            Nested::Lagg(lagg) => lagg.ports.iter().map(|(port, _)| port.as_str()).collect(),
            Nested::Bridge(bridge) => bridge.ports.iter().map(String::as_str).collect(),
        }
    }

    /// Whether what it lies on is its own, as ports are, rather than shared, as a VLAN's parent is.
    pub(super) fn has_ports(&self) -> bool {
        !matches!(self, Nested::Vlan(_))
    }

    pub(crate) fn addressing(&self) -> &Addressing {
        match self {
            Nested::Vlan(vlan) => &vlan.addressing,
            Nested::Lagg(lagg) => &lagg.addressing,
            Nested::Bridge(bridge) => &bridge.addressing,
        }
    }
}

impl Addressing {
    /// Whether an address of these is tested for duplicates.
    pub(crate) fn detects(&self, address: IpAddr) -> bool {
        self.dad != self.otherwise.contains(&address)
    }

    /// Adds what `said` has besides. What this has by itself is a wish, and wins.
    pub(crate) fn add(&mut self, said: &Addressing) {
        let more = said.addresses.iter().filter(|own| !self.addresses.contains(own));
        let more: Vec<Cidr> = more.copied().collect();
        let detects = |address: IpAddr| match more.iter().any(|own| own.address() == address) {
            true => said.detects(address),
            false => self.detects(address),
        };
        let dad = self.dad && said.dad;
        let all = self.addresses.iter().chain(&more).map(|own| own.address());
        self.otherwise = all.filter(|address| detects(*address) != dad).collect();
        self.addresses.extend(more);
        self.link_local &= said.link_local;
        self.dad = dad;
        self.up &= said.up;
        self.hop_limit = self.hop_limit.or(said.hop_limit);
        self.point_to_point |= said.point_to_point;
        let more = said.anycast.iter().filter(|own| !self.anycast.contains(own));
        let more: Vec<Ipv6Addr> = more.copied().collect();
        self.anycast.extend(more);
        self.times = (self.times.0.or(said.times.0), self.times.1.or(said.times.1));
        self.neighbors = self.neighbors.or(said.neighbors);
        self.autoconf = self.autoconf.take().or_else(|| said.autoconf.clone());
    }
}

/// The type that a tag's frames have.
pub(crate) fn ethertype(tag: file::Tag) -> EtherType {
    match tag {
        file::Tag::Customer => EtherType::VLAN,
        file::Tag::Service => EtherType::QINQ,
    }
}

/// The standard that the tag is of, as configurations have it.
pub(crate) fn tag_name(ethertype: EtherType) -> &'static str {
    if ethertype == EtherType::QINQ { "802.1ad" } else { "802.1q" }
}

/// How the stack is to use a lagg's ports.
pub(crate) fn mode(mode: file::Mode) -> Mode {
    match mode {
        file::Mode::Failover => Mode::Failover,
        file::Mode::LoadBalance => Mode::LoadBalance,
        file::Mode::RoundRobin => Mode::RoundRobin,
        file::Mode::Broadcast => Mode::Broadcast,
        file::Mode::Lacp => Mode::Lacp,
    }
}

fn lacp_spec(lacp: &file::Lacp) -> LacpSpec {
    let usual = LacpSpec::default();
    LacpSpec {
        system_priority: lacp.system_priority.unwrap_or(usual.system_priority),
        system_mac: lacp.system_mac.map(|mac| mac.0),
        key: lacp.key,
        activity: match lacp.activity {
            file::Activity::Active => Activity::Active,
            file::Activity::Passive => Activity::Passive,
        },
        rate: match lacp.rate {
            file::Rate::Slow => Rate::Slow,
            file::Rate::Fast => Rate::Fast,
        },
        min_links: lacp.min_links.unwrap_or(usual.min_links),
        max_links: lacp.max_links.or(usual.max_links),
    }
}

/// When the stack is to go back to a better port.
pub(crate) fn reselect(reselect: file::Reselect) -> Reselect {
    match reselect {
        file::Reselect::Always => Reselect::Always,
        file::Reselect::Better => Reselect::Better,
        file::Reselect::Failure => Reselect::Failure,
    }
}

/// The priority of a port that is given none: each is better than those that are named behind it.
pub(crate) fn priority(mode: Mode, place: usize) -> u16 {
    let place = u16::try_from(place).unwrap_or(u16::MAX);
    match mode {
        Mode::Lacp => 0x8000_u16.saturating_add(place),
        _ => 100_u16.saturating_sub(place),
    }
}

/// Checks what is said of LACP.
///
/// # Errors
///
/// The lagg does not speak it, or a value cannot be.
pub(crate) fn lacp(mode: Mode, lacp: &file::Lacp) -> Result<LacpSpec, String> {
    if mode != Mode::Lacp {
        return Err(format!(
            "a lagg in mode {} speaks no LACP: leave this out, or set mode lacp",
            mode.name()
        ));
    }
    lacp.system_mac.map_or(Ok(()), |mac| value::station(mac.0))?;
    Ok(lacp_spec(lacp))
}

/// The layers that a list names; all of them where there is no list.
pub(crate) fn hash_layers(layers: Option<&[file::Layer]>) -> HashLayers {
    let Some(layers) = layers else { return HashLayers::default() };
    let has = |layer| layers.contains(&layer);
    HashLayers { l2: has(file::Layer::L2), l3: has(file::Layer::L3), l4: has(file::Layer::L4) }
}

/// Checks how often an address is announced.
///
/// # Errors
///
/// Too often.
pub(crate) fn announcements(announce: Announce) -> Result<(), String> {
    match announce.count <= MOST_ANNOUNCEMENTS {
        true => Ok(()),
        false => Err(format!("{} announcements: give 0 to {MOST_ANNOUNCEMENTS}", announce.count)),
    }
}

/// Checks a VLAN's number.
///
/// # Errors
///
/// It is out of range.
pub(crate) fn vid(vid: u16) -> Result<(), String> {
    match (1..=4094).contains(&vid) {
        true => Ok(()),
        false => Err(format!("{vid} is no VLAN identifier: give 1 to 4094")),
    }
}
