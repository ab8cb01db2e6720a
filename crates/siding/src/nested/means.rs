//! Interfaces that lie on others, and how a request or a file that wants one is checked.

use siding_client::lagg as said;
use siding_stack::BridgeSpec;
use siding_stack::HashLayers;
use siding_stack::LacpSpec;
use siding_stack::LaggSpec;
use siding_stack::Mode;
use siding_stack::Reselect;
use siding_stack::lagg::lacp::Activity;
use siding_stack::lagg::lacp::Rate;
use siding_wire::EtherType;

use crate::means::addressing::Addressing;
use crate::words::value;
use crate::words::wrong::Key;

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
    pub(crate) tag: said::Tag,
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

    /// What it lies on, and which keys say so.
    pub(crate) fn below(&self) -> Vec<(&str, Vec<Key>)> {
        match self {
            Nested::Vlan(vlan) => vec![(&vlan.parent, vec![Key::Name("parent")])],
            Nested::Lagg(_) | Nested::Bridge(_) => {
                let ports = self.ports().into_iter().enumerate();
                ports.map(|(at, port)| (port, vec![Key::Name("ports"), Key::At(at)])).collect()
            }
        }
    }

    /// The MTU that it says, if any.
    pub(crate) fn mtu(&self) -> Option<u16> {
        match self {
            Nested::Vlan(vlan) => vlan.mtu,
            Nested::Lagg(lagg) => Some(lagg.spec.mtu),
            Nested::Bridge(bridge) => Some(bridge.spec.mtu),
        }
    }

    /// Whether what it lies on is its own, as ports are, rather than shared, as a VLAN's parent is.
    pub(crate) fn has_ports(&self) -> bool {
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

/// The type that a tag's frames have.
pub(crate) fn ethertype(tag: said::Tag) -> EtherType {
    match tag {
        said::Tag::Customer => EtherType::VLAN,
        said::Tag::Service => EtherType::QINQ,
    }
}

/// The standard that the tag is of, as configurations have it.
pub(crate) fn tag_name(ethertype: EtherType) -> &'static str {
    if ethertype == EtherType::QINQ { "802.1ad" } else { "802.1q" }
}

/// How the stack is to use a lagg's ports.
pub(crate) fn mode(mode: said::Mode) -> Mode {
    match mode {
        said::Mode::Failover => Mode::Failover,
        said::Mode::LoadBalance => Mode::LoadBalance,
        said::Mode::RoundRobin => Mode::RoundRobin,
        said::Mode::Broadcast => Mode::Broadcast,
        said::Mode::Lacp => Mode::Lacp,
    }
}

fn lacp_spec(lacp: &said::Lacp) -> LacpSpec {
    let usual = LacpSpec::default();
    LacpSpec {
        system_priority: lacp.system_priority.unwrap_or(usual.system_priority),
        system_mac: lacp.system_mac.map(|mac| mac.0),
        key: lacp.key,
        activity: match lacp.activity {
            said::Activity::Active => Activity::Active,
            said::Activity::Passive => Activity::Passive,
        },
        rate: match lacp.rate {
            said::Rate::Slow => Rate::Slow,
            said::Rate::Fast => Rate::Fast,
        },
        min_links: lacp.min_links.unwrap_or(usual.min_links),
        max_links: lacp.max_links.or(usual.max_links),
    }
}

/// When the stack is to go back to a better port.
pub(crate) fn reselect(reselect: said::Reselect) -> Reselect {
    match reselect {
        said::Reselect::Always => Reselect::Always,
        said::Reselect::Better => Reselect::Better,
        said::Reselect::Failure => Reselect::Failure,
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
pub(crate) fn lacp(mode: Mode, lacp: &said::Lacp) -> Result<LacpSpec, String> {
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
pub(crate) fn hash_layers(layers: Option<&[said::Layer]>) -> HashLayers {
    let Some(layers) = layers else { return HashLayers::default() };
    let has = |layer| layers.contains(&layer);
    HashLayers { l2: has(said::Layer::L2), l3: has(said::Layer::L3), l4: has(said::Layer::L4) }
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
