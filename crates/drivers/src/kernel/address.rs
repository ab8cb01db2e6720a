//! Addresses on interfaces.

use std::fmt;
use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::str::FromStr;

use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_core::NLM_F_EXCL;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::address::AddressAttribute;
use netlink_packet_route::address::AddressFlags;
use netlink_packet_route::address::AddressMessage;
use netlink_packet_route::address::AddressProtocol;

use super::Error;
use super::Netlink;

/// An IP address and how many of its bits are the prefix: `192.0.2.1/24`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Cidr {
    address: IpAddr,
    length: u8,
}

impl Cidr {
    /// An address with its prefix length in bits.
    ///
    /// # Errors
    /// If there are more bits than the address has.
    pub fn new(address: IpAddr, length: u8) -> Result<Self, CidrError> {
        let most = if address.is_ipv4() { 32 } else { 128 };
        if length > most { Err(CidrError::TooLong { length, most }) } else { Ok(Self { address, length }) }
    }

    /// The address, with its host bits.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// The prefix length in bits.
    #[must_use]
    pub fn length(self) -> u8 {
        self.length
    }

    pub(super) fn family(self) -> AddressFamily {
        if self.address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 }
    }

    /// The highest address of an IPv4 prefix, which is its directed broadcast; none for /31 and /32 (RFC 3021).
    fn broadcast(self) -> Option<Ipv4Addr> {
        match self.address {
            IpAddr::V4(address) if self.length < 31 => {
                Some(Ipv4Addr::from_bits(address.to_bits() | (u32::MAX >> self.length)))
            }
            _ => None,
        }
    }
}

impl fmt::Display for Cidr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.length)
    }
}

impl FromStr for Cidr {
    type Err = CidrError;

    /// Reads `address/length`; without a length, the address alone is the prefix.
    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (address, length) = match text.split_once('/') {
            Some((address, length)) => (address, Some(length)),
            None => (text, None),
        };
        let bad = || CidrError::Unreadable(text.to_owned());
        let address: IpAddr = address.parse().map_err(|_| bad())?;
        let length = match length {
            Some(length) => length.parse().map_err(|_| bad())?,
            None if address.is_ipv4() => 32,
            None => 128,
        };
        Self::new(address, length)
    }
}

/// Why a text or a pair is no [`Cidr`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CidrError {
    /// Not of the form `address/length`.
    #[error("{0:?} is no address with a prefix length; write 192.0.2.1/24 or 2001:db8::1/64")]
    Unreadable(String),
    /// More bits than the address has.
    #[error("a prefix of {length} bits is longer than the address, which has {most}")]
    TooLong {
        /// What was given, in bits.
        length: u8,
        /// What the address has, in bits.
        most: u8,
    },
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
        if let Some(broadcast) = cidr.broadcast() {
            message.attributes.push(AddressAttribute::Broadcast(broadcast));
        }
        if dad == Dad::Skip && !cidr.address.is_ipv4() {
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
        message.header.family = cidr.family();
        message.header.prefix_len = cidr.length;
        message.header.index = self.link(interface)?.index;
        message.attributes.push(AddressAttribute::Local(cidr.address));
        message.attributes.push(AddressAttribute::Address(cidr.address));
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
    fn cidr_reads_what_it_writes() {
        for text in ["192.0.2.1/24", "2001:db8::1/64", "0.0.0.0/0", "::/0", "192.0.2.1/32"] {
            assert_eq!(text.parse::<Cidr>().unwrap().to_string(), text);
        }
        assert_eq!("fe80::1".parse::<Cidr>().unwrap().length(), 128);
    }

    #[test]
    fn cidr_refuses_what_is_none() {
        assert_eq!("10.0.0.1/33".parse::<Cidr>(), Err(CidrError::TooLong { length: 33, most: 32 }));
        for text in ["", "10.0.0/8", "::1/x", "::1/129/1", "10.0.0.1/-1"] {
            assert!(text.parse::<Cidr>().is_err(), "{text:?} was taken");
        }
    }

    #[test]
    fn broadcast_is_the_prefix_with_all_host_bits_set() {
        let of = |text: &str| text.parse::<Cidr>().unwrap().broadcast();
        assert_eq!(of("192.0.2.1/24"), Some(Ipv4Addr::new(192, 0, 2, 255)));
        assert_eq!(of("10.1.2.3/0"), Some(Ipv4Addr::BROADCAST));
        assert_eq!(of("192.0.2.0/31"), None);
        assert_eq!(of("2001:db8::/64"), None);
    }
}
