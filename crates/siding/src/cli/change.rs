//! Changes to the running stack: `siding interface`, `address`, `route` and `neighbor`.

use std::process::ExitCode;

use siding_output as output;

use super::ask::seconds;
use super::ask::silent;
use super::host;
use super::nouns::AddressCommand;
use super::nouns::InterfaceCommand;
use super::nouns::NeighborCommand;
use super::show;
use super::what::What;
use crate::control::Answer;
use crate::control::Client;
use crate::control::Request;

pub(super) fn interface(client: &mut Client, command: InterfaceCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        InterfaceCommand::Show(args) => return show::by_noun(client, What::Interfaces, &args),
        InterfaceCommand::Attach(request) => Request::InterfaceAttach(request),
        InterfaceCommand::Detach { name, timeout } => {
            let timeout = seconds(timeout)?;
            let timeout_ms = u64::try_from(timeout.as_millis())?;
            let answer = client.ask(&Request::InterfaceDetach { name: name.clone(), timeout_ms })?;
            if let Answer::Detached { took_ns } = answer {
                output::line(format_args!("{name}: detached in {:.1} us", took_ns as f64 / 1e3))?;
            }
            return Ok(ExitCode::SUCCESS);
        }
        InterfaceCommand::Restart { name, wait } => {
            return host::restart(client, name, wait.map(seconds).transpose()?);
        }
        InterfaceCommand::Set(request) => Request::InterfaceTune(request),
        InterfaceCommand::Up { name } => Request::InterfaceSet { name, up: true },
        InterfaceCommand::Down { name } => Request::InterfaceSet { name, up: false },
    };
    silent(client, &request)
}

pub(super) fn address(client: &mut Client, command: AddressCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        AddressCommand::Show(args) => return show::by_noun(client, What::Addresses, &args),
        AddressCommand::Add(request) => Request::AddressAdd(request),
        AddressCommand::Del { address, dev } => Request::AddressDel { interface: dev, address },
        AddressCommand::Retry { which, dev } => Request::AddressRetry { interface: dev, address: which.0 },
    };
    silent(client, &request)
}

pub(super) fn neighbor(client: &mut Client, command: NeighborCommand) -> anyhow::Result<ExitCode> {
    match command {
        NeighborCommand::Show(args) => show::by_noun(client, What::Neighbors, &args),
        NeighborCommand::Add(neighbor) => silent(client, &Request::NeighborAdd(neighbor)),
        NeighborCommand::Flush { address, dev } => {
            if let Answer::Flushed(count) = client.ask(&Request::NeighborFlush { interface: dev, address })? {
                output::line(format_args!("{count} neighbor(s) forgotten"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}
