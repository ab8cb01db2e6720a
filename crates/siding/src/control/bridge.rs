//! Requests and answers on bridges.

use serde::Deserialize;
use serde::Serialize;

use super::nested::AddressingRequest;
use crate::config::file::ParsedMac;

/// What can be asked of bridges.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum BridgeRequest {
    Show {},
    Add(BridgeAdd),
    Delete {
        name: String,
        timeout_ms: u64,
    },
    AddPort {
        bridge: String,
        port: String,
    },
    RemovePort {
        bridge: String,
        port: String,
    },
    /// Without a port: the stations behind all of them.
    Flush {
        bridge: String,
        port: Option<String>,
    },
}

/// A bridge to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BridgeAdd {
    pub(crate) name: String,
    pub(crate) ports: Vec<String>,
    pub(crate) ageing_s: Option<u64>,
    pub(crate) stations: Option<usize>,
    pub(crate) mac: Option<ParsedMac>,
    pub(crate) mtu: Option<u16>,
    pub(crate) addressing: AddressingRequest,
}

/// A bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BridgeRow {
    pub(crate) name: String,
    pub(crate) link: bool,
    pub(crate) mac: String,
    pub(crate) ageing_s: u64,
    /// Stations that it remembers at most.
    pub(crate) limit: usize,
    /// Frames that went to the port of a known station, ever.
    pub(crate) forwarded: u64,
    /// Frames that went to all ports, ever.
    pub(crate) flooded: u64,
    /// How often a station was heard behind another port than before.
    pub(crate) moved: u64,
    /// Frames whose sender was not learnt for want of room.
    pub(crate) refused: u64,
    pub(crate) ports: Vec<BridgePortRow>,
    pub(crate) stations: Vec<StationRow>,
}

/// A port of a bridge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct BridgePortRow {
    pub(crate) name: String,
    pub(crate) forwarding: bool,
    pub(crate) stations: usize,
}

/// A station that a bridge has learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct StationRow {
    pub(crate) mac: String,
    pub(crate) port: String,
    /// Since it was heard.
    pub(crate) age_ms: u64,
    /// Somebody has sent it a frame: newcomers do not push it out.
    pub(crate) wanted: bool,
}
