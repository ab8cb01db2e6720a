//! How VLANs, laggs and LACP are set, in the words of the configuration file and of requests.

use serde::Deserialize;
use serde::Serialize;

use crate::value::ParsedMac;

/// A tag's type.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Tag {
    /// A customer's tag, 0x8100
    #[default]
    #[serde(rename = "802.1q")]
    #[cfg_attr(feature = "clap", value(name = "802.1q"))]
    Customer,
    /// A service tag, 0x88a8, for VLANs that carry VLANs
    #[serde(rename = "802.1ad")]
    #[cfg_attr(feature = "clap", value(name = "802.1ad"))]
    Service,
}

/// How a lagg uses its ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "clap", value(rename_all = "lowercase"))]
pub enum Mode {
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Reselect {
    /// As soon as the primary, or a port of higher priority, has a link
    #[default]
    Always,
    /// Only to a port of higher priority than the active one's
    Better,
    /// Never while the active port works
    Failure,
}

/// Headers that tell flows apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Link-layer addresses and VLANs
    L2,
    /// IP addresses
    L3,
    /// Ports of TCP and UDP
    L4,
}

/// What is configured of LACP on a lagg.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Lacp {
    /// How often the partner is asked to speak [default: slow].
    #[serde(default)]
    #[cfg_attr(feature = "clap", arg(long = "lacp-rate", default_value = "slow", hide_default_value = true))]
    pub rate: Rate,
    /// Whether we speak first [default: active].
    #[serde(default)]
    #[cfg_attr(
        feature = "clap",
        arg(long = "lacp-activity", default_value = "active", hide_default_value = true)
    )]
    pub activity: Activity,
    /// Less is better [default: 32,768].
    #[cfg_attr(feature = "clap", arg(skip))]
    pub system_priority: Option<u16>,
    /// Our identity [default: the lagg's own address, or the first port's].
    #[cfg_attr(feature = "clap", arg(skip))]
    pub system_mac: Option<ParsedMac>,
    /// What tells our laggs apart [default: one that no other has].
    #[cfg_attr(feature = "clap", arg(skip))]
    pub key: Option<u16>,
    /// Distributing ports without which the lagg has no link [default: 1].
    #[cfg_attr(feature = "clap", arg(long, value_name = "COUNT"))]
    pub min_links: Option<usize>,
    /// Ports that may be in use at once [default: all].
    #[cfg_attr(feature = "clap", arg(long, value_name = "COUNT"))]
    pub max_links: Option<usize>,
}

/// How often the partner is asked to speak.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Rate {
    /// Every 30 seconds; silent for 90 s is gone
    #[default]
    Slow,
    /// Each second; silent for 3 s is gone
    Fast,
}

/// Whether a port speaks first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// It speaks without having been spoken to
    #[default]
    Active,
    /// It speaks to an active partner only
    Passive,
}
