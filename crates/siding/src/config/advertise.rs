//! What an interface advertises, as operators write it: `[interface.advertise]`, and the same by the control socket.

use std::fmt;
use std::net::Ipv6Addr;
use std::ops::Range;
use std::time::Duration;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
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
use toml::de::DeTable;
use toml::de::DeValue;

use super::Advertised;
use super::StackConfig;
use super::check::Wrong;

/// The table. What is left out has the default of RFC 4861 s6.2.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Advertise {
    /// Seconds between two advertisements, at the most: 4 to 1,800 [default: 600].
    pub(crate) max_interval: Option<u64>,
    /// At the least [default: a third of that, of less than 9 s three quarters].
    pub(crate) min_interval: Option<u64>,
    /// Addresses are to be had by DHCPv6 [default: false].
    pub(crate) managed: bool,
    /// Other things are [default: false].
    pub(crate) other: bool,
    /// Seconds for which we are a default router; 0 is never [default: three times `max_interval`].
    pub(crate) default_lifetime: Option<u64>,
    /// Against other routers (RFC 4191) [default: medium].
    pub(crate) preference: Preference,
    /// That hosts are to use; 0 says nothing [default: 64].
    pub(crate) hop_limit: Option<u8>,
    /// Milliseconds that hosts are told; 0 says nothing [default: 0].
    pub(crate) reachable_time_ms: u64,
    /// The same for the pause between two questions [default: 0].
    pub(crate) retrans_timer_ms: u64,
    /// The link's MTU that hosts are told [default: none].
    pub(crate) mtu: Option<u16>,
    /// Tell our link-layer address [default: true].
    pub(crate) source_link_layer: Option<bool>,
    /// Advertise the prefixes of the interface's own addresses [default: true].
    pub(crate) own_prefixes: Option<bool>,
    /// Prefixes: see `prefix` below.
    pub(crate) prefix: Vec<AdvertisePrefix>,
    /// More specific routes: see `route` below.
    pub(crate) route: Vec<AdvertiseRoute>,
    /// DNS servers: see `rdnss` below.
    pub(crate) rdnss: Vec<AdvertiseRdnss>,
    /// DNS search lists: see `dnssl` below.
    pub(crate) dnssl: Vec<AdvertiseDnssl>,
    /// NAT64 prefixes: see `nat64` below.
    pub(crate) nat64: Vec<AdvertiseNat64>,
    /// The URI of a captive portal's API.
    pub(crate) captive_portal: Option<String>,
    /// Tell only who asks [default: false].
    pub(crate) unicast_only: bool,
    /// Answer who asks alone, instead of telling everybody [default: true].
    pub(crate) answer_alone: Option<bool>,
}

/// `[[interface.advertise.prefix]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdvertisePrefix {
    /// A prefix, or `interface` for all of the interface's own.
    pub(crate) prefix: String,
    /// Its addresses are on the link [default: true].
    #[serde(default)]
    pub(crate) on_link: Option<bool>,
    /// Hosts make addresses of it [default: true].
    #[serde(default)]
    pub(crate) autonomous: Option<bool>,
    /// It is told with our address in it [default: false].
    #[serde(default)]
    pub(crate) router_address: bool,
    /// Seconds [default: 30 days].
    #[serde(default)]
    pub(crate) valid: Option<Seconds>,
    /// Seconds [default: 7 days].
    #[serde(default)]
    pub(crate) preferred: Option<Seconds>,
    /// Count the lifetimes down [default: false].
    #[serde(default)]
    pub(crate) decrement: bool,
    /// Take it back when we cease to advertise [default: false].
    #[serde(default)]
    pub(crate) deprecate_on_stop: bool,
}

/// `[[interface.advertise.route]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdvertiseRoute {
    /// The destinations.
    pub(crate) prefix: String,
    /// Against other routers [default: medium].
    #[serde(default)]
    pub(crate) preference: Preference,
    /// Seconds [default: three times `max_interval`].
    #[serde(default)]
    pub(crate) lifetime: Option<Seconds>,
}

/// `[[interface.advertise.rdnss]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdvertiseRdnss {
    /// Addresses of servers.
    pub(crate) servers: Vec<Ipv6Addr>,
    /// Seconds [default: three times `max_interval`].
    #[serde(default)]
    pub(crate) lifetime: Option<Seconds>,
}

