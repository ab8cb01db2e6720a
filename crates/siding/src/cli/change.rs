//! Changes to the running stack: `siding interface`, `address`, `route` and `neighbor`.

use std::net::IpAddr;
use std::process::ExitCode;

use anyhow::anyhow;
use siding_output as output;

use super::address;
use super::ask::seconds;
use super::ask::silent;
use super::host;
use super::nouns::AddressCommand;
use super::nouns::AttachArgs;
use super::nouns::InterfaceCommand;
use super::nouns::NeighborCommand;
use super::nouns::RefuseArgs;
use super::nouns::RouteAddArgs;
use super::nouns::RouteArgs;
use super::nouns::RouteCommand;
use super::show;
use super::what::What;
use crate::control::AddressRequest;
use crate::control::Answer;
use crate::control::AttachRequest;
use crate::control::Client;
use crate::control::OnError;
use crate::control::RefuseRequest;
use crate::control::Request;
use crate::control::RouteRequest;
use crate::control::ShareRow;
use crate::control::TuneRequest;
use crate::control::WayRow;

pub(super) fn interface(client: &mut Client, command: InterfaceCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        InterfaceCommand::Show(args) => return show::by_noun(client, What::Interfaces, &args),
        InterfaceCommand::Attach(args) => attach(args),
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
        InterfaceCommand::Set { name, mtu, hop_limit, reachable_time, retrans_timer } => {
            Request::InterfaceTune(TuneRequest {
                name,
                mtu,
                hop_limit,
                reachable_time_ms: reachable_time,
                retrans_timer_ms: retrans_timer,
            })
        }
        InterfaceCommand::Up { name } => Request::InterfaceSet { name, up: true },
        InterfaceCommand::Down { name } => Request::InterfaceSet { name, up: false },
    };
    silent(client, &request)
}

pub(super) fn address(client: &mut Client, command: AddressCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        AddressCommand::Show(args) => return show::by_noun(client, What::Addresses, &args),
        AddressCommand::Add { address, dev, no_dad, preferred, valid } => {
            Request::AddressAdd(AddressRequest {
                interface: dev,
                address,
                dad: !no_dad,
                preferred_s: preferred,
                valid_s: valid,
            })
        }
        AddressCommand::Del { address, dev } => Request::AddressDel { interface: dev, address },
        AddressCommand::Retry { which, dev } => Request::AddressRetry { interface: dev, address: which.0 },
    };
    silent(client, &request)
}

pub(super) fn route(client: &mut Client, command: RouteCommand) -> anyhow::Result<ExitCode> {
    let request = |args: RouteArgs| -> anyhow::Result<RouteRequest> {
        let RouteArgs { to, via, dev, metric } = args;
        let to = address::prefix(&to, via).map_err(anyhow::Error::msg)?;
        Ok(RouteRequest { to, via, interface: dev, metric, weight: None })
    };
    let request = match command {
        RouteCommand::Show(args) => return show::by_noun(client, What::Routes, &args),
        RouteCommand::Get { address, json } => return way(client, address, json),
        RouteCommand::Add(args) => return add_routes(client, args),
        RouteCommand::Del(args) => Request::RouteDel(request(default_of(client, args)?)?),
        RouteCommand::Refuse(RefuseArgs { to, how, metric }) => {
            let to = if to == "default" { "::/0" } else { &to };
            let to = address::prefix(to, None).map_err(anyhow::Error::msg)?;
            Request::RouteRefuse(RefuseRequest { to, how, metric })
        }
    };
    silent(client, &request)
}

