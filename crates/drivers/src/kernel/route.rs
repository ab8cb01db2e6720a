//! Routes in the main table.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_core::NLM_F_EXCL;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::RouteAddress;
use netlink_packet_route::route::RouteAttribute;
use netlink_packet_route::route::RouteHeader;
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::route::RouteScope;
use netlink_packet_route::route::RouteType;

use super::Cidr;
use super::Error;
use super::Netlink;
use super::address::family;

/// A route of the main table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// Where it leads to.
    pub destination: Cidr,
    /// The next hop, if it is not on the link itself.
    pub via: Option<IpAddr>,
    /// The kernel made it by itself, from an address or a router advertisement, and would do so again.
    pub automatic: bool,
}

impl Netlink {
    /// Adds a route to the main table: to `destination` (`0.0.0.0/0` or `::/0` is the default route), by the
    /// next hop `via`, out of `interface`. Give either or both: a link-local next hop needs its interface, and
    /// without a next hop the destination is on the link itself.
    ///
    /// # Errors
    /// If it is there already, the next hop cannot be reached, the interface does not exist or is down, the two
    /// addresses are of different IP versions, or the caller may not.
    pub fn add_route(
        &mut self,
        destination: Cidr,
        via: Option<IpAddr>,
        interface: Option<&str>,
    ) -> Result<(), Error> {
        if let Some(via) = via
            && via.is_ipv4() != destination.address().is_ipv4()
        {
            return Err(Error::MixedFamilies { destination, via });
        }
        let mut message = RouteMessage::default();
        message.header.address_family = family(destination);
        message.header.destination_prefix_length = destination.length();
        message.header.table = RouteHeader::RT_TABLE_MAIN;
        message.header.protocol = RouteProtocol::Static;
        message.header.kind = RouteType::Unicast;
        message.header.scope = if via.is_some() { RouteScope::Universe } else { RouteScope::Link };
        if destination.length() > 0 {
            message.attributes.push(RouteAttribute::Destination(destination.address().into()));
        }
        if let Some(via) = via {
            message.attributes.push(RouteAttribute::Gateway(via.into()));
        }
        if let Some(interface) = interface {
            message.attributes.push(RouteAttribute::Oif(self.link(interface)?.index));
        }
        self.change(
            RouteNetlinkMessage::NewRoute(message),
            NLM_F_CREATE | NLM_F_EXCL,
            interface.unwrap_or_default(),
            format_args!("add a route to {destination}{}", by(via, interface)),
        )
    }

    /// The unicast routes of the main table that lead out of an interface and of no other, IPv4 and IPv6.
    ///
    /// # Errors
    /// [`Error::NoInterface`] if there is none of that name.
    pub fn routes(&mut self, interface: &str) -> Result<Vec<Route>, Error> {
        let index = self.link(interface)?.index;
        let request = RouteNetlinkMessage::GetRoute(RouteMessage::default());
        let answer = self.dump(request, format_args!("list the routes out of {interface}"))?;
        Ok(answer
            .into_iter()
            .filter_map(|message| match message {
                RouteNetlinkMessage::NewRoute(route) => route_of(&route, index),
                _ => None,
            })
            .collect())
    }
}

fn route_of(message: &RouteMessage, interface: u32) -> Option<Route> {
    let header = &message.header;
    if header.table != RouteHeader::RT_TABLE_MAIN || header.kind != RouteType::Unicast {
        return None;
    }
    let mut out = None;
    let mut via = None;
    // A default route has no destination among its attributes.
    let mut destination = match header.address_family {
        AddressFamily::Inet => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        AddressFamily::Inet6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        _ => return None,
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Oif(index) => out = Some(*index),
            RouteAttribute::Destination(address) => destination = ip(address)?,
            RouteAttribute::Gateway(address) => via = ip(address),
            _ => {}
        }
    }
    let automatic = matches!(header.protocol, RouteProtocol::Kernel | RouteProtocol::Ra);
    let destination = Cidr::new(destination, header.destination_prefix_length).ok()?;
    (out == Some(interface)).then_some(Route { destination, via, automatic })
}

fn ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(IpAddr::V4(*ip)),
        RouteAddress::Inet6(ip) => Some(IpAddr::V6(*ip)),
        _ => None,
    }
}

fn by(via: Option<IpAddr>, interface: Option<&str>) -> String {
    let via = via.map(|via| format!(" via {via}")).unwrap_or_default();
    let dev = interface.map(|interface| format!(" out of {interface}")).unwrap_or_default();
    via + &dev
}
