//! What the daemon tells of by itself.

use serde::Deserialize;
use serde::Serialize;

/// Asks for events; from then on the connection has nothing else. Without kinds: all of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubscribeRequest {
    /// Which kinds.
    #[serde(default)]
    pub kinds: Vec<EventKind>,
}

/// What an event is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum EventKind {
    /// Interfaces that come and go, and their states
    Interface,
    /// Addresses of ours, and their states
    Address,
    /// Neighbors' states
    Neighbor,
    /// Routes that come and go
    Route,
    /// Routers, prefixes and redirects that a host has learnt, and routers that contradict us
    Router,
    /// Ports of laggs, and LACP
    Lagg,
    /// Ports of bridges
    Bridge,
    /// Rules that were loaded, and what rules log
    Filter,
    /// Files that were reloaded, and what commands changed
    Config,
    /// Bounds at which something was refused
    Limit,
    /// Devices that fail, and transmit queues that do not move
    Device,
    /// What paths take
    Path,
    /// Events that this subscriber has lost, being too slow
    Lost,
    /// One that this program does not know yet
    #[serde(other)]
    #[cfg_attr(feature = "clap", value(skip))]
    Other,
}

impl EventKind {
    /// All that can be asked for.
    pub const ALL: [EventKind; 13] = [
        EventKind::Interface,
        EventKind::Address,
        EventKind::Neighbor,
        EventKind::Route,
        EventKind::Router,
        EventKind::Lagg,
        EventKind::Bridge,
        EventKind::Filter,
        EventKind::Config,
        EventKind::Limit,
        EventKind::Device,
        EventKind::Path,
        EventKind::Lost,
    ];

    /// As lines have it.
    pub fn name(self) -> &'static str {
        match self {
            EventKind::Interface => "interface",
            EventKind::Address => "address",
            EventKind::Neighbor => "neighbor",
            EventKind::Route => "route",
            EventKind::Router => "router",
            EventKind::Lagg => "lagg",
            EventKind::Bridge => "bridge",
            EventKind::Filter => "filter",
            EventKind::Config => "config",
            EventKind::Limit => "limit",
            EventKind::Device => "device",
            EventKind::Path => "path",
            EventKind::Lost => "lost",
            EventKind::Other => "other",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct EventRow {
    /// When, in milliseconds since 1970.
    pub at_ms: u64,
    /// What it is about.
    pub kind: EventKind,
    /// On which interface, if it was on one.
    pub interface: Option<String>,
    /// What it happened to: an address, a prefix, a port, a limit.
    pub subject: Option<String>,
    /// Its state before; none if it was not there.
    pub from: Option<String>,
    /// Its state now; none if it is not there any more.
    pub to: Option<String>,
    /// How many: of events that were lost, of refusals at a limit.
    pub count: Option<u64>,
    /// The whole of it, for people.
    pub text: String,
}