/// `siding route add`: all of them, up to the first that cannot be.
fn add_routes(client: &mut Client, args: RouteAddArgs) -> anyhow::Result<ExitCode> {
    let requests = routes(args)?;
    if let [request] = &requests[..] {
        return silent(client, request);
    }
    for reply in client.batch(requests, OnError::Stop)? {
        reply?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The routes that are meant, one for each router.
fn routes(args: RouteAddArgs) -> anyhow::Result<Vec<Request>> {
    let RouteAddArgs { to, via, dev, weight, metric } = args;
    let to = address::prefix(&to, via.first().copied()).map_err(anyhow::Error::msg)?;
    let many = via.len().max(1);
    for (what, given) in [("dev", dev.len()), ("weight", weight.len())] {
        if given != 0 && given != many {
            return Err(anyhow!("{many} routers and {given} of `{what}`: give one for each, or none"));
        }
    }
    let is_shared = via.len() > 1 || !weight.is_empty();
    let route = |at: usize| {
        let weight = is_shared.then(|| weight.get(at).copied().unwrap_or(1));
        let (via, interface) = (via.get(at).copied(), dev.get(at).cloned());
        Request::RouteAdd(RouteRequest { to, via, interface, metric, weight })
    };
    Ok((0..many).map(route).collect())
}

/// The default route that is meant: who has but one need not say of which IP version it is.
fn default_of(client: &mut Client, args: RouteArgs) -> anyhow::Result<RouteArgs> {
    if args.to != "default" || args.via.is_some() {
        return Ok(args);
    }
    let Answer::Routes(rows) = client.ask(&Request::ShowRoutes {})? else { return Ok(args) };
    let has = |to: &str| rows.iter().any(|row| row.to == to && row.origin == "static");
    Ok(match (has("::/0"), has("0.0.0.0/0")) {
        (true, false) => RouteArgs { to: "::/0".into(), ..args },
        (false, true) => RouteArgs { to: "0.0.0.0/0".into(), ..args },
        (false, false) => return Err(anyhow!("no default route: `siding show routes` lists what there is")),
        // Told what to write.
        (true, true) => args,
    })
}

/// `siding route get`.
fn way(client: &mut Client, address: IpAddr, json: bool) -> anyhow::Result<ExitCode> {
    let Answer::Way(row) = client.ask(&Request::RouteGet { address })? else {
        return Err(anyhow!("the daemon answers something else: is it of another version?"));
    };
    match (json, &row) {
        (true, row) => output::print(serde_json::to_string_pretty(row)? + "\n")?,
        (false, WayRow { refuse: Some(how), .. }) => {
            output::line(format_args!("{address} is refused: {how}"))?
        }
        (false, WayRow { own: true, interface, .. }) => {
            output::line(format_args!("{address} is our own, on {}", interface.as_deref().unwrap_or("-")))?;
        }
        (false, WayRow { shared, source, .. }) if !shared.is_empty() => {
            // What starts here has it, whichever router its flow goes by.
            let source = source.map(|source| format!(" src {source}")).unwrap_or_default();
            for ShareRow { via, interface, share, unfit } in shared {
                let unfit = unfit.as_ref().map(|why| format!(" ({why})")).unwrap_or_default();
                output::line(format_args!(
                    "{address} via {via} dev {interface}{unfit}{source} share {share}/1024"
                ))?;
            }
        }
        (false, WayRow { interface: Some(interface), via, source, .. }) => {
            let via = via.filter(|via| *via != address).map(|via| format!(" via {via}")).unwrap_or_default();
            let source = source.map(|source| format!(" src {source}")).unwrap_or_default();
            output::line(format_args!("{address}{via} dev {interface}{source}"))?;
        }
        (false, WayRow { interface: None, .. }) => {
            return Err(anyhow!("no route to {address}: `siding route add` makes one"));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(super) fn neighbor(client: &mut Client, command: NeighborCommand) -> anyhow::Result<ExitCode> {
    match command {
        NeighborCommand::Show(args) => show::by_noun(client, What::Neighbors, &args),
        NeighborCommand::Add { address, lladdr, dev } => {
            silent(client, &Request::NeighborAdd { interface: dev, address, mac: lladdr })
        }
        NeighborCommand::Flush { address, dev } => {
            if let Answer::Flushed(count) = client.ask(&Request::NeighborFlush { interface: dev, address })? {
                output::line(format_args!("{count} neighbor(s) forgotten"))?;
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

fn attach(args: AttachArgs) -> Request {
    let AttachArgs { name, driver, device, mac, mtu, addresses, no_link_local, no_dad, point_to_point } =
        args;
    Request::InterfaceAttach(AttachRequest {
        name,
        driver,
        device,
        mac,
        mtu,
        addresses,
        link_local: !no_link_local,
        dad: !no_dad,
        point_to_point,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(via: &[&str], dev: &[&str], weight: &[u8]) -> Result<Vec<RouteRequest>, String> {
        let args = RouteAddArgs {
            to: "default".into(),
            via: via.iter().map(|via| via.parse().unwrap()).collect(),
            dev: dev.iter().map(|dev| (*dev).to_owned()).collect(),
            weight: weight.to_vec(),
            metric: Some(7),
        };
        let requests = routes(args).map_err(|error| error.to_string())?;
        let route = |request| match request {
            Request::RouteAdd(route) => route,
            other => panic!("{other:?}"),
        };
        Ok(requests.into_iter().map(route).collect())
    }

    #[test]
    fn several_routers_are_a_route_each_with_a_share() {
        let told = |route: &RouteRequest| (route.via, route.interface.clone(), route.weight, route.metric);
        let [one, two] = ["fe80::1", "fe80::2"].map(|via| via.parse().ok());
        let dev = |name: &str| Some(name.to_owned());
        let all = asked(&["fe80::1", "fe80::2"], &["a", "b"], &[3, 1]).unwrap();
        assert_eq!(
            all.iter().map(told).collect::<Vec<_>>(),
            [(one, dev("a"), Some(3), Some(7)), (two, dev("b"), Some(1), Some(7))]
        );
        let all = asked(&["fe80::1", "fe80::2"], &[], &[]).unwrap();
        assert_eq!(all.iter().map(|route| route.weight).collect::<Vec<_>>(), [Some(1), Some(1)]);
        assert_eq!(asked(&["fe80::1"], &["a"], &[]).unwrap()[0].weight, None, "alone");
        assert_eq!(asked(&["fe80::1"], &["a"], &[5]).unwrap()[0].weight, Some(5), "beside what is there");
        let error = asked(&["fe80::1", "fe80::2"], &["a"], &[]).unwrap_err();
        assert_eq!(error, "2 routers and 1 of `dev`: give one for each, or none");
    }
}
