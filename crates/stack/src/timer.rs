//! The timer queues: one for each worker, and one for what nobody in particular has armed.
//!
//! An entry says "look at this then": what it points to has its own deadline, and is looked at again if that has
//! moved. What there is to look at, and what is done then, each protocol says in its own folder, with a type for each
//! kind ([`Due`]): the queues know no protocol, nor who runs it. Whatever has a deadline that others can move keeps an
//! [`Alarm`] beside it, and so has one entry at most, in whichever queue.
//!
//! # Whose an entry is
//!
//! A worker arms in its own queue, and control, or who has no worker at hand, in the one for anybody. A worker looks at these two in each turn.
//! One that has time, for it has read and handled all that there was, looks at the others' too, and sleeps no longer than
//! until the first of all is due: so all have read up to a deadline soon after it has come, and the last to have read
//! runs what is due, whosever it is. A worker that has something to do all the time touches nobody else's. The queue of one
//! that has left is everybody's until another takes its first turn on that seat.
//!
//! Nobody arms in another worker's queue: that one may sleep. Control has all workers come by after what it arms.
//!
//! # Locks
//!
//! [`ranks::Timers`], innermost but leaves, never two of them: timers are armed under a neighbour's lock and run under none of
//! this. An alarm moves from one queue to another under the lock that it lies under itself. # Teardown: a departing interface's entries are
//! purged, each queue's in one step however many they are, and it arms nothing any more; what is being run at that moment holds a
//! reference to what it is about.

use std::fmt;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicBool;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::AtomicUsize;
use siding_netisr::sync::atomic::Ordering;
use siding_netisr::sync::mutant;

use self::queue::Gone;
use self::queue::Queue;
use crate::alarm::Alarm;
use crate::alarm::Home;
use crate::alarm::Place;
use crate::ranks;

/// One kind of what is looked at when its time has come, by a worker whose state is `W`. It is memory and nothing else: of an interface
/// that departs it is dropped when nobody waits for that.
pub(crate) trait Due<W>: fmt::Debug + Send {
    /// The interface that it goes with.
    fn interface(&self) -> IfId;

    /// Its time has come; no lock is held.
    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, worker: &mut W);
}

/// The queues of all workers. What each turn reads is written seldom, and lies apart from what is written each time that something is armed.
#[derive(Debug)]
pub(crate) struct Timers<W> {
    anybodys: Line<W>,
    /// Seats that were left, and not taken since.
    left: AtomicUsize,
    own: Vec<Own<W>>,
}

/// A worker's own.
#[derive(Debug)]
struct Own<W> {
    line: Line<W>,
    /// Its worker has left.
    left: AtomicBool,
}

#[derive(Debug)]
struct Line<W> {
    earliest: Earliest,
    queue: Mutex<ranks::Timers, Queue<W>>,
}

/// The earliest deadline, so that an idle look is one load; on cache lines of its own.
#[derive(Debug)]
#[repr(align(128))]
struct Earliest(AtomicU64);

/// The queues as one sees them who arms, and runs what is due: a worker, or anybody else.
#[derive(Debug)]
pub(crate) struct Seen<'a, W> {
    timers: &'a Timers<W>,
    home: Home,
}

impl<W> Timers<W> {
    pub(crate) fn new(workers: usize) -> Timers<W> {
        let own = |_| Own { line: Line::new(), left: AtomicBool::new(false) };
        Timers { anybodys: Line::new(), left: AtomicUsize::new(0), own: (0..workers).map(own).collect() }
    }

