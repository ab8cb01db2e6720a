//! Routes and refusals, as somebody asks for them.

use siding_client::refuse::Refuse;
use siding_client::route::Route;
use siding_netisr::IfId;

use super::check;
use super::means::RouteConfig;
use super::setting::Refused;
use super::setting::Routed;
use super::table;
use crate::control::Answer;
use crate::control::Request;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;

impl Daemon {
    /// Adds a route.
    pub(crate) fn ask_route(&self, ctx: &mut Free<'_>, said: &Route) -> anyhow::Result<Answer> {
        let route = self.asked_route(said)?;
        self.add_route(ctx, &route)?;
        self.note(Routed(route));
        Ok(Answer::Done)
    }

    fn asked_route(&self, said: &Route) -> anyhow::Result<RouteConfig> {
        check::route(said.clone(), |via| self.on_link(via))
    }

    /// Adds all of these routes, and notes them. False if one of them cannot be, or shares flows with others: those that were
    /// added before it are there and not noted, so that each is to be added by itself, again.
    pub(crate) fn add_asked_routes(&self, ctx: &mut Free<'_>, requests: &[Request]) -> bool {
        let mut routes: Vec<(RouteConfig, IfId)> = Vec::with_capacity(requests.len());
        for request in requests {
            let Request::RouteAdd(said) = request else { return false };
            let Ok(route) = self.asked_route(said) else { return false };
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
    pub(crate) fn ask_no_route(&self, ctx: &mut Free<'_>, said: Route) -> anyhow::Result<Answer> {
        let Route { to, via, interface, .. } = said;
        let to = check::destination(to, via)?;
        let is_meant = |Routed(route): &Routed| {
            route.to == to
                && (via.is_none() || via == route.via)
                && interface.as_ref().is_none_or(|name| *name == route.interface)
        };
        let is_refused =
            |Refused(refused): &Refused| refused.to == to && via.is_none() && interface.is_none();
        let removed = self.remove_route(ctx, to, via, interface.as_deref());
        self.removed(removed, |there| there.is(is_meant) || there.is(is_refused)).map(|()| Answer::Done)
    }

    /// Refuses destinations.
    pub(crate) fn ask_refusal(&self, ctx: &mut Free<'_>, said: Refuse) -> anyhow::Result<Answer> {
        let refusal = check::refusal(said)?;
        self.add_refusal(ctx, &refusal)?;
        self.note(Refused(refusal));
        Ok(Answer::Done)
    }
}
