//! Bounds of neighbour tables: `[limits.neighbors]` for each interface, `[interface.neighbors]` for one of them, and
//! `[limits.all_neighbors]` for all together.

use std::time::Duration;

use serde::Deserialize;
use siding_stack::NeighborLimits;
use siding_stack::NeighborTotals;
use toml::Spanned;

use crate::words::wrong::Wrong;
use crate::words::wrong::ranged;

/// Of each interface, or of one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neighbors {
    /// Neighbors of an interface: 1 to 4,194,304 [default: 16,384].
    entries: Option<Spanned<usize>>,
    /// Of these, being resolved at once: 1 to 4,194,304 [default: 8,192].
    resolving: Option<Spanned<usize>>,
    /// Percent of those that packets for others may take: 1 to 100 [default: 75].
    forwarded_percent: Option<Spanned<u8>>,
    /// Packets that wait for one neighbor: 1 to 65,536 [default: 16].
    held: Option<Spanned<usize>>,
    /// Solicitations a second: 1 to 1,000,000,000 [default: 10,000].
    solicit_rate: Option<Spanned<u32>>,
    /// Solicitations at once: 1 to 1,000,000,000 [default: 16,384].
    solicit_burst: Option<Spanned<u32>>,
    /// Seconds after which a neighbor that nobody uses is forgotten; 0 is never, 31,536,000 the most [default:
    /// 1,200].
    forget_stale_s: Option<Spanned<u64>>,
    /// Forget the neighbors of a link that is lost [default: true].
    forget_on_link_loss: Option<bool>,
}

/// Of all interfaces together.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllNeighbors {
    /// Neighbors in all: 1 to 4,194,304.
    entries: Option<Spanned<usize>>,
    /// Being resolved at once, each of which holds a buffer.
    resolving: Option<Spanned<usize>>,
    /// Packets that wait, each of which is a buffer.
    held: Option<Spanned<usize>>,
    /// Neighbors that each interface may have whatever others have.
    assured: Option<Spanned<usize>>,
}

const MOST: usize = 1 << 22;

impl Neighbors {
    /// What is not said is as in `base`.
    pub(crate) fn check(self, base: NeighborLimits) -> Result<NeighborLimits, Wrong> {
        let stale = base.gc_stale_time.unwrap_or_default().as_secs();
        let stale = ranged(self.forget_stale_s, stale, 0..=31_536_000, "seconds")?;
        Ok(NeighborLimits {
            entries: ranged(self.entries, base.entries, 1..=MOST, "neighbors")?,
            resolving: ranged(self.resolving, base.resolving, 1..=MOST, "neighbors being resolved")?,
            forwarded: ranged(self.forwarded_percent, base.forwarded, 1..=100, "percent")?,
            held: ranged(self.held, base.held, 1..=65_536, "packets that wait for a neighbor")?,
            solicit_rate: ranged(
                self.solicit_rate,
                base.solicit_rate,
                1..=1_000_000_000,
                "solicitations a second",
            )?,
            solicit_burst: ranged(
                self.solicit_burst,
                base.solicit_burst,
                1..=1_000_000_000,
                "solicitations at once",
            )?,
            gc_stale_time: (stale > 0).then(|| Duration::from_secs(stale)),
            forget_on_link_loss: self.forget_on_link_loss.unwrap_or(base.forget_on_link_loss),
        })
    }
}

impl AllNeighbors {
    /// `buffers` is the size of the pool that waiting packets come from.
    pub(crate) fn check(self, buffers: usize) -> Result<NeighborTotals, Wrong> {
        let base = NeighborTotals::for_pool(buffers);
        Ok(NeighborTotals {
            entries: ranged(self.entries, base.entries, 1..=MOST, "neighbors in all")?,
            resolving: ranged(
                self.resolving,
                base.resolving,
                1..=buffers,
                "neighbors being resolved (each holds a buffer)",
            )?,
            held: ranged(self.held, base.held, 0..=buffers, "waiting packets (each is a buffer)")?,
            assured: ranged(self.assured, base.assured, 0..=MOST, "neighbors assured to each interface")?,
        })
    }
}
