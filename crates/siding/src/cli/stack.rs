//! `siding anycast`, `forwarding`, `learn-announced`, `examine-options` and `path-mtu`.

use std::net::Ipv6Addr;
use std::process::ExitCode;

use clap::Args as ClapArgs;
use clap::Subcommand;
use clap::ValueEnum;
use siding_output as output;

use super::ask::silent;
use super::show;
use super::what::ShowArgs;
use super::what::What;
use crate::control::Answer;
use crate::control::Client;
use crate::control::Request;
use crate::control::StackRequest;

/// A switch's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Debug, Subcommand)]
pub(super) enum PathMtuCommand {
    /// Show paths that take less than their first link. Example: siding path-mtu show dev eth0
    #[command(alias = "list")]
    Show(ShowArgs),
    /// Forget what paths take, so that large packets are tried at once. Example: siding path-mtu flush eth0
    Flush {
        /// Of paths that begin at this interface [default: of all]
        name: Option<String>,
        /// The same, as other commands have it
        #[arg(long, value_name = "NAME", conflicts_with = "name")]
        dev: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum AnycastCommand {
    /// Have an address that others have, too. Example: siding anycast add 2001:db8::a dev eth0
    Add(AnycastArgs),
    /// Have it no longer. Example: siding anycast del 2001:db8::a dev eth0
    Del(AnycastArgs),
}

#[derive(Debug, ClapArgs)]
pub(super) struct AnycastArgs {
    #[arg(value_name = "ADDR")]
    address: Ipv6Addr,
    /// On which interface
    #[arg(long, value_name = "NAME")]
    dev: String,
}

pub(super) fn anycast(client: &mut Client, command: AnycastCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        AnycastCommand::Add(AnycastArgs { address, dev }) => {
            StackRequest::AnycastAdd { interface: dev, address }
        }
        AnycastCommand::Del(AnycastArgs { address, dev }) => {
            StackRequest::AnycastDel { interface: dev, address }
        }
    };
    silent(client, &Request::Stack(request))
}

/// Asks for a switch to be set.
pub(super) fn switch(
    client: &mut Client,
    to: Switch,
    request: impl FnOnce(bool) -> StackRequest,
) -> anyhow::Result<ExitCode> {
    silent(client, &Request::Stack(request(to == Switch::On)))
}

pub(super) fn path_mtu(client: &mut Client, command: PathMtuCommand) -> anyhow::Result<ExitCode> {
    let (name, dev) = match command {
        PathMtuCommand::Show(args) => return show::by_noun(client, What::PathMtus, &args),
        PathMtuCommand::Flush { name, dev } => (name, dev),
    };
    let request = Request::Stack(StackRequest::FlushPathMtus { interface: name.or(dev) });
    if let Answer::Flushed(count) = client.ask(&request)? {
        output::line(format_args!("{count} path(s) forgotten"))?;
    }
    Ok(ExitCode::SUCCESS)
}
