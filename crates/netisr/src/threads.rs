//! Workers on threads of their own: pinned by their embedder, asleep when idle.
//!
//! ```
//! use siding_netisr::threads::{self, ParkWake};
//! # use siding_netisr::{IfId, Local, Netisr, Packet, Pending, Root, TypeSpec};
//! # use std::time::Duration;
//! # struct Frame(&'static str);
//! # impl Packet for Frame { fn interfaces(&self, _visit: &mut impl FnMut(IfId)) {} }
//! # #[derive(Default)] struct Wire(Vec<(IfId, &'static str)>);
//! # impl Local for Wire { fn depart(&mut self, _stays: &dyn Fn(IfId) -> bool) {} }
//!
//! let wake = ParkWake::new(2);
//! let netisr = Netisr::<Frame, Wire>::builder().workers(2).wake(wake.clone()).build()?;
//! let output = netisr.register(TypeSpec::new("output"), |_ctx, wire: &mut Wire, frame: Frame, out: IfId| {
//!     wire.0.push((out, frame.0));
//! })?;
//! let workers = threads::run(&netisr, &wake, |_worker| Wire::default());
//!
//! let mut root = Root::new();
//! let mut entered = root.enter()?;
//! let mut ctx = entered.ctx();
//! output.dispatch(&ctx, Frame("hello"), IfId::NONE)?;
//!
//! // What waits is handled before the type has gone; the workers stay until they are stopped.
//! netisr.unregister(&ctx, &output, Pending::Drain)?.wait(&mut ctx, Duration::from_secs(10))?;
//! workers.stop()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A thread ends when it is told to, or by a panic that its worker's poll passes on (see
//! [`OnPanic`](crate::OnPanic)) or that the worker's state has caused. The cause is kept: [`Threads::stop`] gives it,
//! [`Netisr::end_of_worker`] and [`WorkerReport::ended`](crate::WorkerReport::ended) tell of it until the worker runs
//! again, and who waits for something that the worker stands in the way of is told.
//!
//! # Locks
//!
//! To wake takes none, and waits for none: a worker's place in a [`ParkWake`] is only looked at when it can be, and
//! while it cannot, the worker is just beginning or ending and asleep in no case.
//!
//! # Teardown
//!
//! [`Threads::stop`] wakes every worker and joins it; dropping does the same. Workers are stopped last: what waits for a type to be
//! unregistered or an interface to depart waits for them to come by.

use std::any::Any;
use std::fmt;
use std::format;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::string::String;
use std::string::ToString;
use std::sync::Arc;
use std::sync::PoisonError;
use std::sync::RwLock;
use std::sync::TryLockError;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::thread;
use std::thread::JoinHandle;
use std::thread::Thread;
use std::time::Duration;
use std::vec::Vec;

use crate::Local;
use crate::Netisr;
use crate::Packet;
use crate::Wake;
use crate::Worker;

/// How long a worker sleeps that nobody can wake, for its facility wakes by something else.
const NAP: Duration = Duration::from_millis(1);

/// Wakes worker threads by unparking them. Give it to the [`Builder`](crate::Builder), then to [`run`].
///
/// Each worker needs a place in it. One that finds none, for the facility has more workers than places, has another
/// `Wake`, or shares this one with another facility whose worker is there, looks for itself what there is to do, a
/// thousand times a second. So a facility is built with it whatever its number of places.
#[derive(Debug)]
pub struct ParkWake {
    places: Vec<Place>,
}

#[derive(Debug, Default)]
struct Place {
    /// Who sleeps here. Written by the worker's thread itself, before its first sleep and after its last.
    thread: RwLock<Option<Thread>>,
    /// Whether its thread is trying if it is woken here; and whether it was.
    trying: AtomicBool,
    rung: AtomicBool,
}

impl ParkWake {
    /// For so many workers.
    pub fn new(workers: usize) -> Arc<ParkWake> {
        Arc::new(ParkWake { places: (0..workers).map(|_| Place::default()).collect() })
    }
}

impl Wake for ParkWake {
    fn wake(&self, worker: usize) {
        let Some(place) = self.places.get(worker) else { return };
        let sleeper = match place.thread.try_read() {
            Ok(sleeper) => sleeper,
            Err(TryLockError::Poisoned(sleeper)) => sleeper.into_inner(),
            // Its worker begins or ends: it will look before it sleeps.
            Err(TryLockError::WouldBlock) => return,
        };
        if let Some(thread) = &*sleeper {
            if place.trying.load(Ordering::Relaxed) && thread.id() == thread::current().id() {
                place.rung.store(true, Ordering::Relaxed);
            }
            thread.unpark();
        }
    }
}

/// The current thread's place, for as long as this lives.
struct Seated<'w>(&'w Place);

