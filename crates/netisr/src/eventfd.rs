//! A [`Wake`] for loops that wait for file descriptors: one eventfd(2) for each worker.
//!
//! ```text
//! loop {
//!     while worker.poll(&mut local, 64).more {}
//!     // … what else the loop does …
//!     if worker.prepare_sleep() {
//!         // wait for the worker's fd, with all others: poll, epoll, mio, tokio's AsyncFd
//!         worker.awake();
//!     }
//!     wake.clear(worker.index());
//! }
//! ```
//!
//! # Locks
//!
//! None: to wake is one write that does not block. # Teardown: the descriptors are closed with the last handle.

use core::fmt;
use std::io;
use std::os::fd::AsFd;
use std::os::fd::BorrowedFd;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::vec::Vec;

use rustix::event::EventfdFlags;
use rustix::event::eventfd;

use crate::Wake;

/// Wakes workers by their eventfds. Give it to the [`Builder`](crate::Builder), and wait for [`fd`](Self::fd).
pub struct EventFdWake {
    fds: Vec<OwnedFd>,
}

impl EventFdWake {
    /// For so many workers: as many as the facility has, or more.
    ///
    /// # Errors
    ///
    /// The process or the system has no more descriptors.
    pub fn new(workers: usize) -> io::Result<Arc<EventFdWake>> {
        let flags = EventfdFlags::NONBLOCK | EventfdFlags::CLOEXEC;
        let fds = (0..workers).map(|_| eventfd(0, flags)).collect::<Result<_, _>>()?;
        Ok(Arc::new(EventFdWake { fds }))
    }

    /// What to wait for until it can be read, while the worker sleeps. None if there is no such worker.
    pub fn fd(&self, worker: usize) -> Option<BorrowedFd<'_>> {
        self.fds.get(worker).map(AsFd::as_fd)
    }

    /// Takes note of the calls to a worker, so that its descriptor can be waited for again. Whether there were some.
    /// To be called before the worker is polled, not after: what comes later is a call of its own.
    pub fn clear(&self, worker: usize) -> bool {
        let mut calls = [0; 8];
        self.fds.get(worker).is_some_and(|fd| rustix::io::read(fd, &mut calls).is_ok())
    }
}

impl Wake for EventFdWake {
    fn places(&self) -> Option<usize> {
        Some(self.fds.len())
    }

    fn wake(&self, worker: usize) {
        if let Some(fd) = self.fds.get(worker) {
            // It fails only when 2^64 - 2 calls were not cleared, and then the descriptor can be read already.
            let _full = rustix::io::write(fd, &1u64.to_ne_bytes());
        }
    }
}

impl fmt::Debug for EventFdWake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventFdWake").field("workers", &self.fds.len()).finish()
    }
}
