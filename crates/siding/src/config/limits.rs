//! `[limits]`: bounds of the stack as a whole.

use serde::Deserialize;
use toml::Spanned;

use super::check::Wrong;
use super::check::ranged;
use super::neighbors::AllNeighbors;
use super::neighbors::Neighbors;

/// The table's text.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    error_burst: Option<Spanned<u32>>,
    error_rate: Option<Spanned<u32>>,
    redirect_burst: Option<Spanned<u32>>,
    redirect_rate: Option<Spanned<u32>>,
    #[serde(default)]
    pub(super) neighbors: Neighbors,
    #[serde(default)]
    pub(super) all_neighbors: AllNeighbors,
}

impl Limits {
    pub(super) fn check(self) -> Result<siding_stack::Limits, Wrong> {
        let default = siding_stack::Limits::default();
        Ok(siding_stack::Limits {
            error_burst: ranged(self.error_burst, default.error_burst, 1..=1_000_000, "ICMP errors at once")?,
            error_rate: ranged(self.error_rate, default.error_rate, 0..=1_000_000, "ICMP errors a second")?,
            redirect_burst: ranged(
                self.redirect_burst,
                default.redirect_burst,
                1..=1_000_000,
                "redirects at once",
            )?,
            redirect_rate: ranged(
                self.redirect_rate,
                default.redirect_rate,
                0..=1_000_000,
                "redirects a second",
            )?,
        })
    }
}