/// `[[interface.advertise.dnssl]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdvertiseDnssl {
    /// Names.
    pub(crate) domains: Vec<String>,
    /// Seconds [default: three times `max_interval`].
    #[serde(default)]
    pub(crate) lifetime: Option<Seconds>,
}

/// `[[interface.advertise.nat64]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AdvertiseNat64 {
    /// The prefix.
    pub(crate) prefix: String,
    /// Seconds [default: three times `max_interval`].
    #[serde(default)]
    pub(crate) lifetime: Option<Seconds>,
}

/// Against other routers (RFC 4191).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Preference {
    /// Less than others
    Low,
    /// As most are
    #[default]
    Medium,
    /// More than others
    High,
}

/// A number of seconds, or `infinite`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seconds(pub(crate) u32);

/// What makes no sense, and by which keys it is reached.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    keys: Vec<Key>,
    pub(crate) message: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Name(&'static str),
    At(usize),
}

/// Where an interface stands in a file.
#[derive(Clone, Copy)]
pub(super) struct Place<'t> {
    pub(super) tree: &'t DeTable<'t>,
    /// `interface`, `vlan`, `lagg` or `bridge`.
    pub(super) section: &'static str,
    pub(super) at: usize,
}

/// What the interface at that place advertises; `mtu` is its own, if given.
pub(super) fn check(
    place: Place<'_>,
    said: Advertise,
    mtu: Option<u16>,
    stack: &StackConfig,
) -> Result<Advertised, Wrong> {
    let resolved = said.resolve(mtu.unwrap_or(u16::MAX)).and_then(|config| match stack.forwarding {
        //= RFC 4861 s6.2.4 [4861-16]: a host never advertises.
        false => Err(Fault {
            keys: Vec::new(),
            message: "hosts do not advertise: give `forwarding = true` in [stack], or leave this out".into(),
        }),
        true => Ok(config),
    });
    let means = resolved.map_err(|fault| {
        let mut keys = vec![Key::Name(place.section), Key::At(place.at), Key::Name("advertise")];
        keys.extend(&fault.keys);
        Wrong::new(find(place.tree, &keys).unwrap_or(0..0), fault.message)
    })?;
    Ok(Advertised { said, means })
}

impl Advertise {
    /// What the stack is to advertise on a link of this MTU.
    ///
    /// # Errors
    ///
    /// The first thing that makes no sense.
    pub(crate) fn resolve(&self, link_mtu: u16) -> Result<AdvertConfig, Fault> {
        let default = AdvertConfig::default();
        let own = PrefixTerms::default();
        let (mut own_prefixes, mut prefixes) = (self.own_prefixes.unwrap_or(true).then_some(own), Vec::new());
        for (at, told) in self.prefix.iter().enumerate() {
            let keys = || vec![Key::Name("prefix"), Key::At(at), Key::Name("prefix")];
            if told.prefix == "interface" {
                if self.own_prefixes == Some(false) {
                    let message = "`own_prefixes = false` leaves out the interface's prefixes: remove either";
                    return Err(Fault { keys: keys(), message: message.into() });
                }
                own_prefixes = Some(told.terms());
                continue;
            }
            let prefix = prefix(&told.prefix).map_err(|message| Fault { keys: keys(), message })?;
            prefixes.push(AdvertPrefix { prefix, terms: told.terms() });
        }
        let mut routes = Vec::new();
        for (at, told) in self.route.iter().enumerate() {
            let keys = || vec![Key::Name("route"), Key::At(at), Key::Name("prefix")];
            let prefix = prefix(&told.prefix).map_err(|message| Fault { keys: keys(), message })?;
            let lifetime = told.lifetime.map(|Seconds(lifetime)| lifetime);
            routes.push(AdvertRoute { prefix, preference: told.preference.into(), lifetime });
        }
        let mut nat64 = Vec::new();
        for (at, told) in self.nat64.iter().enumerate() {
            let keys = || vec![Key::Name("nat64"), Key::At(at), Key::Name("prefix")];
            let prefix = prefix(&told.prefix).map_err(|message| Fault { keys: keys(), message })?;
            nat64.push(AdvertNat64 { prefix, lifetime: told.lifetime.map(|Seconds(lifetime)| lifetime) });
        }
        let rdnss = self.rdnss.iter().map(|told| AdvertRdnss {
            servers: told.servers.clone(),
            lifetime: told.lifetime.map(|Seconds(lifetime)| lifetime),
        });
        let dnssl = self.dnssl.iter().map(|told| AdvertDnssl {
            domains: told.domains.clone(),
            lifetime: told.lifetime.map(|Seconds(lifetime)| lifetime),
        });
        let config = AdvertConfig {
            max_interval: self.max_interval.map_or(default.max_interval, Duration::from_secs),
            min_interval: self.min_interval.map(Duration::from_secs),
            managed: self.managed,
            other_config: self.other,
            default_lifetime: self.default_lifetime.map(Duration::from_secs),
            preference: self.preference.into(),
            hop_limit: self.hop_limit.unwrap_or(default.hop_limit),
            reachable_time: Duration::from_millis(self.reachable_time_ms),
            retrans_timer: Duration::from_millis(self.retrans_timer_ms),
            mtu: self.mtu,
            source_link_layer: self.source_link_layer.unwrap_or(default.source_link_layer),
            own_prefixes,
            prefixes,
            routes,
            rdnss: rdnss.collect(),
            dnssl: dnssl.collect(),
            nat64,
            captive_portal: self.captive_portal.clone(),
            audience: match (self.unicast_only, self.answer_alone) {
                (true, _) => Audience::AskersOnly,
                (false, Some(false)) => Audience::Everybody,
                (false, _) => Audience::AnswersAlone,
            },
        };
        match config.check(link_mtu) {
            Ok(()) => Ok(config),
            Err(error) => Err(Fault { keys: self.keys(&error), message: error.to_string() }),
        }
    }

