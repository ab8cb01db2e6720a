//! A link-layer entry: one neighbour.

use std::net::IpAddr;
use std::sync::Arc;

use siding_lockorder::Mutex;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::AtomicUsize;
use siding_netisr::sync::atomic::Ordering;
use siding_wire::Mac;

use crate::nd6::hold::HoldQueue;
use crate::nd6::nud::Nud;
use crate::nd6::nud::NudState;
use crate::ranks;

/// Set in the published word when the address in it may be used at once.
const DIRECT: u64 = 1 << 48;

/// One neighbour's entry, shared by the table, the timer queue, workers' caches and held packets.
#[derive(Debug)]
pub(crate) struct Lle {
    pub(crate) interface: IfId,
    pub(crate) addr: IpAddr,
    /// Configured by hand.
    pub(crate) fixed: bool,
    /// The link-layer address and [`DIRECT`], or 0.
    word: AtomicU64,
    /// How many entries of the table are INCOMPLETE; this one counts itself in and out.
    resolving: Arc<AtomicUsize>,
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
    /// The earliest deadline that the timer queue has of this entry.
    pub(crate) armed: Option<Instant>,
    /// No longer in the table.
    pub(crate) dead: bool,
    counted: bool,
}

impl Lle {
    pub(crate) fn new(
        interface: IfId,
        addr: IpAddr,
        nud: Nud,
        held: usize,
        resolving: Arc<AtomicUsize>,
    ) -> Lle {
        let fixed = nud.is_static();
        let mut entry =
            Entry { nud, hold: HoldQueue::new(held), flushing: 0, armed: None, dead: false, counted: false };
        let word = AtomicU64::new(0);
        publish(&word, &resolving, &mut entry);
        Lle { interface, addr, fixed, word, resolving, entry: Mutex::new(entry) }
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

    /// Tells the data path what the entry has come to. To be called before its lock is let go.
    pub(crate) fn publish(&self, entry: &mut Entry) {
        publish(&self.word, &self.resolving, entry);
    }
}

impl Entry {
    /// Whether packets are held that could leave, and none is in the facility whose handler would come back for
    /// them: the queue was full of others' packets.
    pub(crate) fn waits_for_queue(&self) -> bool {
        !self.dead && self.flushing == 0 && !self.hold.is_empty() && self.nud.usable().is_some()
    }
}

fn publish(word: &AtomicU64, resolving: &AtomicUsize, entry: &mut Entry) {
    let incomplete = !entry.dead && entry.nud.state() == NudState::Incomplete;
    if incomplete != entry.counted {
        entry.counted = incomplete;
        if incomplete {
            resolving.fetch_add(1, Ordering::Relaxed)
        } else {
            resolving.fetch_sub(1, Ordering::Relaxed)
        };
    }
    let idle = !entry.dead && !entry.nud.needs_nudge() && entry.flushing == 0 && entry.hold.is_empty();
    let value = match entry.nud.usable() {
        Some(Mac([a, b, c, d, e, f])) if idle => u64::from_be_bytes([0, 0, a, b, c, d, e, f]) | DIRECT,
        _ => 0,
    };
    word.store(value, Ordering::Release);
}
