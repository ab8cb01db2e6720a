//! Requests and answers on interfaces as hosts: what routers tell them.

use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Serialize;

use crate::config::autoconf::Autoconf;

/// What can be asked of hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum HostRequest {
    ShowRouters {},
    ShowPrefixes {},
    /// Without an interface: of all.
    FlushRouters {
        interface: Option<String>,
    },
    FlushPrefixes {
        interface: Option<String>,
    },
    Start {
        interface: String,
        autoconf: Box<Autoconf>,
    },
    Stop {
        interface: String,
    },
    /// Begins anew, as if the interface had just been attached.
    Restart {
        interface: String,
    },
    Ready {
        interface: String,
    },
}

/// A router that was learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct RouterRow {
    pub(crate) interface: String,
    pub(crate) address: Ipv6Addr,
    /// What it is a router for; `::/0` is everything.
    pub(crate) prefix: String,
    /// `low`, `medium` or `high`.
    pub(crate) preference: String,
    /// Seconds; `None` is for ever.
    pub(crate) lifetime_s: Option<u64>,
    /// Whether packets go by it now.
    pub(crate) used: bool,
    /// The state of its entry among the neighbours, if it has one.
    pub(crate) neighbor: Option<String>,
}

/// A prefix that was learnt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct PrefixRow {
    pub(crate) interface: String,
    pub(crate) prefix: String,
    pub(crate) on_link: bool,
    /// Seconds for which it stays on-link; `None` is for ever.
    pub(crate) on_link_s: Option<u64>,
    /// The address that was made from it.
    pub(crate) address: Option<Ipv6Addr>,
    /// Seconds; `None` is for ever.
    pub(crate) preferred_s: Option<u64>,
    /// Seconds; `None` is for ever.
    pub(crate) valid_s: Option<u64>,
}
