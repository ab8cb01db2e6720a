//! What may take long, away from the main thread, which watches all others and waits for nobody: a configuration that is
//! read again, and the way back to the one before. Each has a thread of its own while it lasts, so that neither waits for
//! the other's file.
//!
//! # Teardown
//!
//! Such a thread has entered as a request does, and a stop waits for it no longer than for one.

use std::sync::Arc;
use std::thread;
use std::thread::JoinHandle;

use siding_lockorder::Root;
use siding_runtime::trip;

use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

/// One of them.
#[derive(Debug)]
pub(super) struct Apart {
    name: &'static str,
    does: fn(&Daemon, &mut Free<'_>),
    thread: Option<JoinHandle<()>>,
}

impl Apart {
    /// `does` is what is to be done, again and again, one at a time.
    pub(super) fn new(name: &'static str, does: fn(&Daemon, &mut Free<'_>)) -> Apart {
        Apart { name, does, thread: None }
    }

    /// Begins, if nothing of the kind is under way. False if it is, or no thread can be started: to be tried again.
    pub(super) fn begin(&mut self, daemon: &Arc<Daemon>) -> bool {
        if self.thread.as_ref().is_some_and(|thread| !thread.is_finished()) {
            return false;
        }
        let (daemon, does) = (daemon.clone(), self.does);
        let run = move || {
            let mut root = Root::new();
            // A fresh thread has entered no other.
            let Ok(mut entered) = root.enter() else { return };
            let Some(_entered) = daemon.closing.enter() else { return };
            trip::here();
            does(&daemon, &mut entered.ctx());
        };
        // One that has panicked has said so.
        self.thread = thread::Builder::new().name(self.name.into()).spawn(run).ok();
        self.thread.is_some()
    }
}
