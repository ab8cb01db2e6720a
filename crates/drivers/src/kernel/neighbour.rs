//! The kernel's neighbour table (ARP and Neighbor Discovery).

use std::fmt;
use std::net::IpAddr;

use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_core::NLM_F_REPLACE;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::neighbour::NeighbourAddress;
use netlink_packet_route::neighbour::NeighbourAttribute;
use netlink_packet_route::neighbour::NeighbourFlags;
use netlink_packet_route::neighbour::NeighbourMessage;
use netlink_packet_route::neighbour::NeighbourState as Nud;
use netlink_packet_route::route::RouteType;

use super::Error;
use super::Netlink;

/// State of a neighbour entry: those of RFC 4861 s7.3.2, and Linux's own four. Shown as `ip neigh` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NeighbourState {
    /// Resolution is under way.
    Incomplete,
    /// Confirmed not long ago.
    Reachable,
    /// Not confirmed lately, and not in use since.
    Stale,
    /// In use again; upper layers may yet confirm it.
    Delay,
    /// Being probed.
    Probe,
    /// Resolution failed (Linux's own).
    Failed,
    /// Needs no resolution: multicast, loopback (Linux's own).
    NoArp,
    /// Set by hand, never ages (Linux's own).
    Permanent,
    /// None of these.
    Other(u16),
}

impl fmt::Display for NeighbourState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Incomplete => "INCOMPLETE",
            Self::Reachable => "REACHABLE",
            Self::Stale => "STALE",
            Self::Delay => "DELAY",
            Self::Probe => "PROBE",
            Self::Failed => "FAILED",
            Self::NoArp => "NOARP",
            Self::Permanent => "PERMANENT",
            Self::Other(bits) => return write!(f, "0x{bits:x}"),
        })
    }
}

/// One entry of the neighbour table.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Neighbour {
    /// The neighbour's IP address.
    pub address: IpAddr,
    /// Its Ethernet address, once known.
    pub mac: Option<[u8; 6]>,
    /// Where it stands.
    pub state: NeighbourState,
    /// It advertised itself as a router (R flag, RFC 4861 s4.4).
    pub router: bool,
}

impl Netlink {
    /// The neighbours known on an interface, IPv4 and IPv6, without those that need no resolution (multicast).
    ///
    /// # Errors
    /// [`Error::NoInterface`] if there is none of that name.
    pub fn neighbours(&mut self, interface: &str) -> Result<Vec<Neighbour>, Error> {
        let index = self.link(interface)?.index;
        let request = RouteNetlinkMessage::GetNeighbour(NeighbourMessage::default());
        let answer = self.dump(request, format_args!("list the neighbours on {interface}"))?;
        Ok(answer
            .into_iter()
            .filter_map(|message| match message {
                RouteNetlinkMessage::NewNeighbour(entry) if entry.header.ifindex == index => {
                    neighbour_of(&entry)
                }
                _ => None,
            })
            .filter(|neighbour| neighbour.state != NeighbourState::NoArp)
            .collect())
    }

    /// Adds a permanent neighbour, or makes an existing one permanent with that Ethernet address.
    ///
    /// # Errors
    /// If there is no such interface, or the caller may not.
    pub fn add_neighbour(&mut self, interface: &str, address: IpAddr, mac: [u8; 6]) -> Result<(), Error> {
        let mut message = self.neighbour_message(interface, address)?;
        message.header.state = Nud::Permanent;
        message.attributes.push(NeighbourAttribute::LinkLayerAddress(mac.to_vec()));
        self.change(
            RouteNetlinkMessage::NewNeighbour(message),
            NLM_F_CREATE | NLM_F_REPLACE,
            interface,
            format_args!("add the neighbour {address} on {interface}"),
        )
    }

    /// Forgets all neighbours on an interface but the permanent ones; returns how many.
    ///
    /// # Errors
    /// If there is no such interface, or the caller may not.
    pub fn flush_neighbours(&mut self, interface: &str) -> Result<usize, Error> {
        let mut flushed = 0;
        for neighbour in self.neighbours(interface)? {
            if neighbour.state == NeighbourState::Permanent {
                continue;
            }
            let message = self.neighbour_message(interface, neighbour.address)?;
            let operation = format_args!("forget the neighbour {} on {interface}", neighbour.address);
            match self.change(RouteNetlinkMessage::DelNeighbour(message), 0, interface, operation) {
                Ok(()) => flushed += 1,
                // It aged out between the listing and now.
                Err(Error::Refused { why, .. }) if why.raw_os_error() == Some(libc::ENOENT) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(flushed)
    }

    fn neighbour_message(&mut self, interface: &str, address: IpAddr) -> Result<NeighbourMessage, Error> {
        let mut message = NeighbourMessage::default();
        message.header.ifindex = self.link(interface)?.index;
        message.header.kind = RouteType::Unicast;
        let (family, destination) = match address {
            IpAddr::V4(ip) => (AddressFamily::Inet, NeighbourAddress::Inet(ip)),
            IpAddr::V6(ip) => (AddressFamily::Inet6, NeighbourAddress::Inet6(ip)),
        };
        message.header.family = family;
        message.attributes.push(NeighbourAttribute::Destination(destination));
        Ok(message)
    }
}

fn neighbour_of(message: &NeighbourMessage) -> Option<Neighbour> {
    let mut address = None;
    let mut mac = None;
    for attribute in &message.attributes {
        match attribute {
            NeighbourAttribute::Destination(NeighbourAddress::Inet(ip)) => address = Some(IpAddr::V4(*ip)),
            NeighbourAttribute::Destination(NeighbourAddress::Inet6(ip)) => address = Some(IpAddr::V6(*ip)),
            NeighbourAttribute::LinkLayerAddress(bytes) => mac = bytes.as_slice().try_into().ok(),
            _ => {}
        }
    }
    let state = match message.header.state {
        Nud::Incomplete => NeighbourState::Incomplete,
        Nud::Reachable => NeighbourState::Reachable,
        Nud::Stale => NeighbourState::Stale,
        Nud::Delay => NeighbourState::Delay,
        Nud::Probe => NeighbourState::Probe,
        Nud::Failed => NeighbourState::Failed,
        Nud::Noarp => NeighbourState::NoArp,
        Nud::Permanent => NeighbourState::Permanent,
        other => NeighbourState::Other(other.into()),
    };
    // Entries of a bridge's forwarding table have no IP address.
    Some(Neighbour {
        address: address?,
        mac,
        state,
        router: message.header.flags.contains(NeighbourFlags::Router),
    })
}
