//! The shape of what lies on other interfaces: `[[lagg]]`, `[[bridge]]`.

use std::collections::BTreeMap;

use serde::Deserialize;
use siding_client::lagg::Lacp;
use siding_client::lagg::Layer;
use siding_client::lagg::Mode;
use siding_client::lagg::Reselect;
use siding_client::value::ParsedMac;
use toml::Spanned;

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
}
