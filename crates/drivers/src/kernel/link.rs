//! Links: make, delete, change, look up, move to another namespace.

use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;

use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_core::NLM_F_EXCL;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::InfoData;
use netlink_packet_route::link::InfoKind;
use netlink_packet_route::link::InfoVeth;
use netlink_packet_route::link::LinkAttribute;
use netlink_packet_route::link::LinkFlags;
use netlink_packet_route::link::LinkInfo;
use netlink_packet_route::link::LinkMessage;

use super::Error;
use super::Netlink;

/// An interface as the kernel has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// Its index, unique in its namespace for as long as it lives.
    pub index: u32,
    /// Its name, 1 to 15 bytes.
    pub name: String,
    /// Its Ethernet address, if it has one.
    pub mac: Option<[u8; 6]>,
    /// Largest payload of a frame, in bytes, without the Ethernet header.
    pub mtu: u32,
    /// Administratively up (`IFF_UP`).
    pub up: bool,
    /// The medium is there (`IFF_LOWER_UP`). Linux says no while the interface is down.
    pub carrier: bool,
    /// All flags, as `IFF_*` of `netdevice(7)`.
    pub flags: u32,
    /// Index of the bridge, bond or the like of which it is a port.
    pub controller: Option<u32>,
}

impl Link {
    /// The parts that we use of a message on a link. Missing ones are empty, zero or `None`.
    pub(super) fn from_message(message: LinkMessage) -> Self {
        let flags = message.header.flags;
        let mut link = Self {
            index: message.header.index,
            name: String::new(),
            mac: None,
            mtu: 0,
            up: flags.contains(LinkFlags::Up),
            carrier: flags.contains(LinkFlags::LowerUp),
            flags: flags.bits(),
            controller: None,
        };
        for attribute in message.attributes {
            match attribute {
                LinkAttribute::IfName(name) => link.name = name,
                LinkAttribute::Address(bytes) => link.mac = bytes.try_into().ok(),
                LinkAttribute::Mtu(mtu) => link.mtu = mtu,
                LinkAttribute::Controller(index) => link.controller = Some(index),
                _ => {}
            }
        }
        link
    }
}

