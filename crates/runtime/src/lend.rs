//! Devices that come back from the workers before they are closed.
//!
//! To close an AF_PACKET socket takes the kernel tens of milliseconds: it waits until no core can be delivering to
//! it any more (21 to 56 ms here). The worker that drops the device of an interface that departs is the worker of all
//! other interfaces too, so it only hands it back; whoever detached the interface closes it.
//!
//! # Locks
//!
//! Those of a channel, for a few instructions. # Teardown: a device whose owner has gone is closed where it is
//! dropped.

use std::fmt;
use std::io;
use std::os::fd::BorrowedFd;
use std::sync::mpsc;
use std::time::Duration;
use std::time::Instant;

use siding_mbuf::Cache;
use siding_mbuf::Mbuf;
use siding_stack::Device;
use siding_stack::Filter;
use siding_stack::Offloads;
use siding_stack::Sent;
use siding_stack::Unread;

/// The owner's end: where devices come back to.
pub struct Loan {
    returned: mpsc::Receiver<Box<dyn Device>>,
}

/// A device on loan.
struct Lent {
    /// There until the drop.
    device: Option<Box<dyn Device>>,
    home: mpsc::Sender<Box<dyn Device>>,
}

/// Lends devices to workers. They are closed by [`Loan::close`].
pub fn lend(devices: Vec<Box<dyn Device>>) -> (Vec<Box<dyn Device>>, Loan) {
    let (home, returned) = mpsc::channel();
    let lent = |device| -> Box<dyn Device> { Box::new(Lent { device: Some(device), home: home.clone() }) };
    (devices.into_iter().map(lent).collect(), Loan { returned })
}

impl Loan {
    /// Waits until all devices have come back, at most so long, and closes them. Those that come later are closed by their
    /// workers.
    pub fn close_all(self, timeout: Duration) {
        let end = Instant::now() + timeout;
        // It ends early when nobody has one any more.
        while let Ok(device) = self.returned.recv_timeout(end.saturating_duration_since(Instant::now())) {
            drop(device);
        }
    }

    /// Closes the devices that have come back, which is all of them once the departure of their interface is
    /// complete. Those that come later are closed by their workers.
    pub fn close(self) {
        self.returned.try_iter().for_each(drop);
    }
}

impl Device for Lent {
    fn receive(&mut self, cache: &mut Cache, into: &mut Vec<Mbuf>, max: usize) -> io::Result<usize> {
        self.device.as_mut().map_or(Ok(0), |device| device.receive(cache, into, max))
    }

    fn unread(&self) -> Option<Unread> {
        self.device.as_ref().and_then(|device| device.unread())
    }

    fn transmit(&mut self, cache: &mut Cache, frames: &mut Vec<Mbuf>) -> Sent {
        self.device.as_mut().map_or_else(Sent::default, |device| device.transmit(cache, frames))
    }

    fn set_filter(&mut self, filter: &Filter) -> io::Result<()> {
        self.device.as_mut().map_or(Ok(()), |device| device.set_filter(filter))
    }

    fn offloads(&self) -> Offloads {
        self.device.as_ref().map_or_else(Offloads::default, |device| device.offloads())
    }

    fn readable(&self) -> Option<BorrowedFd<'_>> {
        self.device.as_ref().and_then(|device| device.readable())
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let Some(device) = self.device.take() {
            // If nobody wants it back, it comes back in the error and is closed here.
            let _ = self.home.send(device);
        }
    }
}

impl fmt::Debug for Loan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loan").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use siding_drivers::Wire;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;

    use super::*;

    #[test]
    fn a_device_works_on_loan_and_is_closed_by_its_owner() {
        let pool = Pool::new(PoolConfig { buffers: 8, size: 512, headroom: 64 }).unwrap();
        let mut cache = pool.cache(2);
        let wire = Wire::new(4);
        let mut peer = wire.attach();
        let (mut devices, loan) = lend(vec![Box::new(wire.attach())]);
        let mut frame = pool.alloc().unwrap();
        assert!(frame.extend_from_slice(b"frame"));
        peer.transmit(&mut pool.cache(2), &mut vec![frame]);
        let mut received = Vec::new();
        assert_eq!(devices[0].receive(&mut cache, &mut received, 4).unwrap(), 1);
        // On its way back it still has its place on the wire; closed, it has not.
        drop(devices);
        peer.transmit(&mut pool.cache(2), &mut received);
        assert_eq!(wire.in_flight(), 1);
        loan.close();
        assert_eq!(wire.in_flight(), 0);
    }
}
