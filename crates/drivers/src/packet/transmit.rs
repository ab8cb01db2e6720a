//! The way out: sendmmsg(2), or send(2) for a lone frame.

use std::array;
use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::slice;

use rustix::io::Errno;
use rustix::net::MMsgHdr;
use rustix::net::SendAncillaryBuffer;
use rustix::net::SendFlags;
use siding_mbuf::Mbuf;
use siding_stack::BATCH;
use siding_stack::Offloads;
use siding_stack::Sent;

use super::PacketConfig;
use super::socket::Opening;
use crate::DriverError;
use crate::fate;
use crate::fate::Batch;
use crate::fate::Fate;
use crate::vnet;

/// Sockets that only send.
#[derive(Debug)]
pub(super) struct Sender {
    /// For frames as they are to be on the wire.
    plain: OwnedFd,
    /// For batches in which something is left undone of a frame: each has a header in front, which says what.
    headed: OwnedFd,
    offloads: Offloads,
}

impl Sender {
    /// Sockets for the interface that `opening` is for.
    pub(super) fn open(opening: &Opening<'_>, config: &PacketConfig) -> Result<Sender, DriverError> {
        // Past the queueing discipline the kernel drops what it would have to cut (dev_direct_xmit).
        let tcp = !config.qdisc_bypass;
        Ok(Sender {
            plain: opening.sending_socket(false)?,
            headed: opening.sending_socket(true)?,
            offloads: Offloads { checksum: true, tcp, udp: tcp && cuts_udp() },
        })
    }

    /// What the kernel does to frames.
    pub(super) fn offloads(&self) -> Offloads {
        self.offloads
    }

    /// Sends from the front of the batch, until a socket has no room for more.
    pub(super) fn send(&self, batch: Batch<'_>) -> Sent {
        // A call that stops short does not say why. The next one, which begins with the frame at fault, does.
        fate::send(batch, Fate::of_packet, |frames| self.send_batch(frames))
    }

    /// One system call. Says how many frames have gone, at least one.
    fn send_batch(&self, frames: &[Mbuf]) -> Result<usize, Errno> {
        let frames = &frames[..frames.len().min(BATCH)];
        // All by one socket, so that they go in order, and in one call.
        let headed = frames.iter().any(Mbuf::is_unfinished);
        if headed { self.send_headed(frames) } else { self.send_plain(frames) }
    }

    fn send_plain(&self, frames: &[Mbuf]) -> Result<usize, Errno> {
        if let [only] = frames {
            // Spares a lone frame, for which latency counts, the setting up of 64 messages.
            return rustix::net::send(&self.plain, only.data(), SendFlags::empty()).map(|_| 1);
        }
        let slices: [IoSlice<'_>; BATCH] =
            array::from_fn(|i| IoSlice::new(frames.get(i).map_or(&[][..], Mbuf::data)));
        send_all(&self.plain, frames.len(), slices.each_ref().map(slice::from_ref))
    }

    fn send_headed(&self, frames: &[Mbuf]) -> Result<usize, Errno> {
        if let [only] = frames {
            let header = vnet::header(only);
            let slices = [IoSlice::new(&header), IoSlice::new(only.data())];
            let mut control = SendAncillaryBuffer::default();
            return rustix::net::sendmsg(&self.headed, &slices, &mut control, SendFlags::empty()).map(|_| 1);
        }
        let headers: [[u8; vnet::LEN]; BATCH] =
            array::from_fn(|i| frames.get(i).map_or(vnet::NOTHING, vnet::header));
        let slices: [[IoSlice<'_>; 2]; BATCH] = array::from_fn(|i| {
            [IoSlice::new(&headers[i]), IoSlice::new(frames.get(i).map_or(&[][..], Mbuf::data))]
        });
        send_all(&self.headed, frames.len(), slices.each_ref().map(|slices| &slices[..]))
    }
}

/// Sends the first `count` of `messages`.
#[inline]
fn send_all(socket: &OwnedFd, count: usize, messages: [&[IoSlice<'_>]; BATCH]) -> Result<usize, Errno> {
    let mut controls: [SendAncillaryBuffer<'_, '_, '_>; BATCH] =
        array::from_fn(|_| SendAncillaryBuffer::default());
    let mut slices = messages.iter();
    let mut messages = controls
        .each_mut()
        .map(|control| MMsgHdr::new(slices.next().map_or(&[][..], |slices| slices), control));
    rustix::net::sendmmsg(socket, &mut messages[..count], SendFlags::empty())
}

/// Whether the kernel knows of super-frames of UDP: from Linux 6.2 on (VIRTIO_NET_HDR_GSO_UDP_L4).
fn cuts_udp() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) >= (6, 2)
}
