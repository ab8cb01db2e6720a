//! How an interface behaves as a host, and how much it learns.

use core::hash::Hasher;
use core::time::Duration;

use siphasher::sip::SipHasher24;

/// Whether Router Advertisements and Redirects are obeyed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Accept {
    /// Never.
    Never,
    /// As long as the stack does not forward: a router has its routes from elsewhere.
    #[default]
    UnlessForwarding,
    /// Always: a router that is a host on this link, as a home router is on its provider's.
    Always,
}

/// What the last 64 bits of an address are made of.
#[derive(Clone, PartialEq, Eq, Default)]
pub enum Identifier {
    /// The interface's MAC (RFC 2464 s4).
    #[default]
    Eui64,
    /// A secret and the prefix: the same on each visit to one network, and unlike that on any other (RFC 7217).
    Stable(StableKey),
}

/// What stable-private identifiers are made with (RFC 7217 s5).
#[derive(Clone, PartialEq, Eq)]
pub struct StableKey {
    /// 128 bits that nobody else knows. They must outlive restarts if addresses are to.
    pub secret: [u8; 16],
    /// What tells networks with one prefix apart, such as a wireless network's name; may be empty.
    pub network: String,
}

/// Lifetimes of temporary addresses (RFC 8981 s3.8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TemporaryConfig {
    /// TEMP_PREFERRED_LIFETIME.
    pub preferred: Duration,
    /// TEMP_VALID_LIFETIME.
    pub valid: Duration,
}

impl Default for TemporaryConfig {
    //= RFC 8981 s3.8: a day preferred, two days valid.
    fn default() -> TemporaryConfig {
        TemporaryConfig { preferred: Duration::from_secs(86_400), valid: Duration::from_secs(2 * 86_400) }
    }
}

/// How routers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Solicitation {
    /// Not at all.
    Never,
    /// Three times, four seconds apart (RFC 4861 s6.3.7).
    #[default]
    Fixed,
    /// Ever more slowly, until a router answers (RFC 7559).
    Backoff,
}

/// The most that is kept of what advertisements and redirects say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostLimits {
    /// Default routers; at least 2.
    pub routers: usize,
    /// On-link prefixes.
    pub prefixes: usize,
    /// More specific routes (RFC 4191).
    pub routes: usize,
    /// Addresses made from prefixes, temporary ones included.
    pub addresses: usize,
    /// Destinations that were redirected. A new one takes the place of the oldest.
    pub redirects: usize,
}

impl Default for HostLimits {
    fn default() -> HostLimits {
        HostLimits { routers: 16, prefixes: 32, routes: 64, addresses: 16, redirects: 256 }
    }
}

/// An interface's part as a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostConfig {
    /// Whether advertisements, and with `redirects` redirects, are obeyed.
    pub accept: Accept,
    /// Make addresses from advertised prefixes (RFC 4862 s5.5).
    pub autoconf: bool,
    /// What they are made of.
    pub identifier: Identifier,
    /// Make temporary addresses as well (RFC 8981).
    pub temporary: Option<TemporaryConfig>,
    /// Use addresses while they are tested for duplicates (RFC 4429). Never those given by hand, nor while forwarding.
    pub optimistic: bool,
    /// Obey redirects.
    pub redirects: bool,
    /// Take default routers' more specific routes (RFC 4191, a host of type C).
    pub route_info: bool,
    /// The lowest hop limit that a router may set; a lower one is told of and not obeyed.
    pub least_hop_limit: u8,
    /// How routers are asked for.
    pub solicit: Solicitation,
    /// Unsolicited advertisements of each new global address to the routers (RFC 9131), 0 to 3.
    pub announce: u32,
    /// DupAddrDetectTransmits here; `None` is the stack's, 0 no detection.
    pub dad_transmits: Option<u32>,
    /// Whether solicitations that detect duplicates carry a nonce here; `None` is as the stack does.
    pub dad_nonce: Option<bool>,
    /// The most that is learnt.
    pub limits: HostLimits,
}

impl Default for HostConfig {
    fn default() -> HostConfig {
        HostConfig {
            accept: Accept::default(),
            autoconf: true,
            identifier: Identifier::default(),
            temporary: None,
            optimistic: false,
            redirects: true,
            route_info: true,
            least_hop_limit: LEAST_HOP_LIMIT,
            solicit: Solicitation::default(),
            announce: MAX_NEIGHBOR_ADVERTISEMENT,
            dad_transmits: None,
            dad_nonce: None,
            limits: HostLimits::default(),
        }
    }
}

