//! What goes into an advertisement (RFC 4861 s6.2.3): the configuration, and what is true at this moment.

use core::net::Ipv6Addr;
use core::time::Duration;

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
use crate::route::Prefix;

/// Bytes for options: an advertisement never needs a fragment, whatever the link (RFC 6980).
pub(super) const ROOM: usize = ip6::MIN_MTU - ip6::HEADER_LEN - RouterAdvert::MIN_LEN;

/// Addresses that are made from a prefix that is advertised no longer stay valid for at most this long, in seconds
/// (the two hours of RFC 4862 s5.5.3).
const TWO_HOURS: u32 = 7200;

/// What is true of the interface at the moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    /// Its link-layer address.
    pub(super) lladdr: Mac,
    /// Its addresses that are not link-local, with the lengths of their prefixes, and whether they are usable.
    pub(super) own: &'a [(Ipv6Addr, u8, bool)],
    /// Since when it has advertised this.
    pub(super) age: Duration,
}

/// What kind of advertisement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A router's.
    Regular,
    /// The last of one that ceases: what it gave is withdrawn.
    Final,
    /// The last from an address that we had before: only routes by way of it are withdrawn.
    FinalFromOld,
}

/// An advertisement.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Contents {
    pub(super) advert: RouterAdvert,
    pub(super) prefixes: Vec<PrefixInfo>,
    /// Prefixes of the interface for which there is no room.
    pub(super) left_out: usize,
    routes: Vec<RouteInfo>,
    /// Lifetimes, and servers.
    rdnss: Vec<(u32, Vec<[u8; 16]>)>,
    /// Lifetimes, and names as they are sent.
    dnssl: Vec<(u32, Vec<u8>)>,
    nat64: Vec<Pref64>,
    portal: Option<String>,
}

/// Bytes of the options that the configuration asks for, those of the interface's own prefixes aside.
pub(super) fn options_len(config: &AdvertConfig) -> usize {
    let scene = Scene { lladdr: Mac::ZERO, own: &[], age: Duration::ZERO };
    Contents::new(config, &scene, Kind::Regular).options_len()
}

impl Contents {
    /// What the configuration says, in this scene.
    pub(super) fn new(config: &AdvertConfig, scene: &Scene<'_>, kind: Kind) -> Contents {
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
        contents.nat64.iter_mut().for_each(|nat64| *nat64 = withdrawn(nat64));
        contents.prefixes.retain(|info| {
            let terms = config.terms(&Prefix::covering(info.prefix, info.prefix_len));
            terms.is_some_and(|terms| terms.deprecate_on_stop)
        });
        contents.prefixes.iter_mut().for_each(deprecate);
        contents
    }

    /// Takes back what `before` gave and this one does not, as far as there is room: hosts would go on using it.
    pub(super) fn withdraw(&mut self, before: &Contents) {
        let same = |a: &PrefixInfo, b: &PrefixInfo| (a.prefix, a.prefix_len) == (b.prefix, b.prefix_len);
        let mut room = ROOM.saturating_sub(self.options_len());
        for info in &before.prefixes {
            if room >= 32 && !self.prefixes.iter().any(|other| same(info, other)) {
                let mut info = *info;
                deprecate(&mut info);
                self.prefixes.push(info);
                room -= 32;
            }
        }
        for route in &before.routes {
            let len = NdOption::Route(*route).buffer_len();
            let is_same =
                |other: &RouteInfo| (other.prefix, other.prefix_len) == (route.prefix, route.prefix_len);
            if room >= len && !self.routes.iter().any(is_same) {
                self.routes.push(RouteInfo { lifetime: 0, ..*route });
                room -= len;
            }
        }
        let told: Vec<[u8; 16]> = self.rdnss.iter().flat_map(|(_, servers)| servers).copied().collect();
        let mut gone: Vec<[u8; 16]> = before.rdnss.iter().flat_map(|(_, servers)| servers).copied().collect();
        gone.retain(|server| !told.contains(server));
        gone.truncate(room.saturating_sub(8) / 16);
        if !gone.is_empty() {
            self.rdnss.push((0, gone));
        }
    }

    /// Writes the whole message to the front of `out`; says how many bytes it took.
    pub(super) fn emit(&self, src: Ipv6Addr, dst: Ipv6Addr, out: &mut [u8]) -> Result<usize, Malformed> {
        self.advert.emit(&self.options(), src, dst, out)
    }

    /// Bytes of the whole message.
    pub(super) fn len(&self) -> usize {
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

    /// The prefixes of the interface that are not told already, as far as there is room.
    fn add_own(&mut self, config: &AdvertConfig, scene: &Scene<'_>) {
        let Some(terms) = config.own_prefixes else { return };
        let mut room = ROOM.saturating_sub(self.options_len());
        let mut seen: Vec<Prefix<Ipv6Addr>> = config.prefixes.iter().map(|own| own.prefix).collect();
        for (addr, len, _) in scene.own.iter().filter(|(_, len, _)| *len < 128) {
            let prefix = Prefix::covering(*addr, *len);
            if seen.contains(&prefix) {
                continue;
            }
            seen.push(prefix);
            if room < 32 {
                self.left_out += 1;
                continue;
            }
            room -= 32;
            // Hosts on Ethernet make addresses from 64 bits only.
            let terms = PrefixTerms { autonomous: terms.autonomous && *len == 64, ..terms };
            self.prefixes.push(info(prefix, &terms, scene));
        }
    }

    fn options_len(&self) -> usize {
        self.len() - RouterAdvert::MIN_LEN
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
    let ours = scene.own.iter().find(|(addr, _, usable)| *usable && prefix.contains(*addr));
    PrefixInfo {
        prefix: prefix.addr(),
        prefix_len: prefix.prefix_len(),
        on_link: terms.on_link,
        autonomous: terms.autonomous,
        router_address: ours.map(|(addr, ..)| *addr).filter(|_| terms.router_address),
        valid: left(terms.valid),
        preferred: left(terms.preferred),
    }
}

fn deprecate(info: &mut PrefixInfo) {
    info.preferred = 0;
    info.valid = info.valid.min(TWO_HOURS);
}

fn withdrawn(nat64: &Pref64) -> Pref64 {
    Pref64::new(nat64.prefix(), nat64.prefix_len(), 0).unwrap_or(*nat64)
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
