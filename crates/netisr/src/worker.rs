//! A worker: the one consumer of its lanes.
//!
//! # Locks
//!
//! Handlers run with none. Control's lock is taken, with no handler running and nothing called under it, when
//! a type was registered or unregistered. # Teardown: a worker that is dropped leaves its lanes as they are;
//! whoever takes its place, or a departure that finds it vacant, serves them.

use alloc::sync::Arc;
use core::fmt;
use core::mem::ManuallyDrop;

use siding_lockorder::Ctx;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;

use crate::Local;
use crate::Packet;
use crate::Polled;
use crate::any_type::Served;
use crate::control::Inner;
use crate::here::Busy;
use crate::lane::Consumer;
use crate::serving::Alone;
use crate::serving::Claimed;
use crate::serving::Recall;
use crate::serving::Serving;
use crate::sync::mutant;
use crate::sync::yield_now;
use crate::visits::Visits;
use crate::wake::Word;

mod token;

use token::Held;
use token::Lends;
use token::Token;

/// The right to consume one worker's lanes, and to run its handlers. Held by one owner at a time.
pub struct Worker<P: Packet, W: Local = ()> {
    claimed: Claimed<P, W>,
}

impl<P: Packet, W: Local> Worker<P, W> {
    /// Claims a worker for good: who only visits it is not in the way. `None` while somebody else holds it.
    pub(crate) fn claim(inner: &Arc<Inner<P, W>>, index: usize) -> Option<Worker<P, W>> {
        let visits = &inner.core.workers.get(index)?.0.visits;
        for _ in 0..Visits::PATIENCE {
            let begun = visits.begun();
            if let Some(claimed) = Claimed::claim(inner, index) {
                #[cfg(feature = "std")]
                inner.core.set_end(index, None);
                return Some(Worker { claimed });
            }
            if !visits.any_since(begun) {
                break;
            }
            yield_now();
        }
        None
    }

    /// Takes the worker's token for as long as the result lives: the cheapest way to poll and dispatch by turns.
    ///
    /// # Panics
    ///
    /// When called from within a handler, of this or of another worker, or while the thread has another token.
    #[inline]
    pub fn on_thread(&mut self) -> OnThread<'_, P, W> {
        OnThread::new(&mut self.claimed.root, &mut self.claimed.serving)
    }

    /// Carries out control's orders, then handles packets that wait for this worker, at most `budget`.
    ///
    /// # Panics
    ///
    /// When called from within a handler, of this or of another worker.
    #[inline]
    pub fn poll(&mut self, local: &mut W, budget: usize) -> Polled {
        self.claimed.serving.poll(&mut self.claimed.root, local, budget)
    }

    /// Gets ready to sleep. True if nothing is pending: the caller may block until its
    /// [`Wake`](crate::Wake) is called, and calls [`awake`](Self::awake) afterwards.
    ///
    /// # Panics
    ///
    /// When called from within a handler, of this or of another worker.
    pub fn prepare_sleep(&mut self) -> bool {
        self.claimed.serving.prepare_sleep(&mut self.claimed.root)
    }

    /// Ends a sleep, woken or not.
    pub fn awake(&mut self) {
        self.claimed.serving.pending().awake();
    }

    /// Runs `work` with this worker's token: what an embedder's loop does between polls (polling drivers,
    /// timers) is on this worker too, and may send and dispatch.
    ///
    /// # Panics
    ///
    /// When called from within a handler, of this or of another worker.
    #[inline]
    pub fn with_ctx<O>(&mut self, work: impl FnOnce(&mut Ctx<'_, Unlocked>) -> O) -> O {
        work(&mut self.claimed.root.lent().ctx())
    }

    /// The worker's number, from 0.
    pub fn index(&self) -> usize {
        self.claimed.serving.index()
    }
}

/// A [`Worker`] whose thread has its token: [polled](Self::poll) and [dispatched with](Self::ctx) by turns,
/// without taking the token anew each time.
///
/// As long as this lives the thread has no other token, and waits for no departure of this facility: that would be refused, as
/// from a handler. The token is given back
///
/// - while a poll carries out orders ([`Local::depart`] runs then, and packets that depart or are flushed are dropped);
/// - while a poll drops what is gone: handlers, and the metadata of types that were unregistered;
/// - from [`prepare_sleep`](Self::prepare_sleep) on, whatever that answers, unless there are orders;
///
/// and taken again by the next [`poll`](Self::poll) that has something to handle, and the next [`ctx`](Self::ctx). What runs
/// meanwhile may enter a [`Root`] of its own, and is to leave it again. With that one forgotten, or kept elsewhere, each call
/// that needs the worker's token panics; once it is dropped, the worker goes on. A guard is never alive where the token is
/// given back; one that was [forgotten](core::mem::forget) is found out there, in debug builds.
///
/// # Without `std`
///
/// Nobody sees then what a thread has entered. It is for the embedder not to use another root on this thread for as long as this
/// lives, save for what runs while the token is given back; as it is, with [`Worker::poll`], for as long as a poll lasts.
pub struct OnThread<'w, P: Packet, W: Local = ()> {
    token: Held<'w>,
    serving: &'w mut Serving<P, W>,
}