/// Ours: with fewer hops than this, parts of the Internet are out of reach.
const LEAST_HOP_LIMIT: u8 = 32;

/// Unsolicited advertisements of one address at the most (RFC 4861 s10).
pub const MAX_NEIGHBOR_ADVERTISEMENT: u32 = 3;

/// The fewest default routers that a host must be able to keep (RFC 4861 s6.3.4).
const LEAST_ROUTERS: usize = 2;

/// A host's configuration that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostConfigError {
    /// Too few routers.
    #[error("a limit of {0} routers: a host keeps at least 2")]
    Routers(usize),
    /// Preferred for longer than valid.
    #[error("temporary addresses that are preferred for longer than they are valid: make `valid` the longer")]
    Temporary,
    /// Too short to be of any use.
    #[error("temporary addresses that are preferred for less than a minute: give more, or none")]
    TooShort,
    /// Too many announcements.
    #[error("{0} announcements of a new address: give 0 to 3")]
    Announce(u32),
}

impl StableKey {
    /// A key that is made of something else confidential, such as a machine's identity, and tells nothing of it.
    pub fn derived(from: &[u8], network: String) -> StableKey {
        let half = |which: u8| {
            let mut hash = SipHasher24::new_with_key(b"siding rfc7217\0\0");
            hash.write(from);
            hash.write_u8(which);
            hash.finish()
        };
        let secret = (u128::from(half(0)) << 64 | u128::from(half(1))).to_be_bytes();
        StableKey { secret, network }
    }
}

impl HostConfig {
    /// One that listens to nobody and announces nothing: what an interface begins with.
    pub fn off() -> HostConfig {
        HostConfig { accept: Accept::Never, announce: 0, ..HostConfig::default() }
    }

    /// Checks it.
    ///
    /// # Errors
    ///
    /// The first value that cannot be.
    pub fn check(&self) -> Result<(), HostConfigError> {
        //= RFC 4861 s6.3.4 [4861-17]: no host keeps fewer than two default routers.
        if self.limits.routers < LEAST_ROUTERS {
            return Err(HostConfigError::Routers(self.limits.routers));
        }
        if let Some(temporary) = &self.temporary {
            if temporary.preferred > temporary.valid {
                return Err(HostConfigError::Temporary);
            }
            if temporary.preferred < Duration::from_secs(60) {
                return Err(HostConfigError::TooShort);
            }
        }
        if self.announce > MAX_NEIGHBOR_ADVERTISEMENT {
            return Err(HostConfigError::Announce(self.announce));
        }
        Ok(())
    }
}

impl core::fmt::Debug for Identifier {
    /// Without the secret: this ends in logs.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Identifier::Eui64 => "Eui64",
            Identifier::Stable(_) => "Stable",
        })
    }
}

impl core::fmt::Debug for StableKey {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("StableKey").field("network", &self.network).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_two_routers_4861_17() {
        let with = |routers| {
            let limits = HostLimits { routers, ..HostLimits::default() };
            HostConfig { limits, ..HostConfig::default() }.check()
        };
        assert_eq!(with(1), Err(HostConfigError::Routers(1)));
        assert_eq!(with(2), Ok(()));
    }

    #[test]
    fn temporary_lifetimes_must_make_sense() {
        let with = |preferred, valid| {
            let (preferred, valid) = (Duration::from_secs(preferred), Duration::from_secs(valid));
            HostConfig { temporary: Some(TemporaryConfig { preferred, valid }), ..HostConfig::default() }
                .check()
        };
        assert_eq!(with(100, 99), Err(HostConfigError::Temporary));
        assert_eq!(with(59, 99), Err(HostConfigError::TooShort));
        assert_eq!(with(60, 60), Ok(()));
    }

    #[test]
    fn secrets_do_not_show() {
        let key = StableKey { secret: *b"0123456789abcdef", network: "home".into() };
        let config = HostConfig { identifier: Identifier::Stable(key.clone()), ..HostConfig::default() };
        assert!(!format!("{config:?} {key:?}").contains("48"), "{config:?} {key:?}");
    }
}
