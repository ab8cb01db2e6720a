//! A link-layer entry: one neighbour.

use std::net::IpAddr;
use std::sync::Arc;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Mutex;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;
use siding_wire::Mac;

use super::books::Books;
use super::books::Standing;
use super::limits::Priority;
use super::limits::Share;
use crate::alarm::Alarm;
use crate::nd6::hold::HoldQueue;
use crate::nd6::nud::Nud;
use crate::nd6::nud::NudState;
use crate::ranks;

/// Set in the published word when the address in it may be used at once.
const DIRECT: u64 = 1 << 48;

/// One neighbour's entry, shared by the table, a timer queue, workers' caches and held packets.
#[derive(Debug)]
pub(crate) struct Lle {
    pub(crate) interface: IfId,
    pub(crate) addr: IpAddr,
    /// Configured by hand.
    pub(crate) fixed: bool,
    /// The link-layer address and [`DIRECT`], or 0.
    word: AtomicU64,
    /// Where it counts itself, and stands when it is idle or holds packets.
    books: Arc<Books>,
    pub(crate) entry: Mutex<ranks::Neighbor, Entry>,
}

/// What the lock guards.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) nud: Nud,
    /// IP packets that wait for the address.
    pub(crate) hold: HoldQueue<Mbuf>,
    /// Packets that were held and now wait in the facility. Until they have left, later ones queue behind them.
    pub(crate) flushing: u32,
    pub(crate) alarm: Alarm,
    /// No longer in the table. Those of an interface that departs are not told: they are met by nobody once it is complete, and until
    /// then hold nothing, count nowhere and arm no timer.
    pub(crate) dead: bool,
    /// Only others' packets have asked for it.
    pub(crate) forwarded: bool,
    pub(crate) made: Instant,
    /// Its state as of the last look, and since when.
    pub(crate) since: (NudState, Instant),
    /// What the books have of it.
    pub(super) standing: Standing,
}

impl Lle {
    /// An entry that counts itself from now on.
    pub(crate) fn new<L>(
        ctx: &mut Ctx<'_, L>,
        (interface, addr): (IfId, IpAddr),
        mut entry: Entry,
        books: Arc<Books>,
    ) -> Lle
    where
        ranks::Leaf: After<L>,
    {
        let word = AtomicU64::new(entry.word());
        books.note(ctx, entry.made, addr, &mut entry);
        Lle { interface, addr, fixed: entry.nud.is_static(), word, books, entry: Mutex::new(entry) }
    }

    /// The link-layer address, if packets may go there with nothing else to be done.
    #[inline]
    pub(crate) fn direct(&self) -> Option<Mac> {
        let word = self.word.load(Ordering::Acquire);
        if word & DIRECT == 0 {
            return None;
        }
        let [_, _, mac @ ..] = word.to_be_bytes();
        Some(Mac(mac))
    }

    /// Whether a packet may wait for it. If not, its interface departs, and it is dead.
    pub(crate) fn may_hold(self: &Arc<Self>, ctx: &mut Ctx<'_, ranks::Neighbor>, entry: &mut Entry) -> bool {
        self.books.admit(ctx, self, entry)
    }

    /// Tells the data path and the books what the entry has come to. To be called before its lock is let go.
    pub(crate) fn publish(&self, ctx: &mut Ctx<'_, ranks::Neighbor>, now: Instant, entry: &mut Entry) {
        self.books.note(ctx, now, self.addr, entry);
        self.word.store(entry.word(), Ordering::Release);
    }
}

impl Entry {
    /// A new one, which holds so many packets; `forwarded` if it is others' that have asked for it.
    pub(crate) fn new(now: Instant, nud: Nud, held: usize, forwarded: bool) -> Entry {
        Entry {
            nud,
            hold: HoldQueue::new(held),
            flushing: 0,
            alarm: Alarm::default(),
            dead: false,
            forwarded,
            made: now,
            since: (nud.state(), now),
            standing: Standing::default(),
        }
    }

    /// Whether packets are held that could leave, and none is in the facility whose handler would come back for
    /// them: the queue was full of others' packets.
    pub(crate) fn waits_for_queue(&self) -> bool {
        !self.dead && self.flushing == 0 && !self.hold.is_empty() && self.nud.usable().is_some()
    }

    /// Whether nothing is under way, so that nobody would miss it.
    pub(crate) fn is_idle(&self) -> bool {
        self.is_quiet()
            && self.nud.usable().is_some()
            && self.nud.deadline().is_none()
            && !self.nud.is_static()
    }

    /// How its next solicitation is served.
    pub(crate) fn priority(&self) -> Priority {
        match (self.nud.state(), self.forwarded) {
            (NudState::Incomplete, true) => Priority::Forwarded,
            (NudState::Incomplete, false) => Priority::Own,
            _ => Priority::Probe,
        }
    }

    fn is_quiet(&self) -> bool {
        !self.dead && self.flushing == 0 && self.hold.is_empty()
    }

    fn word(&self) -> u64 {
        match self.nud.usable() {
            Some(Mac([a, b, c, d, e, f])) if self.is_quiet() && !self.nud.needs_nudge() => {
                u64::from_be_bytes([0, 0, a, b, c, d, e, f]) | DIRECT
            }
            _ => 0,
        }
    }

    /// Where it counts.
    pub(super) fn share(&self) -> Option<Share> {
        match self.nud.state() {
            _ if self.dead || self.nud.is_static() => None,
            NudState::Incomplete => Some(Share::Resolving { forwarded: self.forwarded }),
            _ if self.nud.confirmed().is_some() => Some(Share::Proven),
            _ => Some(Share::Claimed),
        }
    }
}
