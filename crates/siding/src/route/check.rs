//! What may be said of routes and refusals, and what it means: the same for files and requests.

use std::collections::HashSet;
use std::net::IpAddr;

use siding_client::refuse::Refuse;
use siding_client::route::Destination;
use siding_client::route::Route;
use siding_drivers::kernel::Cidr;

use super::means::METRIC;
use super::means::RefuseConfig;
use super::means::RouteConfig;
use super::ways;
use crate::words::known::Known;
use crate::words::value;
use crate::words::wrong::Key;
use crate::words::wrong::Lacks;
use crate::words::wrong::Wrong;
use crate::words::wrong::of;

/// The prefix that a route leads to.
pub(crate) fn destination(to: Destination, via: Option<IpAddr>) -> Result<Cidr, Wrong> {
    let Some(prefix) = to.prefix(via) else {
        let message = "`default` of which IP version? Give `via`, or write ::/0 or 0.0.0.0/0".into();
        return Err(Wrong::of(vec![Key::Name("to")], message).lacking(Lacks::Key(&["via"])));
    };
    of("to", value::without_host_bits(prefix))?;
    Ok(prefix)
}

/// What a route means by the interface that `on_link` finds, where none is said, for its router.
pub(crate) fn route<E: From<Wrong>>(
    said: Route,
    on_link: impl FnOnce(IpAddr) -> Result<String, E>,
) -> Result<RouteConfig, E> {
    let Route { to, via, interface, metric, weight } = said;
    let to = destination(to, via)?;
    if let Some(via) = via {
        of("via", value::next_hop(via, to))?;
        of("via", value::not_itself(via, to))?;
    }
    if let Some(weight) = weight {
        of("weight", value::weight(weight, via.is_some()))?;
    }
    let interface = match (interface, via) {
        (Some(interface), _) => interface,
        (None, Some(via)) => on_link(via)?,
        (None, None) => {
            let message = "a route that leads nowhere: give `via`, `interface` or both".into();
            return Err(Wrong::of(Vec::new(), message).lacking(Lacks::Key(&["via", "interface"])).into());
        }
    };
    Ok(RouteConfig { to, via, interface, metric: metric.unwrap_or(METRIC), weight })
}

/// What a refusal means.
pub(crate) fn refusal(said: Refuse) -> Result<RefuseConfig, Wrong> {
    let Refuse { to, how, metric } = said;
    let to = destination(to, Some(IpAddr::from([0_u16; 8])))?;
    Ok(RefuseConfig { to, how, metric: metric.unwrap_or(METRIC) })
}

/// A file's routes.
pub(crate) fn routes(all: Vec<Route>, known: &Known<'_>) -> Result<Vec<RouteConfig>, Wrong> {
    let one = |said: Route| {
        if let Some(interface) = &said.interface {
            known.may_name(interface, "a route")?;
        }
        route(said, |via| match known.on_link(via) {
            Some(interface) => Ok(interface.to_owned()),
            None => {
                let message =
                    format!("no interface has a prefix with {via} in it: say which by `interface = \"...\"`");
                Err(Wrong::of(vec![Key::Name("via")], message).lacking(Lacks::Prefix(via)))
            }
        })
    };
    let all = all.into_iter().enumerate();
    let routes = all.map(|(at, said)| one(said).map_err(|wrong| wrong.in_section("route", at)));
    let routes = routes.collect::<Result<Vec<_>, _>>()?;
    ways::check(&routes, known)?;
    Ok(routes)
}

/// A file's refusals, each prefix once.
pub(crate) fn refusals(all: Vec<Refuse>) -> Result<Vec<RefuseConfig>, Wrong> {
    let mut there = HashSet::new();
    let mut one = |said| {
        let refusal = refusal(said)?;
        match there.insert(refusal.to) {
            true => Ok(refusal),
            false => of("to", Err(format!("{} is refused already: leave one out", refusal.to))),
        }
    };
    all.into_iter()
        .enumerate()
        .map(|(at, said)| one(said).map_err(|wrong| wrong.in_section("refuse", at)))
        .collect()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use siding_client::refuse::How;

    use crate::config::Config;

    #[test]
    fn what_is_refused_and_how() {
        let text = "[[refuse]]\nto = \"2001:db8::/32\"\n\
                    [[refuse]]\nto = \"192.0.2.0/24\"\nhow = \"prohibit\"\n\
                    [[refuse]]\nto = \"default\"\nhow = \"blackhole\"\nmetric = 5\n";
        let refusals = Config::parse(Path::new("host.toml"), text).unwrap().0.refusals;
        let told: Vec<_> = refusals.iter().map(|one| (one.to.to_string(), one.how, one.metric)).collect();
        let expected = [
            ("2001:db8::/32", How::Reject, 1024),
            ("192.0.2.0/24", How::Prohibit, 1024),
            ("::/0", How::Blackhole, 5),
        ];
        assert_eq!(told, expected.map(|(to, how, metric)| (to.to_owned(), how, metric)));
        for (to, expected) in [
            ("2001:db8::1/32", "host.toml:2:6: 2001:db8::1/32 has bits set behind its prefix"),
            ("192.0.2.1/24", "host.toml:2:6: 192.0.2.1/24 has bits set behind its prefix"),
        ] {
            let text = format!("[[refuse]]\nto = \"{to}\"\n");
            let error = Config::parse(Path::new("host.toml"), &text).unwrap_err().to_string();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
