//! How an interface behaves as a host: `[interface.autoconf]`, and the same in requests.

use serde::Deserialize;
use serde::Serialize;

/// The table. An empty one is a host by the RFCs' defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Autoconf {
    /// Whether routers are obeyed [default: unless-forwarding].
    pub accept: AcceptWord,
    /// Make addresses from advertised prefixes [default: true].
    pub addresses: Option<bool>,
    /// What addresses end in [default: eui64].
    pub identifier: IdentifierWord,
    /// 32 hexadecimal digits for stable identifiers [default: made of /etc/machine-id].
    pub secret: Option<Secret>,
    /// What tells networks apart that have one prefix, for stable identifiers.
    pub network: Option<String>,
    /// Make temporary addresses as well (RFC 8981) [default: false].
    pub temporary: bool,
    /// Seconds for which these are preferred [default: a day].
    pub temporary_preferred_s: Option<u64>,
    /// Seconds for which these are ours [default: two days].
    pub temporary_valid_s: Option<u64>,
    /// Use addresses while they are tested (RFC 4429) [default: false].
    pub optimistic: bool,
    /// Obey redirects [default: true].
    pub redirects: Option<bool>,
    /// Take more specific routes (RFC 4191) [default: true].
    pub routes: Option<bool>,
    /// The lowest hop limit that a router may set [default: 32].
    pub least_hop_limit: Option<u8>,
    /// How routers are asked for [default: fixed].
    pub solicit: SolicitWord,
    /// Announcements of a new address: 0 to 3 [default: 3].
    pub announce: Option<u32>,
    /// As in `[stack]`, for this interface.
    pub dad_transmits: Option<u32>,
    /// Tell our own solicitations by a nonce (RFC 7527) [default: true].
    pub dad_nonce: Option<bool>,
    /// What may be learnt at the most: see `limits` below.
    pub limits: Limits,
}

/// `[interface.autoconf.limits]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Limits {
    /// Routers: 2 to 65,536 [default: 16].
    pub routers: Option<usize>,
    /// Prefixes: at most 65,536 [default: 32].
    pub prefixes: Option<usize>,
    /// Routes: at most 65,536 [default: 64].
    pub routes: Option<usize>,
    /// Addresses: at most 65,536 [default: 16].
    pub addresses: Option<usize>,
    /// Redirects: at most 65,536 [default: 256].
    pub redirects: Option<usize>,
}

/// Whether routers are obeyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "kebab-case")]
pub enum AcceptWord {
    /// Never
    Never,
    /// As long as this siding does not forward
    #[default]
    UnlessForwarding,
    /// Even when it forwards
    Always,
}

/// What addresses end in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum IdentifierWord {
    /// The MAC
    #[default]
    Eui64,
    /// What a secret and the prefix make: steady on one network, and different on each
    Stable,
}

/// How routers are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum SolicitWord {
    /// Not at all
    Never,
    /// Three times, four seconds apart
    #[default]
    Fixed,
    /// Ever more slowly, until one answers
    Backoff,
}

/// A secret's text, which is shown to nobody.
#[derive(Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_do_not_show() {
        let text = format!("{:?}", Autoconf { secret: Some(Secret("abcd".into())), ..Autoconf::default() });
        assert!(!text.contains("abcd"), "{text}");
    }
}
