//! How an interface behaves as a host, as operators write it: `[interface.autoconf]`, and the same by the control socket.

use std::time::Duration;

use serde::Deserialize;
use serde::Serialize;
use siding_stack::nd6::host::Accept;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::host::HostLimits;
use siding_stack::nd6::host::Identifier;
use siding_stack::nd6::host::Solicitation;
use siding_stack::nd6::host::StableKey;
use siding_stack::nd6::host::TemporaryConfig;

/// The table. An empty one is a host by the RFCs' defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Autoconf {
    /// Whether routers are obeyed [default: unless-forwarding].
    pub(crate) accept: AcceptWord,
    /// Make addresses from advertised prefixes [default: true].
    pub(crate) addresses: Option<bool>,
    /// What addresses end in [default: eui64].
    pub(crate) identifier: IdentifierWord,
    /// 32 hexadecimal digits for stable identifiers [default: made of /etc/machine-id].
    pub(crate) secret: Option<Secret>,
    /// What tells networks apart that have one prefix, for stable identifiers.
    pub(crate) network: Option<String>,
    /// Make temporary addresses as well (RFC 8981) [default: false].
    pub(crate) temporary: bool,
    /// Seconds for which these are preferred [default: a day].
    pub(crate) temporary_preferred_s: Option<u64>,
    /// Seconds for which these are ours [default: two days].
    pub(crate) temporary_valid_s: Option<u64>,
    /// Use addresses while they are tested (RFC 4429) [default: false].
    pub(crate) optimistic: bool,
    /// Obey redirects [default: true].
    pub(crate) redirects: Option<bool>,
    /// Take more specific routes (RFC 4191) [default: true].
    pub(crate) routes: Option<bool>,
    /// The lowest hop limit that a router may set [default: 32].
    pub(crate) least_hop_limit: Option<u8>,
    /// How routers are asked for [default: fixed].
    pub(crate) solicit: SolicitWord,
    /// Announcements of a new address: 0 to 3 [default: 3].
    pub(crate) announce: Option<u32>,
    /// As in `[stack]`, for this interface.
    pub(crate) dad_transmits: Option<u32>,
    /// Tell our own solicitations by a nonce (RFC 7527) [default: true].
    pub(crate) dad_nonce: Option<bool>,
    /// What may be learnt at the most: see `limits` below.
    pub(crate) limits: Limits,
}

/// `[interface.autoconf.limits]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Limits {
    /// Routers: 2 to 65,536 [default: 16].
    pub(crate) routers: Option<usize>,
    /// Prefixes: at most 65,536 [default: 32].
    pub(crate) prefixes: Option<usize>,
    /// Routes: at most 65,536 [default: 64].
    pub(crate) routes: Option<usize>,
    /// Addresses: at most 65,536 [default: 16].
    pub(crate) addresses: Option<usize>,
    /// Redirects: at most 65,536 [default: 256].
    pub(crate) redirects: Option<usize>,
}

/// Whether routers are obeyed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AcceptWord {
    /// Never
    Never,
    /// As long as this siding does not forward
    #[default]
    UnlessForwarding,
    /// Even when it forwards
    Always,
}

/// What addresses end in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum IdentifierWord {
    /// The MAC
    #[default]
    Eui64,
    /// What a secret and the prefix make: steady on one network, and different on each
    Stable,
}

/// How routers are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SolicitWord {
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
pub(crate) struct Secret(pub(crate) String);

/// The most of anything that may be learnt: a table of a million would be no limit.
const MOST: usize = 65_536;

impl Autoconf {
    /// What the stack is to do. `detect` says whether the interface detects duplicates.
    ///
    /// # Errors
    ///
    /// The first thing that makes no sense, and what would.
    pub(crate) fn resolve(&self, detect: bool) -> Result<HostConfig, String> {
        let default = HostConfig::default();
        let config = HostConfig {
            accept: match self.accept {
                AcceptWord::Never => Accept::Never,
                AcceptWord::UnlessForwarding => Accept::UnlessForwarding,
                AcceptWord::Always => Accept::Always,
            },
            autoconf: self.addresses.unwrap_or(default.autoconf),
            identifier: self.identifier()?,
            temporary: self.temporary()?,
            optimistic: self.optimistic,
            redirects: self.redirects.unwrap_or(default.redirects),
            route_info: self.routes.unwrap_or(default.route_info),
            least_hop_limit: self.least_hop_limit.unwrap_or(default.least_hop_limit),
            solicit: match self.solicit {
                SolicitWord::Never => Solicitation::Never,
                SolicitWord::Fixed => Solicitation::Fixed,
                SolicitWord::Backoff => Solicitation::Backoff,
            },
            announce: self.announce.unwrap_or(default.announce),
            dad_transmits: if detect { self.dad_transmits } else { Some(0) },
            dad_nonce: self.dad_nonce,
            limits: self.limits.resolve()?,
        };
        config.check().map_err(|error| error.to_string())?;
        Ok(config)
    }

    fn identifier(&self) -> Result<Identifier, String> {
        match self.identifier {
            IdentifierWord::Eui64 if self.secret.is_some() || self.network.is_some() => {
                Err("`secret` and `network` are for stable identifiers: add `identifier = \"stable\"`".into())
            }
            IdentifierWord::Eui64 => Ok(Identifier::Eui64),
            IdentifierWord::Stable => {
                let network = self.network.clone().unwrap_or_default();
                Ok(Identifier::Stable(match &self.secret {
                    Some(secret) => StableKey { secret: secret.bytes()?, network },
                    // Confidential, and not to be used as it is: machine-id(5).
                    None => StableKey::derived(&machine()?, network),
                }))
            }
        }
    }

