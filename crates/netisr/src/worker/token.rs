//! How a worker comes by its token: anew for each poll, or once for as long as its thread goes on.

use siding_lockorder::Ctx;
use siding_lockorder::Entered;
use siding_lockorder::Root;
use siding_lockorder::Unlocked;

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
pub(super) enum Held<'w> {
    In(Entered<'w>),
    /// While the worker looks after what is not its handlers', and for as long as the thread keeps another token from there.
    Out(&'w mut Root),
    /// On its way from one to the other: never seen.
    Between,
}

impl<'w> Held<'w> {
    #[inline]
    pub(super) fn new(root: &'w mut Root) -> Held<'w> {
        Held::In(enter(root))
    }

    #[inline(always)]
    pub(super) fn entered(&mut self) -> &mut Entered<'w> {
        if !matches!(self, Held::In(_)) {
            self.come_in();
        }
        match self {
            Held::In(entered) => entered,
            Held::Out(_) | Held::Between => unreachable!("it has come in"),
        }
    }

    #[cold]
    fn come_in(&mut self) {
        // Refused, by a panic, while the thread keeps another token: asked first, so that this one stays out, and can come
        // in when that one has gone.
        if let Held::Out(root) = self {
            drop(enter(root));
        }
        if let Held::Out(root) = core::mem::replace(self, Held::Between) {
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
        if let Held::In(entered) = core::mem::replace(self, Held::Between) {
            *self = Held::Out(entered.leave());
        }
    }
}

#[inline]
fn enter(root: &mut Root) -> Entered<'_> {
    match root.enter() {
        Ok(entered) => entered,
        Err(why) => panic!("a worker was polled from within a handler, or under another token: {why}"),
    }
}
