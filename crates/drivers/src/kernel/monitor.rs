//! Links that come, go, or change, as they do so.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::time::Duration;
use std::time::Instant;

use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::Socket;
use netlink_sys::protocols::NETLINK_ROUTE;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;

use super::Error;
use super::Link;
use super::Netlink;
use super::netlink::Messages;
use super::netlink::receive;

/// Multicast group of link messages, of `linux/rtnetlink.h`.
const RTNLGRP_LINK: u32 = 1;

/// What a link is like now. Events tell the state and not the change, so that one too many does no harm.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkEvent {
    /// The interface's index.
    pub index: u32,
    /// Its name at the time.
    pub name: String,
    /// Administratively up.
    pub up: bool,
    /// The medium is there.
    pub carrier: bool,
    /// Its Ethernet address, if it has one.
    pub mac: Option<[u8; 6]>,
    /// The largest payload of a frame, in bytes.
    pub mtu: u32,
    /// The interface is gone from this namespace: deleted, or moved to another one. Then it is neither up nor
    /// has it a carrier.
    pub gone: bool,
}

/// A subscription to the links of one namespace: that of the thread that opened it.
///
/// Wait on its descriptor ([`AsFd`]) for reading, then call [`try_next`](Self::try_next) until it returns
/// `None`. If events come faster than they are read and the kernel drops some, the state of all links is read
/// anew and told as events, so that what was learned in the end is always right.
#[derive(Debug)]
pub struct Monitor {
    socket: Socket,
    /// For reading everything anew; opened at the same time, so that it is of the same namespace.
    reader: Netlink,
    /// Links that exist as far as we have told, to know after an overrun which ones went.
    known: BTreeMap<u32, String>,
    pending: VecDeque<LinkEvent>,
}

impl Monitor {
    /// Subscribes in the calling thread's namespace. The first events are the links that exist now.
    ///
    /// # Errors
    /// If the kernel grants no such socket.
    pub fn open() -> Result<Self, Error> {
        let open = || -> io::Result<Socket> {
            let mut socket = Socket::new(NETLINK_ROUTE)?;
            socket.bind_auto()?;
            socket.add_membership(RTNLGRP_LINK)?;
            socket.set_non_blocking(true)?;
            Ok(socket)
        };
        let socket = open().map_err(|e| Error::system("watch the interfaces", e))?;
        let mut monitor =
            Self { socket, reader: Netlink::open()?, known: BTreeMap::new(), pending: VecDeque::new() };
        // Subscribed first and read afterwards: what changes in between is told twice rather than not at all.
        monitor.read_anew()?;
        Ok(monitor)
    }

    /// The caller has this link, and wants to hear of it if it has gone before anybody watched.
    pub fn expect(&mut self, index: u32, name: &str) {
        if self.known.contains_key(&index) {
            return;
        }
        self.known.insert(index, name.to_owned());
        self.is_gone(index);
    }

    /// The next event, if there is one; never waits.
    ///
    /// # Errors
    /// If the socket fails, or the kernel's message cannot be read.
    pub fn try_next(&mut self) -> Result<Option<LinkEvent>, Error> {
        while self.pending.is_empty() {
            match receive(&self.socket) {
                Ok(datagram) => self.take(&datagram)?,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => self.recover()?,
                Err(error) => return Err(Error::system("read link events", error)),
            }
        }
        Ok(self.pending.pop_front())
    }

    /// The next event, waiting for it until `timeout` is over.
    ///
    /// # Errors
    /// As [`try_next`](Self::try_next).
    pub fn next_within(&mut self, timeout: Duration) -> Result<Option<LinkEvent>, Error> {
        let deadline = Instant::now() + timeout;
        loop {
            if let Some(event) = self.try_next()? {
                return Ok(Some(event));
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            let left = Timespec::try_from(left).ok();
            match poll(&mut [PollFd::new(&self.socket, PollFlags::IN)], left.as_ref()) {
                Ok(_) | Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(Error::system("wait for link events", error)),
            }
        }
    }

    fn take(&mut self, datagram: &[u8]) -> Result<(), Error> {
        for message in Messages::new(datagram) {
            let message = message
                .map_err(|problem| Error::Malformed { operation: "read link events".to_owned(), problem })?;
            match message.payload {
                // A bridge tells of its ports with messages of a family of its own, and with those a "deleted"
                // means only: no longer a port.
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::NewLink(link))
                    if link.header.interface_family == AddressFamily::Unspec =>
                {
                    self.is_there(Link::from_message(link));
                }
                NetlinkPayload::InnerMessage(RouteNetlinkMessage::DelLink(link))
                    if link.header.interface_family == AddressFamily::Unspec =>
                {
                    self.is_gone(link.header.index);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The kernel dropped messages: what is still queued is older than what was dropped, so that telling it
    /// after a fresh reading would end with the wrong state. Hence drop it, then read.
    fn recover(&mut self) -> Result<(), Error> {
        loop {
            match receive(&self.socket) {
                Ok(_) => {}
                Err(error) if error.raw_os_error() == Some(libc::ENOBUFS) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return self.read_anew(),
                Err(error) => return Err(Error::system("read link events", error)),
            }
        }
    }

    fn read_anew(&mut self) -> Result<(), Error> {
        let links = self.reader.links()?;
        let gone: Vec<u32> = self
            .known
            .keys()
            .copied()
            .filter(|index| links.iter().all(|link| link.index != *index))
            .collect();
        for index in gone {
            self.is_gone(index);
        }
        for link in links {
            self.is_there(link);
        }
        Ok(())
    }

    fn is_there(&mut self, link: Link) {
        let Link { index, name, up, carrier, mac, mtu, .. } = link;
        self.known.insert(index, name.clone());
        self.pending.push_back(LinkEvent { index, name, up, carrier, mac, mtu, gone: false });
    }

    fn is_gone(&mut self, index: u32) {
        if let Some(name) = self.known.remove(&index) {
            let (up, carrier, mac, mtu) = (false, false, None, 0);
            self.pending.push_back(LinkEvent { index, name, up, carrier, mac, mtu, gone: true });
        }
    }
}

impl AsFd for Monitor {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}
