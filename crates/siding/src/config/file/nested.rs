//! The shape of what lies on other interfaces: `[[vlan]]`, `[[lagg]]`, `[[bridge]]`.

use std::collections::BTreeMap;
use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Serialize;
use toml::Spanned;

use super::ParsedMac;
use super::yes;
use crate::config::advertise::Advertise;
use crate::config::autoconf::Autoconf;
use crate::config::neighbors::Neighbors;

/// `[[vlan]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Vlan {
    pub(crate) name: Spanned<String>,
    /// What it lies on.
    pub(crate) parent: Spanned<String>,
    pub(crate) vid: Spanned<u16>,
    #[serde(default)]
    pub(crate) protocol: Tag,
    pub(crate) mtu: Option<Spanned<u16>>,
    #[serde(default)]
    pub(crate) addresses: Vec<Spanned<String>>,
    #[serde(default = "yes")]
    pub(crate) link_local: bool,
    #[serde(default = "yes")]
    pub(crate) dad: bool,
    #[serde(default = "yes")]
    pub(crate) up: bool,
    pub(crate) hop_limit: Option<Spanned<u8>>,
    #[serde(default)]
    pub(crate) point_to_point: bool,
    #[serde(default)]
    pub(crate) anycast: Vec<Spanned<Ipv6Addr>>,
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    #[serde(default)]
    pub(crate) neighbors: Neighbors,
    pub(crate) autoconf: Option<Spanned<Autoconf>>,
    pub(crate) advertise: Option<Advertise>,
}

/// A tag's type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize, clap::ValueEnum)]
pub(crate) enum Tag {
    /// A customer's tag, 0x8100
    #[default]
    #[serde(rename = "802.1q")]
    #[value(name = "802.1q")]
    Customer,
    /// A service tag, 0x88a8, for VLANs that carry VLANs
    #[serde(rename = "802.1ad")]
    #[value(name = "802.1ad")]
    Service,
}

/// `[[lagg]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lagg {
    pub(crate) name: Spanned<String>,
    pub(crate) mode: Mode,
    #[serde(default)]
    pub(crate) ports: Vec<Spanned<String>>,
    /// By port; more is better, but in LACP, where less is. Without one, each port is better than those that follow.
    #[serde(default)]
    pub(crate) priorities: BTreeMap<Spanned<String>, Spanned<u16>>,
    pub(crate) primary: Option<Spanned<String>>,
    #[serde(default)]
    pub(crate) reselect: Reselect,
    pub(crate) hash: Option<Vec<Layer>>,
    pub(crate) announce_count: Option<Spanned<u32>>,
    pub(crate) announce_interval_ms: Option<Spanned<u64>>,
    pub(crate) lacp: Option<Spanned<Lacp>>,
    pub(crate) mac: Option<Spanned<ParsedMac>>,
    pub(crate) mtu: Option<Spanned<u16>>,
    #[serde(default)]
    pub(crate) addresses: Vec<Spanned<String>>,
    #[serde(default = "yes")]
    pub(crate) link_local: bool,
    #[serde(default = "yes")]
    pub(crate) dad: bool,
    #[serde(default = "yes")]
    pub(crate) up: bool,
    pub(crate) hop_limit: Option<Spanned<u8>>,
    #[serde(default)]
    pub(crate) point_to_point: bool,
    #[serde(default)]
    pub(crate) anycast: Vec<Spanned<Ipv6Addr>>,
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    #[serde(default)]
    pub(crate) neighbors: Neighbors,
    pub(crate) autoconf: Option<Spanned<Autoconf>>,
    pub(crate) advertise: Option<Advertise>,
}

/// What is configured of LACP on a lagg.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lacp {
    #[serde(default)]
    pub(crate) rate: Rate,
    #[serde(default)]
    pub(crate) activity: Activity,
    /// Less is better.
    pub(crate) system_priority: Option<u16>,
    pub(crate) system_mac: Option<ParsedMac>,
    pub(crate) key: Option<u16>,
    /// Distributing ports without which the lagg has no link.
    pub(crate) min_links: Option<usize>,
    /// Ports that may be in use at once.
    pub(crate) max_links: Option<usize>,
}

/// How often the partner is asked to speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Rate {
    /// Every 30 seconds; silent for 90 s is gone
    #[default]
    Slow,
    /// Each second; silent for 3 s is gone
    Fast,
}

/// Whether a port speaks first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Activity {
    /// It speaks without having been spoken to
    #[default]
    Active,
    /// It speaks to an active partner only
    Passive,
}

/// `[[bridge]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Bridge {
    pub(crate) name: Spanned<String>,
    #[serde(default)]
    pub(crate) ports: Vec<Spanned<String>>,
    /// Zero to flood everything.
    pub(crate) ageing_s: Option<Spanned<u64>>,
    pub(crate) stations: Option<Spanned<usize>>,
    pub(crate) mac: Option<Spanned<ParsedMac>>,
    pub(crate) mtu: Option<Spanned<u16>>,
    #[serde(default)]
    pub(crate) addresses: Vec<Spanned<String>>,
    #[serde(default = "yes")]
    pub(crate) link_local: bool,
    #[serde(default = "yes")]
    pub(crate) dad: bool,
    #[serde(default = "yes")]
    pub(crate) up: bool,
    pub(crate) hop_limit: Option<Spanned<u8>>,
    #[serde(default)]
    pub(crate) point_to_point: bool,
    #[serde(default)]
    pub(crate) anycast: Vec<Spanned<Ipv6Addr>>,
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    #[serde(default)]
    pub(crate) neighbors: Neighbors,
    pub(crate) autoconf: Option<Spanned<Autoconf>>,
    pub(crate) advertise: Option<Advertise>,
}

/// How a lagg uses its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lowercase")]
pub(crate) enum Mode {
    /// One port, the others stand by
    Failover,
    /// Each flow keeps to a port
    LoadBalance,
    /// Each frame by the next port
    RoundRobin,
    /// Each frame by every port
    Broadcast,
    /// Each flow keeps to a port, of those that the partner agreed to (IEEE 802.1AX)
    Lacp,
}

/// When a failover lagg goes back to a better port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reselect {
    /// As soon as the primary, or a port of higher priority, has a link
    #[default]
    Always,
    /// Only to a port of higher priority than the active one's
    Better,
    /// Never while the active port works
    Failure,
}

/// Headers that tell flows apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Layer {
    /// Link-layer addresses and VLANs
    L2,
    /// IP addresses
    L3,
    /// Ports of TCP and UDP
    L4,
}
