//! How much a table may hold, and how much it holds now.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::rate::NANOS;
use crate::limits::LimitReport;
use crate::limits::Usage;

/// What one interface's table may hold, and when an entry leaves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeighborLimits {
    /// Entries with a link-layer address, but for those configured by hand. Three quarters of them may be neighbours
    /// that have told their address and never confirmed it: a flood of forged ones leaves room for those that answer. A
    /// newcomer takes the place of the one that has been idle the longest, or is refused if all are busy.
    pub entries: usize,
    /// Entries that are being resolved: a pool of their own (RFC 6583 s7.1).
    pub resolving: usize,
    /// The share of `resolving`, of solicitations and of held packets that packets of others may take, in percent.
    pub forwarded: u8,
    /// Packets that wait for one neighbour.
    pub held: usize,
    /// Solicitations a second, on average: resolution and probes, IPv6 and IPv4. At least 1.
    pub solicit_rate: u32,
    /// Solicitations at once. At least 1.
    pub solicit_burst: u32,
    /// An entry that nobody has used for so long is forgotten; `None` for never.
    pub gc_stale_time: Option<Duration>,
    /// Whether what was learned is forgotten when the link is lost.
    pub forget_on_link_loss: bool,
}

impl NeighborLimits {
    /// So many solicitations at once, at a rate that a link of ten thousand neighbours resolves within a second.
    const RATE: u32 = 10_000;

    /// Of entries with an address, how many may be unconfirmed.
    pub(crate) fn claimed(&self) -> usize {
        self.entries - self.entries / 4
    }

    /// The part of `whole` that others' packets may take; never nothing.
    pub(crate) fn share(&self, whole: usize) -> usize {
        (whole.saturating_mul(usize::from(self.forwarded.min(100))) / 100).max(1)
    }

    /// What one solicitation costs, in nanoseconds of waiting.
    pub(crate) fn solicit_cost(&self) -> u64 {
        NANOS.div_ceil(u64::from(self.solicit_rate.max(1)))
    }
}

impl Default for NeighborLimits {
    fn default() -> NeighborLimits {
        NeighborLimits {
            entries: 16_384,
            resolving: 8_192,
            forwarded: 75,
            held: 16,
            solicit_rate: Self::RATE,
            solicit_burst: 16_384,
            gc_stale_time: Some(Duration::from_secs(20 * 60)),
            forget_on_link_loss: true,
        }
    }
}

/// What the tables of all interfaces may hold together.
///
/// Each is looked at before an entry is made, under its own table's lock: workers that make entries on different
/// interfaces at one moment may pass it by one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeighborTotals {
    /// Entries with a link-layer address, but for those configured by hand.
    pub entries: usize,
    /// Entries that are being resolved. Each holds a packet.
    pub resolving: usize,
    /// Packets that wait behind another for the same neighbour.
    pub held: usize,
    /// So many entries of either kind each interface may have whatever the others have: an attack on one link does not
    /// shut out another.
    //= RFC 9099 s2.3.2 [9099-1]: the caches are bounded so that an attack on one link is felt on that link.
    pub assured: usize,
}

impl NeighborTotals {
    /// The bounds, with what there is on all interfaces. `forwarded` is the share of others' packets.
    pub(crate) fn report(&self, used: &Use, limits: &NeighborLimits) -> [LimitReport; 4] {
        [
            used.known.report("neighbors", self.entries),
            used.resolving.report("neighbors-resolving", self.resolving),
            used.forwarded.report("neighbors-resolving-forwarded", limits.share(self.resolving)),
            used.held.report("packets-held-behind-others", self.held),
        ]
    }

    /// For a pool of so many buffers: waiting packets take three quarters of it at the most.
    pub fn for_pool(buffers: usize) -> NeighborTotals {
        NeighborTotals { entries: 65_536, resolving: buffers / 2, held: buffers / 4, assured: 64 }
    }
}

/// Whose packet it is that a neighbour is wanted for, in the order in which they are served.
//= RFC 6583 s7.1 [6583-1]: answers for our own addresses take nothing of this; then probes of neighbours that we have,
//= resolution for ourselves, and last for packets of others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    /// Others', which we forward.
    Forwarded,
    /// Our own.
    Own,
    /// Nobody's: whether a neighbour is still there.
    Probe,
}

/// Where an entry counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// Being resolved, for ourselves or for others.
    Resolving {
        /// Only others' packets have asked for it.
        forwarded: bool,
    },
    /// It has told its address, and never confirmed it.
    Claimed,
    /// It has answered.
    Proven,
}

/// How much is in use: of one interface, and of all.
#[derive(Debug, Default)]
pub(crate) struct Use {
    /// Entries with an address that were not configured by hand.
    pub(crate) known: Level,
    /// Of those, the ones that never confirmed it.
    pub(crate) claimed: Level,
    pub(crate) resolving: Level,
    /// Of those, the ones that only others' packets have asked for.
    pub(crate) forwarded: Level,
    /// Packets that wait behind another.
    pub(crate) held: Level,
    all: Option<Arc<Use>>,
}

