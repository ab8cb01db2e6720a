//! What rouses a worker that sleeps in poll(2): an eventfd for each.
//!
//! # Locks
//!
//! None: a write(2) that never blocks, so that it may be called under any. # Teardown: descriptors close with
//! the last reference.

use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use rustix::event::EventfdFlags;
use rustix::event::eventfd;
use siding_drivers::MemDevice;
use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_netisr::Wake;
use siding_stack::Device;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;

/// An eventfd for each worker. Give it to the stack's configuration, then to
/// [`Runtime::start`](super::Runtime::start).
#[derive(Debug)]
pub struct EventWake {
    events: Vec<OwnedFd>,
}

impl EventWake {
    /// For so many workers.
    ///
    /// # Errors
    ///
    /// The process has no descriptors left.
    pub fn new(workers: usize) -> io::Result<Arc<EventWake>> {
        let event = |_| eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK);
        let events = (0..workers).map(event).collect::<Result<_, _>>()?;
        Ok(Arc::new(EventWake { events }))
    }

    /// Lets a device in memory rouse `worker` when its first frame comes in, so that a worker that has such
    /// devices sleeps like any other.
    pub fn rouse(self: &Arc<Self>, worker: usize, device: MemDevice) -> Box<dyn Device> {
        let wake = self.clone();
        device.set_wake(move || wake.wake(worker));
        Box::new(Roused { device, wake: self.clone(), worker })
    }

    /// Forgets the calls so far.
    pub(super) fn drain(&self, worker: usize) {
        if let Some(event) = self.events.get(worker) {
            // Nothing to read is an error that says that there is nothing to do.
            let _ = rustix::io::read(event, &mut [0; 8]);
        }
    }

    /// What becomes readable when `worker` is called.
    pub fn event(&self, worker: usize) -> Option<BorrowedFd<'_>> {
        self.events.get(worker).map(AsFd::as_fd)
    }
}

impl Wake for EventWake {
    fn wake(&self, worker: usize) {
        if let Some(event) = self.events.get(worker) {
            // It fails only when 2^64 - 2 calls wait to be heard, and then the worker will wake anyway.
            let _ = rustix::io::write(event, &1u64.to_ne_bytes());
        }
    }
}

/// A device in memory whose wire writes the worker's eventfd.
struct Roused {
    device: MemDevice,
    wake: Arc<EventWake>,
    worker: usize,
}

impl Device for Roused {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        self.device.receive(cache, into, max)
    }

    fn unread(&self) -> Option<Unread> {
        self.device.unread()
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.device.transmit(cache, frames)
    }

    fn offloads(&self) -> Offloads {
        self.device.offloads()
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        self.wake.event(self.worker)
    }
}
