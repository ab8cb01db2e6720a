//! How a worker comes by its token: anew for each poll, or once for as long as its thread goes on.

use core::fmt;

use siding_lockorder::Ctx;
use siding_lockorder::Entered;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;

use super::Local;
use super::Polled;
use super::Serving;
use crate::Packet;

/// Where a poll has its token from.
pub(super) trait Token {
    /// What lends it.
    type Lent<'t>: Lends
    where
        Self: 't;
    /// Sees that the thread has the token, for as long as the result lives.
    fn lent(&mut self) -> Self::Lent<'_>;
    /// Sees that the thread holds no token and no lock, until it is lent again.
    fn leave(&mut self);
}

/// Lends a token.
pub(super) trait Lends {
    fn ctx(&mut self) -> Ctx<'_, Unlocked>;
}

impl Lends for Entered<'_> {
    #[inline(always)]
    fn ctx(&mut self) -> Ctx<'_, Unlocked> {
        Entered::ctx(self)
    }
}

impl Lends for &mut Entered<'_> {
    #[inline(always)]
    fn ctx(&mut self) -> Ctx<'_, Unlocked> {
        Entered::ctx(self)
    }
}

impl Token for Root {
    type Lent<'t> = Entered<'t>;

    #[inline(always)]
    fn lent(&mut self) -> Entered<'_> {
        enter(self)
    }

    fn leave(&mut self) {
        drop(enter(self));
    }
}

/// A token that is held from one poll to the next.
enum Held<'w> {
    In(Entered<'w>),
    /// While the worker looks after what is not its handlers', and after a panic there.
    Out(&'w mut Root),
    /// The thread has taken another token meanwhile, and keeps it.
    Lost,
}

impl<'w> Held<'w> {
    #[inline(always)]
    fn entered(&mut self) -> &mut Entered<'w> {
        if !matches!(self, Held::In(_)) {
            self.come_in();
        }
        match self {
            Held::In(entered) => entered,
            Held::Out(_) | Held::Lost => lost(),
        }
    }

    #[cold]
    fn come_in(&mut self) {
        if let Held::Out(root) = core::mem::replace(self, Held::Lost) {
            *self = Held::In(enter(root));
        }
    }
}

impl<'w> Token for Held<'w> {
    type Lent<'t>
        = &'t mut Entered<'w>
    where
        Self: 't;

    #[inline(always)]
    fn lent(&mut self) -> &mut Entered<'w> {
        self.entered()
    }

    #[cold]
    fn leave(&mut self) {
        // A lock that is held, by a guard that was forgotten, is noticed here at the latest.
        let _ctx = self.entered().ctx();
        if let Held::In(entered) = core::mem::replace(self, Held::Lost) {
            *self = Held::Out(entered.leave());
        }
    }
}

/// A [`Worker`](crate::Worker) whose thread has its token: [polled](Self::poll) and [dispatched with](Self::ctx) by turns,
/// without taking the token anew each time.
///
/// As long as this lives the thread has no other token, and waits for no departure of this facility: that would be refused, as
/// from a handler. Only while orders are carried out, and what is gone is dropped, is the token given back.
pub struct OnThread<'w, P: Packet, W: Local = ()> {
    token: Held<'w>,
    serving: &'w mut Serving<P, W>,
}

impl<'w, P: Packet, W: Local> OnThread<'w, P, W> {
    #[inline]
    pub(super) fn new(root: &'w mut Root, serving: &'w mut Serving<P, W>) -> Self {
        OnThread { token: Held::In(enter(root)), serving }
    }

    /// As [`Worker::poll`](crate::Worker::poll).
    #[inline]
    pub fn poll(&mut self, local: &mut W, budget: usize) -> Polled {
        self.serving.poll(&mut self.token, local, budget)
    }

    /// The worker's token, to send and dispatch with between polls.
    #[inline]
    pub fn ctx(&mut self) -> Ctx<'_, Unlocked> {
        self.token.entered().ctx()
    }

    /// As [`Worker::prepare_sleep`](crate::Worker::prepare_sleep).
    pub fn prepare_sleep(&mut self) -> bool {
        self.serving.prepare_sleep(&mut self.token)
    }

    /// As [`Worker::awake`](crate::Worker::awake).
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

#[inline]
fn enter(root: &mut Root) -> Entered<'_> {
    match root.enter() {
        Ok(entered) => entered,
        Err(why) => panic!("a worker was polled from within a handler, or under another token: {why}"),
    }
}

#[cold]
fn lost() -> ! {
    panic!("a token that was taken while this worker carried out orders was never given back")
}