impl<'w, P: Packet, W: Local> OnThread<'w, P, W> {
    #[inline]
    fn new(root: &'w mut Root, serving: &'w mut Serving<P, W>) -> Self {
        OnThread { token: Held::new(root), serving }
    }

    /// As [`Worker::poll`](Worker::poll).
    ///
    /// # Panics
    ///
    /// If the token was given back and the thread has another one.
    #[inline]
    pub fn poll(&mut self, local: &mut W, budget: usize) -> Polled {
        self.serving.poll(&mut self.token, local, budget)
    }

    /// The worker's token, to send and dispatch with between polls.
    ///
    /// # Panics
    ///
    /// If the token was given back and the thread has another one.
    #[inline]
    pub fn ctx(&mut self) -> Ctx<'_, Unlocked> {
        self.token.entered().ctx()
    }

    /// As [`Worker::prepare_sleep`](Worker::prepare_sleep). Who sleeps holds no token.
    ///
    /// # Panics
    ///
    /// If the token was given back and the thread has another one.
    pub fn prepare_sleep(&mut self) -> bool {
        self.serving.prepare_sleep(&mut self.token)
    }

    /// As [`Worker::awake`](Worker::awake).
    pub fn awake(&mut self) {
        self.serving.pending().awake();
    }

    /// The worker's number, from 0.
    pub fn index(&self) -> usize {
        self.serving.index()
    }
}

impl<P: Packet, W: Local> fmt::Debug for OnThread<'_, P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnThread").field("index", &self.index()).finish_non_exhaustive()
    }
}

impl<P: Packet, W: Local> Serving<P, W> {
    /// How many packets of one type a poll handles before the others have their turn.
    const QUOTA: usize = 64;

    /// For how many polls a lane must stay empty before the worker looks at it no more: retiring a lane that fills
    /// again at once costs its producers the very writes that the bits are there to save.
    const PATIENCE: u32 = 64;

    #[inline(always)]
    fn poll(&mut self, token: &mut impl Token, local: &mut W, budget: usize) -> Polled {
        let state = &self.consumer.state.0;
        state.polls.add(1);
        let word = state.pending.0.word();
        if let Some(served) = &self.alone.served
            && (word == self.alone.word || mutant("order-unseen-while-one-is-alone"))
            && budget > 0
        {
            let mut lent = token.lent();
            let mut turn = Turn { consumer: &self.consumer, ctx: &mut lent.ctx(), local, handled: 0 };
            let quota = Self::QUOTA.min(budget);
            let handled = turn.drain(&**served, quota);
            let polled = Polled { handled, more: handled == quota };
            turn.end(polled);
            if handled > 0 {
                self.busy |= word.bits();
                return polled;
            }
            drop(lent);
            self.polls += 1;
            if self.polls >= Self::PATIENCE {
                self.look_round(token);
            }
            return polled;
        }
        if word == Word::NOTHING { Polled::default() } else { self.poll_any(token, local, budget, word) }
    }

    /// The same, whatever the worker's word says.
    #[inline(never)] // Into `poll` goes what is short.
    fn poll_any(&mut self, token: &mut impl Token, local: &mut W, budget: usize, mut word: Word) -> Polled {
        if word.is_ordered() {
            // The embedder's code runs there, with no lock held, and may have a token of its own.
            token.leave();
            self.obey(local);
            word = self.pending().word();
        }
        self.put_back();
        let polled = self.drain(token.lent().ctx(), local, word.types(), budget);
        if self.polls >= Self::PATIENCE {
            self.look_round(token);
        }
        self.set_apart(word);
        polled
    }

    /// If only one type had packets, it is alone from here on. What came meanwhile the next poll sees by its word.
    fn set_apart(&mut self, word: Word) {
        if let Some(bit) = word.only_type()
            && let Some(place) = self.types.get_mut(bit as usize)
            && let Some(served) = place.take()
        {
            self.alone = Alone { word, served: Some(served) };
        }
    }

    /// Looks no more at lanes that have stayed empty, and drops what is gone: with no token and no lock held, as when orders
    /// are carried out.
    #[cold]
    fn look_round(&mut self, token: &mut impl Token) {
        token.leave();
        self.polls = 0;
        let busy = core::mem::take(&mut self.busy);
        self.retire(self.pending().word().types() & !busy);
    }