impl Netlink {
    /// Makes a veth pair: `name` here, and its other end `peer`, here too or in the namespace `peer_netns`,
    /// where it then is from the start (it never shows up here). Both are down.
    ///
    /// # Errors
    /// If a name is taken or cannot be one, or the caller may not.
    pub fn create_veth(
        &mut self,
        name: &str,
        peer: &str,
        peer_netns: Option<BorrowedFd<'_>>,
    ) -> Result<(), Error> {
        let mut other = LinkMessage::default();
        other.attributes.push(LinkAttribute::IfName(checked(peer)?));
        if let Some(fd) = peer_netns {
            other.attributes.push(LinkAttribute::NetNsFd(fd.as_raw_fd()));
        }
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(checked(name)?));
        message.attributes.push(LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(other))),
        ]));
        self.change(
            RouteNetlinkMessage::NewLink(message),
            NLM_F_CREATE | NLM_F_EXCL,
            name,
            format_args!("make the veth pair {name} and {peer}"),
        )
    }

    /// Makes a bridge without ports, which is down. It floods, learns and ages by the kernel's defaults, without spanning
    /// tree.
    ///
    /// # Errors
    /// If the name is taken or cannot be one, the kernel has no bridges, or the caller may not.
    pub fn create_bridge(&mut self, name: &str) -> Result<(), Error> {
        let mut message = LinkMessage::default();
        message.attributes.push(LinkAttribute::IfName(checked(name)?));
        message.attributes.push(LinkAttribute::LinkInfo(vec![LinkInfo::Kind(InfoKind::Bridge)]));
        self.change(
            RouteNetlinkMessage::NewLink(message),
            NLM_F_CREATE | NLM_F_EXCL,
            name,
            format_args!("make the bridge {name}"),
        )
    }

    /// Makes an interface a port of the bridge (or the like) of index `controller`; 0 takes it out of where it is.
    ///
    /// # Errors
    /// If there is none of that name, it cannot be a port there, or the caller may not.
    pub fn set_controller(&mut self, name: &str, controller: u32) -> Result<(), Error> {
        let attribute = LinkAttribute::Controller(controller);
        self.set_link(name, attribute, format_args!("make {name} a port"))
    }

    /// Deletes a link. With one end of a veth pair goes the other.
    ///
    /// # Errors
    /// If there is none of that name, the caller may not, or it is of a kind that cannot be deleted.
    pub fn delete_link(&mut self, name: &str) -> Result<(), Error> {
        let message = named(name)?;
        self.change(RouteNetlinkMessage::DelLink(message), 0, name, format_args!("delete {name}"))
    }

    /// Sets an interface administratively up.
    ///
    /// # Errors
    /// If there is none of that name, or the caller may not.
    pub fn set_up(&mut self, name: &str) -> Result<(), Error> {
        let mut message = named(name)?;
        message.header.flags = LinkFlags::Up;
        message.header.change_mask = LinkFlags::Up;
        self.change(RouteNetlinkMessage::SetLink(message), 0, name, format_args!("set {name} up"))
    }

    /// Sets an interface administratively down. The other end of a veth loses its carrier.
    ///
    /// # Errors
    /// If there is none of that name, or the caller may not.
    pub fn set_down(&mut self, name: &str) -> Result<(), Error> {
        let mut message = named(name)?;
        message.header.change_mask = LinkFlags::Up;
        self.change(RouteNetlinkMessage::SetLink(message), 0, name, format_args!("set {name} down"))
    }

    /// Gives an interface another Ethernet address.
    ///
    /// # Errors
    /// If there is none of that name, the caller may not, or the address is a group's or all zero.
    pub fn set_mac(&mut self, name: &str, mac: [u8; 6]) -> Result<(), Error> {
        let attribute = LinkAttribute::Address(mac.to_vec());
        self.set_link(name, attribute, format_args!("set the MAC address of {name}"))
    }

    /// Sets the largest payload of a frame, in bytes without the Ethernet header.
    ///
    /// # Errors
    /// If there is none of that name, the caller may not, or the device cannot do that size.
    pub fn set_mtu(&mut self, name: &str, mtu: u32) -> Result<(), Error> {
        self.set_link(name, LinkAttribute::Mtu(mtu), format_args!("set the MTU of {name} to {mtu}"))
    }

    /// Moves an interface, with its name, to the namespace that `netns` is a descriptor of.
    ///
    /// # Errors
    /// If there is none of that name, the name is taken there, or the caller may not.
    pub fn move_to_netns(&mut self, name: &str, netns: BorrowedFd<'_>) -> Result<(), Error> {
        let attribute = LinkAttribute::NetNsFd(netns.as_raw_fd());
        self.set_link(name, attribute, format_args!("move {name} to another network namespace"))
    }

    /// Moves an interface, with its name, to the namespace of the process `pid`.
    ///
    /// # Errors
    /// If there is none of that name, there is no such process, the name is taken there, or the caller may not.
    pub fn move_to_pid(&mut self, name: &str, pid: u32) -> Result<(), Error> {
        let attribute = LinkAttribute::NetNsPid(pid);
        self.set_link(name, attribute, format_args!("move {name} to the network namespace of process {pid}"))
    }

    /// The interface of that name.
    ///
    /// # Errors
    /// [`Error::NoInterface`] if there is none.
    pub fn link(&mut self, name: &str) -> Result<Link, Error> {
        let message = named(name)?;
        self.look_up(message, name)
    }

    /// The interface of that index.
    ///
    /// # Errors
    /// [`Error::NoInterface`] if there is none.
    pub fn link_by_index(&mut self, index: u32) -> Result<Link, Error> {
        let mut message = LinkMessage::default();
        message.header.index = index;
        self.look_up(message, &format!("#{index}"))
    }

    /// All interfaces of this namespace, by index.
    ///
    /// # Errors
    /// If the kernel's answer cannot be read.
    pub fn links(&mut self) -> Result<Vec<Link>, Error> {
        let request = RouteNetlinkMessage::GetLink(LinkMessage::default());
        let mut links: Vec<Link> =
            links_of(self.dump(request, format_args!("list the interfaces"))?).collect();
        links.sort_by_key(|link| link.index);
        Ok(links)
    }

    fn set_link(
        &mut self,
        name: &str,
        attribute: LinkAttribute,
        operation: std::fmt::Arguments<'_>,
    ) -> Result<(), Error> {
        let mut message = named(name)?;
        message.attributes.push(attribute);
        self.change(RouteNetlinkMessage::SetLink(message), 0, name, operation)
    }

    fn look_up(&mut self, message: LinkMessage, name: &str) -> Result<Link, Error> {
        let operation = format_args!("look {name} up");
        let answer = self.fetch(RouteNetlinkMessage::GetLink(message), name, operation)?;
        links_of(answer).next().ok_or_else(|| Error::NoInterface {
            operation: operation.to_string(),
            interface: name.to_owned(),
        })
    }
}

/// A name that can be an interface's. It also goes into paths under `/proc/sys`, hence no `/` and no dots alone.
pub(super) fn checked(name: &str) -> Result<String, Error> {
    let fits = (1..libc::IFNAMSIZ).contains(&name.len()) && name != "." && name != "..";
    let clean = name.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b':' || !b.is_ascii());
    // The kernel keeps settings of no interface in particular under these two names.
    let reserved = name == "all" || name == "default";
    if fits && clean && !reserved { Ok(name.to_owned()) } else { Err(Error::BadName(name.to_owned())) }
}

fn named(name: &str) -> Result<LinkMessage, Error> {
    let mut message = LinkMessage::default();
    message.attributes.push(LinkAttribute::IfName(checked(name)?));
    Ok(message)
}

fn links_of(messages: Vec<RouteNetlinkMessage>) -> impl Iterator<Item = Link> {
    messages.into_iter().filter_map(|message| match message {
        RouteNetlinkMessage::NewLink(link) => Some(Link::from_message(link)),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_leave_their_directory_are_refused() {
        for bad in ["", ".", "..", "a/b", "../all", "all", "default", "a b", "a:1", "sixteen-bytes-xx", "a\n"]
        {
            assert!(matches!(checked(bad), Err(Error::BadName(_))), "{bad:?} was taken");
        }
        for good in ["lo", "eth0.100", "br-1", "fifteen-bytes-x"] {
            assert_eq!(checked(good).unwrap(), good);
        }
    }
}
