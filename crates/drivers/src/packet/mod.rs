//! AF_PACKET: any Ethernet interface of the kernel, through rings that we share with it.
//!
//! # Receive
//!
//! A TPACKET_V2 ring for each worker: the kernel puts one frame into one slot and marks the slot, we copy the frame
//! into an mbuf and give the slot back. TPACKET_V3 packs frames into blocks and hands over a block when it is
//! full or its timer, of at least a millisecond, has run out: a lone packet waits for the timer. V2 shows a frame
//! at once. The price is a wake-up for each frame that finds the worker asleep, where V3 has one for each block: in one
//! run on two busy cores, a sleeping receiver got 0.32 million frames a second by V2 and 0.62 by V3, a polling one 0.31
//! by either. So a worker under load had better poll on for a while before it sleeps. With several workers the sockets form a fanout group: the kernel keeps a flow on one of them.
//!
//! VLAN tags that the kernel put aside are put back. What the sender's kernel left to a network card, an unfinished checksum
//! or the cutting of a super-frame, is noted in the packet ([`Mbuf::offload`]): whoever sends it, or reads it, does
//! it. A super-frame that is longer than a slot comes by the socket's queue, into a large buffer.
//!
//! # Transmit
//!
//! Two more sockets, which receive nothing, and sendmmsg(2), 64 frames a call. By one goes what is as it is to be on the
//! wire, by the other, with a virtio_net_hdr in front, each batch in which the kernel is to finish a frame. There is no transmit ring, and on
//! purpose: the kernel sends a ring's slots without copying, and gives a slot back when the frame's *sender* is
//! forgotten, which on a veth is before the frame has been read (so it would be with super-frames as well). A slot filled again too soon changes a frame
//! that is still on its way. Nor is it faster: 1,350 ns of processor time a frame, against 1,190 for sendmmsg and 1,230
//! for what is here, in the same run.
//!
//! # Locks
//!
//! None here. A slot's owner, kernel or us, is the slot's status word.
//!
//! # Teardown
//!
//! Dropping a device closes its sockets and unmaps its ring; the filter, and promiscuous mode, end with them.

mod large;
mod membership;
mod offload;
mod ring;
mod socket;
mod transmit;

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::BATCH;
use siding_stack::Device;
use siding_stack::Filter;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;

use crate::Count;
use crate::Counters;
use crate::DriverError;
use crate::error::check_name;
use crate::error::named;
use crate::fate::Batch;
use membership::Membership;
use ring::Ring;
use socket::Opening;
use transmit::Sender;

/// How to open an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketConfig {
    /// Frames that each worker's ring holds; rounded up to a power of two.
    pub ring_frames: u32,
    /// The longest frame that is received, in bytes without VLAN tag and FCS; at most 65,000. Longer ones are dropped
    /// and counted, but for super-frames, of which each may have 64 KiB.
    pub max_frame: u32,
    /// Receive what is addressed to other stations as well, whatever the [`Filter`] says.
    pub promiscuous: bool,
    /// Receive all multicast frames, without being promiscuous.
    pub all_multicast: bool,
    /// Send past the interface's queueing discipline: a little faster, but a burst that the card has no room for is
    /// lost.
    pub qdisc_bypass: bool,
}

/// One worker's sockets on an interface.
#[derive(Debug)]
pub struct PacketDevice {
    name: String,
    // The ring goes before its socket, by the order of fields.
    ring: Ring,
    socket: OwnedFd,
    sender: Sender,
    membership: Membership,
    counters: Arc<Counters>,
    /// Calls in a row that found nothing.
    idle: u32,
}

/// So many calls that find nothing pass before one asks whether an error is why. An error that nobody takes
/// makes poll(2) return at once for ever.
const IDLE_CALLS_PER_CHECK: u32 = 32;

impl PacketDevice {
    /// Opens the interface `name` for `workers` workers (at least one).
    ///
    /// # Errors
    ///
    /// [`DriverError`], which says what to do.
    pub fn open(name: &str, config: PacketConfig, workers: usize) -> Result<Vec<PacketDevice>, DriverError> {
        check_name(name)?;
        let mut devices = Vec::new();
        let mut group = None;
        for _ in 0..workers.max(1) {
            let opening = Opening::new(name, &config)?;
            let ring = opening.ring()?;
            opening.bind()?;
            if workers > 1 {
                group = Some(opening.join(group)?);
            }
            let sender = Sender::open(&opening, &config)?;
            let membership = opening.membership();
            devices.push(PacketDevice {
                name: name.to_owned(),
                ring,
                socket: opening.into_socket(),
                sender,
                membership,
                counters: Arc::default(),
                idle: 0,
            });
        }
        Ok(devices)
    }

    /// The interface's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// This worker's counters, to keep and read from elsewhere.
    pub fn counters(&self) -> &Arc<Counters> {
        &self.counters
    }

    /// Nothing has come. Takes the socket's error, if it has one.
    fn check_idle(&mut self) -> io::Result<()> {
        self.idle = self.idle.wrapping_add(1);
        if !self.idle.is_multiple_of(IDLE_CALLS_PER_CHECK) {
            return Ok(());
        }
        match rustix::net::sockopt::socket_error(&self.socket)? {
            // An interface that is down tells so once. It may come up again, and the ring is still there.
            Ok(()) | Err(rustix::io::Errno::NETDOWN) => Ok(()),
            Err(error) => {
                self.counters.add(Count::RxErrors, 1);
                Err(named(&self.name, "receive", error))
            }
        }
    }
}

impl Device for PacketDevice {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let (mut frames, mut bytes) = (0, 0);
        let mut losing = false;
        for _ in 0..max.min(BATCH) {
            if !self.ring.is_ready() {
                break;
            }
            let taken = self.ring.next().map(|frame| match frame.queued {
                false => offload::take(&frame, cache),
                true => large::take(&self.socket, &frame, cache),
            });
            match taken {
                Some(Ok(mbuf)) => {
                    frames += 1;
                    bytes += mbuf.len();
                    into.push(mbuf);
                }
                Some(Err(fault)) => self.counters.add(fault.count(), 1),
                None => {}
            }
            losing |= self.ring.release();
        }
        if losing {
            // The kernel marks frames until somebody asks how many it has dropped.
            self.counters.add(Count::RxOverrun, socket::drops(&self.socket));
        }
        if frames == 0 {
            self.check_idle()?;
        }
        self.counters.received(frames, bytes);
        Ok(frames)
    }

    fn unread(&self) -> Option<Unread> {
        let waiting = if self.ring.is_ready() { self.ring.len() } else { 0 };
        Some(Unread { taken: self.ring.taken(), waiting })
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.sender.send(Batch { name: &self.name, frames, cache, counters: &self.counters })
    }

    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        self.membership.set(&self.socket, filter).map_err(|error| named(&self.name, "set the filter", error))
    }

    fn offloads(&self) -> Offloads {
        self.sender.offloads()
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        Some(self.socket.as_fd())
    }
}

impl Default for PacketConfig {
    /// 8192 frames of an Ethernet's usual length (16 MiB a worker: enough for a worker that the system keeps from its core
    /// for 8 ms at a million frames a second, or for 10,000 neighbours asked for at once, who are resolved three times
    /// slower than they come), what the [`Filter`] names and no more, through the queueing discipline.
    fn default() -> PacketConfig {
        PacketConfig {
            ring_frames: 8192,
            max_frame: 1920,
            promiscuous: false,
            all_multicast: false,
            qdisc_bypass: false,
        }
    }
}
