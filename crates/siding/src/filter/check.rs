//! `[filter]`: rules of the firewall, and the bounds of its states.

use std::collections::BTreeMap;
use std::path::Path;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use siding_judge::FilterConfig;
use siding_judge::Texts;
use siding_stack::filter::StateLimits;
use siding_stack::filter::Timeouts;
use toml::Spanned;

use crate::words::wrong::Wrong;
use crate::words::wrong::ranged;

/// The table's text.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    /// Rules in nftables' language, as text or JSON: a file, or a list of files that are read as one
    rules: Paths,
    /// Neighbour discovery and MLD pass although a chain's policy is drop [default: true]
    built_in: Option<bool>,
    /// Flows that are remembered at the most, 1,024 to 16,777,216 [default: 1,048,576]
    states: Option<Spanned<usize>>,
    /// Flows of one source (a /64 of IPv6) at the most [default: as many as there are]
    states_per_source: Option<Spanned<u32>>,
    /// TCP connections that began before are picked up in their middle [default: true]
    loose: Option<bool>,
    /// How long a state is kept without a packet, in seconds, by what it is: `tcp_established_s = 7440`; a name that there is not is told with those that there are
    #[serde(default)]
    timeouts: BTreeMap<Spanned<String>, Spanned<u64>>,
}

/// One file, or several.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "give a file of rules, or a list of them")]
enum Paths {
    One(PathBuf),
    Several(Vec<PathBuf>),
}

/// The longest time, in seconds: twenty days.
const LONGEST: u64 = 20 * 86_400;

impl Filter {
    /// What it means, but for what its files say.
    pub(crate) fn check(self) -> Result<FilterConfig, Wrong> {
        let rules = match self.rules {
            Paths::One(path) => vec![path],
            Paths::Several(paths) => paths,
        };
        let usual = StateLimits::default();
        let states = ranged(self.states, usual.states, 1024..=1 << 24, "states")?;
        let per_source = self.states_per_source;
        let per_source = per_source.map(|most| ranged(Some(most), 1, 1..=1 << 24, "states of a source"));
        let mut timeouts = Timeouts::default();
        for (key, seconds) in self.timeouts {
            let seconds = ranged(Some(seconds), 1, 1..=LONGEST, "seconds")?;
            if !key
                .get_ref()
                .strip_suffix("_s")
                .is_some_and(|name| timeouts.set(&name.replace('_', "-"), Duration::from_secs(seconds)))
            {
                let known: Vec<String> = timeouts.all().map(|(name, _)| self::key(name)).collect();
                let message = format!("unknown time `{}`: there are {}", key.get_ref(), known.join(", "));
                return Err(Wrong::new(key.span(), message));
            }
        }
        Ok(FilterConfig {
            rules,
            texts: Texts::default(),
            built_in: self.built_in.unwrap_or(true),
            limits: StateLimits {
                states,
                half_open: states / 2,
                per_source: per_source.transpose()?,
                loose: self.loose.unwrap_or(usual.loose),
                ..usual
            },
            timeouts,
        })
    }
}

/// Relative paths are of the directory that the configuration is in.
pub(crate) fn beside(config: &Path, rules: &mut [PathBuf]) {
    let directory = config.parent().unwrap_or(Path::new(""));
    for path in rules {
        let there = directory.join(&*path);
        // Without a working directory it stays as it is.
        *path = std::path::absolute(&there).unwrap_or(there);
    }
}

/// A time's name, as files have it.
pub(crate) fn key(name: &str) -> String {
    format!("{}_s", name.replace('-', "_"))
}
