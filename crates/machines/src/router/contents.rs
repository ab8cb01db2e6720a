//! What goes into an advertisement (RFC 4861 s6.2.3): the configuration, and what is true at this moment.

use core::net::Ipv6Addr;
use core::time::Duration;
use std::collections::HashSet;

use siding_wire::Mac;
use siding_wire::Malformed;
use siding_wire::ip6;
use siding_wire::nd::Dnssl;
use siding_wire::nd::INFINITE;
use siding_wire::nd::NdOption;
use siding_wire::nd::Pref64;
use siding_wire::nd::PrefixInfo;
use siding_wire::nd::Rdnss;
use siding_wire::nd::RouteInfo;
use siding_wire::nd::RouterAdvert;
use siding_wire::nd::encode_domain;

use super::AdvertConfig;
use super::PrefixTerms;
use super::ledger;
use crate::route::Prefix;

/// Bytes of a message: an advertisement never needs a fragment, whatever the link (RFC 6980).
pub(super) const ROOM: usize = ip6::MIN_MTU - ip6::HEADER_LEN;

/// A prefix whose address will not stay is told for no longer than this at a time, in seconds, so that hosts forget it
/// soon should we forget to take it back.
//= RFC 9096 s3.4: ND_PREFERRED_LIMIT and ND_VALID_LIMIT.
const PREFERRED_LIMIT: u32 = 2700;
const VALID_LIMIT: u32 = 5400;

/// An address of the interface that is not link-local.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    /// The address.
    pub addr: Ipv6Addr,
    /// Bits of its prefix.
    pub len: u8,
    /// Whether it may be used.
    pub usable: bool,
    /// For how many seconds more it is ours; `None` is for ever.
    pub valid: Option<u32>,
    /// The same, until it is no source for what is new.
    pub preferred: Option<u32>,
}

/// What is true of the interface at the moment.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'a> {
    /// Its link-layer address.
    pub lladdr: Mac,
    /// Its addresses that are not link-local.
    pub own: &'a [Own],
    /// Since when it has advertised this.
    pub age: Duration,
}

/// What is never told in two messages.
enum Piece<'a> {
    Prefix(PrefixInfo),
    Route(RouteInfo),
    Server(u32, [u8; 16]),
    Domain(u32, &'a [u8]),
    Nat64(Pref64),
    Portal(&'a str),
}

/// What kind of advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A router's.
    Regular,
    /// The last of one that ceases: what it gave is withdrawn.
    Final,
    /// The last from an address that we had before: only routes by way of it are withdrawn.
    FinalFromOld,
}

/// An advertisement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Contents {
    /// The fixed part.
    pub advert: RouterAdvert,
    /// Prefixes.
    pub prefixes: Vec<PrefixInfo>,
    /// Routes by way of us (RFC 4191).
    pub routes: Vec<RouteInfo>,
    /// Lifetimes, and servers.
    pub rdnss: Vec<(u32, Vec<[u8; 16]>)>,
    /// Lifetimes, and names as they are sent.
    pub dnssl: Vec<(u32, Vec<u8>)>,
    /// Prefixes of NAT64 (RFC 8781).
    pub nat64: Vec<Pref64>,
    /// The captive portal (RFC 8910).
    pub portal: Option<String>,
}

/// Bytes of the longest message that the configuration needs: only what is one option is never told in several.
pub(super) fn longest(config: &AdvertConfig) -> usize {
    let scene = Scene { lladdr: Mac::ZERO, own: &[], age: Duration::ZERO };
    let parts = Contents::new(config, &scene, Kind::Regular).parts();
    parts.iter().map(Contents::len).max().unwrap_or(0)
}

impl Contents {
    /// What the configuration says, in this scene.
    pub fn new(config: &AdvertConfig, scene: &Scene<'_>, kind: Kind) -> Contents {
        let mut contents = Contents::regular(config, scene);
        if kind == Kind::Regular {
            return contents;
        }
        //= RFC 4861 s6.2.5, s6.2.8 [4861-11, 4861-14]: a lifetime of 0, and nothing that would be used later.
        contents.advert.router_lifetime = 0;
        contents.routes.iter_mut().for_each(|route| route.lifetime = 0);
        contents.portal = None;
        if kind == Kind::FinalFromOld {
            (contents.prefixes, contents.nat64) = (Vec::new(), Vec::new());
            (contents.rdnss, contents.dnssl) = (Vec::new(), Vec::new());
            return contents;
        }
        contents.rdnss.iter_mut().for_each(|(lifetime, _)| *lifetime = 0);
        contents.dnssl.iter_mut().for_each(|(lifetime, _)| *lifetime = 0);
        contents.nat64.iter_mut().for_each(|nat64| *nat64 = ledger::withdrawn(nat64));
        contents.prefixes.retain(|info| {
            let terms = config.terms(&Prefix::covering(info.prefix, info.prefix_len));
            terms.is_some_and(|terms| terms.deprecate_on_stop)
        });
        contents.prefixes.iter_mut().for_each(|info| *info = ledger::deprecated(info));
        contents
    }

