//! How an interface behaves as a host, as operators write it: `[interface.autoconf]`, and the same by the control socket.

use std::time::Duration;

pub(crate) use siding_client::autoconf::AcceptWord;
pub(crate) use siding_client::autoconf::Autoconf;
pub(crate) use siding_client::autoconf::IdentifierWord;
pub(crate) use siding_client::autoconf::Limits;
pub(crate) use siding_client::autoconf::Secret;
pub(crate) use siding_client::autoconf::SolicitWord;
use siding_stack::nd6::host::Accept;
use siding_stack::nd6::host::HostConfig;
use siding_stack::nd6::host::HostLimits;
use siding_stack::nd6::host::Identifier;
use siding_stack::nd6::host::Solicitation;
use siding_stack::nd6::host::StableKey;
use siding_stack::nd6::host::TemporaryConfig;

/// The most of anything that may be learnt: a table of a million would be no limit.
const MOST: usize = 65_536;

/// What the stack is to do. `detect` says whether the interface detects duplicates.
///
/// # Errors
///
/// The first thing that makes no sense, and what would.
pub(crate) fn resolve(said: &Autoconf, detect: bool) -> Result<HostConfig, String> {
    let default = HostConfig::default();
    let config = HostConfig {
        accept: match said.accept {
            AcceptWord::Never => Accept::Never,
            AcceptWord::UnlessForwarding => Accept::UnlessForwarding,
            AcceptWord::Always => Accept::Always,
        },
        autoconf: said.addresses.unwrap_or(default.autoconf),
        identifier: identifier(said)?,
        temporary: temporary(said)?,
        optimistic: said.optimistic,
        redirects: said.redirects.unwrap_or(default.redirects),
        route_info: said.routes.unwrap_or(default.route_info),
        least_hop_limit: said.least_hop_limit.unwrap_or(default.least_hop_limit),
        solicit: match said.solicit {
            SolicitWord::Never => Solicitation::Never,
            SolicitWord::Fixed => Solicitation::Fixed,
            SolicitWord::Backoff => Solicitation::Backoff,
        },
        announce: said.announce.unwrap_or(default.announce),
        dad_transmits: if detect { said.dad_transmits } else { Some(0) },
        dad_nonce: said.dad_nonce,
        limits: limits(&said.limits)?,
    };
    config.check().map_err(|error| error.to_string())?;
    Ok(config)
}

fn identifier(said: &Autoconf) -> Result<Identifier, String> {
    match said.identifier {
        IdentifierWord::Eui64 if said.secret.is_some() || said.network.is_some() => {
            Err("`secret` and `network` are for stable identifiers: add `identifier = \"stable\"`".into())
        }
        IdentifierWord::Eui64 => Ok(Identifier::Eui64),
        IdentifierWord::Stable => {
            let network = said.network.clone().unwrap_or_default();
            Ok(Identifier::Stable(match &said.secret {
                Some(secret) => StableKey { secret: bytes(secret)?, network },
                // Confidential, and not to be used as it is: machine-id(5).
                None => StableKey::derived(&machine()?, network),
            }))
        }
    }
}

fn temporary(said: &Autoconf) -> Result<Option<TemporaryConfig>, String> {
    let given = said.temporary_preferred_s.is_some() || said.temporary_valid_s.is_some();
    if !said.temporary {
        return match given {
            true => Err("lifetimes of temporary addresses, but none are made: add `temporary = true`".into()),
            false => Ok(None),
        };
    }
    let default = TemporaryConfig::default();
    let seconds = |given: Option<u64>, default: Duration| given.map_or(default, Duration::from_secs);
    Ok(Some(TemporaryConfig {
        preferred: seconds(said.temporary_preferred_s, default.preferred),
        valid: seconds(said.temporary_valid_s, default.valid),
    }))
}

fn limits(said: &Limits) -> Result<HostLimits, String> {
    let default = HostLimits::default();
    let within = |given: Option<usize>, default: usize, what: &str| match given {
        Some(limit) if limit > MOST => Err(format!("a limit of {limit} {what}: give at most {MOST}")),
        given => Ok(given.unwrap_or(default)),
    };
    Ok(HostLimits {
        routers: within(said.routers, default.routers, "routers")?,
        prefixes: within(said.prefixes, default.prefixes, "prefixes")?,
        routes: within(said.routes, default.routes, "routes")?,
        addresses: within(said.addresses, default.addresses, "addresses")?,
        redirects: within(said.redirects, default.redirects, "redirects")?,
    })
}

fn bytes(secret: &Secret) -> Result<[u8; 16], String> {
    let hex = secret.0.len() == 32 && secret.0.bytes().all(|digit| digit.is_ascii_hexdigit());
    match u128::from_str_radix(&secret.0, 16) {
        Ok(bits) if hex => Ok(bits.to_be_bytes()),
        _ => Err("`secret` is no 32 hexadecimal digits: `openssl rand -hex 16` makes some".into()),
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
        resolve(&table, true)
    }

    #[test]
    fn an_empty_table_is_a_host_by_the_book() {
        assert_eq!(parse(""), Ok(HostConfig::default()));
        assert_eq!(resolve(&Autoconf::default(), false).unwrap().dad_transmits, Some(0));
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
}
