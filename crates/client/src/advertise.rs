//! What an interface advertises: `[interface.advertise]`, and the same in requests.

use std::fmt;
use std::net::Ipv6Addr;

use serde::Deserialize;
use serde::Deserializer;
use serde::Serialize;
use serde::Serializer;
use siding_wire::nd::INFINITE;

/// The table. What is left out has the default of RFC 4861 s6.2.1.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Advertise {
    /// Seconds between two advertisements, at the most: 4 to 1,800 [default: 600].
    pub max_interval: Option<u64>,
    /// At the least [default: a third of that, of less than 9 s three quarters].
    pub min_interval: Option<u64>,
    /// Addresses are to be had by DHCPv6 [default: false].
    pub managed: bool,
    /// Other things are [default: false].
    pub other: bool,
    /// Seconds for which we are a default router; 0 is never [default: three times `max_interval`].
    pub default_lifetime: Option<u64>,
    /// Against other routers (RFC 4191) [default: medium].
    pub preference: Preference,
    /// That hosts are to use; 0 says nothing [default: 64].
    pub hop_limit: Option<u8>,
    /// Milliseconds that hosts are told; 0 says nothing [default: 0].
    pub reachable_time_ms: u64,
    /// The same for the pause between two questions [default: 0].
    pub retrans_timer_ms: u64,
    /// The link's MTU that hosts are told [default: none].
    pub mtu: Option<u16>,
    /// Tell our link-layer address [default: true].
    pub source_link_layer: Option<bool>,
    /// Advertise the prefixes of the interface's own addresses [default: true].
    pub own_prefixes: Option<bool>,
    /// Prefixes: see `prefix` below.
    pub prefix: Vec<AdvertisePrefix>,
    /// More specific routes: see `route` below.
    pub route: Vec<AdvertiseRoute>,
    /// DNS servers: see `rdnss` below.
    pub rdnss: Vec<AdvertiseRdnss>,
    /// DNS search lists: see `dnssl` below.
    pub dnssl: Vec<AdvertiseDnssl>,
    /// NAT64 prefixes: see `nat64` below.
    pub nat64: Vec<AdvertiseNat64>,
    /// The URI of a captive portal's API.
    pub captive_portal: Option<String>,
    /// Tell only who asks [default: false].
    pub unicast_only: bool,
    /// Answer who asks alone, instead of telling everybody [default: true].
    pub answer_alone: Option<bool>,
}

/// `[[interface.advertise.prefix]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdvertisePrefix {
    /// A prefix, or `interface` for all of the interface's own.
    pub prefix: String,
    /// Its addresses are on the link [default: true].
    #[serde(default)]
    pub on_link: Option<bool>,
    /// Hosts make addresses of it [default: true].
    #[serde(default)]
    pub autonomous: Option<bool>,
    /// It is told with our address in it [default: false].
    #[serde(default)]
    pub router_address: bool,
    /// Seconds [default: 30 days].
    #[serde(default)]
    pub valid: Option<Seconds>,
    /// Seconds [default: 7 days].
    #[serde(default)]
    pub preferred: Option<Seconds>,
    /// Count the lifetimes down [default: false].
    #[serde(default)]
    pub decrement: bool,
    /// Take it back when we cease to advertise [default: false].
    #[serde(default)]
    pub deprecate_on_stop: bool,
}

/// `[[interface.advertise.route]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdvertiseRoute {
    /// The destinations.
    pub prefix: String,
    /// Against other routers [default: medium].
    #[serde(default)]
    pub preference: Preference,
    /// Seconds [default: three times `max_interval`].
    #[serde(default)]
    pub lifetime: Option<Seconds>,
}

/// `[[interface.advertise.rdnss]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdvertiseRdnss {
    /// Addresses of servers.
    pub servers: Vec<Ipv6Addr>,
    /// Seconds [default: three times `max_interval`].
    #[serde(default)]
    pub lifetime: Option<Seconds>,
}

/// `[[interface.advertise.dnssl]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdvertiseDnssl {
    /// Names.
    pub domains: Vec<String>,
    /// Seconds [default: three times `max_interval`].
    #[serde(default)]
    pub lifetime: Option<Seconds>,
}

/// `[[interface.advertise.nat64]]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct AdvertiseNat64 {
    /// The prefix.
    pub prefix: String,
    /// Seconds [default: three times `max_interval`].
    #[serde(default)]
    pub lifetime: Option<Seconds>,
}

/// Against other routers (RFC 4191).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
#[serde(rename_all = "lowercase")]
pub enum Preference {
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
pub struct Seconds(pub u32);

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

impl AdvertisePrefix {
    /// A prefix by its text, with the usual terms.
    pub fn new(prefix: &str) -> AdvertisePrefix {
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
}
