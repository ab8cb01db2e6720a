//! Checks of single values, shared by files and the command line. Each error says what would be right.

use std::net::IpAddr;

use siding_drivers::kernel::Cidr;
use siding_stack::route::Address;
use siding_stack::route::Prefix;
use siding_wire::Mac;
use siding_wire::ends::is_everybody4;

/// Tables, metrics and the alerts on them say `-` of what is on no interface, and `(departed)` of those that have gone: none
/// of ours has such a name.
pub(crate) fn interface_name(name: &str) -> Result<(), String> {
    device_name(name)?;
    match name == "-" || name.starts_with('(') {
        true => Err(format!(
            "{name:?} is no interface name: tables have such a word for what is on none; give another"
        )),
        false => Ok(()),
    }
}

pub(crate) fn device_name(name: &str) -> Result<(), String> {
    let bad = |c: char| c == '/' || c == ':' || c == '%' || c.is_whitespace() || c.is_control();
    match name.is_empty() || name.len() > 15 || name.chars().any(bad) {
        true => {
            Err(format!("{name:?} is no interface name: give 1 to 15 bytes without `/`, `:`, `%` or blanks"))
        }
        false => Ok(()),
    }
}

/// The largest MTU that any driver here takes.
pub(crate) const MAX_MTU: u16 = 9216;

pub(crate) fn mtu(mtu: u16) -> Result<(), String> {
    match (1280..=MAX_MTU).contains(&mtu) {
        true => Ok(()),
        false => Err(format!("an MTU of {mtu} bytes: give 1280 (the least for IPv6) to {MAX_MTU}")),
    }
}

pub(crate) fn station(mac: Mac) -> Result<(), String> {
    match mac.is_unicast() {
        true => Ok(()),
        false => {
            Err(format!("{mac} cannot be a station's address: the first byte must be even, and not all zero"))
        }
    }
}

pub(crate) fn unicast(address: IpAddr) -> Result<(), String> {
    let broadcast = matches!(address, IpAddr::V4(address) if address.is_broadcast());
    if address.is_unspecified() || address.is_loopback() || address.is_multicast() || broadcast {
        return Err(format!(
            "{address} is unspecified, loopback, multicast or broadcast: give a unicast address"
        ));
    }
    if !siding_stack::is_host(address) {
        return Err(format!("{address} is reserved, and no host's: give a unicast address"));
    }
    Ok(())
}

/// That the address is not everybody's in a prefix that it lies in.
pub(crate) fn somebodys(address: IpAddr, prefix: Cidr) -> Result<(), String> {
    match address {
        IpAddr::V4(own) if covers(prefix, address) && is_everybody4(own, prefix.length()) => Err(format!(
            "{address} is everybody's where prefixes have {} bits: give a host's",
            prefix.length()
        )),
        _ => Ok(()),
    }
}

/// The weight of a router among others.
pub(crate) fn weight(weight: u8, has_router: bool) -> Result<(), String> {
    match (weight, has_router) {
        (0, _) => Err("a weight of 0: leave the router out, or give 1 to 255".into()),
        (_, false) => Err("a weight is a router's: give `via`, too, or no weight".into()),
        (_, true) => Ok(()),
    }
}

pub(crate) fn next_hop(next_hop: IpAddr, to: Cidr) -> Result<(), String> {
    if next_hop.is_ipv4() != to.address().is_ipv4() {
        return Err(format!("{next_hop} cannot lead to {to}: one is IPv4 and the other IPv6"));
    }
    let fit = match next_hop {
        IpAddr::V6(addr) => addr.is_next_hop(),
        IpAddr::V4(addr) => addr.is_next_hop(),
    };
    match fit {
        true => Ok(()),
        false => Err(format!("{next_hop} cannot be a next hop: give a router's unicast address")),
    }
}

/// A router that is reached by itself is never reached.
pub(crate) fn not_itself(next_hop: IpAddr, to: Cidr) -> Result<(), String> {
    let whole = if next_hop.is_ipv6() { 128 } else { 32 };
    match next_hop == to.address() && to.length() == whole {
        true => Err(format!("{next_hop} would be reached by itself: leave `via` out")),
        false => Ok(()),
    }
}

pub(crate) fn without_host_bits(cidr: Cidr) -> Result<(), String> {
    let address = match cidr.address() {
        IpAddr::V6(address) => IpAddr::V6(Prefix::covering(address, cidr.length()).addr()),
        IpAddr::V4(address) => IpAddr::V4(Prefix::covering(address, cidr.length()).addr()),
    };
    match address == cidr.address() {
        true => Ok(()),
        false => {
            Err(format!("{cidr} has bits set behind its prefix: did you mean {address}/{}?", cidr.length()))
        }
    }
}

pub(crate) fn covers(cidr: Cidr, address: IpAddr) -> bool {
    match (cidr.address(), address) {
        (IpAddr::V6(own), IpAddr::V6(other)) => Prefix::covering(own, cidr.length()).contains(other),
        (IpAddr::V4(own), IpAddr::V4(other)) => Prefix::covering(own, cidr.length()).contains(other),
        _ => false,
    }
}