    /// Where the error is.
    fn keys(&self, error: &AdvertError) -> Vec<Key> {
        let name = |name| vec![Key::Name(name)];
        // The last: the one before it was right when it stood alone.
        let in_list = |list: &'static str, at: Option<usize>, key| match at {
            Some(at) => vec![Key::Name(list), Key::At(at), Key::Name(key)],
            None => Vec::new(),
        };
        let prefix = |wanted: &dyn fmt::Display| {
            let wanted = wanted.to_string();
            let is = |text: &str| prefix(text).is_ok_and(|prefix| prefix.to_string() == wanted);
            let in_prefixes = self.prefix.iter().rposition(|told| is(&told.prefix));
            let in_routes = self.route.iter().rposition(|told| is(&told.prefix));
            let in_nat64 = self.nat64.iter().rposition(|told| is(&told.prefix));
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
                let is = |told: &AdvertisePrefix| {
                    (told.terms().preferred, told.terms().valid) == (*preferred, *valid)
                };
                let at = self.prefix.iter().position(is);
                let given = at.is_some_and(|at| self.prefix[at].preferred.is_some());
                in_list("prefix", at, if given { "preferred" } else { "valid" })
            }
            AdvertError::Countdown => {
                let infinite = |told: &AdvertisePrefix| {
                    told.decrement && (told.terms().valid == INFINITE || told.terms().preferred == INFINITE)
                };
                in_list("prefix", self.prefix.iter().position(infinite), "decrement")
            }
            AdvertError::Server(server) => {
                let at = self.rdnss.iter().position(|told| told.servers.contains(server));
                in_list("rdnss", at, "servers")
            }
            AdvertError::Domain { name, .. } => {
                in_list("dnssl", self.dnssl.iter().position(|told| told.domains.contains(name)), "domains")
            }
            AdvertError::Empty => match self.rdnss.iter().position(|told| told.servers.is_empty()) {
                Some(at) => in_list("rdnss", Some(at), "servers"),
                None => {
                    in_list("dnssl", self.dnssl.iter().position(|told| told.domains.is_empty()), "domains")
                }
            },
            AdvertError::Nat64Lifetime(lifetime) => {
                let at = self.nat64.iter().position(|told| told.lifetime == Some(Seconds(*lifetime)));
                in_list("nat64", at, "lifetime")
            }
            AdvertError::TooLong { .. } => Vec::new(),
        }
    }
}

impl AdvertisePrefix {
    /// A prefix by its text, with the usual terms.
    pub(crate) fn new(prefix: &str) -> AdvertisePrefix {
        AdvertisePrefix {
            prefix: prefix.to_owned(),
            on_link: None,
            autonomous: None,
            router_address: false,
            valid: None,
            preferred: None,
            decrement: false,
            deprecate_on_stop: false,
        }
    }

