//! Neighbours that stay, in the words of the configuration file (`[[neighbor]]`), of requests and of the command line.

use std::net::IpAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::value::ParsedMac;

/// A neighbour that nothing changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Neighbor {
    /// On which interface.
    #[cfg_attr(feature = "clap", arg(long = "dev", value_name = "NAME"))]
    pub interface: String,
    /// Its address.
    #[cfg_attr(feature = "clap", arg(value_name = "ADDR"))]
    pub address: IpAddr,
    /// Its link-layer address.
    #[cfg_attr(feature = "clap", arg(long = "lladdr", value_name = "MAC"))]
    pub mac: ParsedMac,
}
