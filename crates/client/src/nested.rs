//! Requests and answers on what lies on other interfaces: VLANs and laggs.

use serde::Deserialize;
use serde::Serialize;

use crate::lagg::Lacp;
use crate::lagg::Layer;
use crate::lagg::Mode;
use crate::lagg::Reselect;
use crate::lagg::Tag;
use crate::value::OwnAddress;
use crate::value::ParsedMac;

/// What can be asked of VLANs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum VlanRequest {
    /// All VLANs.
    Show {},
    /// Makes a VLAN.
    Add(VlanAdd),
    /// Removes a VLAN.
    Delete {
        /// Its name.
        name: String,
        /// So long it is waited until nothing of it is left.
        timeout_ms: u64,
    },
}

/// What can be asked of laggs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum LaggRequest {
    /// All laggs.
    Show {},
    /// Makes a lagg.
    Add(LaggAdd),
    /// Removes a lagg.
    Delete {
        /// Its name.
        name: String,
        /// So long it is waited until nothing of it is left.
        timeout_ms: u64,
    },
    /// Gives a lagg a port.
    AddPort {
        /// Which lagg.
        lagg: String,
        /// Which port.
        port: String,
        /// More is better, but in LACP, where less is; behind the others if it is not given.
        priority: Option<u16>,
    },
    /// Takes a port from a lagg.
    RemovePort {
        /// Which lagg.
        lagg: String,
        /// Which port.
        port: String,
    },
    /// Without a port: none is preferred.
    SetPrimary {
        /// Which lagg.
        lagg: String,
        /// Which port.
        port: Option<String>,
    },
    /// Changes a lagg's link-layer address, and that of all that lies on it.
    SetMac {
        /// Which lagg.
        lagg: String,
        /// Its link-layer address.
        mac: ParsedMac,
    },
}

/// A VLAN: `[[vlan]]`, and the same in requests and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Vlan {
    /// Its name, as in `[[interface]]`.
    #[cfg_attr(feature = "clap", arg(help = "Its name"))]
    pub name: String,
    /// What it lies on: a device, a lagg, a bridge or another VLAN.
    #[cfg_attr(feature = "clap", arg(long))]
    pub parent: String,
    /// 1 to 4,094.
    #[cfg_attr(feature = "clap", arg(long))]
    pub vid: u16,
    /// The tag's type [default: 802.1q].
    #[serde(default)]
    #[cfg_attr(feature = "clap", arg(long, default_value = "802.1q", hide_default_value = true))]
    pub protocol: Tag,
    /// What is wanted of its MTU in bytes [default: that of what it lies on].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "clap", arg(long, value_name = "BYTES"))]
    pub mtu: Option<u16>,
}

/// A VLAN to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct VlanAdd {
    /// What it is.
    #[serde(flatten)]
    #[cfg_attr(feature = "clap", command(flatten))]
    pub vlan: Vlan,
    /// Its addresses.
    #[cfg_attr(feature = "clap", command(flatten))]
    pub addressing: Addressing,
}

/// A lagg: `[[lagg]]`, and the same in requests and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Lagg {
    /// Its name, as in `[[interface]]`.
    #[cfg_attr(feature = "clap", arg(help = "Its name"))]
    pub name: String,
    /// How it uses its ports.
    #[cfg_attr(feature = "clap", arg(long))]
    pub mode: Mode,
    /// Its ports: interfaces without addresses.
    #[serde(default)]
    #[cfg_attr(
        feature = "clap",
        arg(long = "port", value_name = "NAME", help = "A port; may be given again. The first is the best")
    )]
    pub ports: Vec<String>,
    /// When it goes back to a better port [default: always].
    #[serde(default)]
    #[cfg_attr(
        feature = "clap",
        arg(long, default_value = "always", help = "When a failover lagg goes back to a better port")
    )]
    pub reselect: Reselect,
    /// Headers that tell flows apart [default: all].
    #[cfg_attr(
        feature = "clap",
        arg(long, value_delimiter = ',', help = "What tells flows apart [default: l2,l3,l4]")
    )]
    pub hash: Option<Vec<Layer>>,
    /// How often an address is announced that has moved: 0 to 100 [default: 3].
    #[cfg_attr(feature = "clap", arg(long, value_name = "COUNT"))]
    pub announce_count: Option<u32>,
    /// Milliseconds between two announcements: 1 to 60,000 [default: 1,000].
    #[cfg_attr(feature = "clap", arg(long = "announce-interval", value_name = "MS"))]
    pub announce_interval_ms: Option<u64>,
    /// What is configured of LACP: see `lacp` below.
    #[cfg_attr(feature = "clap", command(flatten))]
    pub lacp: Option<Lacp>,
    /// Its link-layer address [default: the first port's].
    #[cfg_attr(feature = "clap", arg(long))]
    pub mac: Option<ParsedMac>,
    /// The largest packet in bytes: 1,280 to 9,216 [default: 1,500].
    #[cfg_attr(feature = "clap", arg(long, value_name = "BYTES"))]
    pub mtu: Option<u16>,
}

