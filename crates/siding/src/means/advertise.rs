//! What an interface advertises, as operators write it: `[interface.advertise]`, and the same by the control socket.

use std::fmt;
use std::net::Ipv6Addr;
use std::time::Duration;

pub(crate) use siding_client::advertise::Advertise;
pub(crate) use siding_client::advertise::AdvertiseDnssl;
pub(crate) use siding_client::advertise::AdvertiseNat64;
pub(crate) use siding_client::advertise::AdvertisePrefix;
pub(crate) use siding_client::advertise::AdvertiseRdnss;
pub(crate) use siding_client::advertise::AdvertiseRoute;
pub(crate) use siding_client::advertise::Preference;
pub(crate) use siding_client::advertise::Seconds;
use siding_stack::nd6::router::AdvertConfig;
use siding_stack::nd6::router::AdvertDnssl;
use siding_stack::nd6::router::AdvertError;
use siding_stack::nd6::router::AdvertNat64;
use siding_stack::nd6::router::AdvertPrefix;
use siding_stack::nd6::router::AdvertRdnss;
use siding_stack::nd6::router::AdvertRoute;
use siding_stack::nd6::router::PrefixTerms;
use siding_stack::nd6::router::schedule::Audience;
use siding_wire::nd::INFINITE;

use super::Whole;
use super::meant::Advertised;
use crate::words::value;
use crate::words::wrong::Key;
use crate::words::wrong::Wrong;

/// What an interface advertises; `mtu` is its own, if given. What is wrong is so in the interface's table.
pub(crate) fn check(said: Advertise, mtu: Option<u16>, whole: &Whole) -> Result<Advertised, Wrong> {
    let resolved = resolve(&said, mtu.unwrap_or(u16::MAX)).and_then(|config| match whole.forwarding {
        //= RFC 4861 s6.2.4 [4861-16]: a host never advertises.
        false => Err(Wrong::of(
            Vec::new(),
            "hosts do not advertise: give `forwarding = true` in [stack], or leave this out".into(),
        )),
        true => Ok(config),
    });
    let means = resolved.map_err(|wrong| wrong.within([Key::Name("advertise")]))?;
    Ok(Advertised { said, means })
}

/// What the stack is to advertise on a link of this MTU.
///
/// # Errors
///
/// The first thing that makes no sense.
pub(crate) fn resolve(said: &Advertise, link_mtu: u16) -> Result<AdvertConfig, Wrong> {
    let default = AdvertConfig::default();
    let own = PrefixTerms::default();
    let (mut own_prefixes, mut prefixes) = (said.own_prefixes.unwrap_or(true).then_some(own), Vec::new());
    for (at, told) in said.prefix.iter().enumerate() {
        let keys = || vec![Key::Name("prefix"), Key::At(at), Key::Name("prefix")];
        if told.prefix == "interface" {
            if said.own_prefixes == Some(false) {
                let message = "`own_prefixes = false` leaves out the interface's prefixes: remove either";
                return Err(Wrong::of(keys(), message.into()));
            }
            own_prefixes = Some(terms(told));
            continue;
        }
        let prefix = prefix(&told.prefix).map_err(|message| Wrong::of(keys(), message))?;
        prefixes.push(AdvertPrefix { prefix, terms: terms(told) });
    }
    let mut routes = Vec::new();
    for (at, told) in said.route.iter().enumerate() {
        let keys = || vec![Key::Name("route"), Key::At(at), Key::Name("prefix")];
        let prefix = prefix(&told.prefix).map_err(|message| Wrong::of(keys(), message))?;
        let lifetime = told.lifetime.map(|Seconds(lifetime)| lifetime);
        routes.push(AdvertRoute { prefix, preference: told.preference.into(), lifetime });
    }
    let mut nat64 = Vec::new();
    for (at, told) in said.nat64.iter().enumerate() {
        let keys = || vec![Key::Name("nat64"), Key::At(at), Key::Name("prefix")];
        let prefix = prefix(&told.prefix).map_err(|message| Wrong::of(keys(), message))?;
        nat64.push(AdvertNat64 { prefix, lifetime: told.lifetime.map(|Seconds(lifetime)| lifetime) });
    }
    let rdnss = said.rdnss.iter().map(|told| AdvertRdnss {
        servers: told.servers.clone(),
        lifetime: told.lifetime.map(|Seconds(lifetime)| lifetime),
    });
    let dnssl = said.dnssl.iter().map(|told| AdvertDnssl {
        domains: told.domains.clone(),
        lifetime: told.lifetime.map(|Seconds(lifetime)| lifetime),
    });
    let config = AdvertConfig {
        max_interval: said.max_interval.map_or(default.max_interval, Duration::from_secs),
        min_interval: said.min_interval.map(Duration::from_secs),
        managed: said.managed,
        other_config: said.other,
        default_lifetime: said.default_lifetime.map(Duration::from_secs),
        preference: said.preference.into(),
        hop_limit: said.hop_limit.unwrap_or(default.hop_limit),
        reachable_time: Duration::from_millis(said.reachable_time_ms),
        retrans_timer: Duration::from_millis(said.retrans_timer_ms),
        mtu: said.mtu,
        source_link_layer: said.source_link_layer.unwrap_or(default.source_link_layer),
        own_prefixes,
        prefixes,
        routes,
        rdnss: rdnss.collect(),
        dnssl: dnssl.collect(),
        nat64,
        captive_portal: said.captive_portal.clone(),
        audience: match (said.unicast_only, said.answer_alone) {
            (true, _) => Audience::AskersOnly,
            (false, Some(false)) => Audience::Everybody,
            (false, _) => Audience::AnswersAlone,
        },
    };
    match config.check(link_mtu) {
        Ok(()) => Ok(config),
        Err(error) => Err(Wrong::of(keys(said, &error), error.to_string())),
    }
}

