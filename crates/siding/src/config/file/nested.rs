//! The shape of `[[bridge]]`.

use serde::Deserialize;
use siding_client::value::ParsedMac;
use toml::Spanned;

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