    /// As a worker sees them.
    pub(crate) fn of(&self, worker: usize) -> Seen<'_, W> {
        Seen { timers: self, home: Home::of(worker) }
    }

    /// As whoever is no worker, or has none at hand, sees them.
    fn of_anybody(&self) -> Seen<'_, W> {
        Seen { timers: self, home: Home::ANYBODYS }
    }

    /// Has `due` looked at when `at` has come, by whoever comes by first. Workers are to be called afterwards, unless a worker
    /// asks for it.
    pub(crate) fn arm<L>(&self, ctx: &mut Ctx<'_, L>, at: Instant, due: impl Due<W> + 'static)
    where
        ranks::Timers: After<L>,
    {
        self.of_anybody().arm(ctx, at, due);
    }

    /// The same, unless the alarm is set by `deadline` anyway.
    pub(crate) fn set<L, D: Due<W> + 'static>(
        &self,
        ctx: &mut Ctx<'_, L>,
        alarm: &mut Alarm,
        deadline: Option<Instant>,
        due: impl FnOnce() -> D,
    ) where
        ranks::Timers: After<L>,
    {
        self.of_anybody().set(ctx, alarm, deadline, due);
    }

    /// Forgets an interface that departs, which arms nothing from now on. Gives what each queue had of it, to be dropped
    /// with no lock held.
    pub(crate) fn purge<L>(&self, ctx: &mut Ctx<'_, L>, interface: IfId) -> Vec<Gone<W>>
    where
        ranks::Timers: After<L>,
    {
        self.lines().map(|line| line.change(ctx, |queue| queue.purge(interface))).collect()
    }

    /// A worker has left its seat: what it has armed is everybody's. True if there is something, or it may have armed something in
    /// anybody's queue: then the others are to be called, who may sleep for longer than that has time.
    pub(crate) fn leave(&self, worker: usize) -> bool {
        let Own { line, left } = &self.own[worker];
        // Written by who has the seat, or had it last.
        if !left.swap(true, Ordering::Relaxed) {
            self.left.fetch_add(1, Ordering::Release);
        }
        line.next().min(self.anybodys.next()) < Instant::NEVER
    }

    /// A worker takes its first turn, and with it what lies in its queue.
    pub(crate) fn enter(&self, worker: usize) {
        if self.own[worker].left.swap(false, Ordering::Relaxed) {
            self.left.fetch_sub(1, Ordering::Release);
        }
    }

    /// How many entries lie in them.
    #[cfg(any(test, siding_loom, siding_shuttle, siding_mutants))]
    pub(crate) fn len<L>(&self, ctx: &mut Ctx<'_, L>) -> usize
    where
        ranks::Timers: After<L>,
    {
        self.lines().map(|line| line.change(ctx, |queue| queue.len())).sum()
    }

    fn lines(&self) -> impl Iterator<Item = &Line<W>> {
        [&self.anybodys].into_iter().chain(self.own.iter().map(|own| &own.line))
    }

    fn line(&self, home: Home) -> &Line<W> {
        match home.worker() {
            Some(worker) => &self.own[worker].line,
            None => &self.anybodys,
        }
    }
}

impl<W> Seen<'_, W> {
    /// Has `due` looked at when `at` has come.
    pub(crate) fn arm<L>(&self, ctx: &mut Ctx<'_, L>, at: Instant, due: impl Due<W> + 'static)
    where
        ranks::Timers: After<L>,
    {
        self.timers.line(self.home).change(ctx, |queue| _ = queue.put(at, due));
    }

    /// Has `due` looked at when `deadline` has come, unless its alarm is set by then anyway.
    pub(crate) fn set<L, D: Due<W> + 'static>(
        &self,
        ctx: &mut Ctx<'_, L>,
        alarm: &mut Alarm,
        deadline: Option<Instant>,
        due: impl FnOnce() -> D,
    ) where
        ranks::Timers: After<L>,
    {
        let Some(at) = deadline.filter(|at| !alarm.is_set_by(*at)) else { return };
        let (home, due) = (self.home, due());
        let on = due.interface();
        let elsewhere = self.timers.line(home).change(ctx, |queue| {
            let key = queue.put(at, due)?;
            let before = alarm.move_to(Place { key, home })?;
            if before.home != home {
                return Some(before);
            }
            // One that is being looked at is no longer there.
            queue.remove(on, before.key);
            None
        });
        if let Some(before) = elsewhere.filter(|_| !mutant("alarm-in-two-queues")) {
            self.timers.line(before.home).change(ctx, |queue| queue.remove(on, before.key));
        }
    }

    /// The next thing that is due. `all` for others' as well, if there is time.
    pub(crate) fn pop<L>(&self, ctx: &mut Ctx<'_, L>, now: Instant, all: bool) -> Option<Box<dyn Due<W>>>
    where
        ranks::Timers: After<L>,
    {
        loop {
            let (at, home) = self.first(all);
            if at > now || at == Instant::NEVER {
                return None;
            }
            // Somebody else may have taken it meanwhile: then the word says what is next.
            let due = self.timers.line(home).change(ctx, |queue| queue.pop(now));
            if due.is_some() {
                return due;
            }
        }
    }

    /// When something is due next; [`Instant::NEVER`] for never. `all` for others' as well.
    #[inline]
    pub(crate) fn next(&self, all: bool) -> Instant {
        self.first(all).0
    }

    /// When something is due next, and where that is.
    #[inline]
    fn first(&self, all: bool) -> (Instant, Home) {
        let Timers { anybodys, left, own } = self.timers;
        let mut first = (anybodys.next(), Home::ANYBODYS);
        let me = self.home.worker();
        let seen = match me {
            Some(me) if !all && left.load(Ordering::Acquire) == 0 => me..me + 1,
            _ => 0..own.len(),
        };
        let all = all || me.is_none();
        for worker in seen {
            // The queue of one who has left is everybody's.
            if !(all || me == Some(worker) || own[worker].left.load(Ordering::Relaxed)) {
                continue;
            }
            let next = own[worker].line.next();
            if next < first.0 {
                first = (next, Home::of(worker));
            }
        }
        first
    }
}

impl<W> Line<W> {
    fn new() -> Line<W> {
        Line { earliest: Earliest(AtomicU64::new(u64::MAX)), queue: Mutex::new(Queue::default()) }
    }

    fn next(&self) -> Instant {
        Instant::from_nanos(self.earliest.0.load(Ordering::Acquire))
    }

    /// Works on the queue under its lock, and notes what is earliest then. Who looks at the word is not bothered if that is as before.
    fn change<L, O>(&self, ctx: &mut Ctx<'_, L>, work: impl FnOnce(&mut Queue<W>) -> O) -> O
    where
        ranks::Timers: After<L>,
    {
        let (mut queue, _ctx) = ctx.lock(&self.queue);
        let done = work(&mut queue);
        let next = queue.next();
        // Written under the lock alone, so this is what it is.
        if self.earliest.0.load(Ordering::Relaxed) != next.as_nanos() {
            self.earliest.0.store(next.as_nanos(), Ordering::Release);
        }
        done
    }
}

#[cfg(any(siding_loom, siding_shuttle, siding_mutants))]
pub mod checked;
mod queue;
#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests;
