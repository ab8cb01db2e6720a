//! What a router advertises, and what it must not (RFC 4861 s6.2.1).

use core::fmt;
use core::net::Ipv6Addr;
use core::time::Duration;

use siding_wire::nd::BadDomain;
use siding_wire::nd::INFINITE;
use siding_wire::nd::Pref64;
use siding_wire::nd::Preference;
use siding_wire::nd::encode_domain;

use super::contents;
use super::schedule::Audience;
use crate::route::Prefix;

/// What is advertised on one interface. Lifetimes are in seconds; [`INFINITE`] never ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertConfig {
    /// The longest pause between two advertisements: 4 to 1800 s.
    pub max_interval: Duration,
    /// The shortest: 3 s to three quarters of the longest; `None` is a third of it.
    pub min_interval: Option<Duration>,
    /// M: addresses are to be had by DHCPv6.
    pub managed: bool,
    /// O: other configuration is to be had by DHCPv6.
    pub other_config: bool,
    /// How long we are a default router, in whole seconds: 0 for not at all, or `max_interval` to 9000 s; `None` is
    /// three times `max_interval`.
    pub default_lifetime: Option<Duration>,
    /// Against other default routers (RFC 4191).
    pub preference: Preference,
    /// The hop limit that hosts should use; 0 does not say.
    pub hop_limit: u8,
    /// How long a neighbour counts as reachable, up to an hour; zero does not say.
    pub reachable_time: Duration,
    /// Between solicitations; zero does not say.
    pub retrans_timer: Duration,
    /// The MTU that hosts should use, in bytes.
    pub mtu: Option<u16>,
    /// Whether our link-layer address goes along.
    pub source_link_layer: bool,
    /// The prefixes of the interface's own addresses are advertised on these terms.
    pub own_prefixes: Option<PrefixTerms>,
    /// Further prefixes, or terms of their own for some of the interface's.
    pub prefixes: Vec<AdvertPrefix>,
    /// More specific routes by way of us (RFC 4191).
    pub routes: Vec<AdvertRoute>,
    /// Recursive DNS servers (RFC 8106).
    pub rdnss: Vec<AdvertRdnss>,
    /// DNS search lists (RFC 8106).
    pub dnssl: Vec<AdvertDnssl>,
    /// The prefixes of NAT64s (RFC 8781).
    pub nat64: Vec<AdvertNat64>,
    /// The URI of a captive portal's API (RFC 8910).
    pub captive_portal: Option<String>,
    /// To whom advertisements go.
    pub audience: Audience,
}

/// On what terms a prefix is advertised.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PrefixTerms {
    /// L: its addresses are on the link.
    pub on_link: bool,
    /// A: hosts may make addresses from it.
    pub autonomous: bool,
    /// R: our own address in it goes along (RFC 6275 s7.2).
    pub router_address: bool,
    /// How long it is on the link.
    pub valid: u32,
    /// How long addresses made from it are preferred.
    pub preferred: u32,
    /// The lifetimes count down from the beginning, instead of being told anew each time.
    pub decrement: bool,
    /// When we cease to advertise, hosts are told not to prefer it any more.
    pub deprecate_on_stop: bool,
}

/// A prefix to advertise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvertPrefix {
    /// The prefix.
    pub prefix: Prefix<Ipv6Addr>,
    /// Its terms.
    pub terms: PrefixTerms,
}

/// A more specific route to advertise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvertRoute {
    /// Where it leads.
    pub prefix: Prefix<Ipv6Addr>,
    /// Against the same route by others.
    pub preference: Preference,
    /// `None` is three times `max_interval`.
    pub lifetime: Option<u32>,
}

/// DNS servers to advertise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertRdnss {
    /// Their addresses, at least one.
    pub servers: Vec<Ipv6Addr>,
    /// `None` is three times `max_interval`.
    pub lifetime: Option<u32>,
}

