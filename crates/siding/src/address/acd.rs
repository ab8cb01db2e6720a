//! `[acd]`: conflict detection of IPv4 addresses (RFC 5227).

use serde::Deserialize;
use siding_stack::arp::acd::AcdConfig;

/// The table's text.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Acd {
    /// Probe and defend IPv4 addresses [default: true].
    enabled: Option<bool>,
    /// What to do when somebody claims an address that is in use (RFC 5227 s2.4) [default: always].
    defence: Option<Defence>,
}

/// What to do when somebody claims an address that is in use.
//= RFC 5227 s2.4 [5227-3]: the three ways, from which the operator chooses.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Defence {
    GiveUp,
    Once,
    Always,
}

impl Acd {
    pub(crate) fn check(self) -> AcdConfig {
        use siding_stack::arp::acd::Defence as Stack;
        let default = AcdConfig::default();
        let defence = self.defence.map(|defence| match defence {
            Defence::GiveUp => Stack::GiveUp,
            Defence::Once => Stack::Once,
            Defence::Always => Stack::Always,
        });
        AcdConfig {
            enabled: self.enabled.unwrap_or(default.enabled),
            defence: defence.unwrap_or(default.defence),
            ..default
        }
    }
}
