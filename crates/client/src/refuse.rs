//! Destinations that are refused.

use serde::Deserialize;
use serde::Serialize;

/// What senders are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// That there is no route (code 0)
    Unreachable,
    /// That it is prohibited (code 1; 13 in IPv4)
    Prohibit,
    /// That a route rejects it (code 6; 1 in IPv4)
    #[default]
    Reject,
    /// Nothing
    Blackhole,
}

impl How {
    /// As files have it.
    pub fn name(self) -> &'static str {
        match self {
            How::Unreachable => "unreachable",
            How::Prohibit => "prohibit",
            How::Reject => "reject",
            How::Blackhole => "blackhole",
        }
    }
}
