//! A closure that sees what passes through a device.

use std::io;
use std::os::fd::BorrowedFd;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Device;
use siding_stack::Filter;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;
use siding_stack::finished;

/// Which way a frame passes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the wire to the stack.
    In,
    /// From the stack to the wire.
    Out,
}

/// A device that shows each frame to a closure: received ones before the stack sees them, sent ones once the
/// device below has taken them, be it that they are lost there. A frame that does not fit, and is tried again, is shown once.
/// An unfinished checksum is shown completed, and a super-frame whole.
#[derive(Debug)]
pub struct Tap<D, F> {
    device: D,
    observer: F,
    /// Clones of what is being sent, because the device below takes the frames themselves.
    sent: Vec<Mbuf>,
}

impl<D: Device, F: FnMut(Direction, &[u8]) + Send> Tap<D, F> {
    /// Puts `observer` in front of `device`.
    pub fn new(device: D, observer: F) -> Tap<D, F> {
        Tap { device, observer, sent: Vec::new() }
    }
}

impl<D, F> Tap<D, F> {
    /// The device below, to change.
    pub fn device_mut(&mut self) -> &mut D {
        &mut self.device
    }

    /// The device below.
    pub fn device(&self) -> &D {
        &self.device
    }

    /// The device below, without the observer.
    pub fn into_device(self) -> D {
        self.device
    }
}

impl<D: Device, F: FnMut(Direction, &[u8]) + Send> Device for Tap<D, F> {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        let before = into.len();
        let result = self.device.receive(cache, into, max);
        for frame in &into[before..] {
            (self.observer)(Direction::In, &finished(frame));
        }
        result
    }

    fn unread(&self) -> Option<Unread> {
        self.device.unread()
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.sent.extend(frames.iter().cloned());
        let result = self.device.transmit(cache, frames);
        let taken = self.sent.len() - frames.len();
        for frame in &self.sent[..taken] {
            (self.observer)(Direction::Out, &finished(frame));
        }
        // The last handles of what the device below has let go of.
        cache.free_all(self.sent.drain(..));
        result
    }

    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        self.device.set_filter(filter)
    }

    fn offloads(&self) -> Offloads {
        self.device.offloads()
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        self.device.readable()
    }
}