    fn terms(&self) -> PrefixTerms {
        let default = PrefixTerms::default();
        let valid = self.valid.map_or(default.valid, |Seconds(valid)| valid);
        PrefixTerms {
            on_link: self.on_link.unwrap_or(default.on_link),
            autonomous: self.autonomous.unwrap_or(default.autonomous),
            router_address: self.router_address,
            valid,
            // Whoever shortens the one means the other as well.
            preferred: self.preferred.map_or(default.preferred.min(valid), |Seconds(preferred)| preferred),
            decrement: self.decrement,
            deprecate_on_stop: self.deprecate_on_stop,
        }
    }
}

impl From<Preference> for siding_wire::nd::Preference {
    fn from(preference: Preference) -> siding_wire::nd::Preference {
        match preference {
            Preference::Low => siding_wire::nd::Preference::Low,
            Preference::Medium => siding_wire::nd::Preference::Medium,
            Preference::High => siding_wire::nd::Preference::High,
        }
    }
}

impl std::str::FromStr for Seconds {
    type Err = String;

    fn from_str(text: &str) -> Result<Seconds, String> {
        match text {
            "infinite" => Ok(Seconds(INFINITE)),
            _ => text
                .parse()
                .map(Seconds)
                .map_err(|_| format!("{text:?}: give a number of seconds, or `infinite`")),
        }
    }
}

impl Serialize for Seconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            INFINITE => serializer.serialize_str("infinite"),
            seconds => serializer.serialize_u32(seconds),
        }
    }
}

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Seconds, D::Error> {
        struct Visitor;

        impl serde::de::Visitor<'_> for Visitor {
            type Value = Seconds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds, or \"infinite\"")
            }

            fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<Seconds, E> {
                let unexpected = serde::de::Unexpected::Signed(value);
                u32::try_from(value).map(Seconds).map_err(|_| E::invalid_value(unexpected, &self))
            }

            fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Seconds, E> {
                let unexpected = serde::de::Unexpected::Unsigned(value);
                u32::try_from(value).map(Seconds).map_err(|_| E::invalid_value(unexpected, &self))
            }

            fn visit_str<E: serde::de::Error>(self, value: &str) -> Result<Seconds, E> {
                value.parse().map_err(|_| E::invalid_value(serde::de::Unexpected::Str(value), &self))
            }
        }

        deserializer.deserialize_any(Visitor)
    }
}

fn prefix(text: &str) -> Result<siding_stack::route::Prefix<Ipv6Addr>, String> {
    let (addr, len) = text
        .split_once('/')
        .and_then(|(addr, len)| Some((addr.parse::<Ipv6Addr>().ok()?, len.parse::<u8>().ok()?)))
        .filter(|(_, len)| *len <= 128)
        .ok_or_else(|| format!("{text:?} is no IPv6 prefix: give one such as 2001:db8::/64"))?;
    let cidr = siding_drivers::kernel::Cidr::new(addr.into(), len).map_err(|why| why.to_string())?;
    super::value::without_host_bits(cidr)?;
    Ok(siding_stack::route::Prefix::covering(addr, len))
}

/// Where the value that these keys lead to stands in the text, or as near to it as there is something.
fn find(tree: &DeTable<'_>, keys: &[Key]) -> Option<Range<usize>> {
    let Some(Key::Name(section)) = keys.first() else { return None };
    let mut at = tree.get_key_value(*section)?.1;
    let mut span = at.span();
    for key in keys.get(1..)? {
        let next = match (at.get_ref(), key) {
            (DeValue::Table(table), Key::Name(name)) => {
                table.get_key_value(*name).map(|(key, value)| (key.span(), value))
            }
            (DeValue::Array(list), Key::At(at)) => list.get(*at).map(|value| (value.span(), value)),
            _ => None,
        };
        let Some((key_span, value)) = next else { break };
        // A table's own span is of what follows it, too: its name says which it is.
        span = match value.get_ref() {
            DeValue::Table(_) | DeValue::Array(_) if !matches!(key, Key::At(_)) => key_span,
            DeValue::Table(_) => span,
            _ => value.span(),
        };
        at = value;
    }
    Some(span)
}

#[cfg(test)]
mod tests;
