//! What a host tells of what it has learnt.

use core::net::Ipv6Addr;
use core::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::nd::Preference;

use super::limit::Learnt;
use super::machine::Host;
use crate::host::AddrOrigin;
use crate::limits::LimitReport;
use crate::route::Prefix;

/// A default router, or a router with more specific routes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouterReport {
    /// On which interface.
    pub interface: IfId,
    /// Its link-local address.
    pub addr: Ipv6Addr,
    /// What it is a router for: `::/0`, or more specific prefixes.
    pub prefix: Prefix<Ipv6Addr>,
    /// Against other routers (RFC 4191).
    pub preference: Preference,
    /// For how much longer; `None` is for ever.
    pub lifetime: Option<Duration>,
    /// Whether packets go by it now.
    pub used: bool,
}

/// A prefix that was advertised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrefixReport {
    /// On which interface.
    pub interface: IfId,
    /// The prefix.
    pub prefix: Prefix<Ipv6Addr>,
    /// Whether it is on-link, and for how much longer; `None` inside is for ever.
    pub on_link: Option<Option<Duration>>,
    /// The address that was made from it, with its preferred and valid lifetimes left.
    pub address: Option<(Ipv6Addr, Option<Duration>, Option<Duration>)>,
}

impl Host {
    /// The routers, default routers first.
    pub fn report_routers(&self, interface: IfId, now: Instant) -> Vec<RouterReport> {
        let routers = self.routers();
        let everything = Prefix::covering(Ipv6Addr::UNSPECIFIED, 0);
        let defaults = routers
            .defaults()
            .iter()
            .map(|router| (everything, router, routers.current() == Some(router.addr)));
        let specifics = routers.specifics().iter().map(|specific| {
            let used = routers.chosen().contains(&(specific.prefix, specific.router.addr));
            (specific.prefix, &specific.router, used)
        });
        let report = |(prefix, router, used): (_, &super::routers::Router, _)| RouterReport {
            interface,
            addr: router.addr,
            prefix,
            preference: router.preference,
            lifetime: left(router.until, now),
            used,
        };
        defaults.chain(specifics).map(report).collect()
    }

    /// The prefixes, by address.
    pub fn report_prefixes(&self, interface: IfId, now: Instant) -> Vec<PrefixReport> {
        let mut reports: Vec<PrefixReport> = self
            .prefixes()
            .iter()
            .map(|(prefix, until)| PrefixReport {
                interface,
                prefix,
                on_link: Some(left(until, now)),
                address: None,
            })
            .collect();
        let is_public =
            |own: &&super::address::Owned| own.origin == AddrOrigin::Autoconf && !own.is_link_local();
        for own in self.owned().filter(is_public) {
            let address = Some((own.addr, left(own.preferred_until, now), left(own.valid_until, now)));
            match reports.iter_mut().find(|report| report.prefix == own.prefix) {
                Some(report) => report.address = address,
                None => reports.push(PrefixReport { interface, prefix: own.prefix, on_link: None, address }),
            }
        }
        reports.sort_by_key(|report| report.prefix);
        reports
    }

    /// Every limit, with its use and how often it refused.
    pub fn report_limits(&self) -> Vec<LimitReport> {
        let report = |what: Learnt| {
            let (used, refused) = self.usage(what);
            let limit = self.config().limits.of(what);
            LimitReport { refused, ..LimitReport::new(format!("learnt-{what}"), limit, used) }
        };
        Learnt::ALL.map(report).to_vec()
    }
}

/// How much of a lifetime is left; `None` is all of eternity.
fn left(until: Instant, now: Instant) -> Option<Duration> {
    (until < Instant::NEVER).then(|| until.since(now))
}