/// A lagg to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct LaggAdd {
    /// What it is.
    #[serde(flatten)]
    #[cfg_attr(feature = "clap", command(flatten))]
    pub lagg: Lagg,
    /// Its addresses.
    #[cfg_attr(feature = "clap", command(flatten))]
    pub addressing: Addressing,
}

/// What an interface of any kind is made with: in the file's tables, in requests and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Addressing {
    /// Addresses with the lengths of their prefixes; behind one may stand `dad` or `no-dad`, if it differs from the others.
    #[serde(default)]
    #[cfg_attr(
        feature = "clap",
        arg(
            long = "address",
            value_name = "ADDR/LEN",
            help = "An address with the length of its prefix; may be given again"
        )
    )]
    pub addresses: Vec<OwnAddress>,
    /// Make a link-local address; a port has it when it is released [default: true].
    #[serde(default = "yes")]
    #[cfg_attr(feature = "clap", arg(long = "no-link-local", action = clap::ArgAction::SetFalse, help = "Make no link-local address"))]
    pub link_local: bool,
    /// Test addresses for duplicates before they are used [default: true].
    #[serde(default = "yes")]
    #[cfg_attr(feature = "clap", arg(long = "no-dad", action = clap::ArgAction::SetFalse, help = "Use addresses at once, without looking for duplicates"))]
    pub dad: bool,
    /// Its link has but two ends: nothing that comes from the other is sent back there [default: false].
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    #[cfg_attr(
        feature = "clap",
        arg(long, help = "Its link has but two ends: nothing that comes from the other is sent back there")
    )]
    pub point_to_point: bool,
}

fn yes() -> bool {
    true
}

/// A VLAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct VlanRow {
    /// Its name.
    pub name: String,
    /// What it lies on.
    pub parent: String,
    /// Its number, 1 to 4,094.
    pub vid: u16,
    /// `802.1q` or `802.1ad`.
    pub protocol: String,
    /// Whether its link is there.
    pub link: bool,
    /// Its link-layer address.
    pub mac: String,
    /// Its addresses, with the lengths of their prefixes.
    pub addresses: Vec<String>,
}

/// A lagg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LaggRow {
    /// Its name.
    pub name: String,
    /// How it uses its ports.
    pub mode: String,
    /// Whether its link is there.
    pub link: bool,
    /// Its link-layer address.
    pub mac: String,
    /// The port that is preferred.
    pub primary: Option<String>,
    /// The port in use, in failover.
    pub active: Option<String>,
    /// Announcements that were sent, ever.
    pub announced: u64,
    /// In that mode.
    pub lacp: Option<LacpRow>,
    /// Its ports.
    pub ports: Vec<LaggPortRow>,
}

/// A port of a lagg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LaggPortRow {
    /// Its name.
    pub name: String,
    /// More is better, but in LACP, where less is.
    pub priority: u16,
    /// Up, with a link.
    pub usable: bool,
    /// Frames leave by it.
    pub sending: bool,
    /// Frames that come by it are taken.
    pub receiving: bool,
    /// It is to go as soon as its partner has stopped sending to it.
    pub leaving: bool,
    /// In that mode.
    pub lacp: Option<LacpPortRow>,
}

/// LACP on a lagg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LacpRow {
    /// Priority and address.
    pub system: String,
    /// What tells our laggs apart.
    pub key: u16,
    /// `active` or `passive`.
    pub activity: String,
    /// `fast` or `slow`.
    pub rate: String,
    /// The partner's system and key.
    pub aggregator: Option<String>,
}

/// LACP on a port, in full words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LacpPortRow {
    /// By which the partner knows it.
    pub number: u16,
    /// The receive machine's state.
    pub receive: String,
    /// The mux machine's state.
    pub mux: String,
    /// The periodic machine's state.
    pub periodic: String,
    /// Whether it is of the lagg's aggregator.
    pub selected: String,
    /// Why it is there.
    pub why: String,
    /// Our end.
    pub actor: LacpEndRow,
    /// The other end, as it told.
    pub partner: LacpEndRow,
    /// LACPDUs that came, ever.
    pub received: u64,
    /// LACPDUs that were sent, ever.
    pub sent: u64,
    /// Frames of the protocol that were none, ever.
    pub ignored: u64,
    /// Markers that were answered, ever.
    pub markers: u64,
}

/// One end of a link that speaks LACP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct LacpEndRow {
    /// Priority and address.
    pub system: String,
    /// What tells its aggregators apart.
    pub key: u16,
    /// 0 for nobody.
    pub port: u16,
    /// Less is better.
    pub priority: u16,
    /// What it says of itself, in words.
    pub state: Vec<String>,
}
