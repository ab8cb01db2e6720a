//! Frames that are too long for a slot of the ring.
//!
//! The kernel puts the beginning of such a frame into the ring and, since it was asked to (PACKET_COPY_THRESH), the
//! whole of it into the socket's queue, in the same order. So slots need not be as large as the largest super-frame.

use std::io::IoSliceMut;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::RecvAncillaryBuffer;
use rustix::net::RecvFlags;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;

use super::offload;
use super::ring::Frame;
use crate::vnet;
use crate::vnet::Fault;

/// Errors, and frames that belong to no slot, that are passed over to find the one that is meant.
const PATIENCE: usize = 8;

/// Takes the whole of a frame out of the socket's queue.
#[cold]
pub(super) fn take(socket: &OwnedFd, frame: &Frame<'_>, cache: &mut Cache) -> Result<Mbuf, Fault> {
    let mut mbuf = match offload::place(frame, cache) {
        Ok(mbuf) => mbuf,
        Err(fault) => {
            // It is taken all the same, or it would be there for the next.
            let _ = read(socket, frame.len, &mut [], &mut []);
            return Err(fault);
        }
    };
    let (macs, rest) = offload::split(frame, &mut mbuf)?;
    let header = read(socket, frame.len, macs, rest)?;
    vnet::note(&header, offload::tag_len(frame), &mut mbuf)?;
    Ok(mbuf)
}

/// Reads the next frame, of `len` bytes, and gives its header.
fn read(socket: &OwnedFd, len: usize, macs: &mut [u8], rest: &mut [u8]) -> Result<[u8; vnet::LEN], Fault> {
    let mut header = vnet::NOTHING;
    for _ in 0..PATIENCE {
        let mut places = [IoSliceMut::new(&mut header), IoSliceMut::new(macs), IoSliceMut::new(rest)];
        let flags = RecvFlags::DONTWAIT | RecvFlags::TRUNC;
        match rustix::net::recvmsg(socket, &mut places, &mut RecvAncillaryBuffer::default(), flags) {
            Ok(got) if got.bytes == vnet::LEN + len => return Ok(header),
            // None of a slot that we know of.
            Ok(_) => {}
            Err(Errno::AGAIN) => return Err(Fault::Malformed),
            // The interface was down for a moment, or a signal came: told once.
            Err(_) => {}
        }
    }
    Err(Fault::Malformed)
}