    /// The same in several messages, if it does not fit into one: each tells of a part.
    //= RFC 4861 s6.2.3: as many as it takes, each with a subset of the options; hosts put them together.
    pub fn parts(&self) -> Vec<Contents> {
        let head = Contents { advert: self.advert, ..Contents::default() };
        let mut parts = vec![head.clone()];
        let mut last_group = 0;
        for (group, piece) in self.pieces() {
            let goes_on = group == last_group;
            last_group = group;
            let Some(part) = parts.last_mut() else { break };
            let before = part.clone();
            part.add(&piece, goes_on);
            if part.len() > ROOM && before != head {
                *part = before;
                let mut next = head.clone();
                next.add(&piece, false);
                parts.push(next);
            }
        }
        parts
    }

    /// What messages may part, in order; pieces of one group were one option.
    fn pieces(&self) -> impl Iterator<Item = (usize, Piece<'_>)> {
        let (rdnss, dnssl) = (1, 1 + self.rdnss.len());
        let prefixes = self.prefixes.iter().map(|info| (0, Piece::Prefix(*info)));
        let routes = self.routes.iter().map(|route| (0, Piece::Route(*route)));
        let servers = self.rdnss.iter().enumerate().flat_map(move |(at, (lifetime, servers))| {
            servers.iter().map(move |server| (rdnss + at, Piece::Server(*lifetime, *server)))
        });
        let domains = self.dnssl.iter().enumerate().flat_map(move |(at, (lifetime, all))| {
            names(all).map(move |name| (dnssl + at, Piece::Domain(*lifetime, name)))
        });
        let nat64 = self.nat64.iter().map(|nat64| (0, Piece::Nat64(*nat64)));
        let portal = self.portal.iter().map(|uri| (0, Piece::Portal(uri)));
        prefixes.chain(routes).chain(servers).chain(domains).chain(nat64).chain(portal)
    }

    fn add(&mut self, piece: &Piece<'_>, goes_on: bool) {
        match *piece {
            Piece::Prefix(info) => self.prefixes.push(info),
            Piece::Route(route) => self.routes.push(route),
            Piece::Nat64(nat64) => self.nat64.push(nat64),
            Piece::Portal(uri) => self.portal = Some(uri.to_string()),
            Piece::Server(lifetime, server) => match self.rdnss.last_mut().filter(|_| goes_on) {
                Some((_, servers)) => servers.push(server),
                None => self.rdnss.push((lifetime, vec![server])),
            },
            Piece::Domain(lifetime, name) => match self.dnssl.last_mut().filter(|_| goes_on) {
                Some((_, names)) => names.extend_from_slice(name),
                None => self.dnssl.push((lifetime, name.to_vec())),
            },
        }
    }