    fn temporary(&self) -> Result<Option<TemporaryConfig>, String> {
        let given = self.temporary_preferred_s.is_some() || self.temporary_valid_s.is_some();
        if !self.temporary {
            return match given {
                true => {
                    Err("lifetimes of temporary addresses, but none are made: add `temporary = true`".into())
                }
                false => Ok(None),
            };
        }
        let default = TemporaryConfig::default();
        let seconds = |given: Option<u64>, default: Duration| given.map_or(default, Duration::from_secs);
        Ok(Some(TemporaryConfig {
            preferred: seconds(self.temporary_preferred_s, default.preferred),
            valid: seconds(self.temporary_valid_s, default.valid),
        }))
    }
}

impl Limits {
    fn resolve(&self) -> Result<HostLimits, String> {
        let default = HostLimits::default();
        let within = |given: Option<usize>, default: usize, what: &str| match given {
            Some(limit) if limit > MOST => Err(format!("a limit of {limit} {what}: give at most {MOST}")),
            given => Ok(given.unwrap_or(default)),
        };
        Ok(HostLimits {
            routers: within(self.routers, default.routers, "routers")?,
            prefixes: within(self.prefixes, default.prefixes, "prefixes")?,
            routes: within(self.routes, default.routes, "routes")?,
            addresses: within(self.addresses, default.addresses, "addresses")?,
            redirects: within(self.redirects, default.redirects, "redirects")?,
        })
    }
}

impl Secret {
    fn bytes(&self) -> Result<[u8; 16], String> {
        let hex = self.0.len() == 32 && self.0.bytes().all(|digit| digit.is_ascii_hexdigit());
        match u128::from_str_radix(&self.0, 16) {
            Ok(bits) if hex => Ok(bits.to_be_bytes()),
            _ => Err("`secret` is no 32 hexadecimal digits: `openssl rand -hex 16` makes some".into()),
        }
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// The machine's identity.
fn machine() -> Result<Vec<u8>, String> {
    let id = std::fs::read("/etc/machine-id").ok().filter(|id| id.len() >= 32);
    id.ok_or_else(|| {
        "this machine has no /etc/machine-id to make stable identifiers of: give `secret`, 32 hexadecimal digits".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<HostConfig, String> {
        let table: Autoconf = toml::from_str(text).map_err(|error| error.message().to_string())?;
        table.resolve(true)
    }

    #[test]
    fn an_empty_table_is_a_host_by_the_book() {
        assert_eq!(parse(""), Ok(HostConfig::default()));
        assert_eq!(Autoconf::default().resolve(false).unwrap().dad_transmits, Some(0));
    }

    #[test]
    fn everything_that_can_be_said() {
        let config = parse(
            r#"
            accept = "always"
            addresses = false
            identifier = "stable"
            secret = "000102030405060708090a0b0c0d0e0f"
            network = "home"
            temporary = true
            temporary_preferred_s = 600
            temporary_valid_s = 1200
            optimistic = true
            redirects = false
            routes = false
            least_hop_limit = 5
            solicit = "backoff"
            announce = 1
            dad_transmits = 2
            dad_nonce = false
            [limits]
            routers = 3
            prefixes = 4
            routes = 5
            addresses = 6
            redirects = 7
            "#,
        );
        let secret = std::array::from_fn(|at| at as u8);
        let expected = HostConfig {
            accept: Accept::Always,
            autoconf: false,
            identifier: Identifier::Stable(StableKey { secret, network: "home".into() }),
            temporary: Some(TemporaryConfig {
                preferred: Duration::from_secs(600),
                valid: Duration::from_secs(1200),
            }),
            optimistic: true,
            redirects: false,
            route_info: false,
            least_hop_limit: 5,
            solicit: Solicitation::Backoff,
            announce: 1,
            dad_transmits: Some(2),
            dad_nonce: Some(false),
            limits: HostLimits { routers: 3, prefixes: 4, routes: 5, addresses: 6, redirects: 7 },
        };
        assert_eq!(config, Ok(expected));
    }

    #[test]
    fn every_mistake_has_a_way_out() {
        for (text, expected) in [
            ("secret = \"00\"", "add `identifier = \"stable\"`"),
            ("identifier = \"stable\"\nsecret = \"00\"", "`openssl rand -hex 16` makes some"),
            ("identifier = \"stable\"\nsecret = \"+00102030405060708090a0b0c0d0e0f\"", "hexadecimal"),
            ("temporary_valid_s = 5", "add `temporary = true`"),
            ("temporary = true\ntemporary_preferred_s = 5", "less than a minute: give more, or none"),
            ("temporary = true\ntemporary_valid_s = 100", "make `valid` the longer"),
            ("announce = 4", "4 announcements of a new address: give 0 to 3"),
            ("[limits]\nrouters = 1", "a limit of 1 routers: a host keeps at least 2"),
            ("[limits]\nroutes = 65537", "a limit of 65537 routes: give at most 65536"),
            ("accept = \"maybe\"", "unknown variant `maybe`, expected one of `never`, `unless-forwarding`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let text = format!("{:?}", Autoconf { secret: Some(Secret("abcd".into())), ..Autoconf::default() });
        assert!(!text.contains("abcd"), "{text}");
    }
}
