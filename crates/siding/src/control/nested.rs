//! Requests and answers on what lies on other interfaces: VLANs and laggs.

use serde::Deserialize;
use serde::Serialize;

use crate::config::file::Lacp;
use crate::config::file::Layer;
use crate::config::file::Mode;
use crate::config::file::ParsedCidr;
use crate::config::file::ParsedMac;
use crate::config::file::Reselect;
use crate::config::file::Tag;

/// What can be asked of VLANs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum VlanRequest {
    Show {},
    Add(VlanAdd),
    Delete { name: String, timeout_ms: u64 },
}

/// What can be asked of laggs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum LaggRequest {
    Show {},
    Add(LaggAdd),
    Delete {
        name: String,
        timeout_ms: u64,
    },
    AddPort {
        lagg: String,
        port: String,
        priority: Option<u16>,
    },
    RemovePort {
        lagg: String,
        port: String,
    },
    /// Without a port: none is preferred.
    SetPrimary {
        lagg: String,
        port: Option<String>,
    },
    SetMac {
        lagg: String,
        mac: ParsedMac,
    },
}

/// A VLAN to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VlanAdd {
    pub(crate) name: String,
    pub(crate) parent: String,
    pub(crate) vid: u16,
    #[serde(default)]
    pub(crate) protocol: Tag,
    pub(crate) addressing: AddressingRequest,
}

/// A lagg to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LaggAdd {
    pub(crate) name: String,
    pub(crate) mode: Mode,
    pub(crate) ports: Vec<String>,
    #[serde(default)]
    pub(crate) reselect: Reselect,
    pub(crate) hash: Option<Vec<Layer>>,
    pub(crate) announce_count: Option<u32>,
    pub(crate) announce_interval_ms: Option<u64>,
    pub(crate) lacp: Option<Lacp>,
    pub(crate) mac: Option<ParsedMac>,
    pub(crate) mtu: Option<u16>,
    pub(crate) addressing: AddressingRequest,
}

/// The addresses of an interface to make.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AddressingRequest {
    #[serde(default)]
    pub(crate) addresses: Vec<ParsedCidr>,
    pub(crate) link_local: bool,
    pub(crate) dad: bool,
}

/// A VLAN.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct VlanRow {
    pub(crate) name: String,
    pub(crate) parent: String,
    pub(crate) vid: u16,
    /// `802.1q` or `802.1ad`.
    pub(crate) protocol: String,
    pub(crate) link: bool,
    pub(crate) mac: String,
    pub(crate) addresses: Vec<String>,
}

/// A lagg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaggRow {
    pub(crate) name: String,
    pub(crate) mode: String,
    pub(crate) link: bool,
    pub(crate) mac: String,
    pub(crate) primary: Option<String>,
    /// The port in use, in failover.
    pub(crate) active: Option<String>,
    /// Announcements that were sent, ever.
    pub(crate) announced: u64,
    /// In that mode.
    pub(crate) lacp: Option<LacpRow>,
    pub(crate) ports: Vec<LaggPortRow>,
}

/// A port of a lagg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LaggPortRow {
    pub(crate) name: String,
    pub(crate) priority: u16,
    /// Up, with a link.
    pub(crate) usable: bool,
    pub(crate) sending: bool,
    pub(crate) receiving: bool,
    /// It is to go as soon as its partner has stopped sending to it.
    pub(crate) leaving: bool,
    /// In that mode.
    pub(crate) lacp: Option<LacpPortRow>,
}

/// LACP on a lagg.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LacpRow {
    /// Priority and address.
    pub(crate) system: String,
    pub(crate) key: u16,
    /// `active` or `passive`.
    pub(crate) activity: String,
    /// `fast` or `slow`.
    pub(crate) rate: String,
    /// The partner's system and key.
    pub(crate) aggregator: Option<String>,
}

/// LACP on a port, in full words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LacpPortRow {
    pub(crate) number: u16,
    pub(crate) receive: String,
    pub(crate) mux: String,
    pub(crate) periodic: String,
    pub(crate) selected: String,
    pub(crate) why: String,
    pub(crate) actor: LacpEndRow,
    pub(crate) partner: LacpEndRow,
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) ignored: u64,
    pub(crate) markers: u64,
}

/// One end of a link that speaks LACP.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LacpEndRow {
    /// Priority and address.
    pub(crate) system: String,
    pub(crate) key: u16,
    /// 0 for nobody.
    pub(crate) port: u16,
    pub(crate) priority: u16,
    pub(crate) state: Vec<String>,
}
