//! One interface's table of neighbours.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::net::IpAddr;
use std::sync::Arc;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::sync::atomic::AtomicUsize;
use siding_netisr::sync::atomic::Ordering;
use siphasher::sip::SipHasher13;

use super::Lle;
use super::NeighborLimits;
use super::NeighborReport;
use crate::limits::LimitReport;
use crate::nd6::nud::Nud;
use crate::nd6::nud::NudState;
use crate::ranks;

/// The table.
#[derive(Debug)]
pub(crate) struct Neighbors {
    interface: IfId,
    limits: NeighborLimits,
    resolving: Arc<AtomicUsize>,
    list: Mutex<ranks::NeighborTable, List>,
}

#[derive(Debug)]
struct List {
    entries: HashMap<IpAddr, Arc<Lle>, Keyed>,
    /// How many of them were configured by hand: those do not count against the limits.
    fixed: usize,
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
    /// A packet waits for it.
    Resolving,
    /// A message told its link-layer address.
    Learned,
    /// Configured by hand: no limit holds for it.
    Fixed,
}

/// An entry, found or made.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) lle: Arc<Lle>,
    /// It was made just now.
    pub(crate) new: bool,
    /// The STALE entry that made room for it, dead now: to be told.
    pub(crate) evicted: Option<Arc<Lle>>,
}

/// Entries that were let go.
#[derive(Debug, Default)]
pub(crate) struct Purged {
    /// Who they were, and their states.
    pub(crate) gone: Vec<(Arc<Lle>, NudState)>,
    /// The packets that they held.
    pub(crate) held: Vec<Mbuf>,
}

/// Why there is no room for a new entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoRoom {
    /// A limit is reached.
    Full,
    /// The interface departs.
    Closed,
}

impl Neighbors {
    pub(crate) fn new(interface: IfId, limits: NeighborLimits, secret: (u64, u64)) -> Neighbors {
        let entries = HashMap::with_hasher(Keyed(secret.0, secret.1));
        Neighbors {
            interface,
            limits,
            resolving: Arc::default(),
            list: Mutex::new(List { entries, fixed: 0, closed: false }),
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
    /// no room for.
    pub(crate) fn find_or_insert<L>(
        &self,
        ctx: &mut Ctx<'_, L>,
        addr: IpAddr,
        newcomer: Newcomer,
        make: impl FnOnce(&mut Ctx<'_, ranks::NeighborTable>) -> Nud,
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
        //= RFC 6583 s7.1 [6583-1]: what is being resolved has bounds of its own.
        if newcomer == Newcomer::Resolving && !self.may_resolve() {
            return Err(NoRoom::Full);
        }
        let mut evicted = None;
        if newcomer != Newcomer::Fixed && list.entries.len() - list.fixed >= self.limits.entries {
            let idle = Self::idle(&list, &mut ctx).ok_or(NoRoom::Full)?;
            evicted = list.entries.remove(&idle);
        }
        list.fixed += usize::from(newcomer == Newcomer::Fixed);
        let nud = make(&mut ctx);
        let lle = Arc::new(Lle::new(self.interface, addr, nud, self.limits.held, self.resolving.clone()));
        list.entries.insert(addr, lle.clone());
        Ok(Found { lle, new: true, evicted })
    }

    /// Whether one more entry may be resolved: asked before its solicitation is built.
    pub(crate) fn may_resolve(&self) -> bool {
        self.resolving.load(Ordering::Relaxed) < self.limits.resolving
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

    /// Lets go of all entries, or of those that `goes` picks by address; gives back the packets they held. With `close`, nothing is added any more: the interface departs.
    pub(crate) fn purge<L>(
        &self,
        ctx: &mut Ctx<'_, L>,
        close: bool,
        mut goes: impl FnMut(IpAddr) -> bool,
    ) -> Purged
    where
        ranks::NeighborTable: After<L>,
        ranks::Neighbor: After<L>,
    {
        let gone: Vec<Arc<Lle>> = {
            let (mut list, _ctx) = ctx.lock(&self.list);
            list.closed |= close;
            let gone: Vec<_> = list.entries.extract_if(|addr, _| goes(*addr)).map(|(_, lle)| lle).collect();
            list.fixed -= gone.iter().filter(|lle| lle.fixed).count();
            gone
        };
        let mut purged = Purged::default();
        for lle in gone {
            let (mut entry, _ctx) = ctx.lock(&lle.entry);
            // One that failed at this moment was told by the timer that found it so.
            if !entry.dead {
                purged.gone.push((lle.clone(), entry.nud.state()));
            }
            entry.dead = true;
            purged.held.extend(entry.hold.drain());
            lle.publish(&mut entry);
        }
        purged
    }

    /// All entries, by address.
    pub(crate) fn report<L>(&self, ctx: &mut Ctx<'_, L>) -> Vec<NeighborReport>
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
                (!entry.dead).then(|| NeighborReport {
                    interface: lle.interface,
                    addr: lle.addr,
                    state: entry.nud.state(),
                    lladdr: entry.nud.usable(),
                    router: entry.nud.is_router(),
                    fixed: entry.nud.is_static(),
                    held: entry.hold.len() + entry.flushing as usize,
                })
            })
            .collect();
        reports.sort_by_key(|report| report.addr);
        reports
    }

    /// Its bounds, with what there is.
    pub(crate) fn limits<L>(&self, ctx: &mut Ctx<'_, L>) -> Vec<LimitReport>
    where
        ranks::NeighborTable: After<L>,
    {
        let entries = {
            let (list, _ctx) = ctx.lock(&self.list);
            list.entries.len() - list.fixed
        };
        vec![
            LimitReport::new("neighbors", self.limits.entries, entries),
            LimitReport::new(
                "neighbors-resolving",
                self.limits.resolving,
                self.resolving.load(Ordering::Relaxed),
            ),
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

    /// An entry that may go to make room: STALE, so that nobody has used it since it was last confirmed.
    fn idle(list: &List, ctx: &mut Ctx<'_, ranks::NeighborTable>) -> Option<IpAddr> {
        // A bounded look: under a flood most entries are idle, and a full look each time would be the attack.
        list.entries.values().take(64).find_map(|lle| {
            let (mut entry, _ctx) = ctx.lock(&lle.entry);
            let idle = entry.nud.state() == NudState::Stale && entry.hold.is_empty() && entry.flushing == 0;
            if idle {
                entry.dead = true;
                lle.publish(&mut entry);
            }
            idle.then_some(lle.addr)
        })
    }
}
