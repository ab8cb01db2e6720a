//! Destinations that are refused, in the words of the configuration file (`[[refuse]]`), of requests and of the command line.

use serde::Deserialize;
use serde::Serialize;

use crate::route::Destination;

/// Destinations to refuse.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "clap", derive(clap::Args))]
#[serde(deny_unknown_fields)]
pub struct Refuse {
    /// The destinations: a prefix without host bits, or `default`, which is all of IPv6.
    #[cfg_attr(feature = "clap", arg(value_name = "PREFIX"))]
    pub to: Destination,
    /// What senders are told [default: reject].
    #[serde(default)]
    #[cfg_attr(feature = "clap", arg(long, default_value = "reject", hide_default_value = true))]
    pub how: How,
    /// Less is better; of a route and a refusal of one prefix and metric the refusal counts [default: 1,024].
    #[cfg_attr(feature = "clap", arg(long))]
    pub metric: Option<u32>,
}

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
