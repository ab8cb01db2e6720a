//! What there is to show, and how it is shown.

use std::ffi::OsStr;

use clap::Args as ClapArgs;
use clap::ValueEnum;
use clap::builder::PossibleValue;
use clap::builder::TypedValueParser;
use clap::error::ErrorKind;

use super::top::seconds;

/// How it is shown.
#[derive(Debug, ClapArgs)]
pub(super) struct ShowArgs {
    /// Only of this interface
    #[arg(long, value_name = "NAME")]
    pub(super) dev: Option<String>,
    /// As JSON, with all that is known
    #[arg(long)]
    pub(super) json: bool,
    /// Of drops and performance: look twice, so far apart, and tell of that time alone [default: drops since the last look,
    /// performance since the start]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(super) interval: Option<f64>,
}

/// Reads [`What`] as short as it is told from others, of one or of many.
#[derive(Debug, Clone, Copy)]
pub(super) struct WhatParser;

impl TypedValueParser for WhatParser {
    type Value = What;

    fn parse_ref(
        &self,
        command: &clap::Command,
        _arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<What, clap::Error> {
        What::parse(&value.to_string_lossy())
            .map_err(|why| clap::Error::raw(ErrorKind::InvalidValue, why + "\n").with_cmd(command))
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(What::value_variants().iter().filter_map(What::to_possible_value)))
    }
}

impl What {
    fn parse(text: &str) -> Result<What, String> {
        let name = |what: &What| what.to_possible_value().map(|value| (*what, value.get_name().to_owned()));
        let all: Vec<(What, String)> = What::value_variants().iter().filter_map(name).collect();
        let plain = text.to_lowercase().replace("neighbour", "neighbor");
        let begins: Vec<&(What, String)> = all.iter().filter(|(_, name)| name.starts_with(&plain)).collect();
        // One interface is among the interfaces, and `route` begins `routes` and `router`.
        let exact = begins.iter().find(|(_, name)| {
            let one =
                [name.as_str()].into_iter().chain(name.strip_suffix('s')).chain(name.strip_suffix("es"));
            one.into_iter().any(|one| one == plain)
        });
        let listed = |some: &mut dyn Iterator<Item = &(What, String)>| {
            some.map(|(_, name)| name.as_str()).collect::<Vec<_>>().join(", ")
        };
        match (exact, begins.as_slice()) {
            (Some((what, _)), _) | (None, [(what, _)]) => Ok(*what),
            (None, []) => Err(format!("no {text:?} to show: there is {}", listed(&mut all.iter()))),
            (None, several) => Err(format!("{text:?}: which of {}?", listed(&mut several.iter().copied()))),
        }
    }
}

/// What there is to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum What {
    /// Interfaces, their drivers and counters
    Interfaces,
    /// Our addresses, and whether they may be used
    Addresses,
    /// Neighbors, and how far they are reachable
    Neighbors,
    /// Routes
    Routes,
    /// Multicast groups, and whether routers have been told
    Groups,
    /// Routers that were learned from their advertisements
    Routers,
    /// Prefixes that were learned, and the addresses made from them
    Prefixes,
    /// Deferred packets, by type and worker: queues, fates, waiting times
    Netisr,
    /// Dropped packets, by interface and cause, with rates
    Drops,
    /// Datagrams and ICMP messages of each interface, by RFC 4293's names
    Counters,
    /// Workers: how busy, how much asleep
    Workers,
    /// Nanoseconds for each packet, packets in a turn, waiting times
    Performance,
    /// Paths that take less than their first link, and how long that is believed
    PathMtus,
    /// VLANs
    Vlans,
    /// Laggs and their ports
    Laggs,
    /// Bridges, their ports and what is behind them
    Bridges,
    /// Interfaces that advertise this router
    Advertisers,
    /// Limits: what may be stored and sent at the most, how near it has come, and what was refused
    Limits,
    /// Tables that protocols have to show; with a name behind it, that one
    Tables,
    /// What protocols are configured by, key by key
    Sections,
}
