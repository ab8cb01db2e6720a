//! The shape of the file's text. Each value knows its place, for messages.

use std::net::IpAddr;
use std::path::PathBuf;

use serde::Deserialize;
use serde::Serialize;
use siding_drivers::kernel::Cidr;
use siding_drivers::kernel::CidrError;
use siding_wire::Mac;
use toml::Spanned;

use super::advertise::Advertise;
use super::autoconf::Autoconf;

mod nested;

pub(crate) use nested::Activity;
pub(crate) use nested::Bridge;
pub(crate) use nested::Lacp;
pub(crate) use nested::Lagg;
pub(crate) use nested::Layer;
pub(crate) use nested::Mode;
pub(crate) use nested::Rate;
pub(crate) use nested::Reselect;
pub(crate) use nested::Tag;
pub(crate) use nested::Vlan;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) stack: Stack,
    #[serde(default)]
    pub(crate) limits: super::limits::Limits,
    #[serde(default)]
    pub(crate) acd: super::acd::Acd,
    #[serde(default)]
    pub(crate) mld: super::mld::Mld,
    #[serde(default)]
    pub(crate) interface: Vec<Interface>,
    #[serde(default)]
    pub(crate) vlan: Vec<Vlan>,
    #[serde(default)]
    pub(crate) lagg: Vec<Lagg>,
    #[serde(default)]
    pub(crate) bridge: Vec<Bridge>,
    #[serde(default)]
    pub(crate) route: Vec<Spanned<Route>>,
    #[serde(default)]
    pub(crate) refuse: Vec<super::refuse::Refuse>,
    #[serde(default)]
    pub(crate) neighbor: Vec<Neighbor>,
    #[serde(default)]
    pub(crate) group: Vec<super::mld::Group>,
    pub(crate) filter: Option<super::filter::Filter>,
}

/// `[stack]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stack {
    pub(crate) workers: Option<Spanned<usize>>,
    pub(crate) buffers: Option<Spanned<u32>>,
    pub(crate) queue_limit: Option<Spanned<u32>>,
    #[serde(default)]
    pub(crate) forwarding: bool,
    pub(crate) learn_announced: Option<bool>,
    #[serde(default)]
    pub(crate) examine_options: bool,
    pub(crate) control: Option<PathBuf>,
    #[serde(default)]
    pub(crate) log: Level,
    pub(crate) pcap: Option<PathBuf>,
    pub(crate) spin_us: Option<Spanned<u64>>,
    pub(crate) pin: Option<bool>,
    pub(crate) stop_timeout_ms: Option<Spanned<u64>>,
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    pub(crate) delay_first_probe_ms: Option<Spanned<u64>>,
    pub(crate) dad_transmits: Option<u32>,
    /// Both families; 0 is never.
    pub(crate) duplicate_retry_s: Option<Spanned<u64>>,
    pub(crate) duplicate_stops_ip: Option<bool>,
    #[serde(default)]
    pub(crate) keep_unreachable: bool,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Level {
    Error,
    Warn,
    #[default]
    Info,
    Debug,
    Trace,
}

/// `[[interface]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Interface {
    pub(crate) name: Spanned<String>,
    pub(crate) driver: Driver,
    pub(crate) device: Option<Spanned<String>>,
    pub(crate) mac: Option<Spanned<ParsedMac>>,
    pub(crate) mtu: Option<Spanned<u16>>,
    /// Texts: an element that fails to parse would be told with the place of the whole list.
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
    pub(crate) anycast: Vec<Spanned<std::net::Ipv6Addr>>,
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    /// Start without the device, if it is not there, and wait for it.
    #[serde(default)]
    pub(crate) wait: bool,
    pub(crate) pcap: Option<PathBuf>,
    #[serde(default)]
    pub(crate) neighbors: super::neighbors::Neighbors,
    pub(crate) advertise: Option<Advertise>,
    pub(crate) autoconf: Option<Spanned<Autoconf>>,
}

/// What carries an interface's frames.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Driver {
    /// A TAP interface, whose other end is the kernel's.
    Tap,
    /// An Ethernet interface of the kernel's, claimed, by AF_PACKET.
    Packet,
    /// A wire in this process's memory.
    Memory,
}

impl Driver {
    /// As files have it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Driver::Tap => "tap",
            Driver::Packet => "packet",
            Driver::Memory => "memory",
        }
    }
}

/// `[[route]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Route {
    pub(crate) to: Spanned<String>,
    pub(crate) via: Option<Spanned<IpAddr>>,
    pub(crate) interface: Option<Spanned<String>>,
    pub(crate) metric: Option<u32>,
}

/// `[[neighbor]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neighbor {
    pub(crate) interface: Spanned<String>,
    pub(crate) address: Spanned<IpAddr>,
    pub(crate) mac: Spanned<ParsedMac>,
}

/// A link-layer address, from its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ParsedMac(pub(crate) Mac);

/// An address with the length of its prefix, from their text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct ParsedCidr(pub(crate) Cidr);

impl TryFrom<String> for ParsedMac {
    type Error = String;

    fn try_from(text: String) -> Result<ParsedMac, String> {
        text.parse().map(ParsedMac).map_err(|_| {
            format!("{text:?} is no link-layer address: give six bytes, such as \"02:00:00:00:00:01\"")
        })
    }
}

impl From<ParsedMac> for String {
    fn from(mac: ParsedMac) -> String {
        mac.0.to_string()
    }
}

impl TryFrom<String> for ParsedCidr {
    type Error = String;

    fn try_from(text: String) -> Result<ParsedCidr, String> {
        if !text.contains('/') {
            return Err(format!(
                "{text:?} has no prefix length: write it behind the address, such as {text}/64"
            ));
        }
        text.parse().map(ParsedCidr).map_err(|why: CidrError| why.to_string())
    }
}

impl From<ParsedCidr> for String {
    fn from(cidr: ParsedCidr) -> String {
        cidr.0.to_string()
    }
}

fn yes() -> bool {
    true
}
