//! What the stack asks of a driver.

use std::io;
use std::os::fd::BorrowedFd;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_wire::Mac;

/// The most frames that one call moves in either direction.
pub const BATCH: usize = 64;

/// Which frames a device is to let in, besides broadcasts. The stack looks at every frame again: a device that lets in
/// more does no harm, one that lets in less makes the stack deaf.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// The addresses of the interface, and of what lies on it; sorted.
    pub unicast: Vec<Mac>,
    /// The groups that are listened to; sorted.
    pub multicast: Vec<Mac>,
    /// Everything, for somebody above passes frames on.
    pub promiscuous: bool,
}

/// One worker's pair of queues on one interface.
///
/// An interface has one device for each worker that serves it, and each worker owns its own: nothing here
/// is shared, so nothing here is locked. The worker polls it, and drops it when the interface departs.
pub trait Device: Send {
    /// Takes up to `max` (at most [`BATCH`]) frames off the wire and appends them to `into`. Zero frames
    /// is not an error; neither is a pool that has run dry (the cache counts that, the frame is lost).
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize>;

    /// Puts frames on the wire, oldest first, and removes those from the front of `frames` that the wire
    /// has taken. What is left did not fit: the caller tries again or drops it, and counts it.
    fn transmit(&mut self, frames: &mut Vec<Mbuf>) -> io::Result<()>;

    /// Lets in what `filter` names, and need not let in more. Called by the worker that owns the device, before it sends
    /// or receives by a configuration that needs it. A device that lets in everything has nothing to do.
    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        let _ = filter;
        Ok(())
    }

    /// What becomes readable when [`receive`](Self::receive) has something, for a worker that sleeps in
    /// poll(2). `None` for a device that must be polled or wakes the worker by itself.
    fn readable(&self) -> Option<BorrowedFd<'_>> {
        None
    }
}
