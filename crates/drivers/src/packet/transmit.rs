//! The way out: sendmmsg(2), or send(2) for a lone frame.

use std::array;
use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::slice;

use rustix::io::Errno;
use rustix::net::MMsgHdr;
use rustix::net::SendAncillaryBuffer;
use rustix::net::SendFlags;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::BATCH;
use siding_stack::Sent;

use super::socket::Opening;
use crate::Counters;
use crate::DriverError;
use crate::fate;
use crate::fate::Fate;

/// A socket that only sends.
#[derive(Debug)]
pub(super) struct Sender {
    socket: OwnedFd,
}

impl Sender {
    /// A socket for the interface that `opening` is for.
    pub(super) fn open(opening: &Opening<'_>) -> Result<Sender, DriverError> {
        Ok(Sender { socket: opening.sending_socket()? })
    }

    /// Sends from the front of `frames`, until the socket has no room for more.
    pub(super) fn send(
        &self,
        name: &str,
        cache: &mut Cache,
        frames: &mut Vec<Mbuf>,
        counters: &Counters,
    ) -> Sent {
        // A call that stops short does not say why. The next one, which begins with the frame at fault, does.
        fate::send(name, cache, frames, counters, Fate::of_packet, |frames| self.send_batch(frames))
    }

    /// One system call. Says how many frames have gone, at least one.
    fn send_batch(&self, frames: &[Mbuf]) -> Result<usize, Errno> {
        if let [only] = frames {
            // Spares a lone frame, for which latency counts, the setting up of 64 messages.
            return rustix::net::send(&self.socket, only.data(), SendFlags::empty()).map(|_| 1);
        }
        let count = frames.len().min(BATCH);
        let slices: [IoSlice<'_>; BATCH] =
            array::from_fn(|i| IoSlice::new(frames.get(i).map_or(&[][..], Mbuf::data)));
        let mut controls: [SendAncillaryBuffer<'_, '_, '_>; BATCH] =
            array::from_fn(|_| SendAncillaryBuffer::default());
        let mut slices = slices.iter();
        let mut messages = controls
            .each_mut()
            .map(|control| MMsgHdr::new(slices.next().map_or(&[][..], slice::from_ref), control));
        rustix::net::sendmmsg(&self.socket, &mut messages[..count], SendFlags::empty())
    }
}
