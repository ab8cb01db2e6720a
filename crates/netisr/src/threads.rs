//! Workers on threads of their own: pinned by their embedder, asleep when idle.
//!
//! # Locks
//!
//! None: an unpark. # Teardown: [`Threads::stop`] wakes every worker and joins it; dropping does the same.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::thread::Thread;
use std::vec::Vec;

use crate::Local;
use crate::Netisr;
use crate::Packet;
use crate::Wake;

/// Wakes worker threads by unparking them. Give it to the [`Builder`](crate::Builder), then to [`run`].
#[derive(Debug)]
pub struct ParkWake {
    threads: Vec<OnceLock<Thread>>,
}

impl ParkWake {
    /// For so many workers.
    pub fn new(workers: usize) -> Arc<ParkWake> {
        Arc::new(ParkWake { threads: (0..workers).map(|_| OnceLock::new()).collect() })
    }
}

impl Wake for ParkWake {
    fn wake(&self, worker: usize) {
        // Set before the worker first sleeps. Reading it takes no lock.
        if let Some(thread) = self.threads.get(worker).and_then(OnceLock::get) {
            thread.unpark();
        }
    }
}

/// Running worker threads.
#[derive(Debug)]
pub struct Threads {
    stop: Arc<AtomicBool>,
    wake: Arc<ParkWake>,
    joins: Vec<JoinHandle<()>>,
}

/// Runs every vacant worker of `netisr`, built with `wake`, on a thread of its own. `local` makes each
/// worker's state on its thread, where the embedder may also pin the thread to a core.
///
/// The workers poll, and sleep when nothing is pending.
pub fn run<P: Packet, W: Local>(
    netisr: &Netisr<P, W>,
    wake: &Arc<ParkWake>,
    local: impl Fn(usize) -> W + Send + Clone + 'static,
) -> Threads {
    let stop = Arc::new(AtomicBool::new(false));
    let spawn = |index| {
        let (netisr, stop, wake, local) = (netisr.clone(), stop.clone(), wake.clone(), local.clone());
        thread::spawn(move || {
            let Some(mut worker) = netisr.worker(index) else { return };
            if let Some(own) = wake.threads.get(index) {
                // A second run of the same facility meets the first one's thread here: only one may serve.
                let _first = own.set(thread::current());
            }
            let mut local = local(index);
            while !stop.load(Ordering::Acquire) {
                if !worker.poll(&mut local, usize::MAX).more && worker.prepare_sleep() {
                    if !stop.load(Ordering::Acquire) {
                        thread::park();
                    }
                    worker.awake();
                }
            }
        })
    };
    let joins = (0..netisr.workers()).map(spawn).collect();
    Threads { stop, wake: wake.clone(), joins }
}

impl Threads {
    /// Stops the workers after their current poll, and waits for them. What is queued stays queued.
    pub fn stop(self) {}
}

impl Drop for Threads {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        for (worker, join) in self.joins.drain(..).enumerate() {
            self.wake.wake(worker);
            if join.join().is_err() && !thread::panicking() {
                panic!("worker {worker} panicked in a handler");
            }
        }
    }
}
