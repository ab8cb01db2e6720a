//! One interface's table of neighbours.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siphasher::sip::SipHasher13;

use super::Lle;
use super::books::Books;
use super::books::Closed;
use super::limits::NeighborLimits;
use super::limits::NeighborTotals;
use super::limits::Use;
use super::lle::Entry;
use super::rate::SolicitRate;
use super::report::NeighborReport;
use crate::limits::LimitReport;
use crate::nd6::nud::Nud;
use crate::nd6::nud::NudState;
use crate::ranks;
use crate::remains::Remains;

/// The table. What is written here lies apart from what each packet reads of an interface.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Neighbors {
    interface: IfId,
    totals: NeighborTotals,
    books: Arc<Books>,
    pub(crate) rate: SolicitRate,
    /// When the next look for the long idle is due, in nanoseconds: a timer that comes before was superseded.
    pub(crate) looks_at: AtomicU64,
    list: Mutex<ranks::NeighborTable, List>,
}

#[derive(Debug)]
struct List {
    entries: HashMap<IpAddr, Arc<Lle>, Keyed>,
    /// The interface departs: nothing is added any more.
    closed: bool,
}

/// Hashes with a secret: a peer chooses the addresses.
#[derive(Debug, Clone)]
struct Keyed(u64, u64);

impl BuildHasher for Keyed {
    type Hasher = SipHasher13;

    fn build_hasher(&self) -> SipHasher13 {
        SipHasher13::new_with_keys(self.0, self.1)
    }
}

/// What a new entry is to be, which decides the limits it must keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Newcomer {
    /// A packet waits for it: one of ours, or one that we forward.
    Resolving {
        /// It is another's.
        forwarded: bool,
    },
    /// A message told its link-layer address.
    Learned,
    /// Configured by hand: no limit holds for it.
    Fixed,
}

/// On what terms an entry may be made.
pub(crate) struct Terms<'t> {
    pub(crate) now: Instant,
    pub(crate) limits: &'t NeighborLimits,
    pub(crate) newcomer: Newcomer,
}

/// An entry, found or made.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) lle: Arc<Lle>,
    /// It was made just now.
    pub(crate) new: bool,
    /// The idle entry that made room for it, dead now: to be told.
    pub(crate) evicted: Option<Evicted>,
}

/// An entry that was forgotten, and its state then.
pub(crate) type Evicted = (Arc<Lle>, NudState);

/// Entries that were let go.
#[derive(Debug, Default)]
pub(crate) struct Purged {
    /// Who they were, and their states.
    pub(crate) gone: Vec<Evicted>,
    /// The packets that they held.
    pub(crate) held: Vec<Mbuf>,
}

/// Why there is no room for a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// The interface has as many entries as it may, and all are busy.
    Full,
    /// As many as may are being resolved.
    Resolving,
    /// All interfaces together have as many as they may.
    Total,
    /// Its solicitation may not be sent yet.
    Rate,
    /// The interface departs.
    Closed,
}

impl Neighbors {
    pub(crate) fn new(
        interface: IfId,
        totals: NeighborTotals,
        all: Arc<Use>,
        secret: (u64, u64),
    ) -> Neighbors {
        let entries = HashMap::with_hasher(Keyed(secret.0, secret.1));
        Neighbors {
            interface,
            totals,
            books: Arc::new(Books::new(Use::within(all))),
            rate: SolicitRate::default(),
            looks_at: AtomicU64::new(0),
            list: Mutex::new(List { entries, closed: false }),
        }
    }

