//! `siding advertise`.

use std::net::Ipv6Addr;
use std::process::ExitCode;

use anyhow::anyhow;
use anyhow::bail;
use clap::Args as ClapArgs;
use clap::Subcommand;
use siding_output as output;

use super::nested::only;
use super::table::Table;
use crate::control::AdvertiserRow;
use crate::control::Answer;
use crate::control::Client;
use crate::control::Request;
use crate::means::advertise::Advertise;
use crate::means::advertise::AdvertiseDnssl;
use crate::means::advertise::AdvertiseNat64;
use crate::means::advertise::AdvertisePrefix;
use crate::means::advertise::AdvertiseRdnss;
use crate::means::advertise::AdvertiseRoute;
use crate::means::advertise::Preference;
use crate::means::advertise::Seconds;

#[derive(Debug, Subcommand)]
pub(super) enum AdvertiseCommand {
    /// Advertise on an interface, or something else than before. Example: siding advertise start eth0 --max-interval 30
    Start(Box<StartArgs>),
    /// Cease to advertise, and say so. Example: siding advertise stop eth0
    Stop {
        /// The interface
        name: String,
    },
    /// Show who advertises what. Example: siding advertise show
    #[command(alias = "list")]
    Show {
        /// Only this interface
        name: Option<String>,
        /// As JSON, with all that is known
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct StartArgs {
    /// The interface
    pub(super) name: String,
    /// Longest pause between advertisements [default: 600]
    #[arg(long, value_name = "SECONDS")]
    max_interval: Option<u64>,
    /// Shortest [default: a third of the longest]
    #[arg(long, value_name = "SECONDS")]
    min_interval: Option<u64>,
    /// Addresses are to be had by DHCPv6
    #[arg(long)]
    managed: bool,
    /// Other configuration is to be had by DHCPv6
    #[arg(long)]
    other: bool,
    /// How long hosts use this default router; 0 for not at all [default: three times the longest pause]
    #[arg(long, value_name = "SECONDS")]
    default_lifetime: Option<u64>,
    /// Against other default routers
    #[arg(long, default_value = "medium")]
    preference: Preference,
    /// Hop limit for hosts; 0 does not say [default: 64]
    #[arg(long)]
    hop_limit: Option<u8>,
    /// How long a neighbor counts as reachable; 0 does not say
    #[arg(long, value_name = "MS", default_value_t = 0)]
    reachable_time: u64,
    /// Between solicitations; 0 does not say
    #[arg(long, value_name = "MS", default_value_t = 0)]
    retrans_timer: u64,
    /// MTU for hosts [default: not told]
    #[arg(long, value_name = "BYTES")]
    mtu: Option<u16>,
    /// Do not tell our link-layer address
    #[arg(long)]
    no_source_link_layer: bool,
    /// Do not advertise the interface's own prefixes
    #[arg(long)]
    no_own_prefixes: bool,
    /// A prefix, or `interface` for its own; behind commas: off-link, no-autonomous, router-address, valid=SECONDS,
    /// preferred=SECONDS, decrement, deprecate-on-stop. May be given again
    #[arg(long = "prefix", value_name = "PREFIX[,...]", value_parser = prefix)]
    prefixes: Vec<AdvertisePrefix>,
    /// A route by way of this router; behind commas: preference=low|medium|high, lifetime=SECONDS. May be given again
    #[arg(long = "route", value_name = "PREFIX[,...]", value_parser = route)]
    routes: Vec<AdvertiseRoute>,
    /// DNS servers, with commas between; may end in lifetime=SECONDS, and be given again
    #[arg(long = "dns", value_name = "ADDR[,...]", value_parser = rdnss)]
    dns: Vec<AdvertiseRdnss>,
    /// DNS domains to search, with commas between; may end in lifetime=SECONDS, and be given again
    #[arg(long = "search", value_name = "DOMAIN[,...]", value_parser = dnssl)]
    search: Vec<AdvertiseDnssl>,
    /// The prefix of a NAT64; behind a comma: lifetime=SECONDS. May be given again
    #[arg(long = "nat64", value_name = "PREFIX[,...]", value_parser = nat64)]
    nat64: Vec<AdvertiseNat64>,
    /// URI of a captive portal's API
    #[arg(long, value_name = "URI")]
    captive_portal: Option<String>,
    /// Advertise only to who asks
    #[arg(long)]
    unicast_only: bool,
    /// Answer who asks by telling everybody
    #[arg(long)]
    answer_everybody: bool,
}

pub(super) fn advertise(client: &mut Client, command: AdvertiseCommand) -> anyhow::Result<ExitCode> {
    match command {
        AdvertiseCommand::Start(args) => {
            let (interface, advertise) = args.request();
            client.ask(&Request::AdvertiseStart { interface, advertise: Box::new(advertise) })?;
        }
        AdvertiseCommand::Stop { name } => {
            client.ask(&Request::AdvertiseStop { interface: name })?;
        }
        AdvertiseCommand::Show { name, json } => {
            let answer = client.ask(&Request::ShowAdvertisers {})?;
            let Answer::Advertisers(rows) = answer else {
                bail!("the daemon answers something else: is it of another version?");
            };
            let rows = only(rows, name.as_deref(), |row| &row.interface, "interface that advertises")?;
            match json {
                true => output::line(serde_json::to_string_pretty(&rows)?)?,
                false => output::print(table(&rows))?,
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl StartArgs {
    fn request(self) -> (String, Advertise) {
        let advertise = Advertise {
            max_interval: self.max_interval,
            min_interval: self.min_interval,
            managed: self.managed,
            other: self.other,
            default_lifetime: self.default_lifetime,
            preference: self.preference,
            hop_limit: self.hop_limit,
            reachable_time_ms: self.reachable_time,
            retrans_timer_ms: self.retrans_timer,
            mtu: self.mtu,
            source_link_layer: Some(!self.no_source_link_layer),
            own_prefixes: Some(!self.no_own_prefixes),
            prefix: self.prefixes,
            route: self.routes,
            rdnss: self.dns,
            dnssl: self.search,
            nat64: self.nat64,
            captive_portal: self.captive_portal,
            unicast_only: self.unicast_only,
            answer_alone: Some(!self.answer_everybody),
        };
        (self.name, advertise)
    }
}

pub(super) fn table(rows: &[AdvertiserRow]) -> String {
    let mut table = Table::new(&[
        "INTERFACE",
        "STATE",
        "SOURCE",
        ">LIFETIME/s",
        "PREFERENCE",
        ">INTERVAL/s",
        ">NEXT/s",
        ">SENT",
        ">ASKED",
    ]);
    let seconds = |ms: u64| format!("{:.1}", ms as f64 / 1e3);
    for row in rows {
        table.row([
            row.interface.clone(),
            row.state.clone(),
            row.source.map_or("-".into(), |source| source.to_string()),
            row.lifetime.to_string(),
            row.preference.clone(),
            format!("{}-{}", seconds(row.min_interval_ms), seconds(row.max_interval_ms)),
            row.next_ms.map_or("-".into(), seconds),
            row.sent.to_string(),
            row.solicitations.to_string(),
        ]);
    }
    let mut text = table.to_string();
    for row in rows {
        let flags = [(row.managed, "managed"), (row.other, "other")];
        let flags: String =
            flags.iter().filter(|(set, _)| *set).map(|(_, name)| format!(", {name}")).collect();
        text += &format!("\n{}: to {}, hop limit {}{flags}\n", row.interface, row.audience, row.hop_limit);
        row.tells.iter().for_each(|line| text += &format!("    {line}\n"));
    }
    text
}

/// The parts between commas.
fn parts(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn prefix(text: &str) -> Result<AdvertisePrefix, String> {
    let mut parts = parts(text);
    let mut prefix = AdvertisePrefix::new(parts.next().unwrap_or_default());
    for part in parts {
        match part.split_once('=') {
            None if part == "off-link" => prefix.on_link = Some(false),
            None if part == "no-autonomous" => prefix.autonomous = Some(false),
            None if part == "router-address" => prefix.router_address = true,
            None if part == "decrement" => prefix.decrement = true,
            None if part == "deprecate-on-stop" => prefix.deprecate_on_stop = true,
            Some(("valid", value)) => prefix.valid = Some(value.parse()?),
            Some(("preferred", value)) => prefix.preferred = Some(value.parse()?),
            _ => {
                return Err(format!(
                    "{part:?}: give off-link, no-autonomous, router-address, valid=SECONDS, preferred=SECONDS, \
                     decrement or deprecate-on-stop"
                ));
            }
        }
    }
    Ok(prefix)
}

fn route(text: &str) -> Result<AdvertiseRoute, String> {
    let mut parts = parts(text);
    let prefix = parts.next().unwrap_or_default().to_owned();
    let mut route = AdvertiseRoute { prefix, preference: Preference::Medium, lifetime: None };
    for part in parts {
        match part.split_once('=') {
            Some(("preference", value)) => {
                route.preference = clap::ValueEnum::from_str(value, false)
                    .map_err(|_| format!("{value:?} is no preference: give low, medium or high"))?;
            }
            Some(("lifetime", value)) => route.lifetime = Some(value.parse()?),
            _ => return Err(format!("{part:?}: give preference=low|medium|high or lifetime=SECONDS")),
        }
    }
    Ok(route)
}

/// What stands between commas, and a lifetime at the end.
fn list(text: &str) -> Result<(Vec<&str>, Option<Seconds>), String> {
    let (mut all, mut lifetime) = (Vec::new(), None);
    for part in parts(text) {
        match part.strip_prefix("lifetime=") {
            Some(value) => lifetime = Some(value.parse()?),
            None => all.push(part),
        }
    }
    Ok((all, lifetime))
}

fn rdnss(text: &str) -> Result<AdvertiseRdnss, String> {
    let (all, lifetime) = list(text)?;
    let servers: Result<Vec<Ipv6Addr>, String> = all
        .into_iter()
        .map(|addr| addr.parse().map_err(|_| format!("{addr:?} is no IPv6 address")))
        .collect();
    Ok(AdvertiseRdnss { servers: servers?, lifetime })
}

fn dnssl(text: &str) -> Result<AdvertiseDnssl, String> {
    let (all, lifetime) = list(text)?;
    Ok(AdvertiseDnssl { domains: all.into_iter().map(ToOwned::to_owned).collect(), lifetime })
}

fn nat64(text: &str) -> Result<AdvertiseNat64, String> {
    match list(text)? {
        (all, lifetime) if all.len() == 1 => Ok(AdvertiseNat64 { prefix: all[0].to_owned(), lifetime }),
        _ => Err(anyhow!("{text:?}: give one prefix, such as 64:ff9b::/96").to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_with_their_terms() {
        let told =
            prefix("2001:db8::/64,off-link,no-autonomous,valid=infinite,preferred=60,decrement").unwrap();
        assert_eq!((told.on_link, told.autonomous, told.decrement), (Some(false), Some(false), true));
        assert_eq!((told.valid, told.preferred), (Some(Seconds(u32::MAX)), Some(Seconds(60))));
        assert!(prefix("2001:db8::/64,on").unwrap_err().starts_with("\"on\": give off-link, "));
        assert_eq!(prefix("::/64,valid=x").unwrap_err(), "\"x\": give a number of seconds, or `infinite`");
    }

    #[test]
    fn lists_with_a_lifetime() {
        let told = rdnss("2001:db8::53,2001:db8::54,lifetime=60").unwrap();
        assert_eq!((told.servers.len(), told.lifetime), (2, Some(Seconds(60))));
        assert_eq!(rdnss("zebra").unwrap_err(), "\"zebra\" is no IPv6 address");
        assert_eq!(dnssl("lan, example.org").unwrap().domains, ["lan", "example.org"]);
        let told = route("2001:db8:5::/48,preference=high,lifetime=9").unwrap();
        assert_eq!((told.preference, told.lifetime), (Preference::High, Some(Seconds(9))));
        assert_eq!(
            route("::/0,preference=most").unwrap_err(),
            "\"most\" is no preference: give low, medium or high"
        );
        assert!(nat64("a,b").is_err());
    }

    #[test]
    fn a_table_with_what_each_tells() {
        let row = AdvertiserRow {
            interface: "lan".into(),
            state: "advertising".into(),
            source: Some("fe80::1".parse().unwrap()),
            lifetime: 1800,
            preference: "medium".into(),
            min_interval_ms: 198_000,
            max_interval_ms: 600_000,
            next_ms: Some(1500),
            sent: 3,
            solicitations: 1,
            audience: "everybody".into(),
            managed: true,
            other: false,
            hop_limit: 64,
            reachable_time_ms: 0,
            retrans_timer_ms: 0,
            tells: vec!["prefix 2001:db8::/64 on-link, valid for ever, preferred for 60 s".into()],
        };
        let expected = "\
INTERFACE  STATE        SOURCE   LIFETIME/s  PREFERENCE   INTERVAL/s  NEXT/s  SENT  ASKED
lan        advertising  fe80::1        1800  medium      198.0-600.0     1.5     3      1

lan: to everybody, hop limit 64, managed
    prefix 2001:db8::/64 on-link, valid for ever, preferred for 60 s
";
        assert_eq!(table(&[row]), expected);
    }
}
