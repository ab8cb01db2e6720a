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
    /// As in `[[interface]]`.
    pub(crate) name: Spanned<String>,
    /// What it lies on: a device, a lagg, a bridge or another VLAN.
    pub(crate) parent: Spanned<String>,
    /// 1 to 4,094.
    pub(crate) vid: Spanned<u16>,
    /// The tag's type [default: 802.1q].
    #[serde(default)]
    pub(crate) protocol: Tag,
    /// What is wanted of its MTU in bytes [default: that of what it lies on].
    pub(crate) mtu: Option<Spanned<u16>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) addresses: Vec<Spanned<String>>,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) link_local: bool,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) dad: bool,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) up: bool,
    /// As in `[[interface]]`.
    pub(crate) hop_limit: Option<Spanned<u8>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) point_to_point: bool,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) anycast: Vec<Spanned<Ipv6Addr>>,
    /// As in `[[interface]]`.
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    /// As in `[[interface]]`.
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) neighbors: Neighbors,
    /// As in `[[interface]]`.
    pub(crate) autoconf: Option<Spanned<Autoconf>>,
    /// As in `[[interface]]`.
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
    /// As in `[[interface]]`.
    pub(crate) name: Spanned<String>,
    /// How it uses its ports.
    pub(crate) mode: Mode,
    /// Its ports: interfaces without addresses.
    #[serde(default)]
    pub(crate) ports: Vec<Spanned<String>>,
    /// A table of ports and their priorities: more is better, but in LACP, where less is [default: each port is
    /// better than those that follow].
    #[serde(default)]
    pub(crate) priorities: BTreeMap<Spanned<String>, Spanned<u16>>,
    /// The port that is preferred.
    pub(crate) primary: Option<Spanned<String>>,
    /// When it goes back to a better port [default: always].
    #[serde(default)]
    pub(crate) reselect: Reselect,
    /// Headers that tell flows apart [default: all].
    pub(crate) hash: Option<Vec<Layer>>,
    /// How often an address is announced that has moved: 0 to 100 [default: 3].
    pub(crate) announce_count: Option<Spanned<u32>>,
    /// Milliseconds between two announcements: 1 to 60,000 [default: 1,000].
    pub(crate) announce_interval_ms: Option<Spanned<u64>>,
    /// What is configured of LACP: see `lacp` below.
    pub(crate) lacp: Option<Spanned<Lacp>>,
    /// Its link-layer address [default: the first port's].
    pub(crate) mac: Option<Spanned<ParsedMac>>,
    /// The largest packet in bytes: 1,280 to 9,216 [default: 1,500].
    pub(crate) mtu: Option<Spanned<u16>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) addresses: Vec<Spanned<String>>,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) link_local: bool,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) dad: bool,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) up: bool,
    /// As in `[[interface]]`.
    pub(crate) hop_limit: Option<Spanned<u8>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) point_to_point: bool,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) anycast: Vec<Spanned<Ipv6Addr>>,
    /// As in `[[interface]]`.
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    /// As in `[[interface]]`.
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) neighbors: Neighbors,
    /// As in `[[interface]]`.
    pub(crate) autoconf: Option<Spanned<Autoconf>>,
    /// As in `[[interface]]`.
    pub(crate) advertise: Option<Advertise>,
}

/// What is configured of LACP on a lagg.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Lacp {
    /// How often the partner is asked to speak [default: slow].
    #[serde(default)]
    pub(crate) rate: Rate,
    /// Whether we speak first [default: active].
    #[serde(default)]
    pub(crate) activity: Activity,
    /// Less is better [default: 32,768].
    pub(crate) system_priority: Option<u16>,
    /// Our identity [default: the lagg's own address, or the first port's].
    pub(crate) system_mac: Option<ParsedMac>,
    /// What tells our laggs apart [default: one that no other has].
    pub(crate) key: Option<u16>,
    /// Distributing ports without which the lagg has no link [default: 1].
    pub(crate) min_links: Option<usize>,
    /// Ports that may be in use at once [default: all].
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
    /// As in `[[interface]]`.
    pub(crate) name: Spanned<String>,
    /// Its ports: interfaces without addresses.
    #[serde(default)]
    pub(crate) ports: Vec<Spanned<String>>,
    /// Seconds for which a station is remembered: 0 (flood everything) to 1,000,000 [default: 300].
    pub(crate) ageing_s: Option<Spanned<u64>>,
    /// Stations that are remembered: 1 to 1,048,576 [default: 8,192].
    pub(crate) stations: Option<Spanned<usize>>,
    /// Its link-layer address [default: one that chance picks].
    pub(crate) mac: Option<Spanned<ParsedMac>>,
    /// The largest packet in bytes: 1,280 to 9,216 [default: 1,500].
    pub(crate) mtu: Option<Spanned<u16>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) addresses: Vec<Spanned<String>>,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) link_local: bool,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) dad: bool,
    /// As in `[[interface]]`.
    #[serde(default = "yes")]
    pub(crate) up: bool,
    /// As in `[[interface]]`.
    pub(crate) hop_limit: Option<Spanned<u8>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) point_to_point: bool,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) anycast: Vec<Spanned<Ipv6Addr>>,
    /// As in `[[interface]]`.
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    /// As in `[[interface]]`.
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    /// As in `[[interface]]`.
    #[serde(default)]
    pub(crate) neighbors: Neighbors,
    /// As in `[[interface]]`.
    pub(crate) autoconf: Option<Spanned<Autoconf>>,
    /// As in `[[interface]]`.
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