    /// The neighbour's entry, if there is one.
    pub(crate) fn find<L>(&self, ctx: &mut Ctx<'_, L>, addr: IpAddr) -> Option<Arc<Lle>>
    where
        ranks::NeighborTable: After<L>,
    {
        let (list, _ctx) = ctx.lock(&self.list);
        list.entries.get(&addr).cloned()
    }

    /// The neighbour's entry, or a new one that `make` makes, under the table's lock. Nothing is made that there is
    /// no room for; `make` may refuse too.
    pub(crate) fn find_or_insert<L>(
        &self,
        ctx: &mut Ctx<'_, L>,
        addr: IpAddr,
        Terms { now, limits, newcomer }: Terms<'_>,
        make: impl FnOnce(&mut Ctx<'_, ranks::NeighborTable>) -> Result<Nud, NoRoom>,
    ) -> Result<Found, NoRoom>
    where
        ranks::NeighborTable: After<L>,
    {
        let (mut list, mut ctx) = ctx.lock(&self.list);
        if let Some(lle) = list.entries.get(&addr) {
            return Ok(Found { lle: lle.clone(), new: false, evicted: None });
        }
        if list.closed {
            return Err(NoRoom::Closed);
        }
        let evicted = match newcomer {
            Newcomer::Fixed => None,
            Newcomer::Resolving { forwarded } => {
                self.may_resolve(limits, forwarded)?;
                // What resolves must find a place then: there is one, or somebody who will make it.
                if self.used().known.now() >= limits.entries
                    && self.books.first_idle(&mut ctx, true).is_none()
                {
                    return Err(self.used().known.refuse(NoRoom::Full));
                }
                None
            }
            Newcomer::Learned => self.admit(&mut list, &mut ctx, now, limits)?,
        };
        let nud = make(&mut ctx)?;
        let forwarded = newcomer == Newcomer::Resolving { forwarded: true };
        let who = (self.interface, addr);
        let entry = Entry::new(now, nud, limits.held, forwarded);
        let lle = Arc::new(Lle::new(&mut ctx, who, entry, self.books.clone()));
        list.entries.insert(addr, lle.clone());
        Ok(Found { lle, new: true, evicted })
    }

    /// Whether one more entry may be resolved: cheap enough to be asked for each packet of a scan.
    //= RFC 6583 s7.1 [6583-1]: what is being resolved has bounds of its own, tighter for packets of others.
    //= RFC 6583 s7.2 [6583-2]: an interface's bounds, beside those of all together.
    pub(crate) fn may_resolve(&self, limits: &NeighborLimits, forwarded: bool) -> Result<(), NoRoom> {
        let (used, all, totals) = (self.used(), self.used().all(), &self.totals);
        if !used.resolving.admits(limits.resolving)
            || forwarded && !used.forwarded.admits(limits.share(limits.resolving))
        {
            return Err(NoRoom::Resolving);
        }
        if used.resolving.now() < totals.assured {
            return Ok(());
        }
        let all_admit = all.resolving.admits(totals.resolving)
            && (!forwarded || all.forwarded.admits(limits.share(totals.resolving)));
        if all_admit { Ok(()) } else { Err(NoRoom::Total) }
    }

    /// Whether a packet may wait behind others for the same neighbour.
    pub(crate) fn may_hold(&self, limits: &NeighborLimits, forwarded: bool) -> bool {
        let most = if forwarded { limits.share(self.totals.held) } else { self.totals.held };
        self.used().all().held.admits(most)
    }

    /// Takes an entry off the list, if it is still this one.
    pub(crate) fn remove<L>(&self, ctx: &mut Ctx<'_, L>, lle: &Arc<Lle>)
    where
        ranks::NeighborTable: After<L>,
    {
        let (mut list, _ctx) = ctx.lock(&self.list);
        if list.entries.get(&lle.addr).is_some_and(|own| Arc::ptr_eq(own, lle)) {
            list.entries.remove(&lle.addr);
        }
    }

    /// An entry has been resolved: another makes room for it if it must.
    pub(crate) fn make_room<L>(
        &self,
        ctx: &mut Ctx<'_, L>,
        now: Instant,
        limits: &NeighborLimits,
    ) -> Option<Evicted>
    where
        ranks::NeighborTable: After<L>,
    {
        let (known, claimed) = (self.used().known.now(), self.used().claimed.now());
        if known <= limits.entries && claimed <= limits.claimed() {
            return None;
        }
        let (mut list, mut ctx) = ctx.lock(&self.list);
        self.evict(&mut list, &mut ctx, now, known > limits.entries)
    }

    /// Forgets those that have been idle since `before`, oldest first and at most `most`. Says when the next one was
    /// last used, if there is any.
    pub(crate) fn expire<L>(
        &self,
        ctx: &mut Ctx<'_, L>,
        now: Instant,
        before: Instant,
        most: usize,
    ) -> (Vec<Evicted>, Option<Instant>)
    where
        ranks::NeighborTable: After<L>,
    {
        let (mut list, mut ctx) = ctx.lock(&self.list);
        let mut gone = Vec::new();
        for _ in 0..most {
            let oldest = self.books.oldest(&mut ctx);
            let Some((_, addr)) = oldest.filter(|(since, _)| *since <= before) else { break };
            gone.extend(Self::forget(&mut list, &mut ctx, now, addr));
        }
        (gone, self.books.oldest(&mut ctx).map(|(since, _)| since))
    }

    /// The next look for the long idle may be at any time.
    pub(crate) fn look_now(&self) {
        self.looks_at.store(0, Ordering::Relaxed);
    }

    /// The interface departs. All entries go in one step and without being asked, however many there are, and nothing is added any more;
    /// those that hold packets alone are visited, for these: they are given back, to be counted. Memory is left to `remains`.
    pub(crate) fn close<L>(&self, ctx: &mut Ctx<'_, L>, now: Instant, remains: &mut Remains) -> Vec<Mbuf>
    where
        ranks::NeighborTable: After<L>,
        ranks::Neighbor: After<L>,
        ranks::Leaf: After<L>,
    {
        let entries = {
            let (mut list, _ctx) = ctx.lock(&self.list);
            list.closed = true;
            let none = HashMap::with_hasher(list.entries.hasher().clone());
            std::mem::replace(&mut list.entries, none)
        };
        let Closed { holders, idle } = self.books.close(ctx);
        remains.add(entries.into_values());
        remains.add([idle]);
        let mut held = Vec::new();
        for lle in holders {
            let (mut entry, mut ctx) = ctx.lock(&lle.entry);
            entry.dead = true;
            held.extend(entry.hold.drain());
            lle.publish(&mut ctx, now, &mut entry);
        }
        held
    }

    /// Lets go of the entries that `goes` picks; gives back the packets they held.
    pub(crate) fn purge<L>(
        &self,
        ctx: &mut Ctx<'_, L>,
        now: Instant,
        mut goes: impl FnMut(&Lle) -> bool,
    ) -> Purged
    where
        ranks::NeighborTable: After<L>,
        ranks::Neighbor: After<L>,
    {
        let gone: Vec<Arc<Lle>> = {
            let (mut list, _ctx) = ctx.lock(&self.list);
            list.entries.extract_if(|_, lle| goes(lle)).map(|(_, lle)| lle).collect()
        };
        let mut purged = Purged::default();
        for lle in gone {
            let (mut entry, mut ctx) = ctx.lock(&lle.entry);
            // One that failed at this moment was told by the timer that found it so.
            if !entry.dead {
                purged.gone.push((lle.clone(), entry.nud.state()));
            }
            entry.dead = true;
            purged.held.extend(entry.hold.drain());
            lle.publish(&mut ctx, now, &mut entry);
        }
        purged
    }

    /// All entries, by address.
    pub(crate) fn report<L>(&self, ctx: &mut Ctx<'_, L>, now: Instant) -> Vec<NeighborReport>
    where
        ranks::NeighborTable: After<L>,
        ranks::Neighbor: After<L>,
    {
        let entries: Vec<Arc<Lle>> = {
            let (list, _ctx) = ctx.lock(&self.list);
            list.entries.values().cloned().collect()
        };
        let mut reports: Vec<NeighborReport> = entries
            .iter()
            .filter_map(|lle| {
                let (entry, _ctx) = ctx.lock(&lle.entry);
                (!entry.dead).then(|| NeighborReport::of(lle, &entry, now))
            })
            .collect();
        reports.sort_by_key(|report| report.addr);
        reports
    }

    /// Its bounds, with what there is.
    pub(crate) fn limits(&self, now: Instant, limits: &NeighborLimits) -> Vec<LimitReport> {
        let used = self.used();
        vec![
            used.known.report("neighbors", limits.entries),
            used.claimed.report("neighbors-unconfirmed", limits.claimed()),
            used.resolving.report("neighbors-resolving", limits.resolving),
            used.forwarded.report("neighbors-resolving-forwarded", limits.share(limits.resolving)),
            self.rate.report(now, limits),
        ]
    }

    /// How many entries there are.
    pub(crate) fn len<L>(&self, ctx: &mut Ctx<'_, L>) -> usize
    where
        ranks::NeighborTable: After<L>,
    {
        let (list, _ctx) = ctx.lock(&self.list);
        list.entries.len()
    }

    /// How much is in use.
    pub(crate) fn used(&self) -> &Use {
        &self.books.used
    }

    /// Room for an entry that was learned, for which an idle one may have to go.
    fn admit(
        &self,
        list: &mut List,
        ctx: &mut Ctx<'_, ranks::NeighborTable>,
        now: Instant,
        limits: &NeighborLimits,
    ) -> Result<Option<Evicted>, NoRoom> {
        let (used, all) = (self.used(), self.used().all());
        let full = used.known.now() >= limits.entries;
        if full || used.claimed.now() >= limits.claimed() {
            let short = if full { &used.known } else { &used.claimed };
            let evicted = self.evict(list, ctx, now, full);
            return evicted.map(Some).ok_or_else(|| short.refuse(NoRoom::Full));
        }
        if all.known.now() >= self.totals.entries && used.known.now() >= self.totals.assured {
            let evicted = self.evict(list, ctx, now, true);
            return evicted.map(Some).ok_or_else(|| all.known.refuse(NoRoom::Total));
        }
        Ok(None)
    }

    /// Forgets the entry that has been idle the longest: one that never confirmed its address, or if there is none and
    /// it may be `any`, one that did.
    fn evict(
        &self,
        list: &mut List,
        ctx: &mut Ctx<'_, ranks::NeighborTable>,
        now: Instant,
        any: bool,
    ) -> Option<Evicted> {
        // The one that stands first may be used at this very moment, or be on its way out. Not for ever.
        (0..8).find_map(|_| {
            let addr = self.books.first_idle(ctx, any)?;
            Self::forget(list, ctx, now, addr)
        })
    }

    /// Takes an entry out if it is idle still.
    fn forget(
        list: &mut List,
        ctx: &mut Ctx<'_, ranks::NeighborTable>,
        now: Instant,
        addr: IpAddr,
    ) -> Option<Evicted> {
        let lle = list.entries.get(&addr)?.clone();
        let (mut entry, mut ctx) = ctx.lock(&lle.entry);
        if !entry.is_idle() {
            return None;
        }
        entry.dead = true;
        lle.publish(&mut ctx, now, &mut entry);
        let state = entry.nud.state();
        drop(entry);
        list.entries.remove(&addr);
        Some((lle, state))
    }
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests;
