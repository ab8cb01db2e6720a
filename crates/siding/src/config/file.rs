//! The shape of the file's text. Each value knows its place, for messages.

use std::path::PathBuf;

use serde::Deserialize;
use siding_client::Bridge;
use siding_client::Group;
use siding_client::Interface;
use siding_client::Lagg;
use siding_client::Vlan;
use siding_client::neighbor::Neighbor;
use siding_client::refuse::Refuse;
use siding_client::route::Route;
use toml::Spanned;

use super::listen::Listen;
use crate::filter::check::Filter;
use crate::interface::check::Kept;
use crate::limits::check::Limits;
use crate::means::said::Said;
use crate::nested::check::Preferred;

/// The whole file, but for sections of protocols.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) stack: Stack,
    #[serde(default)]
    pub(crate) limits: Limits,
    #[serde(default)]
    pub(crate) metrics: Metrics,
    #[serde(default)]
    pub(crate) security: super::security::Security,
    #[serde(default)]
    pub(crate) interface: Vec<Said<Interface, Kept>>,
    #[serde(default)]
    pub(crate) vlan: Vec<Said<Vlan>>,
    #[serde(default)]
    pub(crate) lagg: Vec<Said<Lagg, Preferred>>,
    #[serde(default)]
    pub(crate) bridge: Vec<Said<Bridge>>,
    #[serde(default)]
    pub(crate) route: Vec<Route>,
    #[serde(default)]
    pub(crate) refuse: Vec<Refuse>,
    #[serde(default)]
    pub(crate) neighbor: Vec<Neighbor>,
    #[serde(default)]
    pub(crate) group: Vec<Group>,
    pub(crate) filter: Option<Filter>,
}

/// `[stack]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Stack {
    /// Threads, each with its own queue on every interface: 1 to 256 [default: 1].
    pub(crate) workers: Option<Spanned<usize>>,
    /// Packet buffers: 1,024 for each worker to 4,194,304 [default: 16,384, or that least].
    pub(crate) buffers: Option<Spanned<u32>>,
    /// Deferred packets of each type that may wait for each worker: 1 to 1,048,576 [default: 4,096].
    pub(crate) queue_limit: Option<Spanned<u32>>,
    /// Route packets for others [default: false].
    #[serde(default)]
    pub(crate) forwarding: bool,
    /// As a router, note who announces itself unasked (RFC 9131) [default: true].
    pub(crate) learn_announced: Option<bool>,
    /// Obey hop-by-hop options of packets for others (RFC 8200 s4) [default: false].
    #[serde(default)]
    pub(crate) examine_options: bool,
    /// Forward what is plain by express, a batch at a time: nothing but the time that it takes depends on it [default: true].
    pub(crate) express: Option<bool>,
    /// The control socket [default: /run/siding.sock, for others than root in $XDG_RUNTIME_DIR].
    pub(crate) control: Option<PathBuf>,
    /// How much is logged [default: info].
    #[serde(default)]
    pub(crate) log: Level,
    /// Capture all interfaces into this file.
    pub(crate) pcap: Option<PathBuf>,
    /// Microseconds for which an idle worker looks on before it sleeps: 0 to 1,000,000 [default: 20].
    pub(crate) spin_us: Option<Spanned<u64>>,
    /// Keep each worker to one core [default: true].
    pub(crate) pin: Option<bool>,
    /// Milliseconds after which a stop is ended: 1 to 3,600,000 [default: 120,000].
    pub(crate) stop_timeout_ms: Option<Spanned<u64>>,
    /// Milliseconds for which a neighbor counts as reachable, before chance: 1 to 3,600,000 [default: 30,000].
    pub(crate) reachable_time_ms: Option<Spanned<u64>>,
    /// Milliseconds between two questions to a neighbor: 1 to 3,600,000 [default: 1,000].
    pub(crate) retrans_timer_ms: Option<Spanned<u64>>,
    /// Milliseconds before the first probe of a neighbor that is used: 1 to 3,600,000 [default: 5,000].
    pub(crate) delay_first_probe_ms: Option<Spanned<u64>>,
    /// Solicitations by which an address is tested [default: 1].
    pub(crate) dad_transmits: Option<u32>,
    /// Seconds until a duplicate is tested again, in both families; 0 is never, 86,400 the most [default: 300].
    pub(crate) duplicate_retry_s: Option<Spanned<u64>>,
    /// Stop IP where somebody has the address that our MAC makes (RFC 4862 s5.4.5) [default: true].
    pub(crate) duplicate_stops_ip: Option<bool>,
    /// Keep neighbors that do not answer, and ask them ever more slowly (RFC 7048) [default: false].
    #[serde(default)]
    pub(crate) keep_unreachable: bool,
}

/// `[metrics]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metrics {
    /// Where they are told by HTTP; nowhere without it. A socket at a path is for the daemon's user, and for `monitor_group`.
    pub(crate) listen: Option<Listen>,
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