/// A DNS search list to advertise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdvertDnssl {
    /// The domains, at least one, such as `example.org`.
    pub domains: Vec<String>,
    /// `None` is three times `max_interval`.
    pub lifetime: Option<u32>,
}

/// A NAT64's prefix to advertise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdvertNat64 {
    /// The prefix, of 96, 64, 56, 48, 40 or 32 bits.
    pub prefix: Prefix<Ipv6Addr>,
    /// Up to [`Pref64::MAX_LIFETIME`]; `None` is three times `max_interval`.
    pub lifetime: Option<u32>,
}

/// What cannot be advertised, and what could.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvertError {
    /// The longest pause is out of its range.
    #[error("a longest interval of {0:?}: give 4 to 1800 s")]
    MaxInterval(Duration),
    /// The shortest pause is out of its range.
    #[error("a shortest interval of {got:?}: give 3 s to {most:?}, three quarters of the longest")]
    MinInterval {
        /// What was given.
        got: Duration,
        /// The most.
        most: Duration,
    },
    /// The lifetime as a default router is out of its range.
    #[error(
        "a lifetime of {got:?} as default router: give 0 for none, or {least:?} (the longest interval) to 9000 s"
    )]
    DefaultLifetime {
        /// What was given.
        got: Duration,
        /// The least but 0.
        least: Duration,
    },
    /// ReachableTime is out of its range.
    #[error("a reachable time of {0:?}: give at most 3600 s, or 0 to leave it to the hosts")]
    ReachableTime(Duration),
    /// RetransTimer does not fit its field.
    #[error("a retransmission timer of {0:?}: give at most 4294967295 ms, or 0 to leave it to the hosts")]
    RetransTimer(Duration),
    /// The MTU is one that the link or IPv6 does not have.
    #[error("an MTU of {got} bytes: give 1280 (the least for IPv6) to {most}, which is the link's")]
    Mtu {
        /// What was given.
        got: u16,
        /// The link's own.
        most: u16,
    },
    /// Every link has that prefix.
    #[error("{0} is of link-local or multicast addresses and is never advertised: leave it out")]
    PrefixScope(Prefix<Ipv6Addr>),
    /// The prefix is there twice.
    #[error("{0} is given a second time: leave one out")]
    Twice(Prefix<Ipv6Addr>),
    /// Hosts on Ethernet make addresses from 64 bits only.
    #[error("hosts cannot make addresses from {0}: give a /64, or switch `autonomous` off for it")]
    NotAutonomous(Prefix<Ipv6Addr>),
    /// Preferred for longer than valid.
    #[error(
        "preferred for {preferred} s but valid for {valid} s only: the preferred lifetime must not be longer"
    )]
    Lifetimes {
        /// The preferred lifetime.
        preferred: u32,
        /// The valid lifetime.
        valid: u32,
    },
    /// What never ends does not count down.
    #[error("an infinite lifetime does not count down: give a number of seconds, or switch `decrement` off")]
    Countdown,
    /// Not an address that a server can have.
    #[error("{0} cannot be a DNS server's address: give a unicast address")]
    Server(Ipv6Addr),
    /// Not a domain's name.
    #[error("{name:?}: {why}")]
    Domain {
        /// What was given.
        name: String,
        /// What is wrong with it.
        why: BadDomain,
    },
    /// Not a prefix of a NAT64.
    #[error("{0} cannot be a NAT64's prefix: give one of 96, 64, 56, 48, 40 or 32 bits")]
    Nat64(Prefix<Ipv6Addr>),
    /// Longer than the option tells.
    #[error("a NAT64 lifetime of {0} s: give at most 65528")]
    Nat64Lifetime(u32),
    /// Not a URI.
    #[error("{0:?} is no URI of a captive portal's API: give one that begins with https://")]
    Portal(String),
    /// Nothing to tell.
    #[error("a list of DNS servers or domains is empty: leave it out")]
    Empty,
    /// One option is larger than a packet: other than several, it cannot go into several.
    #[error("an advertisement of {got} bytes: one takes {most}; make the captive portal's URI shorter")]
    TooLong {
        /// What it takes.
        got: usize,
        /// The room there is.
        most: usize,
    },
}