    /// Writes the whole message to the front of `out`; says how many bytes it took.
    pub fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut [u8]) -> Result<usize, Malformed> {
        self.advert.emit(&self.options(), src, dst, out)
    }

    /// Bytes of the whole message.
    #[allow(clippy::len_without_is_empty, reason = "no message is empty")]
    pub fn len(&self) -> usize {
        self.advert.buffer_len(&self.options())
    }

    fn regular(config: &AdvertConfig, scene: &Scene<'_>) -> Contents {
        let usual = config.usual_lifetime();
        let seconds = |time: Duration| u16::try_from(time.as_secs()).unwrap_or(u16::MAX);
        let millis = |time: Duration| u32::try_from(time.as_millis()).unwrap_or(u32::MAX);
        let mut contents = Contents {
            advert: RouterAdvert {
                cur_hop_limit: config.hop_limit,
                managed: config.managed,
                other_config: config.other_config,
                preference: config.preference,
                router_lifetime: seconds(config.default_lifetime()),
                reachable_time: millis(config.reachable_time),
                retrans_timer: millis(config.retrans_timer),
                slla: config.source_link_layer.then_some(scene.lladdr),
                mtu: config.mtu.map(u32::from),
            },
            routes: config
                .routes
                .iter()
                .map(|route| RouteInfo {
                    prefix: route.prefix.addr(),
                    prefix_len: route.prefix.prefix_len(),
                    preference: route.preference,
                    lifetime: route.lifetime.unwrap_or(usual),
                })
                .collect(),
            rdnss: config
                .rdnss
                .iter()
                .map(|rdnss| {
                    let servers = rdnss.servers.iter().map(Ipv6Addr::octets).collect();
                    (rdnss.lifetime.unwrap_or(usual), servers)
                })
                .collect(),
            dnssl: config
                .dnssl
                .iter()
                .map(|dnssl| (dnssl.lifetime.unwrap_or(usual), encoded(&dnssl.domains)))
                .collect(),
            nat64: config
                .nat64
                .iter()
                .filter_map(|nat64| {
                    let lifetime = nat64.lifetime.unwrap_or(usual);
                    Pref64::new(nat64.prefix.addr(), nat64.prefix.prefix_len(), lifetime)
                })
                .collect(),
            portal: config.captive_portal.clone(),
            ..Contents::default()
        };
        let told = config.prefixes.iter().map(|own| info(own.prefix, &own.terms, scene));
        contents.prefixes = told.collect();
        contents.add_own(config, scene);
        contents
    }

    /// The prefixes of the interface that are not told already.
    fn add_own(&mut self, config: &AdvertConfig, scene: &Scene<'_>) {
        let Some(terms) = config.own_prefixes else { return };
        let mut seen: HashSet<Prefix<Ipv6Addr>> = config.prefixes.iter().map(|own| own.prefix).collect();
        for Own { addr, len, .. } in scene.own.iter().filter(|own| own.len < 128) {
            let prefix = Prefix::covering(*addr, *len);
            if !seen.insert(prefix) {
                continue;
            }
            // Hosts on Ethernet make addresses from 64 bits only.
            let terms = PrefixTerms { autonomous: terms.autonomous && *len == 64, ..terms };
            self.prefixes.push(info(prefix, &terms, scene));
        }
    }

    fn options(&self) -> Vec<NdOption<'_>> {
        let prefixes = self.prefixes.iter().copied().map(NdOption::Prefix);
        let routes = self.routes.iter().copied().map(NdOption::Route);
        let rdnss = self
            .rdnss
            .iter()
            .map(|(lifetime, servers)| NdOption::Rdnss(Rdnss { lifetime: *lifetime, servers }));
        let dnssl =
            self.dnssl.iter().map(|(lifetime, names)| NdOption::Dnssl(Dnssl { lifetime: *lifetime, names }));
        let nat64 = self.nat64.iter().copied().map(NdOption::Pref64);
        let portal = self.portal.iter().map(|uri| NdOption::CaptivePortal(uri.as_bytes()));
        prefixes.chain(routes).chain(rdnss).chain(dnssl).chain(nat64).chain(portal).collect()
    }
}

impl AdvertConfig {
    /// The terms of a prefix, if it is advertised.
    fn terms(&self, prefix: &Prefix<Ipv6Addr>) -> Option<PrefixTerms> {
        let told = self.prefixes.iter().find(|own| own.prefix == *prefix).map(|own| own.terms);
        told.or(self.own_prefixes)
    }
}

fn info(prefix: Prefix<Ipv6Addr>, terms: &PrefixTerms, scene: &Scene<'_>) -> PrefixInfo {
    let left = |lifetime: u32| match terms.decrement {
        true => lifetime.saturating_sub(u32::try_from(scene.age.as_secs()).unwrap_or(INFINITE)),
        false => lifetime,
    };
    let own = || scene.own.iter().filter(|own| prefix.contains(own.addr));
    let ours = own().find(|own| own.usable);
    let valid = left(terms.valid).min(bound(own().map(|own| own.valid), VALID_LIMIT));
    let preferred = left(terms.preferred).min(bound(own().map(|own| own.preferred), PREFERRED_LIMIT));
    PrefixInfo {
        prefix: prefix.addr(),
        prefix_len: prefix.prefix_len(),
        on_link: terms.on_link,
        autonomous: terms.autonomous,
        router_address: ours.map(|own| own.addr).filter(|_| terms.router_address),
        valid,
        preferred: preferred.min(valid),
    }
}

/// How long what lives as long as these addresses of ours may be told: those that stay bound nothing.
//= RFC 9096 s3.4, RFC 8415 s6.3: no longer than the longest of them lives, and by then it has been told again.
fn bound(lifetimes: impl Iterator<Item = Option<u32>>, limit: u32) -> u32 {
    let mut longest = None;
    for lifetime in lifetimes {
        match lifetime {
            None => return INFINITE,
            Some(seconds) => longest = longest.max(Some(seconds)),
        }
    }
    longest.map_or(INFINITE, |seconds| seconds.min(limit))
}

/// The names of a search list, each as it is sent.
pub(super) fn names(mut rest: &[u8]) -> impl Iterator<Item = &[u8]> {
    core::iter::from_fn(move || {
        let mut len = 0;
        while let Some(label) = rest.get(len).filter(|label| **label != 0) {
            len += 1 + usize::from(*label);
        }
        let (name, behind) = rest.split_at_checked(len + 1)?;
        rest = behind;
        Some(name)
    })
}

fn encoded(domains: &[String]) -> Vec<u8> {
    let mut names = Vec::new();
    for domain in domains {
        let mut name = [0; 256];
        // Checked when it was configured.
        if let Ok(len) = encode_domain(domain, &mut name) {
            names.extend_from_slice(&name[..len]);
        }
    }
    names
}

#[cfg(test)]
mod tests;
