//! `[limits]`: bounds of the stack as a whole.

use serde::Deserialize;
use siding_stack::reassembly::ReassemblyLimits;
use toml::Spanned;

use crate::means::neighbors::AllNeighbors;
use crate::means::neighbors::Neighbors;
use crate::words::wrong::Wrong;
use crate::words::wrong::ranged;

/// The table's text.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Limits {
    /// ICMP errors at once, to each of those that share: 1 to 1,000,000 [default: 100].
    error_burst: Option<Spanned<u32>>,
    /// ICMP errors a second: 0 to 1,000,000 [default: 1,000].
    error_rate: Option<Spanned<u32>>,
    /// Packet Too Big at once: 1 to 1,000,000 [default: 100].
    too_big_burst: Option<Spanned<u32>>,
    /// Packet Too Big a second: 0 to 1,000,000 [default: 1,000].
    too_big_rate: Option<Spanned<u32>>,
    /// Redirects at once: 1 to 1,000,000 [default: 10].
    redirect_burst: Option<Spanned<u32>>,
    /// Redirects a second: 0 to 1,000,000 [default: 10].
    redirect_rate: Option<Spanned<u32>>,
    /// Bounds of the neighbors of each interface: see `neighbors` below.
    #[serde(default)]
    pub(crate) neighbors: Neighbors,
    /// Bounds of the neighbors of all interfaces together: see below.
    #[serde(default)]
    pub(crate) all_neighbors: AllNeighbors,
    /// Fragments that are kept: 1 to 1,048,576 [default: 2,048].
    fragments: Option<Spanned<usize>>,
    /// Of one source: 1 to 1,048,576 [default: 1,024].
    fragments_per_source: Option<Spanned<usize>>,
    /// Datagrams being put together: 1 to 65,536 [default: 512].
    datagrams: Option<Spanned<usize>>,
    /// Of one source: 1 to 65,536 [default: 64].
    datagrams_per_source: Option<Spanned<usize>>,
    /// Buffers for packets larger than a frame: 0 to 65,536 [default: 256].
    large_buffers: Option<Spanned<u32>>,
    /// Paths of which an MTU is remembered: 1 to 1,048,576 [default: 1,024].
    path_mtus: Option<Spanned<usize>>,
}

impl Limits {
    pub(crate) fn check(self) -> Result<siding_stack::Limits, Wrong> {
        let default = siding_stack::Limits::default();
        let usual = default.reassembly;
        let fragments = 1..=1 << 20;
        let datagrams = 1..=1 << 16;
        Ok(siding_stack::Limits {
            error_burst: ranged(self.error_burst, default.error_burst, 1..=1_000_000, "ICMP errors at once")?,
            error_rate: ranged(self.error_rate, default.error_rate, 0..=1_000_000, "ICMP errors a second")?,
            too_big_burst: ranged(
                self.too_big_burst,
                default.too_big_burst,
                1..=1_000_000,
                "Packet Too Big at once",
            )?,
            too_big_rate: ranged(
                self.too_big_rate,
                default.too_big_rate,
                0..=1_000_000,
                "Packet Too Big a second",
            )?,
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
            reassembly: ReassemblyLimits {
                fragments: ranged(self.fragments, usual.fragments, fragments.clone(), "fragments")?,
                fragments_per_source: ranged(
                    self.fragments_per_source,
                    usual.fragments_per_source,
                    fragments,
                    "fragments",
                )?,
                datagrams: ranged(self.datagrams, usual.datagrams, datagrams.clone(), "datagrams")?,
                datagrams_per_source: ranged(
                    self.datagrams_per_source,
                    usual.datagrams_per_source,
                    datagrams,
                    "datagrams",
                )?,
                ..usual
            },
            large_buffers: ranged(self.large_buffers, default.large_buffers, 0..=65_536, "large buffers")?,
            path_mtus: ranged(self.path_mtus, default.path_mtus, 1..=1 << 20, "paths")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    #[test]
    fn what_is_stored_for_packets_of_ours_and_fragments() {
        let text = "[limits]\nfragments = 100\nfragments_per_source = 50\ndatagrams = 20\n\
                    datagrams_per_source = 10\nlarge_buffers = 0\npath_mtus = 7\n";
        let limits = Config::parse(Path::new("host.toml"), text).unwrap().0.stack.limits;
        assert_eq!((limits.large_buffers, limits.path_mtus), (0, 7));
        assert_eq!((limits.reassembly.fragments, limits.reassembly.fragments_per_source), (100, 50));
        assert_eq!((limits.reassembly.datagrams, limits.reassembly.datagrams_per_source), (20, 10));
        let error = Config::parse(Path::new("host.toml"), "[limits]\npath_mtus = 0\n").unwrap_err();
        assert!(error.to_string().starts_with("host.toml:2:13: 0 paths: give 1 to 1048576"), "{error}");
    }
}
