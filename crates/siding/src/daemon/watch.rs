//! The main thread at work: it watches all the others. What one of them did is taken over by another in its place, or
//! the daemon ends with the cause; nothing goes on without somebody who does it.
//!
//! | thread | if it ends by itself |
//! |---|---|
//! | a worker | the daemon ends: what the worker held is not to be trusted. If it hangs, the log and systemd's watchdog tell |
//! | links, control | another takes over; if that happens [`MOST`] times within [`PERIOD`], the daemon ends |
//! | a session, a reload, setting back | its connection ends, or what was read is not in effect, or not yet |
//! | log, captures | they go on with the next line or frame |
//! | main | the daemon ends |

use std::collections::VecDeque;
use std::panic::AssertUnwindSafe;
use std::panic::catch_unwind;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::anyhow;
use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use siding_drivers::PcapLoss;
use siding_runtime::Runtime;
use siding_runtime::trip;

use super::apart::Apart;
use super::door::Door;
use super::pulse::Pulse;
use super::service;
use super::service::Service;
use super::signals::Asked;
use super::signals::Signals;
use crate::interface::links::Links;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;
use crate::state::tell;

/// How often the main thread looks whether the others live.
const LOOK: Duration = Duration::from_millis(500);

/// So many times within this time, a thread is replaced.
const MOST: usize = 10;
const PERIOD: Duration = Duration::from_secs(60);

/// Between two replacements: what has made one end may last for a moment.
const PAUSE: Duration = Duration::from_secs(2);

/// Between two lines about what captures have lost.
const TELL: Duration = Duration::from_secs(5);

/// A signal ends a stop that has taken this long. (It ends by itself after `stop_timeout_ms`.)
const PATIENCE: Duration = Duration::from_secs(10);

/// What the kernel gets back after that, it gets within this time.
const GIVE_BACK: Duration = Duration::from_secs(10);

/// Why the daemon stops.
pub(super) enum End {
    /// It was told to.
    Told,
    /// It cannot go on.
    Failed,
}

/// Threads that are replaced.
pub(super) struct Helpers<'d> {
    daemon: &'d Arc<Daemon>,
    links: Option<Links>,
    doors: Vec<Door<'d>>,
    /// When some were.
    replaced: VecDeque<Instant>,
    /// When that was tried last.
    tried: Instant,
    /// It was told that one cannot be started.
    told: bool,
}

impl<'d> Helpers<'d> {
    /// Starts the watch of links; connections are taken already.
    pub(super) fn start(daemon: &'d Arc<Daemon>, doors: Vec<Door<'d>>) -> Helpers<'d> {
        let mut helpers = Helpers {
            daemon,
            links: None,
            doors,
            replaced: VecDeque::new(),
            tried: Instant::now(),
            told: false,
        };
        helpers.watch_links();
        helpers
    }

    fn watch_links(&mut self) {
        self.links.take().into_iter().for_each(Links::stop);
        self.links =
            told(Links::start(self.daemon), &mut self.told, "a lagg does not see that a link is lost");
    }

    fn take_connections(&mut self) {
        for door in self.doors.iter_mut().filter(|door| door.is_shut()) {
            told(door.open(), &mut self.told, "nobody takes control connections");
        }
    }

    /// Replaces those that have ended; false if that happens too often. Those that could not be started are tried again.
    fn replace(&mut self) -> bool {
        let links = self.links.as_ref().is_none_or(Links::has_ended);
        let control = self.doors.iter().any(Door::is_shut);
        let was_open = self.doors.iter().any(|door| door.is_shut() && door.thread.is_some());
        if !links && !control || self.tried.elapsed() < PAUSE {
            return true;
        }
        self.tried = Instant::now();
        let ended = links && self.links.is_some() || was_open;
        self.replaced.retain(|at| at.elapsed() < PERIOD);
        self.replaced.extend(ended.then_some(self.tried));
        if self.replaced.len() > MOST {
            tracing::error!("threads end by themselves again and again; stopping");
            return false;
        }
        if links {
            if self.links.is_some() {
                tracing::error!("the thread that watches links has ended by itself: another takes over");
            }
            self.watch_links();
        }
        if control {
            if was_open {
                tracing::error!(
                    "the thread that takes control connections has ended by itself: another takes over"
                );
            }
            self.take_connections();
        }
        true
    }

    /// Ends the watch of links; nobody takes connections any more.
    pub(super) fn stop(self) {
        drop(self.doors);
        self.links.into_iter().for_each(Links::stop);
    }
}

/// What was started; a failure is told once, until one succeeds.
fn told<T>(started: anyhow::Result<T>, was_told: &mut bool, without: &str) -> Option<T> {
    match &started {
        Ok(_) => *was_told = false,
        Err(_) if *was_told => {}
        Err(error) => {
            tracing::error!("{error:#}: {without}, until it can be tried again");
            *was_told = true;
        }
    }
    started.ok()
}

/// Watches until a signal comes or something fails, and detaches what the kernel has taken away.
pub(super) fn watch(ctx: &mut Free<'_>, signals: &mut Signals, helpers: &mut Helpers<'_>) -> End {
    let watched = catch_unwind(AssertUnwindSafe(|| turns(ctx, signals, helpers)));
    watched.unwrap_or_else(|_| {
        tracing::error!("the main thread has met a bug; stopping");
        End::Failed
    })
}

