//! One worker's thread: turn after turn, and sleep between.

use std::os::fd::AsFd;
use std::os::fd::AsRawFd;
use std::os::fd::BorrowedFd;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rustix::event::PollFd;
use rustix::event::PollFlags;
use rustix::event::Timespec;
use rustix::event::poll;
use rustix::thread::CpuSet;
use rustix::thread::sched_getaffinity;
use rustix::thread::sched_setaffinity;
use siding_netisr::Instant;
use siding_stack::Stack;
use siding_stack::StackWorker;
use siding_stack::Turn;

use crate::shared::Shared;
use crate::trip;
use crate::turns::add;
use crate::wake::EventWake;

/// How long a worker sleeps at most when a device of its must be polled.
const POLLED: Duration = Duration::from_millis(1);

/// How long a descriptor is left alone that says there is an error but nothing to read, as that of an interface that
/// is down does: it would end every sleep at once.
const SICK: Duration = Duration::from_millis(50);

/// Descriptors that are left alone, and until when. The others are waited for as ever: one interface that is down does not
/// keep the frames of another waiting.
#[derive(Default)]
struct Sick(Vec<(RawFd, Instant)>);

/// What binds it to whoever started it.
pub(super) struct Ties {
    /// It is to end.
    pub(super) stop: Arc<AtomicBool>,
    pub(super) wake: Arc<EventWake>,
    pub(super) shared: Arc<Shared>,
}

/// The cores that this process may use.
pub(super) fn cores() -> Vec<usize> {
    let allowed = sched_getaffinity(None).unwrap_or_else(|_| CpuSet::new());
    (0..CpuSet::MAX_CPU).filter(|core| allowed.is_set(*core)).collect()
}

pub(super) fn run(
    stack: &Stack,
    mut worker: StackWorker,
    Ties { stop, wake, shared }: &Ties,
    core: Option<usize>,
    spin: Duration,
) {
    if let Some(core) = core
        && pin(core)
    {
        shared.core.store(core as u64 + 1, Ordering::Relaxed);
    }
    // Whoever writes files is kept from this one; we write none, and hear it when it is meant for all of us.
    siding_drivers::kernel::admit_signal(libc::SIGXFSZ);
    // A frame that comes while others compute waits for no slice of theirs. Where that cannot be had, it does.
    let _ = siding_drivers::kernel::take_short_slices();
    let mut last_work = stack.now();
    let mut sick = Sick::default();
    // The last turn, and when it began: it has ended when the clock is read next.
    let mut last: Option<(Turn, Instant)> = None;
    let ended = |last: Option<(Turn, Instant)>, now: Instant| {
        if let Some((turn, begun)) = last {
            shared.times.note(&turn, now.since(begun));
        }
    };
    while !stop.load(Ordering::Acquire) {
        trip::here();
        let now = stack.now();
        ended(last.take(), now);
        let turn = worker.turn(now);
        last = Some((turn, now));
        add(&shared.turns, 1);
        if turn.received + turn.handled + turn.timers > 0 {
            add(&shared.busy, 1);
            add(&shared.received, turn.received as u64);
            last_work = now;
        }
        if turn.more || now.since(last_work) < spin || turn.next <= now {
            continue;
        }
        if worker.prepare_sleep() {
            // The flag is set before the call: a call that came before this look is still to be heard by poll.
            if !stop.load(Ordering::Acquire) {
                add(&shared.sleeps, 1);
                let now = stack.now();
                ended(last.take(), now);
                sleep(&worker, wake, turn.next, now, &mut sick);
            }
            worker.awake();
            wake.drain(worker.index());
        }
    }
}

/// Waits until a device has something, somebody calls, or the time has come.
fn sleep(worker: &StackWorker, wake: &EventWake, next: Instant, now: Instant, sick: &mut Sick) {
    let mut devices: Vec<BorrowedFd<'_>> = Vec::with_capacity(8);
    let all = worker.readable(&mut devices);
    let mut timeout = (next != Instant::NEVER).then_some(next.since(now));
    let mut at_most = |limit: Duration| timeout = Some(timeout.map_or(limit, |timeout| timeout.min(limit)));
    if !all {
        at_most(POLLED);
    }
    // With this turn we have looked at them all; they are looked at again when this sleep is over.
    sick.0.retain(|(_, until)| now < *until);
    sick.0.iter().for_each(|(_, until)| at_most(until.since(now)));
    devices.retain(|device| !sick.0.iter().any(|(fd, _)| *fd == device.as_raw_fd()));
    let fds = wake.event(worker.index()).into_iter().chain(devices);
    let mut fds: Vec<PollFd<'_>> = fds.map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN)).collect();
    let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
    // An interrupted call leaves no answer: the turn that follows looks at everything.
    if poll(&mut fds, timeout.as_ref()).is_ok() {
        let only_errors =
            |fd: &&PollFd<'_>| !fd.revents().is_empty() && !fd.revents().contains(PollFlags::IN);
        sick.0.extend(fds.iter().filter(only_errors).map(|fd| (fd.as_fd().as_raw_fd(), now + SICK)));
    }
}

/// Keeps this thread on one core. A system that forbids it still works, only less evenly.
fn pin(core: usize) -> bool {
    let mut set = CpuSet::new();
    set.set(core);
    sched_setaffinity(None, &set).is_ok()
}