    fn prepare_sleep(&mut self, token: &mut impl Token) -> bool {
        let word = self.pending().word();
        if word.is_ordered() {
            return false;
        }
        // Handlers that are gone are dropped here, with no lock held.
        token.leave();
        self.retire(word.types());
        let asleep = self.pending().sleep();
        if asleep {
            self.consumer.state.0.sleeps.add(1);
        }
        asleep
    }

    /// Carries out what control has ordered: looks up the types again, flushes those that are to be flushed,
    /// and drops what names a departing interface. Acknowledges only when all of that is done.
    #[cold]
    fn obey(&mut self, local: &mut W) {
        let _busy = Busy::with(&*self.inner.core, self.index());
        // Accepted before anybody looks at a gate: what is marked later comes with an order of its own.
        let (order, word) = self.accept();
        let inner = self.inner.clone();
        let recall = Recall { core: &inner.core, worker: self.index() };
        local.depart(&|id| inner.core.gates.is_open(id));
        self.carry_out(order, word, recall);
        self.inner.see_off();
    }

    fn drain(&mut self, mut ctx: Ctx<'_, Unlocked>, local: &mut W, active: u64, budget: usize) -> Polled {
        let mut polled = Polled::default();
        let mut turn = Turn { consumer: &self.consumer, ctx: &mut ctx, local, handled: 0 };
        let mut busy = 0u64;
        // Before any handler runs: one that panics must not be first again.
        let next = if active.count_ones() < 2 { 0 } else { (self.first + 1) & 63 };
        let first = core::mem::replace(&mut self.first, next);
        let mut waiting = active.rotate_right(first);
        while waiting != 0 {
            let bit = (waiting.trailing_zeros() + first) & 63;
            waiting &= waiting - 1;
            let quota = Self::QUOTA.min(budget - polled.handled);
            if quota == 0 {
                polled.more = true;
                busy |= 1 << bit;
                continue;
            }
            let Some(served) = self.types.get(bit as usize).and_then(Option::as_deref) else { continue };
            let handled = turn.drain(served, quota);
            busy |= u64::from(handled > 0) << bit;
            polled.handled += handled;
            polled.more |= handled == quota;
        }
        turn.end(polled);
        self.busy |= busy;
        self.polls += u32::from(busy != active);
        polled
    }

    /// Clears the bits of lanes that have stayed empty, save those that a packet comes in at this moment.
    #[cold]
    fn retire(&mut self, empty: u64) {
        let _busy = Busy::with(&*self.inner.core, self.index());
        self.put_back();
        for bit in bits(empty) {
            self.pending().retire(bit);
            let served = self.types.get(bit as usize).and_then(Option::as_deref);
            if served.is_some_and(|served| !served.kind().rest(&self.consumer)) {
                self.pending().raise_own(bit);
            }
        }
        self.inner.see_off();
    }
}

/// The handlers' part of a poll. It ends with [`Local::polled`], also by a panic.
struct Turn<'t, 'c, W: Local> {
    consumer: &'t Consumer,
    /// Not in here itself: what is lent to a handler has to be in memory, and the rest of this has not.
    ctx: &'t mut Ctx<'c, Unlocked>,
    local: &'t mut W,
    /// By the drains that have ended.
    handled: usize,
}

impl<W: Local> Turn<'_, '_, W> {
    #[inline(always)]
    fn drain<P: Packet>(&mut self, served: &dyn Served<P, W>, quota: usize) -> usize {
        let handled = served.drain(self.consumer, self.ctx, self.local, quota);
        self.handled += handled;
        handled
    }

    #[inline(always)]
    fn end(self, polled: Polled) {
        ManuallyDrop::new(self).hook(polled, false);
    }

    #[inline(always)]
    fn hook(&mut self, polled: Polled, unwinding: bool) {
        let Turn { consumer, ctx, local, .. } = self;
        if polled.handled > 0 {
            let Consumer { core, state, worker, .. } = *consumer;
            core.panics.contain_polled(*worker, &state.0.panicked, unwinding, || local.polled(ctx, polled));
        }
    }
}

impl<W: Local> Drop for Turn<'_, '_, W> {
    #[inline(always)] // Else all of it would have to be in memory, for the case that a handler panics.
    fn drop(&mut self) {
        let handled = self.handled + self.consumer.handled.take();
        self.hook(Polled { handled, more: true }, true);
    }
}

impl<P: Packet, W: Local> fmt::Debug for Worker<P, W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").field("index", &self.index()).finish_non_exhaustive()
    }
}

/// The numbers of the bits that are set, lowest first.
fn bits(mut word: u64) -> impl Iterator<Item = u32> {
    core::iter::from_fn(move || {
        (word != 0).then(|| {
            let bit = word.trailing_zeros();
            word &= word - 1;
            bit
        })
    })
}
