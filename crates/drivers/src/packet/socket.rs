//! Packet sockets: how one is opened, and the options that neither std nor rustix has.

use std::ffi::c_int;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;

use rustix::net::AddressFamily;
use rustix::net::SocketFlags;
use rustix::net::SocketType;
use rustix::net::netdevice::name_to_index;
use rustix::net::sockopt;

use super::PacketConfig;
use super::membership::Membership;
use super::ring::Layout;
use super::ring::Ring;
use crate::DriverError;

/// A receiving socket in the making.
pub(super) struct Opening<'a> {
    name: &'a str,
    config: &'a PacketConfig,
    socket: OwnedFd,
    index: u32,
}

/// The capability that packet sockets need, as setcap(8) spells it.
const CAPABILITY: &str = "cap_net_raw";

/// PACKET_COPY_THRESH of `linux/if_packet.h`.
const COPY_THRESH: c_int = 7;

/// Bytes of super-frames that wait in the socket's queue at the most, by the kernel's reckoning; and of those that are
/// being sent. Some 90 KiB each.
const QUEUE: usize = 8 << 20;

/// Frames by the hash of their flow, and none that this host sends; see PACKET_IGNORE_OUTGOING.
const FANOUT: u32 = libc::PACKET_FANOUT_HASH | libc::PACKET_FANOUT_FLAG_IGNORE_OUTGOING;

impl<'a> Opening<'a> {
    /// A socket that knows its interface and receives nothing yet.
    pub(super) fn new(name: &'a str, config: &'a PacketConfig) -> Result<Opening<'a>, DriverError> {
        // Protocol 0: nothing is received before `bind` names an interface.
        let socket = rustix::net::socket_with(
            AddressFamily::PACKET,
            SocketType::RAW,
            SocketFlags::CLOEXEC | SocketFlags::NONBLOCK,
            None,
        )
        .map_err(|source| DriverError::system(name, "open a packet socket", CAPABILITY, source))?;
        let index = name_to_index(&socket, name)
            .map_err(|_| DriverError::NoInterface { interface: name.to_owned() })?;
        Ok(Opening { name, config, socket, index })
    }

    /// Sets what must be set before there is a ring, and makes the ring.
    pub(super) fn ring(&self) -> Result<Ring, DriverError> {
        let Some(layout) = Layout::new(self.config.ring_frames, self.config.max_frame) else {
            let what = "a ring needs 1 to 1,048,576 frames of 60 to 65,000 bytes, and 2 GiB in all at most";
            return Err(DriverError::Config { interface: self.name.to_owned(), what });
        };
        let socket = self.socket.as_fd();
        self.set("choose TPACKET_V2", libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V2 as c_int))?;
        self.set("ask for offload headers", libc::PACKET_VNET_HDR, &1)?;
        self.set("have what no slot takes queued", COPY_THRESH, &1)?;
        // As much as the system grants: with less, more super-frames are lost when many come at once.
        let _ = sockopt::set_socket_recv_buffer_size_force(socket, QUEUE)
            .or_else(|_| sockopt::set_socket_recv_buffer_size(socket, QUEUE));
        self.set("leave out what is sent", libc::PACKET_IGNORE_OUTGOING, &1)?;
        self.set("make a receive ring", libc::PACKET_RX_RING, &layout.request())?;
        Ring::map(socket, layout).map_err(|source| self.error("map the receive ring", source))
    }

    /// Starts receiving.
    pub(super) fn bind(&self) -> Result<(), DriverError> {
        let index = self.index;
        bind(self.socket.as_fd(), index, libc::ETH_P_ALL as u16)
            .map_err(|source| self.error("bind to the interface", source))?;
        let all = Membership::new(index);
        if self.config.promiscuous {
            all.change(self.socket.as_fd(), libc::PACKET_ADD_MEMBERSHIP, libc::PACKET_MR_PROMISC, None)
                .map_err(|source| self.error("make the interface promiscuous", source))?;
        }
        if self.config.all_multicast {
            all.change(self.socket.as_fd(), libc::PACKET_ADD_MEMBERSHIP, libc::PACKET_MR_ALLMULTI, None)
                .map_err(|source| self.error("receive all multicast", source))?;
        }
        Ok(())
    }

    /// Joins the fanout group, or founds one that has a number of its own, and gives the number.
    pub(super) fn join(&self, group: Option<u16>) -> Result<u16, DriverError> {
        let value = match group {
            Some(group) => FANOUT << 16 | u32::from(group),
            None => (FANOUT | libc::PACKET_FANOUT_FLAG_UNIQUEID) << 16,
        };
        self.set("share the interface among workers", libc::PACKET_FANOUT, &value)?;
        let mut settled = 0u32;
        option(self.socket.as_fd(), libc::PACKET_FANOUT, &mut settled)
            .map_err(|source| self.error("share the interface among workers", source))?;
        Ok(settled as u16)
    }

    /// A filter that lets nothing in yet.
    pub(super) fn membership(&self) -> Membership {
        Membership::new(self.index)
    }

    pub(super) fn into_socket(self) -> OwnedFd {
        self.socket
    }

    /// A socket to send by, which receives nothing; with a virtio_net_hdr in front of each frame, if that is asked for.
    pub(super) fn sending_socket(&self, headers: bool) -> Result<OwnedFd, DriverError> {
        let other = Opening::new(self.name, self.config)?;
        if headers {
            other.set("send offload headers", libc::PACKET_VNET_HDR, &1)?;
            let _ = sockopt::set_socket_send_buffer_size_force(&other.socket, QUEUE)
                .or_else(|_| sockopt::set_socket_send_buffer_size(&other.socket, QUEUE));
        }
        if self.config.qdisc_bypass {
            other.set("go past the queueing discipline", libc::PACKET_QDISC_BYPASS, &1)?;
        }
        bind(other.socket.as_fd(), self.index, 0)
            .map_err(|source| self.error("bind to the interface", source))?;
        Ok(other.socket)
    }

    fn set<T: Plain>(&self, doing: &'static str, option: c_int, value: &T) -> Result<(), DriverError> {
        set_option(self.socket.as_fd(), option, value).map_err(|source| self.error(doing, source))
    }

    fn error(&self, doing: &'static str, source: io::Error) -> DriverError {
        DriverError::system(self.name, doing, CAPABILITY, source)
    }
}

