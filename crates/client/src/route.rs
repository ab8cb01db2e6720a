//! Routes, in the words of the configuration file (`[[route]]`), of requests and of the command line.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::str::FromStr;

use serde::Deserialize;
use serde::Serialize;
use siding_wire::Cidr;

use crate::value::cidr;

/// A route. To remove one, what is left out may be anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The destinations: a prefix without host bits, or `default`.
    #[cfg_attr(feature = "clap", arg(value_name = "PREFIX"))]
    pub to: Destination,
    /// The router; without it the destinations are on the link.
    #[cfg_attr(feature = "clap", arg(long, value_name = "ADDR"))]
    pub via: Option<IpAddr>,
    /// The interface [default: that with the router's prefix].
    #[cfg_attr(feature = "clap", arg(long = "dev", value_name = "NAME"))]
    pub interface: Option<String>,
    /// Less is better [default: 1,024].
    #[cfg_attr(feature = "clap", arg(long))]
    pub metric: Option<u32>,
    /// Its share of the flows, 1 to 255, beside those of the other routers to the same prefix that have one: each flow keeps to one
    /// of up to 64; the best metric among them counts for all: when that router is taken out, a route of a metric in between has
    /// all flows [default: the best route alone is used].
    #[cfg_attr(feature = "clap", arg(long, help = WEIGHT))]
    pub weight: Option<u8>,
}

/// For who gives several routers at once.
#[cfg(feature = "clap")]
const WEIGHT: &str = "Its share of the flows beside other routers to the prefix, 1 to 255 [default: 1, or all if there is one]";

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Destination {
    /// `default`: everything, of the router's IP version.
    Default,
    /// A prefix.
    Prefix(Cidr),
}

impl Destination {
    /// The prefix; of `default` there is none where nothing tells of which IP version it is.
    pub fn prefix(self, via: Option<IpAddr>) -> Option<Cidr> {
        let all = match (self, via) {
            (Destination::Prefix(prefix), _) => return Some(prefix),
            (Destination::Default, None) => return None,
            (Destination::Default, Some(IpAddr::V4(_))) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
            (Destination::Default, Some(IpAddr::V6(_))) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        };
        Cidr::new(all, 0).ok()
    }
}

impl FromStr for Destination {
    type Err = String;

    fn from_str(text: &str) -> Result<Destination, String> {
        match text {
            "default" => Ok(Destination::Default),
            text => cidr(text).map(Destination::Prefix),
        }
    }
}

impl TryFrom<String> for Destination {
    type Error = String;

    fn try_from(text: String) -> Result<Destination, String> {
        text.parse()
    }
}

impl From<Destination> for String {
    fn from(to: Destination) -> String {
        to.to_string()
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Destination::Default => f.write_str("default"),
            Destination::Prefix(prefix) => prefix.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_is_of_the_routers_version() {
        let all = |text: &str, via: Option<&str>| {
            let to: Destination = text.parse().unwrap();
            to.prefix(via.map(|via| via.parse().unwrap())).map(|prefix| prefix.to_string())
        };
        assert_eq!(all("default", Some("fe80::1")).as_deref(), Some("::/0"));
        assert_eq!(all("default", Some("192.0.2.1")).as_deref(), Some("0.0.0.0/0"));
        assert_eq!(all("default", None), None);
        assert_eq!(all("2001:db8::/32", None).as_deref(), Some("2001:db8::/32"));
    }

    #[test]
    fn a_route_is_read_as_it_is_written() {
        let text = r#"{"to":"default","via":"fe80::1","interface":"eth0","metric":null,"weight":3}"#;
        let route: Route = serde_json::from_str(text).unwrap();
        assert_eq!((route.to, route.weight), (Destination::Default, Some(3)));
        assert_eq!(serde_json::to_string(&route).unwrap(), text);
        assert!(serde_json::from_str::<Route>(r#"{"to":"::/0","by":"a"}"#).is_err());
    }
}