/// Where the error is.
fn keys(said: &Advertise, error: &AdvertError) -> Vec<Key> {
    let name = |name| vec![Key::Name(name)];
    // The last: the one before it was right when it stood alone.
    let in_list = |list: &'static str, at: Option<usize>, key| match at {
        Some(at) => vec![Key::Name(list), Key::At(at), Key::Name(key)],
        None => Vec::new(),
    };
    let prefix = |wanted: &dyn fmt::Display| {
        let wanted = wanted.to_string();
        let is = |text: &str| prefix(text).is_ok_and(|prefix| prefix.to_string() == wanted);
        let in_prefixes = said.prefix.iter().rposition(|told| is(&told.prefix));
        let in_routes = said.route.iter().rposition(|told| is(&told.prefix));
        let in_nat64 = said.nat64.iter().rposition(|told| is(&told.prefix));
        match (in_prefixes, in_routes) {
            (Some(_), _) => in_list("prefix", in_prefixes, "prefix"),
            (_, Some(_)) => in_list("route", in_routes, "prefix"),
            _ => in_list("nat64", in_nat64, "prefix"),
        }
    };
    match error {
        AdvertError::MaxInterval(_) => name("max_interval"),
        AdvertError::MinInterval { .. } => name("min_interval"),
        AdvertError::DefaultLifetime { .. } => name("default_lifetime"),
        AdvertError::ReachableTime(_) => name("reachable_time_ms"),
        AdvertError::RetransTimer(_) => name("retrans_timer_ms"),
        AdvertError::Mtu { .. } => name("mtu"),
        AdvertError::Portal(_) => name("captive_portal"),
        AdvertError::PrefixScope(what)
        | AdvertError::Twice(what)
        | AdvertError::NotAutonomous(what)
        | AdvertError::Nat64(what) => prefix(what),
        AdvertError::Lifetimes { preferred, valid } => {
            let is =
                |told: &AdvertisePrefix| (terms(told).preferred, terms(told).valid) == (*preferred, *valid);
            let at = said.prefix.iter().position(is);
            let given = at.is_some_and(|at| said.prefix[at].preferred.is_some());
            in_list("prefix", at, if given { "preferred" } else { "valid" })
        }
        AdvertError::Countdown => {
            let infinite = |told: &AdvertisePrefix| {
                told.decrement && (terms(told).valid == INFINITE || terms(told).preferred == INFINITE)
            };
            in_list("prefix", said.prefix.iter().position(infinite), "decrement")
        }
        AdvertError::Server(server) => {
            let at = said.rdnss.iter().position(|told| told.servers.contains(server));
            in_list("rdnss", at, "servers")
        }
        AdvertError::Domain { name, .. } => {
            in_list("dnssl", said.dnssl.iter().position(|told| told.domains.contains(name)), "domains")
        }
        AdvertError::Empty => match said.rdnss.iter().position(|told| told.servers.is_empty()) {
            Some(at) => in_list("rdnss", Some(at), "servers"),
            None => in_list("dnssl", said.dnssl.iter().position(|told| told.domains.is_empty()), "domains"),
        },
        AdvertError::Nat64Lifetime(lifetime) => {
            let at = said.nat64.iter().position(|told| told.lifetime == Some(Seconds(*lifetime)));
            in_list("nat64", at, "lifetime")
        }
        AdvertError::TooLong { .. } => Vec::new(),
    }
}

fn terms(told: &AdvertisePrefix) -> PrefixTerms {
    let default = PrefixTerms::default();
    let valid = told.valid.map_or(default.valid, |Seconds(valid)| valid);
    PrefixTerms {
        on_link: told.on_link.unwrap_or(default.on_link),
        autonomous: told.autonomous.unwrap_or(default.autonomous),
        router_address: told.router_address,
        valid,
        // Whoever shortens the one means the other as well.
        preferred: told.preferred.map_or(default.preferred.min(valid), |Seconds(preferred)| preferred),
        decrement: told.decrement,
        deprecate_on_stop: told.deprecate_on_stop,
    }
}

fn prefix(text: &str) -> Result<siding_stack::route::Prefix<Ipv6Addr>, String> {
    let (addr, len) = text
        .split_once('/')
        .and_then(|(addr, len)| Some((addr.parse::<Ipv6Addr>().ok()?, len.parse::<u8>().ok()?)))
        .filter(|(_, len)| *len <= 128)
        .ok_or_else(|| format!("{text:?} is no IPv6 prefix: give one such as 2001:db8::/64"))?;
    let cidr = siding_drivers::kernel::Cidr::new(addr.into(), len).map_err(|why| why.to_string())?;
    value::without_host_bits(cidr)?;
    Ok(siding_stack::route::Prefix::covering(addr, len))
}

#[cfg(test)]
mod tests;
