//! Addresses as operators write them: with an interface behind a `%`, or without a length.

use std::net::IpAddr;
use std::str::FromStr;

use anyhow::Context;
use siding_client::route::Destination;
use siding_drivers::kernel::Cidr;

use crate::words::value::without_host_bits;

/// `ADDR` or `ADDR%INTERFACE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scoped {
    pub(super) address: IpAddr,
    pub(super) interface: Option<String>,
}

impl FromStr for Scoped {
    type Err = String;

    fn from_str(text: &str) -> Result<Scoped, String> {
        let (address, interface) = match text.split_once('%') {
            Some((address, interface)) => (address, Some(interface.to_owned())),
            None => (text, None),
        };
        let parsed = address.parse().map_err(|_| format!("{address:?} is no IP address"))?;
        match (parsed, &interface) {
            (IpAddr::V6(addr), None) if siding_wire::ip6::is_link_local(addr) || addr.is_multicast() => {
                Err(format!("every link has its own {addr}: say which interface, {addr}%NAME"))
            }
            _ => Ok(Scoped { address: parsed, interface }),
        }
    }
}

/// `ADDR[/LEN]`, or `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct OneOrAll(pub(super) Option<IpAddr>);

pub(super) fn one_or_all(text: &str) -> Result<OneOrAll, String> {
    match text {
        "all" => Ok(OneOrAll(None)),
        address => bare(address).map(|address| OneOrAll(Some(address))),
    }
}

/// An address, whose length may be given and does not matter.
pub(super) fn bare(text: &str) -> Result<IpAddr, String> {
    siding_client::value::cidr(text).map(Cidr::address)
}

/// Where a route leads; `default` is of the next hop's IP version.
pub(super) fn destination(to: Destination, via: Option<IpAddr>) -> anyhow::Result<Destination> {
    let prefix = to
        .prefix(via)
        .context("`default` of which IP version? Give `via ADDR`, or write ::/0 or 0.0.0.0/0")?;
    without_host_bits(prefix).map_err(anyhow::Error::msg)?;
    Ok(Destination::Prefix(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes() {
        let scoped: Scoped = "fe80::1%eth0".parse().unwrap();
        assert_eq!(scoped.interface.as_deref(), Some("eth0"));
        assert_eq!("2001:db8::1".parse::<Scoped>().unwrap().interface, None);
        assert_eq!(
            "fe80::1".parse::<Scoped>().unwrap_err(),
            "every link has its own fe80::1: say which interface, fe80::1%NAME"
        );
        assert_eq!("zebra".parse::<Scoped>().unwrap_err(), "\"zebra\" is no IP address");
    }

    #[test]
    fn prefixes() {
        let text = |text: &str, via: Option<&str>| {
            let to = destination(text.parse().unwrap(), via.map(|via| via.parse().unwrap()));
            to.map(String::from).map_err(|error| error.to_string())
        };
        assert_eq!(text("default", Some("fe80::1")).unwrap(), "::/0");
        assert_eq!(text("default", Some("192.0.2.1")).unwrap(), "0.0.0.0/0");
        assert!(text("default", None).unwrap_err().contains("which IP version"));
        assert_eq!(
            text("2001:db8::1/32", None).unwrap_err(),
            "2001:db8::1/32 has bits set behind its prefix: did you mean 2001:db8::/32?"
        );
    }
}
