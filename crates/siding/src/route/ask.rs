//! Routes and refusals, as somebody asks for them.

use anyhow::bail;
use siding_netisr::IfId;

use super::setting::Refused;
use super::setting::Routed;
use super::table;
use crate::config::RouteConfig;
use crate::config::refuse::METRIC;
use crate::config::refuse::RefuseConfig;
use crate::config::value;
use crate::control::Answer;
use crate::control::Code;
use crate::control::Failure;
use crate::control::RefuseRequest;
use crate::control::Request;
use crate::control::RouteRequest;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    /// Adds a route.
    pub(crate) fn ask_route(&self, ctx: &mut Free<'_>, request: &RouteRequest) -> anyhow::Result<Answer> {
        let route = self.asked_route(request)?;
        self.add_route(ctx, &route)?;
        self.note(Routed(route));
        Ok(Answer::Done)
    }

    /// The route that is meant.
    ///
    /// # Errors
    ///
    /// There can be none such.
    fn asked_route(&self, request: &RouteRequest) -> anyhow::Result<RouteConfig> {
        let RouteRequest { to, via, interface, metric, weight } = request;
        value::without_host_bits(to.0).map_err(invalid)?;
        via.map_or(Ok(()), |via| value::next_hop(via, to.0)).map_err(invalid)?;
        weight.map_or(Ok(()), |weight| value::weight(weight, via.is_some())).map_err(invalid)?;
        let interface = match (interface, via) {
            (Some(interface), _) => interface.clone(),
            (None, Some(via)) => self.on_link(*via)?,
            (None, None) => bail!("a route that leads nowhere: give `via ADDR`, `dev NAME` or both"),
        };
        let metric = metric.unwrap_or(METRIC);
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

    /// Removes routes, or a refusal.
    pub(crate) fn ask_no_route(&self, ctx: &mut Free<'_>, request: &RouteRequest) -> anyhow::Result<Answer> {
        let RouteRequest { to, via, interface, .. } = request;
        let is_meant = |Routed(route): &Routed| {
            route.to == to.0
                && (via.is_none() || *via == route.via)
                && interface.as_ref().is_none_or(|name| *name == route.interface)
        };
        let is_refused =
            |Refused(refused): &Refused| refused.to == to.0 && via.is_none() && interface.is_none();
        let removed = self.remove_route(ctx, to.0, *via, interface.as_deref());
        self.removed(removed, |there| there.is(is_meant) || there.is(is_refused)).map(|()| Answer::Done)
    }

    /// Refuses destinations.
    pub(crate) fn ask_refusal(&self, ctx: &mut Free<'_>, request: RefuseRequest) -> anyhow::Result<Answer> {
        let RefuseRequest { to, how, metric } = request;
        let refusal = RefuseConfig { to: to.0, how, metric: metric.unwrap_or(METRIC) };
        self.add_refusal(ctx, &refusal)?;
        self.note(Refused(refusal));
        Ok(Answer::Done)
    }
}

fn invalid(why: String) -> Failure {
    Failure::new(Code::Invalid, why)
}
