//! The timer queue.
//!
//! An entry says "look at this then": what it points to has its own deadline, and is looked at again if that has
//! moved. What there is to look at, and what is done then, each protocol says in its own folder, with a type for each
//! kind ([`Due`]): the queue knows no protocol, nor who runs it. Whatever has a deadline that others can move keeps an [`Alarm`] beside it, and so has one entry at most.
//!
//! # Locks
//!
//! [`ranks::Timers`], innermost but leaves: timers are armed under a neighbour's lock and run under none of
//! this. # Teardown: a departing interface's entries are purged; one that is being run at that moment holds a
//! reference, finds its neighbour dead, and does nothing.

use std::collections::BTreeMap;
use std::fmt;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;

use crate::alarm::Alarm;
use crate::alarm::Place;
use crate::ranks;

/// One kind of what is looked at when its time has come, by a worker whose state is `W`.
pub(crate) trait Due<W>: fmt::Debug + Send {
    /// The interface that it goes with.
    fn interface(&self) -> IfId;

    /// Its time has come; no lock is held.
    fn run(self: Box<Self>, ctx: &mut Ctx<'_, Unlocked>, worker: &mut W);
}

/// The queue of all workers.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Timers<W> {
    /// The earliest deadline, so that an idle look is one load.
    earliest: AtomicU64,
    queue: Mutex<ranks::Timers, Queue<W>>,
}

#[derive(Debug)]
struct Queue<W> {
    /// By deadline, then in the order of arming: equal deadlines run in that order.
    entries: BTreeMap<Place, Box<dyn Due<W>>>,
    armed: u64,
}

impl<W> Queue<W> {
    fn put(&mut self, at: Instant, due: impl Due<W> + 'static) -> Place {
        self.armed += 1;
        self.entries.insert((at, self.armed), Box::new(due));
        (at, self.armed)
    }
}

impl<W> Timers<W> {
    pub(crate) fn new() -> Timers<W> {
        let queue = Queue { entries: BTreeMap::new(), armed: 0 };
        Timers { earliest: AtomicU64::new(u64::MAX), queue: Mutex::new(queue) }
    }

    /// Has `due` looked at when `at` has come.
    pub(crate) fn arm<L>(&self, ctx: &mut Ctx<'_, L>, at: Instant, due: impl Due<W> + 'static)
    where
        ranks::Timers: After<L>,
    {
        let (mut queue, _ctx) = ctx.lock(&self.queue);
        queue.put(at, due);
        self.note(&queue);
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
        let (mut queue, _ctx) = ctx.lock(&self.queue);
        let place = queue.put(at, due());
        // One that is being looked at is no longer there.
        let _before = alarm.move_to(place).and_then(|before| queue.entries.remove(&before));
        self.note(&queue);
    }

    /// The next thing that is due.
    pub(crate) fn pop<L>(&self, ctx: &mut Ctx<'_, L>, now: Instant) -> Option<Box<dyn Due<W>>>
    where
        ranks::Timers: After<L>,
    {
        if self.next() > now {
            return None;
        }
        let (mut queue, _ctx) = ctx.lock(&self.queue);
        let first = queue.entries.first_entry().filter(|first| first.key().0 <= now);
        let due = first.map(|first| first.remove());
        self.note(&queue);
        due
    }

    /// Forgets an interface that departs.
    pub(crate) fn purge<L>(&self, ctx: &mut Ctx<'_, L>, interface: IfId)
    where
        ranks::Timers: After<L>,
    {
        let (mut queue, _ctx) = ctx.lock(&self.queue);
        queue.entries.retain(|_, due| due.interface() != interface);
        self.note(&queue);
    }

    /// How many entries lie in it.
    #[cfg(test)]
    pub(crate) fn len<L>(&self, ctx: &mut Ctx<'_, L>) -> usize
    where
        ranks::Timers: After<L>,
    {
        let (queue, _ctx) = ctx.lock(&self.queue);
        queue.entries.len()
    }

    /// When something is due next; [`Instant::NEVER`] for never.
    pub(crate) fn next(&self) -> Instant {
        Instant::from_nanos(self.earliest.load(Ordering::Acquire))
    }

    fn note(&self, queue: &Queue<W>) {
        let next = queue.entries.first_key_value().map_or(Instant::NEVER, |((at, _), _)| *at);
        self.earliest.store(next.as_nanos(), Ordering::Release);
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use siding_lockorder::Root;

    use super::*;

    #[derive(Debug)]
    struct Look(Instant);

    impl Due<Vec<Instant>> for Look {
        fn interface(&self) -> IfId {
            IfId::NONE
        }

        fn run(self: Box<Self>, _: &mut Ctx<'_, Unlocked>, looks: &mut Vec<Instant>) {
            looks.push(self.0);
        }
    }

    #[test]
    fn each_is_run_with_what_it_is_about_and_equal_deadlines_in_the_order_of_arming() {
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let ctx = &mut entered.ctx();
        let (timers, mut looks) = (Timers::new(), Vec::new());
        for (at, about) in [(20, 1), (10, 2), (20, 3), (30, 4)] {
            timers.arm(ctx, Instant::from_nanos(at), Look(Instant::from_nanos(about)));
        }
        while let Some(due) = timers.pop(ctx, Instant::from_nanos(29)) {
            due.run(ctx, &mut looks);
        }
        assert_eq!(looks, [2, 1, 3].map(Instant::from_nanos));
    }

    #[test]
    fn an_alarm_has_one_place_that_moves_to_earlier_deadlines_only() {
        let at = |nanos| Some(Instant::from_nanos(nanos));
        let due = || Look(Instant::NEVER);
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let ctx = &mut entered.ctx();
        let timers = Timers::new();
        let (mut first, mut second) = (Alarm::default(), Alarm::default());
        for (deadline, next) in
            [(at(90), 90), (None, 90), (at(95), 90), (at(50), 50), (at(50), 50), (at(10), 10)]
        {
            timers.set(ctx, &mut first, deadline, due);
            assert_eq!((timers.next(), timers.len(ctx)), (Instant::from_nanos(next), 1));
        }
        timers.set(ctx, &mut second, at(10), due);
        timers.arm(ctx, Instant::from_nanos(10), due());
        assert_eq!(timers.len(ctx), 3, "others that are due then stay");

        // The queue has come by for the first; an earlier deadline finds its place gone, and takes a new one.
        assert!(
            timers.pop(ctx, Instant::from_nanos(9)).is_none()
                && timers.pop(ctx, Instant::from_nanos(10)).is_some()
        );
        timers.set(ctx, &mut first, at(8), due);
        assert_eq!((timers.next(), timers.len(ctx)), (Instant::from_nanos(8), 3));
        assert!(!first.rings(Instant::from_nanos(7)), "the place that it has is still to come");
        assert!(first.rings(Instant::from_nanos(8)) && first.rings(Instant::from_nanos(8)));
    }
}