impl Default for AdvertConfig {
    /// What RFC 4861 s6.2.1 says, and the prefixes of the interface; a host that asks is answered alone.
    fn default() -> AdvertConfig {
        AdvertConfig {
            //= RFC 4861 s6.2.1 [4861-8]: the defaults.
            max_interval: Duration::from_secs(600),
            min_interval: None,
            managed: false,
            other_config: false,
            default_lifetime: None,
            preference: Preference::Medium,
            hop_limit: 64,
            reachable_time: Duration::ZERO,
            retrans_timer: Duration::ZERO,
            mtu: None,
            source_link_layer: true,
            own_prefixes: Some(PrefixTerms::default()),
            prefixes: Vec::new(),
            routes: Vec::new(),
            rdnss: Vec::new(),
            dnssl: Vec::new(),
            nat64: Vec::new(),
            captive_portal: None,
            audience: Audience::AnswersAlone,
        }
    }
}

impl Default for PrefixTerms {
    /// On-link, autonomous, valid for 30 days and preferred for 7.
    fn default() -> PrefixTerms {
        PrefixTerms {
            on_link: true,
            autonomous: true,
            router_address: false,
            //= RFC 4861 s6.2.1 [4861-8]: the defaults.
            valid: 2_592_000,
            preferred: 604_800,
            decrement: false,
            deprecate_on_stop: false,
        }
    }
}

impl AdvertConfig {
    /// Checks everything; `link_mtu` is the interface's, in bytes.
    ///
    /// # Errors
    ///
    /// The first value that cannot be, and what could.
    //= RFC 4861 s6.2.1 [4861-8]: the ranges.
    pub fn check(&self, link_mtu: u16) -> Result<(), AdvertError> {
        let secs = Duration::from_secs;
        if !(secs(4)..=secs(1800)).contains(&self.max_interval) {
            return Err(AdvertError::MaxInterval(self.max_interval));
        }
        let most = self.max_interval * 3 / 4;
        match self.min_interval {
            Some(got) if !(secs(3)..=most).contains(&got) => {
                return Err(AdvertError::MinInterval { got, most });
            }
            _ => {}
        }
        match self.default_lifetime {
            Some(got) if !got.is_zero() && !(self.max_interval..=secs(9000)).contains(&got) => {
                return Err(AdvertError::DefaultLifetime { got, least: self.max_interval });
            }
            _ => {}
        }
        if self.reachable_time > secs(3600) {
            return Err(AdvertError::ReachableTime(self.reachable_time));
        }
        if u32::try_from(self.retrans_timer.as_millis()).is_err() {
            return Err(AdvertError::RetransTimer(self.retrans_timer));
        }
        match self.mtu {
            Some(got) if !(1280..=link_mtu).contains(&got) => {
                return Err(AdvertError::Mtu { got, most: link_mtu });
            }
            _ => {}
        }
        self.check_prefixes()?;
        self.check_names()?;
        let (got, most) = (contents::longest(self), contents::ROOM);
        if got > most {
            return Err(AdvertError::TooLong { got, most });
        }
        Ok(())
    }

    /// The shortest pause between two advertisements.
    pub fn min_interval(&self) -> Duration {
        //= RFC 4861 s6.2.1 [4861-8]: a third of the longest, or three quarters of one that is below 9 s.
        let derived = match self.max_interval >= Duration::from_secs(9) {
            true => self.max_interval * 33 / 100,
            false => self.max_interval * 3 / 4,
        };
        self.min_interval.unwrap_or(derived.max(Duration::from_secs(3)))
    }

    /// How long we are a default router.
    pub fn default_lifetime(&self) -> Duration {
        self.default_lifetime.unwrap_or(self.max_interval * 3)
    }

