//! `siding autoconf`, `router` and `prefix`, and what `siding show` tells of them.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use anyhow::bail;
use clap::Args as ClapArgs;
use clap::Subcommand;
use siding_output as output;

use super::ask::silent;
use super::show;
use super::table::Table;
use super::what::ShowArgs;
use super::what::What;
use crate::control::AddressRow;
use crate::control::Answer;
use crate::control::Client;
use crate::control::HostRequest;
use crate::control::PrefixRow;
use crate::control::Request;
use crate::control::RouterRow;
use crate::means::autoconf::AcceptWord;
use crate::means::autoconf::Autoconf;
use crate::means::autoconf::IdentifierWord;
use crate::means::autoconf::Secret;
use crate::means::autoconf::SolicitWord;

/// Between two looks whether an interface is ready.
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, Subcommand)]
pub(super) enum AutoconfCommand {
    /// Learn routers, prefixes and addresses on an interface. Example: siding autoconf start eth0 --temporary
    Start(Box<StartArgs>),
    /// Learn nothing, and forget what was learned. Example: siding autoconf stop eth0
    Stop {
        /// The interface
        name: String,
    },
}

#[derive(Debug, ClapArgs)]
pub(super) struct StartArgs {
    /// The interface
    name: String,
    /// Whether routers are obeyed
    #[arg(long, default_value = "unless-forwarding")]
    accept: AcceptWord,
    /// Make no addresses from prefixes
    #[arg(long)]
    no_addresses: bool,
    /// What addresses end in
    #[arg(long, default_value = "eui64")]
    identifier: IdentifierWord,
    /// 32 hexadecimal digits for stable identifiers [default: made of /etc/machine-id]
    #[arg(long, value_name = "HEX")]
    secret: Option<String>,
    /// What tells networks apart that have one prefix, for stable identifiers
    #[arg(long)]
    network: Option<String>,
    /// Make temporary addresses as well
    #[arg(long)]
    temporary: bool,
    /// For how long they are preferred [default: a day]
    #[arg(long, value_name = "SECONDS")]
    temporary_preferred: Option<u64>,
    /// For how long they are ours [default: two days]
    #[arg(long, value_name = "SECONDS")]
    temporary_valid: Option<u64>,
    /// Use addresses from prefixes while duplicates are looked for
    #[arg(long)]
    optimistic: bool,
    /// Obey no redirects
    #[arg(long)]
    no_redirects: bool,
    /// Take no more specific routes
    #[arg(long)]
    no_routes: bool,
    /// The lowest hop limit that a router may set [default: 32]
    #[arg(long, value_name = "HOPS")]
    least_hop_limit: Option<u8>,
    /// How routers are asked for
    #[arg(long, default_value = "fixed")]
    solicit: SolicitWord,
    /// How often routers are told of a new address, 0 to 3 [default: 3]
    #[arg(long, value_name = "COUNT")]
    announce: Option<u32>,
    /// Questions before an address counts as unique; 0 asks none [default: the stack's]
    #[arg(long, value_name = "COUNT")]
    dad_transmits: Option<u32>,
    /// Put no nonce into them: some equipment rejects it
    #[arg(long)]
    no_dad_nonce: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum RouterCommand {
    /// Show routers that were learned. Example: siding router show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Forget the routers that were learned, until they speak again. Example: siding router flush dev eth0
    Flush(FlushArgs),
}

#[derive(Debug, Subcommand)]
pub(super) enum PrefixCommand {
    /// Show prefixes that were learned. Example: siding prefix show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Forget the prefixes that were learned, with the addresses made from them. Example: siding prefix flush dev eth0
    Flush(FlushArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct FlushArgs {
    /// Of which interface [default: of all]
    #[arg(long, value_name = "NAME")]
    dev: Option<String>,
}

pub(super) fn autoconf(client: &mut Client, command: AutoconfCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        AutoconfCommand::Start(args) => args.request(),
        AutoconfCommand::Stop { name } => HostRequest::Stop { interface: name },
    };
    silent(client, &Request::Host(request))
}

pub(super) fn router(client: &mut Client, command: RouterCommand) -> anyhow::Result<ExitCode> {
    match command {
        RouterCommand::Show(args) => show::by_noun(client, What::Routers, &args),
        RouterCommand::Flush(FlushArgs { dev }) => {
            flush(client, HostRequest::FlushRouters { interface: dev }, "router(s)")
        }
    }
}

pub(super) fn prefix(client: &mut Client, command: PrefixCommand) -> anyhow::Result<ExitCode> {
    match command {
        PrefixCommand::Show(args) => show::by_noun(client, What::Prefixes, &args),
        PrefixCommand::Flush(FlushArgs { dev }) => {
            flush(client, HostRequest::FlushPrefixes { interface: dev }, "prefix(es)")
        }
    }
}

/// `siding interface restart`: returns at once, or when every address is out of detection.
pub(super) fn restart(client: &mut Client, name: String, wait: Option<Duration>) -> anyhow::Result<ExitCode> {
    client.ask(&Request::Host(HostRequest::Restart { interface: name.clone() }))?;
    let Some(wait) = wait else { return Ok(ExitCode::SUCCESS) };
    let end = Instant::now() + wait;
    while client.ask(&Request::Host(HostRequest::Ready { interface: name.clone() }))? != Answer::Ready(true) {
        if Instant::now() >= end {
            let Answer::Interfaces(rows) = client.ask(&Request::ShowInterfaces {})? else {
                bail!("{name}: not ready")
            };
            if let Some(row) = rows.into_iter().find(|row| row.name == name && row.state != "up") {
                bail!("{name} cannot be used after {} s: {}", wait.as_secs_f64(), row.state);
            }
            bail!(
                "{name}: some address is still being tested after {} s: `siding show addresses` tells which",
                wait.as_secs_f64()
            );
        }
        thread::sleep(LOOK);
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn addresses(rows: Vec<AddressRow>) -> String {
    let mut table = Table::new(&["INTERFACE", "ADDRESS", "STATE", "ORIGIN", ">PREFERRED/S", ">VALID/S"]);
    for row in rows {
        let (preferred, valid) = (seconds(row.preferred_s), seconds(row.valid_s));
        table.row([row.interface, row.address, row.state, row.origin, preferred, valid]);
    }
    table.to_string()
}

pub(super) fn routers(rows: Vec<RouterRow>) -> String {
    let mut table =
        Table::new(&["INTERFACE", "ROUTER", "FOR", "PREFERENCE", ">LIFETIME/S", "USED", "NEIGHBOR"]);
    for row in rows {
        let used = if row.used { "yes" } else { "no" };
        table.row([
            row.interface,
            row.address.to_string(),
            row.prefix,
            row.preference,
            seconds(row.lifetime_s),
            used.into(),
            row.neighbor.unwrap_or_else(|| "-".into()),
        ]);
    }
    table.to_string()
}

pub(super) fn prefixes(rows: Vec<PrefixRow>) -> String {
    let mut table = Table::new(&["INTERFACE", "PREFIX", ">ON-LINK/S", "ADDRESS", ">PREFERRED/S", ">VALID/S"]);
    for row in rows {
        let none = || "-".to_string();
        let made = row.address.is_some();
        table.row([
            row.interface,
            row.prefix,
            if row.on_link { seconds(row.on_link_s) } else { none() },
            row.address.map_or_else(none, |address| address.to_string()),
            if made { seconds(row.preferred_s) } else { none() },
            if made { seconds(row.valid_s) } else { none() },
        ]);
    }
    table.to_string()
}

impl StartArgs {
    fn request(self) -> HostRequest {
        let autoconf = Autoconf {
            accept: self.accept,
            addresses: self.no_addresses.then_some(false),
            identifier: self.identifier,
            secret: self.secret.map(Secret),
            network: self.network,
            temporary: self.temporary,
            temporary_preferred_s: self.temporary_preferred,
            temporary_valid_s: self.temporary_valid,
            optimistic: self.optimistic,
            redirects: self.no_redirects.then_some(false),
            routes: self.no_routes.then_some(false),
            least_hop_limit: self.least_hop_limit,
            solicit: self.solicit,
            announce: self.announce,
            dad_transmits: self.dad_transmits,
            dad_nonce: self.no_dad_nonce.then_some(false),
            limits: Default::default(),
        };
        HostRequest::Start { interface: self.name, autoconf: Box::new(autoconf) }
    }
}

fn flush(client: &mut Client, request: HostRequest, what: &str) -> anyhow::Result<ExitCode> {
    if let Answer::Flushed(count) = client.ask(&Request::Host(request))? {
        output::line(format_args!("{count} {what} forgotten"))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// A lifetime for tables.
fn seconds(left: Option<u64>) -> String {
    left.map_or("forever".into(), |left| left.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_of_what_was_learned() {
        let router = RouterRow {
            interface: "eth0".into(),
            address: "fe80::1".parse().unwrap(),
            prefix: "::/0".into(),
            preference: "medium".into(),
            lifetime_s: Some(1800),
            used: true,
            neighbor: None,
        };
        assert_eq!(
            routers(vec![router]),
            "INTERFACE  ROUTER   FOR   PREFERENCE  LIFETIME/S  USED  NEIGHBOR\n\
             eth0       fe80::1  ::/0  medium            1800  yes   -\n"
        );
        let prefix = PrefixRow {
            interface: "eth0".into(),
            prefix: "2001:db8::/64".into(),
            on_link: true,
            on_link_s: None,
            address: None,
            preferred_s: None,
            valid_s: None,
        };
        assert_eq!(
            prefixes(vec![prefix]),
            "INTERFACE  PREFIX         ON-LINK/S  ADDRESS  PREFERRED/S  VALID/S\n\
             eth0       2001:db8::/64    forever  -                  -        -\n"
        );
    }
}
