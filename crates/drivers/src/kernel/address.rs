//! Addresses on interfaces.

use std::net::IpAddr;
use std::net::Ipv4Addr;

use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_core::NLM_F_EXCL;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::address::AddressFlags;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::address::AddressProtocol;
use siding_wire::Cidr;

use super::Error;
use super::Netlink;

/// The family of an address, as the kernel has it.
pub(super) fn family(cidr: Cidr) -> AddressFamily {
    if cidr.address().is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
}

/// The highest address of an IPv4 prefix, which is its directed broadcast; none for /31 and /32 (RFC 3021).
fn broadcast(cidr: Cidr) -> Option<Ipv4Addr> {
    match cidr.address() {
        IpAddr::V4(address) if cidr.length() < 31 => {
            Some(Ipv4Addr::from_bits(address.to_bits() | (u32::MAX >> cidr.length())))
        }
        _ => None,
    }
}

/// Whether the kernel looks for a duplicate before it uses an IPv6 address (RFC 4862 s5.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dad {
    /// It does: the address is tentative for a second or two.
    Detect,
    /// It does not: the address is usable when the call returns.
    Skip,
}

/// An address on an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Address {
    /// The address and its prefix length.
    pub cidr: Cidr,
    /// Duplicate address detection has not ended.
    pub tentative: bool,
    /// Duplicate address detection found another owner.
    pub duplicate: bool,
    /// The kernel made it by itself from the interface's identity: an IPv6 link-local one. (Kernels before
    /// Linux 5.18 do not say, then this is false.)
    pub automatic: bool,
}

impl Netlink {
    /// Puts an address on an interface. `dad` is of no effect on IPv4.
    ///
    /// # Errors
    /// If it is there already, there is no such interface, or the caller may not.
    pub fn add_address(&mut self, interface: &str, cidr: Cidr, dad: Dad) -> Result<(), Error> {
        let mut message = self.address_message(interface, cidr)?;
        if let Some(broadcast) = broadcast(cidr) {
            message.attributes.push(AddressAttribute::Broadcast(broadcast));
        }
        if dad == Dad::Skip && !cidr.address().is_ipv4() {
            message.attributes.push(AddressAttribute::Flags(AddressFlags::Nodad));
        }
        self.change(
            RouteNetlinkMessage::NewAddress(message),
            NLM_F_CREATE | NLM_F_EXCL,
            interface,
            format_args!("add {cidr} to {interface}"),
        )
    }

    /// Takes an address off an interface.
    ///
    /// # Errors
    /// If it is not there, there is no such interface, or the caller may not.
    pub fn delete_address(&mut self, interface: &str, cidr: Cidr) -> Result<(), Error> {
        let message = self.address_message(interface, cidr)?;
        self.change(
            RouteNetlinkMessage::DelAddress(message),
            0,
            interface,
            format_args!("take {cidr} off {interface}"),
        )
    }

    /// The IPv4 and IPv6 addresses on an interface, in the kernel's order.
    ///
    /// # Errors
    /// [`Error::NoInterface`] if there is none of that name.
    pub fn addresses(&mut self, interface: &str) -> Result<Vec<Address>, Error> {
        let index = self.link(interface)?.index;
        let request = RouteNetlinkMessage::GetAddress(AddressMessage::default());
        let answer = self.dump(request, format_args!("list the addresses of {interface}"))?;
        Ok(answer
            .into_iter()
            .filter_map(|message| match message {
                RouteNetlinkMessage::NewAddress(address) if address.header.index == index => {
                    address_of(&address)
                }
                _ => None,
            })
            .collect())
    }

    fn address_message(&mut self, interface: &str, cidr: Cidr) -> Result<AddressMessage, Error> {
        let mut message = AddressMessage::default();
        message.header.family = family(cidr);
        message.header.prefix_len = cidr.length();
        message.header.index = self.link(interface)?.index;
        message.attributes.push(AddressAttribute::Local(cidr.address()));
        message.attributes.push(AddressAttribute::Address(cidr.address()));
        Ok(message)
    }
}

fn address_of(message: &AddressMessage) -> Option<Address> {
    let mut local = None;
    let mut address = None;
    // The header has room for the first eight flags only; the attribute, if it is there, has them all.
    let mut flags = AddressFlags::from_bits_retain(u32::from(message.header.flags.bits()));
    let mut automatic = false;
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Address(ip) => address = Some(*ip),
            AddressAttribute::Flags(all) => flags = *all,
            AddressAttribute::Protocol(protocol) => automatic = *protocol == AddressProtocol::LinkLocal,
            _ => {}
        }
    }
    // On a point-to-point link, "address" is the far end's.
    let cidr = Cidr::new(local.or(address)?, message.header.prefix_len).ok()?;
    Some(Address {
        cidr,
        tentative: flags.contains(AddressFlags::Tentative),
        duplicate: flags.contains(AddressFlags::Dadfailed),
        automatic,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn broadcast_is_the_prefix_with_all_host_bits_set() {
        let of = |text: &str| broadcast(text.parse::<Cidr>().unwrap());
        assert_eq!(of("192.0.2.1/24"), Some(Ipv4Addr::new(192, 0, 2, 255)));
        assert_eq!(of("10.1.2.3/0"), Some(Ipv4Addr::BROADCAST));
        assert_eq!(of("192.0.2.0/31"), None);
        assert_eq!(of("2001:db8::/64"), None);
    }
}
