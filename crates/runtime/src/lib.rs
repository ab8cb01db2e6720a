//! The threads that drive a stack's workers: each pinned to a core, asleep in poll(2) when there is nothing to do.
//!
//! A worker that has run out of work goes on polling for a moment ([`RuntimeConfig::spin`]) before it sleeps: to
//! be woken costs more than to look again, and what is answered is often answered back at once.
//!
//! # Locks
//!
//! None. # Teardown: [`Runtime::stop`] sets a flag, calls every worker and joins its thread. The worker's seat is
//! vacant then, and whoever waits for a departure comes by in its stead.
#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod lend;
mod shared;
mod thread;
pub mod trip;
mod turns;
mod wake;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;
use std::time::Duration;

use shared::Shared;
use siding_netisr::Clock;
use siding_netisr::Instant;
use siding_netisr::SystemClock;
use siding_netisr::Wake;
use siding_stack::Stack;
use siding_stack::StackWorker;
use thread::Ties;

pub use lend::Loan;
pub use lend::lend;
pub use shared::ThreadStats;
pub use turns::SIZES;
pub use turns::Turns;
pub use wake::EventWake;

/// How workers are run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuntimeConfig {
    /// How long a worker without work polls on before it sleeps.
    pub spin: Duration,
    /// Whether each worker stays on a core of its own. With fewer cores than workers, several share one.
    pub pin: bool,
}

/// A stack at work.
pub struct Runtime {
    stop: Arc<AtomicBool>,
    wake: Arc<EventWake>,
    threads: Vec<Running>,
}

/// A worker ended by a panic: a bug, told by its message on standard error.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("worker {worker} ended by a panic, which is a bug in Siding: {message}")]
pub struct WorkerDied {
    worker: usize,
    message: String,
}

struct Running {
    join: JoinHandle<()>,
    shared: Arc<Shared>,
}

/// The system's monotonic clock from this call on, for a stack and whoever speaks to it.
pub fn clock() -> impl Fn() -> Instant + Clone + Send + Sync + 'static {
    let clock = SystemClock::default();
    move || clock.now()
}

impl Runtime {
    /// Starts a thread for each vacant worker of `stack`, which was built with `wake`.
    ///
    /// # Errors
    ///
    /// The system starts no thread. Those that were started have been stopped again.
    pub fn start(stack: &Stack, wake: Arc<EventWake>, config: RuntimeConfig) -> io::Result<Runtime> {
        let cores = if config.pin { thread::cores() } else { Vec::new() };
        let mut runtime = Runtime { stop: Arc::default(), wake, threads: Vec::new() };
        let mut index = 0;
        while let Some(worker) = stack.worker(index) {
            let core = (!cores.is_empty()).then(|| cores[index % cores.len()]);
            runtime.spawn(stack, worker, core, config.spin)?;
            index += 1;
        }
        Ok(runtime)
    }

    /// Stops all workers after their current turn, and waits for them. What is queued stays queued.
    ///
    /// # Errors
    ///
    /// A worker had ended by a panic.
    pub fn stop(mut self) -> Result<(), WorkerDied> {
        self.join()
    }

    /// Whether a worker has ended although nobody stopped it. Then [`stop`](Self::stop) tells why.
    pub fn has_failed(&self) -> bool {
        self.threads.iter().any(|thread| thread.join.is_finished())
    }

    /// What each worker's thread has done.
    pub fn stats(&self) -> Vec<ThreadStats> {
        self.threads.iter().map(|thread| thread.shared.read()).collect()
    }

    /// Calls every worker: each turns at least once more, if it can.
    pub fn call(&self) {
        (0..self.threads.len()).for_each(|worker| self.wake.wake(worker));
    }

    fn spawn(
        &mut self,
        stack: &Stack,
        worker: StackWorker,
        core: Option<usize>,
        spin: Duration,
    ) -> io::Result<()> {
        let shared = Arc::new(Shared::default());
        let stack = stack.clone();
        let ties = Ties { stop: self.stop.clone(), wake: self.wake.clone(), shared: shared.clone() };
        let name = format!("worker{}", worker.index());
        let join = std::thread::Builder::new()
            .name(name)
            .spawn(move || thread::run(&stack, worker, &ties, core, spin))?;
        self.threads.push(Running { join, shared });
        Ok(())
    }

    fn join(&mut self) -> Result<(), WorkerDied> {
        self.stop.store(true, Ordering::Release);
        self.call();
        let mut result = Ok(());
        for (worker, thread) in self.threads.drain(..).enumerate() {
            if let Err(panic) = thread.join.join() {
                let text = panic.downcast_ref::<String>().cloned();
                let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
                let message = text.unwrap_or_else(|| "no message".to_owned());
                result = result.and(Err(WorkerDied { worker, message }));
            }
        }
        result
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        // Whoever wants to know calls `stop`.
        let _ = self.join();
    }
}

impl Default for RuntimeConfig {
    /// 20 us, pinned. A thousand pings 2 ms apart cost 20 to 50 ms of processor time with no spin and with this one, and
    /// 200 ms with ten times as much; the mean round trip was 25 to 45 us with either spin (two busy cores, veth).
    fn default() -> RuntimeConfig {
        RuntimeConfig { spin: Duration::from_micros(20), pin: true }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Runtime").field("stats", &self.stats()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
