//! `[mld]`: what multicast listener discovery does.

use serde::Deserialize;
use siding_stack::mld::MldConfig;
use toml::Spanned;

use crate::words::wrong::Wrong;
use crate::words::wrong::ranged;

/// `[mld]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mld {
    /// Speak MLD at all [default: true].
    enabled: Option<bool>,
    /// Reports of each change: 2 to 7 [default: 2].
    robustness: Option<Spanned<u8>>,
    /// Groups that may be joined on each interface: 0 to 65,536 [default: 1,024].
    groups: Option<Spanned<usize>>,
}

impl Mld {
    pub(crate) fn check(self) -> Result<MldConfig, Wrong> {
        let default = MldConfig::default();
        Ok(MldConfig {
            enabled: self.enabled.unwrap_or(default.enabled),
            //= RFC 3810 s9.1 [3810-4]: not 0, and not 1 either.
            robustness: ranged(self.robustness, default.robustness, 2..=7, "reports of each change")?,
            groups: ranged(self.groups, default.groups, 0..=65_536, "joined groups")?,
            ..default
        })
    }
}