fn turns(ctx: &mut Free<'_>, signals: &mut Signals, helpers: &mut Helpers<'_>) -> End {
    let daemon = helpers.daemon;
    let mut captures = Captures::default();
    let mut service = Service::new();
    let mut pulse = Pulse::new();
    service.ready();
    let mut reload = false;
    let mut reloads = Apart::new("reload", Daemon::reload_file);
    let mut back = Apart::new("going-back", Daemon::go_back_in_time);
    let mut pays = Apart::new("setting-back", Daemon::pay);
    loop {
        let mut fds = vec![PollFd::new(&*signals, PollFlags::IN)];
        if let Some(links) = &helpers.links {
            fds.push(PollFd::new(links.news(), PollFlags::IN));
        }
        let look = Timespec::try_from(LOOK).ok();
        // An interrupted wait is as good as one that is over.
        let _ = poll(&mut fds, look.as_ref());
        drop(fds);
        trip::here();
        match signals.take() {
            Some(Asked::Stop(signal)) => {
                tracing::info!("stopping, by {signal}");
                return End::Told;
            }
            Some(Asked::Reload) => reload = true,
            None => {}
        }
        reload = reload && !reloads.begin(daemon);
        if daemon.is_to_go_back() {
            back.begin(daemon);
        }
        if daemon.is_to_pay() {
            pays.begin(daemon);
        }
        if lock(&daemon.runtime).as_ref().is_some_and(Runtime::has_failed) {
            tracing::error!("a worker has ended by itself; stopping");
            return End::Failed;
        }
        if let Some(runtime) = lock(&daemon.runtime).as_ref() {
            pulse.take(runtime);
        }
        service.well(&pulse);
        if !helpers.replace() {
            return End::Failed;
        }
        if let Some(links) = &mut helpers.links {
            links.heard();
        }
        daemon.follow_devices(ctx);
        daemon.reap();
        daemon.filter.tend(&daemon.stack, ctx);
        daemon.log.say_left_out(false);
        captures.tell(daemon);
    }
}

/// What captures have lost, told now and then.
#[derive(Default)]
struct Captures {
    told: u64,
    last: Option<Instant>,
}

impl Captures {
    fn tell(&mut self, daemon: &Daemon) {
        if self.last.is_some_and(|last| last.elapsed() < TELL) {
            return;
        }
        let losses: Vec<PcapLoss> = daemon.captures().into_iter().map(|(_, loss)| loss).collect();
        let lost = losses.iter().map(|loss| loss.frames).sum();
        if lost > self.told {
            let why = losses.into_iter().find_map(|loss| loss.why).unwrap_or_default();
            tracing::warn!("captures lack {} more frames, {lost} in all: {why}", lost - self.told);
            self.last = Some(Instant::now());
        }
        // A capture that has gone with its interface has taken its count along.
        self.told = lost;
    }
}

/// Sees to it that a stop ends: signals are heard, and change nothing, unless it takes very long. Then the kernel gets back
/// what the stop has not given it.
pub(super) struct StopWatch {
    done: Arc<AtomicBool>,
}

impl StopWatch {
    /// From now on; at most for so long.
    pub(super) fn start(mut signals: Signals, longest: Duration, daemon: &Arc<Daemon>) -> StopWatch {
        service::stopping(longest + GIVE_BACK);
        let daemon = daemon.clone();
        let done = Arc::new(AtomicBool::new(false));
        let own = done.clone();
        let begun = Instant::now();
        let watch = move || {
            while !own.load(Ordering::Acquire) {
                let look = Timespec::try_from(LOOK).ok();
                let _ = poll(&mut [PollFd::new(&signals, PollFlags::IN)], look.as_ref());
                let asked = signals.take().filter(|_| begun.elapsed() > PATIENCE);
                let signal = asked.and_then(|asked| match asked {
                    Asked::Stop(signal) => Some(signal),
                    Asked::Reload => None,
                });
                if own.load(Ordering::Acquire) || signal.is_none() && begun.elapsed() < longest {
                    continue;
                }
                let signal = signal.unwrap_or_else(|| "nobody".into());
                let took = begun.elapsed().as_secs();
                tracing::error!("the stop has taken {took} s and is ended, by {signal}");
                for error in given_back(&daemon) {
                    tracing::error!("{error:#}: the next run puts back what stays changed");
                }
                tell::finish();
                std::process::exit(1);
            }
        };
        // Without it, a stop takes as long as it takes.
        let _ = thread::Builder::new().name("stop".into()).spawn(watch);
        StopWatch { done }
    }
}

/// Gives the kernel back what is its own, as far as that goes in time.
fn given_back(daemon: &Arc<Daemon>) -> Vec<anyhow::Error> {
    let (tell, told) = mpsc::channel();
    let own = daemon.clone();
    // Nobody listens any more to what comes too late.
    let give = move || drop(tell.send(own.give_back()));
    match thread::Builder::new().name("give-back".into()).spawn(give) {
        Ok(_) => told.recv_timeout(GIVE_BACK).unwrap_or_else(|_| vec![anyhow!("the kernel takes too long")]),
        Err(_) => daemon.give_back(),
    }
}

impl Drop for StopWatch {
    fn drop(&mut self) {
        self.done.store(true, Ordering::Release);
    }
}
