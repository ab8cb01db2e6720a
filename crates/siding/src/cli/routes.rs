//! `siding route`.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::process::ExitCode;

use anyhow::anyhow;
use clap::Arg;
use clap::ArgAction;
use clap::ArgMatches;
use clap::Args;
use clap::Command;
use clap::FromArgMatches;
use siding_client::refuse::Refuse;
use siding_client::route::Destination;
use siding_client::route::Route;
use siding_output as output;

use super::address;
use super::ask::silent;
use super::nouns::RouteCommand;
use super::show;
use super::what::What;
use crate::control::Answer;
use crate::control::Client;
use crate::control::OnError;
use crate::control::Request;
use crate::control::ShareRow;
use crate::control::WayRow;

/// Routes to one prefix, one for each router: what a route can be given, the way several times.
#[derive(Debug, Clone)]
pub(super) struct Routes {
    /// The first, with all that they share.
    pub(super) one: Route,
    via: Vec<IpAddr>,
    dev: Vec<String>,
    weight: Vec<u8>,
}

impl Args for Routes {
    fn augment_args(command: Command) -> Command {
        let many = |arg: Arg| arg.action(ArgAction::Append);
        let help = "The router; of several, one after the other, each flow keeps to one";
        Route::augment_args(command)
            .mut_arg("via", |arg| many(arg).help(help))
            .mut_arg("interface", many)
            .mut_arg("weight", many)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Routes::augment_args(command)
    }
}

impl FromArgMatches for Routes {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Routes, clap::Error> {
        fn all<T: Clone + Send + Sync + 'static>(matches: &ArgMatches, key: &str) -> Vec<T> {
            matches.get_many(key).into_iter().flatten().cloned().collect()
        }
        Ok(Routes {
            one: Route::from_arg_matches(matches)?,
            via: all(matches, "via"),
            dev: all(matches, "interface"),
            weight: all(matches, "weight"),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Routes::from_arg_matches(matches)?;
        Ok(())
    }
}

pub(super) fn route(client: &mut Client, command: RouteCommand) -> anyhow::Result<ExitCode> {
    let request = match command {
        RouteCommand::Show(args) => return show::by_noun(client, What::Routes, &args),
        RouteCommand::Get { address, json } => return way(client, address, json),
        RouteCommand::Add(args) => return add_routes(client, args),
        RouteCommand::Del(route) => {
            let route = default_of(client, route)?;
            Request::RouteDel(Route { to: address::destination(route.to, route.via)?, ..route })
        }
        RouteCommand::Refuse(refuse) => {
            let all = Some(Ipv6Addr::UNSPECIFIED.into());
            Request::RouteRefuse(Refuse { to: address::destination(refuse.to, all)?, ..refuse })
        }
    };
    silent(client, &request)
}

/// `siding route add`: all of them, up to the first that cannot be.
fn add_routes(client: &mut Client, args: Routes) -> anyhow::Result<ExitCode> {
    let requests = requests(args)?;
    if let [request] = &requests[..] {
        return silent(client, request);
    }
    for reply in client.batch(requests, OnError::Stop)? {
        reply?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The routes that are meant, one for each router.
fn requests(args: Routes) -> anyhow::Result<Vec<Request>> {
    let Routes { one, via, dev, weight } = args;
    let to = address::destination(one.to, via.first().copied())?;
    let many = via.len().max(1);
    for (what, given) in [("dev", dev.len()), ("weight", weight.len())] {
        if given != 0 && given != many {
            return Err(anyhow!("{many} routers and {given} of `{what}`: give one for each, or none"));
        }
    }
    if via.is_empty() && dev.is_empty() {
        return Err(anyhow!("a route that leads nowhere: give `via ADDR`, `dev NAME` or both"));
    }
    let is_shared = via.len() > 1 || !weight.is_empty();
    let route = |at: usize| {
        let weight = is_shared.then(|| weight.get(at).copied().unwrap_or(1));
        let (via, interface) = (via.get(at).copied(), dev.get(at).cloned());
        Request::RouteAdd(Route { to, via, interface, weight, ..one.clone() })
    };
    Ok((0..many).map(route).collect())
}

/// The default route that is meant: who has but one need not say of which IP version it is.
fn default_of(client: &mut Client, route: Route) -> anyhow::Result<Route> {
    if route.to != Destination::Default || route.via.is_some() {
        return Ok(route);
    }
    let Answer::Routes(rows) = client.ask(&Request::ShowRoutes {})? else { return Ok(route) };
    let has = |to: &str| rows.iter().any(|row| row.to == to && row.origin == "static");
    let all = match (has("::/0"), has("0.0.0.0/0")) {
        (true, false) => "::/0",
        (false, true) => "0.0.0.0/0",
        (false, false) => return Err(anyhow!("no default route: `siding show routes` lists what there is")),
        // Told what to write.
        (true, true) => "default",
    };
    Ok(Route { to: all.parse().map_err(anyhow::Error::msg)?, ..route })
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

#[cfg(test)]
mod tests {
    use super::*;

    /// As it is written.
    fn asked(via: &[&str], dev: &[&str], weight: &[u8]) -> Result<Vec<Route>, String> {
        let option = |key: &'static str, value: String| [key.to_owned(), value];
        let words =
            ["add".to_owned(), "default".to_owned()].into_iter().chain(option("--metric", "7".into()));
        let words = words.chain(via.iter().flat_map(|via| option("--via", (*via).to_owned())));
        let words = words.chain(dev.iter().flat_map(|dev| option("--dev", (*dev).to_owned())));
        let words = words.chain(weight.iter().flat_map(|weight| option("--weight", weight.to_string())));
        let matches = Routes::augment_args(Command::new("add")).get_matches_from(words);
        let requests = requests(Routes::from_arg_matches(&matches).unwrap());
        let requests = requests.map_err(|error| error.to_string())?;
        let route = |request| match request {
            Request::RouteAdd(route) => route,
            other => panic!("{other:?}"),
        };
        Ok(requests.into_iter().map(route).collect())
    }

    #[test]
    fn several_routers_are_a_route_each_with_a_share() {
        let told = |route: &Route| (route.via, route.interface.clone(), route.weight, route.metric);
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