    /// The lifetime of what has none of its own, in seconds.
    pub(super) fn usual_lifetime(&self) -> u32 {
        // As RFC 8106 s5.1 has it: so that two advertisements in a row may be lost.
        u32::try_from((self.max_interval * 3).as_secs()).unwrap_or(INFINITE)
    }

    fn check_prefixes(&self) -> Result<(), AdvertError> {
        self.own_prefixes.iter().try_for_each(|terms| terms.check())?;
        for (at, AdvertPrefix { prefix, terms }) in self.prefixes.iter().enumerate() {
            if self.prefixes[..at].iter().any(|other| other.prefix == *prefix) {
                return Err(AdvertError::Twice(*prefix));
            }
            //= RFC 4861 s6.2.1 [4861-8]: never the link-local prefix.
            if is_local_or_group(prefix) {
                return Err(AdvertError::PrefixScope(*prefix));
            }
            if terms.autonomous && prefix.prefix_len() != 64 {
                return Err(AdvertError::NotAutonomous(*prefix));
            }
            terms.check()?;
        }
        for (at, route) in self.routes.iter().enumerate() {
            if self.routes[..at].iter().any(|other| other.prefix == route.prefix) {
                return Err(AdvertError::Twice(route.prefix));
            }
            if is_local_or_group(&route.prefix) {
                return Err(AdvertError::PrefixScope(route.prefix));
            }
        }
        for nat64 in &self.nat64 {
            if Pref64::new(nat64.prefix.addr(), nat64.prefix.prefix_len(), 0).is_none() {
                return Err(AdvertError::Nat64(nat64.prefix));
            }
            match nat64.lifetime {
                Some(lifetime) if lifetime > u32::from(Pref64::MAX_LIFETIME) => {
                    return Err(AdvertError::Nat64Lifetime(lifetime));
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn check_names(&self) -> Result<(), AdvertError> {
        for servers in self.rdnss.iter().map(|rdnss| &rdnss.servers) {
            if servers.is_empty() {
                return Err(AdvertError::Empty);
            }
            let bad = |addr: &&Ipv6Addr| addr.is_unspecified() || addr.is_multicast() || addr.is_loopback();
            servers.iter().find(bad).map_or(Ok(()), |addr| Err(AdvertError::Server(*addr)))?;
        }
        for domains in self.dnssl.iter().map(|dnssl| &dnssl.domains) {
            if domains.is_empty() {
                return Err(AdvertError::Empty);
            }
            for name in domains {
                encode_domain(name, &mut [0; 256])
                    .map_err(|why| AdvertError::Domain { name: name.clone(), why })?;
            }
        }
        match &self.captive_portal {
            // RFC 8910 s2: the API is asked by HTTPS. A URI has no blanks and nothing beyond ASCII.
            Some(uri) if !(uri.starts_with("https://") && uri.bytes().all(|c| c.is_ascii_graphic())) => {
                Err(AdvertError::Portal(uri.clone()))
            }
            _ => Ok(()),
        }
    }
}

impl PrefixTerms {
    fn check(&self) -> Result<(), AdvertError> {
        if self.preferred > self.valid {
            return Err(AdvertError::Lifetimes { preferred: self.preferred, valid: self.valid });
        }
        if self.decrement && (self.valid == INFINITE || self.preferred == INFINITE) {
            return Err(AdvertError::Countdown);
        }
        Ok(())
    }
}

impl fmt::Display for Audience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Audience::Everybody => "everybody",
            Audience::AnswersAlone => "everybody, answers alone",
            Audience::AskersOnly => "askers only",
        })
    }
}

fn is_local_or_group(prefix: &Prefix<Ipv6Addr>) -> bool {
    siding_wire::ip6::is_link_local(prefix.addr()) || prefix.addr().is_multicast()
}

#[cfg(test)]
mod tests;
