//! Requests and answers on interfaces as hosts: what routers tell them.

use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Serialize;

use crate::autoconf::Autoconf;

/// What can be asked of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum HostRequest {
    /// Routers that were learnt.
    ShowRouters {},
    /// Prefixes that were learnt.
    ShowPrefixes {},
    /// Without an interface: of all.
    FlushRouters {
        /// On which interface.
        interface: Option<String>,
    },
    /// Forgets prefixes; without an interface: of all.
    FlushPrefixes {
        /// On which interface.
        interface: Option<String>,
    },
    /// Listens to routers.
    Start {
        /// On which interface.
        interface: String,
        /// How it behaves as a host.
        autoconf: Box<Autoconf>,
    },
    /// Ceases to.
    Stop {
        /// On which interface.
        interface: String,
    },
    /// Begins anew, as if the interface had just been attached.
    Restart {
        /// On which interface.
        interface: String,
    },
    /// Whether an interface's addresses are all out of detection.
    Ready {
        /// On which interface.
        interface: String,
    },
}

/// A router that was learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct RouterRow {
    /// On which interface.
    pub interface: String,
    /// Its link-local address.
    pub address: Ipv6Addr,
    /// What it is a router for; `::/0` is everything.
    pub prefix: String,
    /// `low`, `medium` or `high`.
    pub preference: String,
    /// Seconds; `None` is for ever.
    pub lifetime_s: Option<u64>,
    /// Whether packets go by it now.
    pub used: bool,
    /// The state of its entry among the neighbours, if it has one.
    pub neighbor: Option<String>,
}

/// A prefix that was learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct PrefixRow {
    /// On which interface.
    pub interface: String,
    /// With its length.
    pub prefix: String,
    /// Whether its addresses are on the link.
    pub on_link: bool,
    /// Seconds for which it stays on-link; `None` is for ever.
    pub on_link_s: Option<u64>,
    /// The address that was made from it.
    pub address: Option<Ipv6Addr>,
    /// Seconds; `None` is for ever.
    pub preferred_s: Option<u64>,
    /// Seconds; `None` is for ever.
    pub valid_s: Option<u64>,
}
