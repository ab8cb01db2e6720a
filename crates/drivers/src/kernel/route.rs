//! Routes in the main table.

use std::net::IpAddr;

use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_core::NLM_F_EXCL;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::route::RouteAttribute;
use netlink_packet_route::route::RouteHeader;
use netlink_packet_route::route::RouteMessage;
use netlink_packet_route::route::RouteProtocol;
use netlink_packet_route::route::RouteScope;
use netlink_packet_route::route::RouteType;

use super::Cidr;
use super::Error;
use super::Netlink;

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
        message.header.address_family = destination.family();
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
}

fn by(via: Option<IpAddr>, interface: Option<&str>) -> String {
    let via = via.map(|via| format!(" via {via}")).unwrap_or_default();
    let dev = interface.map(|interface| format!(" out of {interface}")).unwrap_or_default();
    via + &dev
}