/// How many frames the kernel has dropped for want of a slot since it was last asked. Asking also ends the marking
/// of frames with TP_STATUS_LOSING.
pub(super) fn drops(socket: &OwnedFd) -> u64 {
    let mut stats = libc::tpacket_stats { tp_packets: 0, tp_drops: 0 };
    // It cannot fail for a packet socket; if it did, there would be nothing to count.
    let _ = option(socket.as_fd(), libc::PACKET_STATISTICS, &mut stats);
    u64::from(stats.tp_drops)
}

/// C structures that are all numbers, without padding that matters: any bytes make a valid one.
///
/// Only for what is passed to the kernel here.
pub(super) trait Plain: Copy {}
impl Plain for c_int {}
impl Plain for u32 {}
impl Plain for libc::tpacket_req {}
impl Plain for libc::packet_mreq {}
impl Plain for libc::tpacket_stats {}

pub(super) fn set_option<T: Plain>(socket: BorrowedFd<'_>, name: c_int, value: &T) -> io::Result<()> {
    // JUSTIFICATION: neither std nor rustix has the options of packet sockets.
    // SAFETY: the pointer and the length are those of one initialised T, which the kernel only reads.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_PACKET,
            name,
            (&raw const *value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn option<T: Plain>(socket: BorrowedFd<'_>, name: c_int, value: &mut T) -> io::Result<()> {
    let mut len = size_of::<T>() as libc::socklen_t;
    // JUSTIFICATION: neither std nor rustix has the options of packet sockets.
    // SAFETY: the pointer and the length are those of one T, of which the kernel writes at most so many bytes; any
    // bytes make a valid T.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::SOL_PACKET, name, (&raw mut *value).cast(), &raw mut len)
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

fn bind(socket: BorrowedFd<'_>, index: u32, protocol: u16) -> io::Result<()> {
    let address = libc::sockaddr_ll {
        sll_family: libc::AF_PACKET as u16,
        sll_protocol: protocol.to_be(),
        sll_ifindex: index as c_int,
        sll_hatype: 0,
        sll_pkttype: 0,
        sll_halen: 0,
        sll_addr: [0; 8],
    };
    // JUSTIFICATION: rustix knows no link-layer addresses.
    // SAFETY: the pointer and the length are those of one initialised sockaddr_ll, which the kernel only reads.
    let result = unsafe {
        libc::bind(
            socket.as_raw_fd(),
            (&raw const address).cast(),
            size_of::<libc::sockaddr_ll>() as libc::socklen_t,
        )
    };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}
