//! Requests and answers on multicast groups.

use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Serialize;

/// What can be asked of groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum GroupRequest {
    Show {},
    Join { interface: String, group: Ipv6Addr },
    Leave { interface: String, group: Ipv6Addr },
}

/// A group that an interface listens to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct GroupRow {
    pub(crate) interface: String,
    pub(crate) group: Ipv6Addr,
    /// `node`, `router`, `address` or `asked`.
    pub(crate) why: String,
    /// Whether a report has left; `None` if it is never reported.
    pub(crate) reported: Option<bool>,
    /// For how long yet a querier of version 1 is taken to be on the link.
    pub(crate) version1_left_ms: Option<u64>,
}
