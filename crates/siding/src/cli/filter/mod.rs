//! `siding filter`: the firewall's rules and states.

mod capture;
mod check;
mod set;
mod states;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use anyhow::bail;
use clap::Subcommand;
use siding_output as output;

use self::set::SetCommand;
use self::states::Which;
use super::ask::silent;
use super::table::Table;
use crate::control::Answer;
use crate::control::Client;
use crate::control::FilterRequest;
use crate::control::FilterRow;
use crate::control::Request;

#[derive(Debug, Subcommand)]
pub(super) enum FilterCommand {
    /// Check files of rules together, and name every error; no daemon is needed. Example: siding filter check rules.nft
    Check {
        /// nftables' text, or its JSON as `nft -j list ruleset` prints it
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
        /// As JSON: the errors, or the rules as they were understood
        #[arg(long)]
        json: bool,
    },
    /// Run the rules of these files in place of those that run, if they have no error. Example: siding filter load rules.nft
    Load {
        /// nftables' text, or its JSON as `nft -j list ruleset` prints it
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Read again the files of rules that run. Example: siding filter reload
    Reload,
    /// The rules that run, and what came to the end of each. Example: siding filter show
    Show {
        /// As JSON, with all that is known
        #[arg(long)]
        json: bool,
    },
    /// States of flows. Example: siding filter states --address 2001:db8::1 --port 443
    States {
        #[command(flatten)]
        which: Which,
        /// How many are shown, at most 10000
        #[arg(long, value_name = "COUNT", default_value_t = 1000)]
        most: usize,
        /// As JSON, with all that is known
        #[arg(long)]
        json: bool,
    },
    /// What would become of a packet, and why. Example: siding filter test iif lan ip6 saddr 2001:db8::1 daddr 2001:db8:1::1 tcp dport 443
    Test(test::Test),
    /// Elements of the rules' sets, changed without a reload. Example: siding filter set list blocked
    #[command(subcommand)]
    Set(SetCommand),
    /// Forget states: flows begin anew, or are at an end. Example: siding filter flush --protocol udp
    Flush {
        #[command(flatten)]
        which: Which,
    },
}

/// Does it; the exit status of a check says whether the rules are in order.
///
/// # Errors
///
/// It could not be done: why.
pub(super) fn filter(
    connect: impl FnOnce() -> anyhow::Result<Client>,
    command: FilterCommand,
) -> anyhow::Result<ExitCode> {
    match command {
        FilterCommand::Check { files, json } => check::check(&files, json),
        FilterCommand::Load { files } => {
            // The daemon reads them, who may be elsewhere.
            let absolute = |file: PathBuf| {
                std::path::absolute(&file).with_context(|| format!("no file {}", file.display()))
            };
            let files = files.into_iter().map(absolute).collect::<Result<_, _>>()?;
            silent(&mut connect()?, &Request::Filter(FilterRequest::Load { files }))
        }
        FilterCommand::Reload => silent(&mut connect()?, &Request::Filter(FilterRequest::Reload {})),
        FilterCommand::Show { json } => {
            let Answer::Filter(row) = connect()?.ask(&Request::Filter(FilterRequest::Show {}))? else {
                bail!("the daemon answers something else: is it of another version?");
            };
            output::print(if json { serde_json::to_string_pretty(&row)? + "\n" } else { rules(row) })?;
            Ok(ExitCode::SUCCESS)
        }
        FilterCommand::States { which, most, json } => states::show(&mut connect()?, which, most, json),
        FilterCommand::Test(what) => test::test(connect, what),
        FilterCommand::Set(command) => set::set(&mut connect()?, command),
        FilterCommand::Flush { which } => states::flush(&mut connect()?, which),
    }
}

fn rules(row: FilterRow) -> String {
    let mut table = Table::new(&["TABLE", "CHAIN", ">HANDLE", ">PACKETS", ">BYTES", "RULE"]);
    for rule in row.rules {
        table.row([
            format!("{} {}", rule.family, rule.table),
            rule.chain,
            rule.handle.to_string(),
            rule.packets.to_string(),
            rule.bytes.to_string(),
            rule.rule,
        ]);
    }
    let mut text = table.to_string();
    if !row.counters.is_empty() {
        let mut table = Table::new(&["TABLE", "COUNTER", ">PACKETS", ">BYTES"]);
        for one in row.counters {
            let of = format!("{} {}", one.family, one.table);
            table.row([of, one.counter, one.packets.to_string(), one.bytes.to_string()]);
        }
        text += &format!("\n{table}");
    }
    text
}
