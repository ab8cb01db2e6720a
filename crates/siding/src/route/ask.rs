//! Routes that are asked for: one, or a list of them at once.

use anyhow::bail;
use siding_netisr::IfId;

use super::setting::Routed;
use super::table;
use crate::config::RouteConfig;
use crate::config::refuse;
use crate::config::value;
use crate::control::Code;
use crate::control::Failure;
use crate::control::Request;
use crate::control::RouteRequest;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    /// The route that is meant.
    ///
    /// # Errors
    ///
    /// There can be none such.
    pub(crate) fn asked_route(&self, request: &RouteRequest) -> anyhow::Result<RouteConfig> {
        let RouteRequest { to, via, interface, metric, weight } = request;
        value::without_host_bits(to.0).map_err(invalid)?;
        via.map_or(Ok(()), |via| value::next_hop(via, to.0)).map_err(invalid)?;
        weight.map_or(Ok(()), |weight| value::weight(weight, via.is_some())).map_err(invalid)?;
        let interface = match (interface, via) {
            (Some(interface), _) => interface.clone(),
            (None, Some(via)) => self.on_link(*via)?,
            (None, None) => bail!("a route that leads nowhere: give `via ADDR`, `dev NAME` or both"),
        };
        let metric = metric.unwrap_or(refuse::METRIC);
        Ok(RouteConfig { to: to.0, via: *via, interface, metric, weight: *weight })
    }

    /// Adds all of these routes, and notes them. False if one of them cannot be, or shares flows with others: those that were
    /// added before it are there and not noted, so that each is to be added by itself, again.
    pub(crate) fn add_asked_routes(&self, ctx: &mut Free<'_>, requests: &[Request]) -> bool {
        let mut routes: Vec<(RouteConfig, IfId)> = Vec::with_capacity(requests.len());
        for request in requests {
            let Request::RouteAdd(request) = request else { return false };
            let Ok(route) = self.asked_route(request) else { return false };
            // Most are by the interface of the one before.
            let same = routes.last().filter(|(before, _)| before.interface == route.interface);
            let on = same.map(|(_, on)| *on).or_else(|| self.interface(&route.interface).ok());
            let Some(on) = on.filter(|_| route.weight.is_none()) else { return false };
            routes.push((route, on));
        }
        let is_added = table::add_these(&self.stack, ctx, &routes).is_ok();
        if is_added {
            self.note_all(routes.into_iter().map(|(route, _)| Routed(route).into()).collect());
        }
        is_added
    }
}

fn invalid(why: String) -> Failure {
    Failure::new(Code::Invalid, why)
}
