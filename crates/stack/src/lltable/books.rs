//! What a table's entries keep up to date of themselves: how many there are of each kind, which of them are idle, and which hold
//! packets. So an interface that departs need not ask each of them.
//!
//! # Locks
//!
//! A leaf, taken under an entry's lock by whoever changes something that the books say of it. # Teardown: they are *closed* in
//! one step: all that counted is taken off the totals, whom the packets wait for is given back, and from then on no entry counts,
//! stands anywhere or may begin to hold a packet, whoever still meets it.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::Weak;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_netisr::Instant;

use super::Lle;
use super::idle::Idle;
use super::idle::Place;
use super::limits::Share;
use super::limits::Use;
use super::lle::Entry;
use crate::ranks;

/// The books of one table.
#[derive(Debug)]
pub(crate) struct Books {
    pub(super) used: Use,
    kept: Mutex<ranks::Leaf, Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    idle: Idle,
    holders: Holders,
    /// The interface departs.
    closed: bool,
}

/// Where an entry stands in the books: under its own lock.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    counted: Option<Share>,
    /// Packets that wait behind another.
    behind: usize,
    idle: Option<Place>,
    holds: Option<usize>,
}

/// Those that hold packets. They do not keep each other alive.
#[derive(Debug, Default)]
struct Holders {
    places: Vec<Weak<Lle>>,
    free: Vec<usize>,
}

/// What closed books give back.
#[derive(Debug)]
pub(super) struct Closed {
    /// Those that held packets, or are about to.
    pub(super) holders: Vec<Arc<Lle>>,
    /// Memory, and nothing else.
    pub(super) idle: Idle,
}

impl Books {
    /// Of a table whose entries count in `used`.
    pub(super) fn new(used: Use) -> Books {
        Books { used, kept: Mutex::new(Kept::default()) }
    }

    /// Brings them up to date with an entry.
    pub(super) fn note<L>(&self, ctx: &mut Ctx<'_, L>, now: Instant, addr: IpAddr, entry: &mut Entry)
    where
        ranks::Leaf: After<L>,
    {
        if entry.since.0 != entry.nud.state() {
            entry.since = (entry.nud.state(), now);
        }
        let (share, idle) = (entry.share(), entry.is_idle());
        let (held, standing) = (entry.hold.len(), &mut entry.standing);
        let behind = held.saturating_sub(1);
        if share == standing.counted
            && behind == standing.behind
            && idle == standing.idle.is_some()
            && (held > 0 || standing.holds.is_none())
        {
            return;
        }
        let (mut kept, _ctx) = ctx.lock(&self.kept);
        if kept.closed {
            entry.dead = true;
            *standing = Standing::default();
            return;
        }
        self.used.shift(standing.counted, share);
        self.used.shift_held(standing.behind, behind);
        (standing.counted, standing.behind) = (share, behind);
        if held == 0
            && let Some(place) = standing.holds.take()
        {
            kept.holders.remove(place);
        }
        standing.idle = match standing.idle {
            Some(place) if !idle => {
                kept.idle.remove(place);
                None
            }
            None if idle => Some(kept.idle.push(addr, now, share == Some(Share::Proven))),
            stays => stays,
        };
    }

    /// An entry is about to hold a packet: it is found when the interface departs. False if that is so already.
    pub(super) fn admit(
        &self,
        ctx: &mut Ctx<'_, ranks::Neighbor>,
        lle: &Arc<Lle>,
        entry: &mut Entry,
    ) -> bool {
        if entry.standing.holds.is_none() {
            let (mut kept, _ctx) = ctx.lock(&self.kept);
            if kept.closed {
                entry.dead = true;
                return false;
            }
            entry.standing.holds = Some(kept.holders.add(lle));
        }
        true
    }

    /// Nothing counts, stands anywhere or begins to hold packets any more.
    pub(super) fn close<L>(&self, ctx: &mut Ctx<'_, L>) -> Closed
    where
        ranks::Leaf: After<L>,
    {
        let (mut kept, _ctx) = ctx.lock(&self.kept);
        if !std::mem::replace(&mut kept.closed, true) {
            self.used.leave();
        }
        let Kept { idle, holders, .. } =
            std::mem::replace(&mut *kept, Kept { closed: true, ..Kept::default() });
        Closed { holders: holders.places.iter().filter_map(Weak::upgrade).collect(), idle }
    }

    /// Whom to forget first: of those that never confirmed their address if there are any, else if `any` of the others.
    pub(super) fn first_idle<L>(&self, ctx: &mut Ctx<'_, L>, any: bool) -> Option<IpAddr>
    where
        ranks::Leaf: After<L>,
    {
        ctx.lock(&self.kept).0.idle.first(any)
    }

    /// Who has been idle the longest, and since when.
    pub(super) fn oldest<L>(&self, ctx: &mut Ctx<'_, L>) -> Option<(Instant, IpAddr)>
    where
        ranks::Leaf: After<L>,
    {
        ctx.lock(&self.kept).0.idle.oldest()
    }
}

impl Holders {
    fn add(&mut self, lle: &Arc<Lle>) -> usize {
        let holder = Arc::downgrade(lle);
        match self.free.pop() {
            Some(place) => {
                self.places[place] = holder;
                place
            }
            None => {
                self.places.push(holder);
                self.places.len() - 1
            }
        }
    }

    fn remove(&mut self, place: usize) {
        self.places[place] = Weak::new();
        self.free.push(place);
    }
}
