//! The way out: sendmmsg(2), or send(2) for a lone frame.

use std::array;
use std::io;
use std::io::IoSlice;
use std::os::fd::OwnedFd;
use std::slice;

use rustix::io::Errno;
use rustix::net::MMsgHdr;
use rustix::net::SendAncillaryBuffer;
use rustix::net::SendFlags;
use siding_mbuf::Mbuf;
use siding_stack::BATCH;

use super::socket::Opening;
use crate::Count;
use crate::Counters;
use crate::DriverError;

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

    /// Sends from the front of `frames` as long as the kernel takes them. Frames that it will never take are
    /// dropped and counted; those that it has no room for are left.
    pub(super) fn send(&self, frames: &mut Vec<Mbuf>, counters: &Counters) -> io::Result<()> {
        let mut done = 0;
        let mut result = Ok(());
        while done < frames.len() {
            match self.send_batch(&frames[done..]) {
                Ok(count) => {
                    let sent = &frames[done..done + count];
                    counters.sent(count, sent.iter().map(Mbuf::len).sum());
                    done += count;
                    // A call that stops short does not say why. The next one does.
                }
                Err(Errno::INTR) => {}
                // No room in the socket, or the queueing discipline or the card has none.
                Err(Errno::AGAIN | Errno::NOBUFS | Errno::NOMEM) => break,
                // The first frame is at fault, and only that.
                Err(Errno::MSGSIZE) => {
                    counters.add(Count::TxTooBig, 1);
                    done += 1;
                }
                Err(Errno::INVAL) => {
                    counters.add(Count::TxRefused, 1);
                    done += 1;
                }
                // As with a pulled cable: all are lost, and it may come up again.
                Err(Errno::NETDOWN) => {
                    counters.add(Count::TxDown, (frames.len() - done) as u64);
                    done = frames.len();
                }
                Err(error) => {
                    result = Err(error.into());
                    break;
                }
            }
        }
        Mbuf::free_all(frames.drain(..done));
        result
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
