//! `siding forwarding`, `learn-announced`, `examine-options` and `path-mtu`.

use std::process::ExitCode;

use clap::Subcommand;
use clap::ValueEnum;

use super::change::silent;
use crate::control::Answer;
use crate::control::Client;
use crate::control::Request;
use crate::control::StackRequest;
use crate::output;

/// A switch's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Switch {
    On,
    Off,
}

#[derive(Debug, Subcommand)]
pub(super) enum PathMtuCommand {
    /// Forget what paths take, so that large packets are tried at once. Example: siding path-mtu flush eth0
    Flush {
        /// Of paths that begin at this interface [default: of all]
        dev: Option<String>,
    },
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
    let PathMtuCommand::Flush { dev } = command;
    let request = Request::Stack(StackRequest::FlushPathMtus { interface: dev });
    if let Answer::Flushed(count) = client.ask(&request)? {
        output::line(format_args!("{count} path(s) forgotten"))?;
    }
    Ok(ExitCode::SUCCESS)
}