impl<'w> Seated<'w> {
    /// None if there is no such place, if it is taken, or if `ring` wakes somebody else.
    fn take(wake: &'w ParkWake, worker: usize, ring: impl FnOnce()) -> Option<Seated<'w>> {
        let place = wake.places.get(worker)?;
        {
            let mut sleeper = place.thread.write().unwrap_or_else(PoisonError::into_inner);
            if sleeper.is_some() {
                return None;
            }
            *sleeper = Some(thread::current());
        }
        let seated = Seated(place);
        place.trying.store(true, Ordering::Relaxed);
        ring();
        place.trying.store(false, Ordering::Relaxed);
        place.rung.swap(false, Ordering::Relaxed).then_some(seated)
    }
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        *self.0.thread.write().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Running worker threads.
#[derive(Debug)]
pub struct Threads {
    stop: Arc<AtomicBool>,
    joins: Vec<(usize, JoinHandle<Option<String>>)>,
}

/// Workers whose threads have ended by a panic, each with the panic's message.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Ended {
    /// The workers' numbers, and what their threads have ended by.
    pub workers: Vec<(usize, String)>,
}

/// Runs every vacant worker of `netisr`, built with `wake`, on a thread of its own. `local` makes each
/// worker's state on its thread, where the embedder may also pin the thread to a core.
///
/// The workers poll, and sleep when nothing is pending. When they have stopped, they may run again, each with a new state: that of
/// before was dropped on its thread, so what is to be known of it afterwards is shared from within it.
///
/// # Panics
///
/// When the system has no more threads; those that have begun are stopped.
pub fn run<P: Packet, W: Local>(
    netisr: &Netisr<P, W>,
    wake: &Arc<ParkWake>,
    local: impl Fn(usize) -> W + Send + Clone + 'static,
) -> Threads {
    let stop = Arc::new(AtomicBool::new(false));
    let mut threads = Threads { stop: stop.clone(), joins: Vec::new() };
    for index in 0..netisr.workers() {
        netisr.inner.core.begin_anew(index);
        let (netisr, stop, wake, local) = (netisr.clone(), stop.clone(), wake.clone(), local.clone());
        let begin = move || {
            let worker = netisr.worker(index)?;
            serve(&netisr, worker, &wake, &stop, local)
        };
        match thread::Builder::new().name(format!("netisr-{index}")).spawn(begin) {
            Ok(join) => threads.joins.push((index, join)),
            Err(why) => panic!("no thread for worker {index}: {why}"),
        }
    }
    threads
}

/// Polls a worker until it is to stop. By what panic it ended, if it did.
fn serve<P: Packet, W: Local>(
    netisr: &Netisr<P, W>,
    mut worker: Worker<P, W>,
    wake: &ParkWake,
    stop: &AtomicBool,
    local: impl Fn(usize) -> W,
) -> Option<String> {
    let index = worker.index();
    let core = &netisr.inner.core;
    let mut state = None;
    let ended = contain(|| {
        let seated = Seated::take(wake, index, || core.ring(index));
        let local = state.insert(local(index));
        let mut worker = worker.on_thread();
        while !stop.load(Ordering::Acquire) {
            if !worker.poll(local, usize::MAX).more && worker.prepare_sleep() {
                match (stop.load(Ordering::Acquire), &seated) {
                    (true, _) => {}
                    (false, Some(_)) => thread::park(),
                    (false, None) => thread::park_timeout(NAP),
                }
                worker.awake();
            }
        }
    });
    // The state goes while the worker is still held: whoever finds it vacant finds nothing left of it.
    let spoilt = contain(|| drop(state));
    let cause = ended.or(spoilt);
    core.set_end(index, cause.clone());
    drop(worker);
    if cause.is_some() {
        // The others see to what it stood in the way of.
        core.order();
    }
    cause
}

/// Runs `work`; gives the message of its panic.
fn contain(work: impl FnOnce()) -> Option<String> {
    let payload = catch_unwind(AssertUnwindSafe(work)).err()?;
    let message = message_of(&*payload);
    // What was thrown is the embedder's, and may panic in its turn.
    if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        core::mem::forget(another);
    }
    Some(message)
}

fn message_of(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("a panic without a message").to_string()
}

impl Threads {
    /// Stops the workers after their current poll, and waits for them. What is queued stays queued.
    ///
    /// May be called in a handler: the worker that runs it ends when it has returned, and is not waited for.
    ///
    /// # Errors
    ///
    /// Workers that have ended by a panic, now or before.
    pub fn stop(mut self) -> Result<(), Ended> {
        self.join()
    }

    fn join(&mut self) -> Result<(), Ended> {
        self.stop.store(true, Ordering::Release);
        // All of them first, so that they end side by side. Not by the facility's bell: it is for who sleeps there.
        self.joins.iter().for_each(|(_, join)| join.thread().unpark());
        let mut workers = Vec::new();
        for (index, join) in self.joins.drain(..) {
            if join.thread().id() == thread::current().id() {
                continue;
            }
            let end = join.join().unwrap_or_else(|payload| {
                core::mem::forget(payload);
                Some("a panic while it ended".to_string())
            });
            workers.extend(end.map(|cause| (index, cause)));
        }
        Ended::of(workers).map_or(Ok(()), Err)
    }
}

impl Drop for Threads {
    /// Stops as [`Threads::stop`] does.
    ///
    /// # Panics
    ///
    /// If a worker has ended by a panic: nobody is there to take the error.
    fn drop(&mut self) {
        let outcome = self.join();
        if let Err(ended) = outcome
            && !thread::panicking()
        {
            panic!("{ended}");
        }
    }
}

impl Ended {
    fn of(workers: Vec<(usize, String)>) -> Option<Ended> {
        if workers.is_empty() { None } else { Some(Ended { workers }) }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, (worker, cause)) in self.workers.iter().enumerate() {
            let separator = if place == 0 { "" } else { "; " };
            write!(f, "{separator}the thread of worker {worker} has ended: {cause}")?;
        }
        Ok(())
    }
}

impl core::error::Error for Ended {}
