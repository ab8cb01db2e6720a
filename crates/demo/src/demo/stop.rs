//! When to stop: at Ctrl-C, SIGTERM, or when the time for the whole demonstration is used up.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use signal_hook::consts::SIGINT;
use signal_hook::consts::SIGTERM;
use signal_hook::flag;

/// Between two looks at something that others bring about.
const PAUSE: Duration = Duration::from_micros(500);

/// Tells every loop and every wait when to end. Clones tell the same.
#[derive(Debug, Clone)]
pub(super) struct Stop {
    called: Arc<AtomicBool>,
    began: Instant,
    /// Nothing is waited for beyond this moment.
    deadline: Instant,
}

impl Stop {
    /// Listens to the operator, and allows `limit` in all from now on. A second Ctrl-C ends the process at once.
    ///
    /// # Errors
    ///
    /// The system takes no handler.
    pub(super) fn new(limit: Duration) -> io::Result<Stop> {
        let called = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the first signal finds the flag unset here, and sets it in the next handler.
            flag::register_conditional_shutdown(signal, 128 + signal, called.clone())?;
            flag::register(signal, called.clone())?;
        }
        let began = Instant::now();
        Ok(Stop { called, began, deadline: began + limit })
    }

    /// Whether the operator has called.
    pub(super) fn is_called(&self) -> bool {
        self.called.load(Ordering::Relaxed)
    }

    /// Whether to end what is under way: the operator has called, or time is up.
    pub(super) fn is_over(&self) -> bool {
        self.is_called() || Instant::now() >= self.deadline
    }

    /// Waits until `done` says so, at most `timeout`, and not when all is over. Gives the last answer.
    pub(super) fn wait(&self, timeout: Duration, mut done: impl FnMut() -> bool) -> bool {
        let until = Instant::now() + timeout;
        loop {
            if done() {
                return true;
            }
            if self.is_over() || Instant::now() >= until {
                return done();
            }
            thread::sleep(PAUSE);
        }
    }

    /// How long the demonstration has been running.
    pub(super) fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    /// How much of its time is left.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
