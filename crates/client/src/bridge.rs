//! Requests and answers on bridges.

use serde::Deserialize;
use serde::Serialize;

use crate::nested::Addressing;
use crate::value::ParsedMac;

/// What can be asked of bridges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum BridgeRequest {
    /// All bridges.
    Show {},
    /// Makes a bridge.
    Add(BridgeAdd),
    /// Removes a bridge.
    Delete {
        /// Its name.
        name: String,
        /// So long it is waited until nothing of it is left.
        timeout_ms: u64,
    },
    /// Gives a bridge a port.
    AddPort {
        /// Which bridge.
        bridge: String,
        /// Which port.
        port: String,
    },
    /// Takes a port from a bridge.
    RemovePort {
        /// Which bridge.
        bridge: String,
        /// Which port.
        port: String,
    },
    /// Without a port: the stations behind all of them.
    Flush {
        /// Which bridge.
        bridge: String,
        /// Which port.
        port: Option<String>,
    },
}

/// A bridge: `[[bridge]]`, and the same in requests and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Bridge {
    /// Its name, as in `[[interface]]`.
    #[cfg_attr(feature = "clap", arg(help = "Its name"))]
    pub name: String,
    /// Its ports: interfaces without addresses.
    #[serde(default)]
    #[cfg_attr(
        feature = "clap",
        arg(long = "port", value_name = "NAME", help = "A port; may be given again")
    )]
    pub ports: Vec<String>,
    /// Seconds for which a station is remembered: 0 (flood everything) to 1,000,000 [default: 300].
    #[cfg_attr(feature = "clap", arg(long = "ageing", value_name = "SECONDS"))]
    pub ageing_s: Option<u64>,
    /// Stations that are remembered: 1 to 1,048,576 [default: 8,192].
    #[cfg_attr(feature = "clap", arg(long, value_name = "COUNT"))]
    pub stations: Option<usize>,
    /// Its link-layer address [default: one that chance picks].
    #[cfg_attr(feature = "clap", arg(long))]
    pub mac: Option<ParsedMac>,
    /// The largest packet in bytes: 1,280 to 9,216 [default: 1,500].
    #[cfg_attr(feature = "clap", arg(long, value_name = "BYTES"))]
    pub mtu: Option<u16>,
}

/// A bridge to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct BridgeAdd {
    /// What it is.
    #[serde(flatten)]
    #[cfg_attr(feature = "clap", command(flatten))]
    pub bridge: Bridge,
    /// Its addresses.
    #[cfg_attr(feature = "clap", command(flatten))]
    pub addressing: Addressing,
}

/// A bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BridgeRow {
    /// Its name.
    pub name: String,
    /// Whether its link is there.
    pub link: bool,
    /// Its link-layer address.
    pub mac: String,
    /// Seconds for which a station is remembered.
    pub ageing_s: u64,
    /// Stations that it remembers at most.
    pub limit: usize,
    /// Frames that went to the port of a known station, ever.
    pub forwarded: u64,
    /// Frames that went to all ports, ever.
    pub flooded: u64,
    /// How often a station was heard behind another port than before.
    pub moved: u64,
    /// Frames whose sender was not learnt for want of room.
    pub refused: u64,
    /// Its ports.
    pub ports: Vec<BridgePortRow>,
    /// Stations that it has learnt.
    pub stations: Vec<StationRow>,
}

/// A port of a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct BridgePortRow {
    /// Its name.
    pub name: String,
    /// Whether frames pass it.
    pub forwarding: bool,
    /// Stations that were heard behind it.
    pub stations: usize,
}

/// A station that a bridge has learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct StationRow {
    /// Its link-layer address.
    pub mac: String,
    /// Behind which port it was heard.
    pub port: String,
    /// Since it was heard.
    pub age_ms: u64,
    /// Somebody has sent it a frame: newcomers do not push it out.
    pub wanted: bool,
}