/// How much there is of one thing, and what its bound has seen.
#[derive(Debug, Default)]
pub(crate) struct Level {
    now: AtomicUsize,
    usage: Usage,
}

impl Use {
    /// Of one interface, which is counted in `all` too.
    pub(crate) fn within(all: Arc<Use>) -> Use {
        Use { all: Some(all), ..Use::default() }
    }

    /// An entry counts here now, and there no more.
    pub(crate) fn shift(&self, from: Option<Share>, to: Option<Share>) {
        if from == to {
            return;
        }
        self.levels(from).into_iter().flatten().for_each(|level| level.shift(1, 0));
        self.levels(to).into_iter().flatten().for_each(|level| level.shift(0, 1));
        if let Some(all) = &self.all {
            all.shift(from, to);
        }
    }

    /// Packets wait behind others, or do no longer.
    pub(crate) fn shift_held(&self, from: usize, to: usize) {
        if from == to {
            return;
        }
        self.held.shift(from, to);
        if let Some(all) = &self.all {
            all.shift_held(from, to);
        }
    }

    /// All that counts here leaves at once.
    pub(crate) fn leave(&self) {
        for (own, all) in self.levels_each().into_iter().zip(self.all().levels_each()) {
            let now = own.now.swap(0, Ordering::Relaxed);
            if !std::ptr::eq(own, all) {
                all.shift(now, 0);
            }
        }
    }

    pub(crate) fn all(&self) -> &Use {
        self.all.as_deref().unwrap_or(self)
    }

    fn levels_each(&self) -> [&Level; 5] {
        [&self.known, &self.claimed, &self.resolving, &self.forwarded, &self.held]
    }

    fn levels(&self, share: Option<Share>) -> [Option<&Level>; 2] {
        match share {
            None => [None, None],
            Some(Share::Claimed) => [Some(&self.known), Some(&self.claimed)],
            Some(Share::Proven) => [Some(&self.known), None],
            Some(Share::Resolving { forwarded }) => {
                [Some(&self.resolving), forwarded.then_some(&self.forwarded)]
            }
        }
    }
}

impl Level {
    pub(crate) fn now(&self) -> usize {
        self.now.load(Ordering::Relaxed)
    }

    /// Whether there may be one more; counts the refusal if not.
    pub(crate) fn admits(&self, most: usize) -> bool {
        let admits = self.now() < most;
        if !admits {
            self.usage.refuse();
        }
        admits
    }

    /// Counts a refusal, and gives its reason back.
    pub(crate) fn refuse<E>(&self, why: E) -> E {
        self.usage.refuse();
        why
    }

    pub(crate) fn report(&self, name: &str, most: usize) -> LimitReport {
        LimitReport::new(name, most, self.now()).with(&self.usage)
    }

    fn shift(&self, from: usize, to: usize) {
        // Wraps, and comes out right.
        let by = to.wrapping_sub(from);
        let now = self.now.fetch_add(by, Ordering::Relaxed).wrapping_add(by);
        self.usage.note(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_counts_in_one_place_here_and_in_all() {
        let all = Arc::new(Use::default());
        let (a, b) = (Use::within(all.clone()), Use::within(all.clone()));
        a.shift(None, Some(Share::Resolving { forwarded: true }));
        b.shift(None, Some(Share::Resolving { forwarded: false }));
        let now = |level: &Level| level.now();
        let resolving = (now(&all.resolving), now(&all.forwarded), now(&a.resolving), now(&b.forwarded));
        assert_eq!(resolving, (2, 1, 1, 0));
        a.shift(Some(Share::Resolving { forwarded: true }), Some(Share::Proven));
        b.shift(Some(Share::Resolving { forwarded: false }), Some(Share::Claimed));
        assert_eq!((now(&all.resolving), now(&all.forwarded)), (0, 0));
        assert_eq!((now(&all.known), now(&all.claimed), now(&a.claimed), now(&b.claimed)), (2, 1, 0, 1));
        a.shift(Some(Share::Proven), None);
        a.shift_held(0, 5);
        a.shift_held(5, 2);
        assert_eq!((now(&a.known), now(&all.known)), (0, 1));
        assert_eq!((now(&a.held), now(&all.held), now(&b.held)), (2, 2, 0));
        let report = all.held.report("packets-held", 9);
        assert_eq!((report.limit, report.used, report.highest), (9, 2, Some(5)));
        a.leave();
        assert_eq!((now(&all.known), now(&all.claimed), now(&all.held)), (1, 1, 0), "b's");
        b.shift(Some(Share::Claimed), None);
        assert_eq!((now(&all.known), now(&all.claimed), now(&a.held), now(&b.known)), (0, 0, 0, 0));
    }

    #[test]
    fn shares_are_never_nothing() {
        let limits = NeighborLimits { forwarded: 0, entries: 4, ..NeighborLimits::default() };
        assert_eq!((limits.share(100), limits.claimed()), (1, 3));
        assert_eq!(NeighborLimits { forwarded: 75, ..limits }.share(8), 6);
    }
}
