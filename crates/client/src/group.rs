//! Requests and answers on multicast groups.

use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Serialize;

/// What can be asked of groups.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case", deny_unknown_fields)]
pub enum GroupRequest {
    /// All groups.
    Show {},
    /// Listens to a group.
    Join(Group),
    /// Ceases to.
    Leave(Group),
}

/// A group on an interface: `[[group]]`, and the same in requests and on the command line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// On which interface.
    #[cfg_attr(feature = "clap", arg(long = "dev", value_name = "NAME"))]
    pub interface: String,
    /// A multicast address.
    #[cfg_attr(feature = "clap", arg(value_name = "GROUP"))]
    pub group: Ipv6Addr,
}

/// A group that an interface listens to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct GroupRow {
    /// On which interface.
    pub interface: String,
    /// The group's address.
    pub group: Ipv6Addr,
    /// `node`, `router`, `address` or `asked`.
    pub why: String,
    /// Whether a report has left; `None` if it is never reported.
    pub reported: Option<bool>,
    /// For how long yet a querier of version 1 is taken to be on the link.
    pub version1_left_ms: Option<u64>,
}
