//! Bounds of neighbour tables: `[limits.neighbors]` for each interface, `[interface.neighbors]` for one of them, and
//! `[limits.all_neighbors]` for all together.

use std::time::Duration;

use serde::Deserialize;
use siding_stack::NeighborLimits;
use siding_stack::NeighborTotals;
use toml::Spanned;

use super::check::Wrong;
use super::check::ranged;

/// Of each interface, or of one.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Neighbors {
    entries: Option<Spanned<usize>>,
    resolving: Option<Spanned<usize>>,
    forwarded_percent: Option<Spanned<u8>>,
    held: Option<Spanned<usize>>,
    solicit_rate: Option<Spanned<u32>>,
    solicit_burst: Option<Spanned<u32>>,
    /// 0 is never.
    forget_stale_s: Option<Spanned<u64>>,
    forget_on_link_loss: Option<bool>,
}

/// Of all interfaces together.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AllNeighbors {
    entries: Option<Spanned<usize>>,
    resolving: Option<Spanned<usize>>,
    held: Option<Spanned<usize>>,
    assured: Option<Spanned<usize>>,
}

const MOST: usize = 1 << 22;

impl Neighbors {
    /// What is not said is as in `base`.
    pub(super) fn check(self, base: NeighborLimits) -> Result<NeighborLimits, Wrong> {
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
    pub(super) fn check(self, buffers: usize) -> Result<NeighborTotals, Wrong> {
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
