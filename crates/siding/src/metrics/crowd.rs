//! Connections that are answered at a time: so many, and for one more the oldest goes.
//!
//! Who is slow, or says nothing at all, holds up nobody else: a scrape that comes then is answered, and whoever has had his time
//! for longest has it no more.
//!
//! # Teardown
//!
//! Dropping it closes all of them, and waits until their threads have ended, which is at once.

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::Weak;
use std::thread;
use std::thread::JoinHandle;

use rustix::net::Shutdown;

/// So many.
pub(super) const AT_ONCE: usize = 8;

/// Those that are answered, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Crowd(VecDeque<Answering>);

/// One connection, on its thread, whose it is: it is closed when that ends, whatever it ends by.
#[derive(Debug)]
struct Answering {
    stream: Weak<OwnedFd>,
    join: JoinHandle<()>,
}

impl Crowd {
    /// Answers one more.
    ///
    /// # Errors
    ///
    /// The system starts no thread.
    pub(super) fn answer(
        &mut self,
        stream: OwnedFd,
        answer: impl FnOnce(&OwnedFd) + Send + 'static,
    ) -> io::Result<()> {
        self.0.retain(|one| !one.join.is_finished());
        while self.0.len() >= AT_ONCE
            && let Some(oldest) = self.0.pop_front()
        {
            oldest.close();
            oldest.join();
        }
        let own = Arc::new(stream);
        let stream = Arc::downgrade(&own);
        let join = thread::Builder::new().name("scrape".into()).spawn(move || answer(&own))?;
        self.0.push_back(Answering { stream, join });
        Ok(())
    }
}

impl Answering {
    /// Whoever waits for something on it is told that there is no more.
    fn close(&self) {
        if let Some(stream) = self.stream.upgrade() {
            // One that has gone is as good as closed.
            let _ = rustix::net::shutdown(&*stream, Shutdown::Both);
        }
    }

    fn join(self) {
        // A thread that has panicked has said so.
        let _ = self.join.join();
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        // All of them before one is waited for.
        self.0.iter().for_each(Answering::close);
        self.0.drain(..).for_each(Answering::join);
    }
}
