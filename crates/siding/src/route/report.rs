//! Routes and refusals, and the way that packets take, as they are told.

use std::net::IpAddr;

use siding_netisr::IfId;
use siding_stack::Way;
use siding_stack::ifnet::Use;
use siding_stack::route::Address;
use siding_stack::route::Group;
use siding_stack::route::Hop;
use siding_stack::route::Origin;
use siding_stack::route::Refusal;
use siding_stack::route::Route;

use crate::control::RouteRow;
use crate::control::ShareRow;
use crate::control::WayRow;
use crate::state::daemon::Daemon;
use crate::state::daemon::name_in;

impl Daemon {
    pub(crate) fn show_routes(&self) -> Vec<RouteRow> {
        // One for all: a table may have a million of them.
        let config = self.stack.config();
        let mut rows: Vec<RouteRow> =
            self.stack.routes6().iter().map(|route| self::route(&config, route)).collect();
        rows.extend(self.stack.routes4().iter().map(|route| self::route(&config, route)));
        rows.extend(self.stack.refusals6().iter().map(refusal));
        rows.extend(self.stack.refusals4().iter().map(refusal));
        rows.extend(self.stack.multipaths6().iter().flat_map(|group| group_rows(&config, group)));
        rows.extend(self.stack.multipaths4().iter().flat_map(|group| group_rows(&config, group)));
        rows
    }

    pub(crate) fn show_way(&self, to: IpAddr) -> WayRow {
        let (config, what) = (self.stack.config(), if to.is_ipv4() { Use::Ip4 } else { Use::Ip6 });
        let share = |(interface, via, share): (IfId, IpAddr, usize)| ShareRow {
            via,
            interface: self.name_of(interface),
            share: share as u16,
            unfit: match config.interface(interface).map(|out| out.fit(what)) {
                Some(fit) => fit.err().map(|why| why.to_string()),
                None => Some("gone".to_owned()),
            },
        };
        let shared: Vec<ShareRow> = self.stack.sharing(to).into_iter().map(share).collect();
        match self.stack.way(to) {
            Way::Own(id) => WayRow { own: true, interface: Some(self.name_of(id)), ..WayRow::default() },
            Way::Refused(how) => WayRow { refuse: Some(how.to_string()), ..WayRow::default() },
            Way::Out { interface, next_hop, source } => WayRow {
                interface: Some(self.name_of(interface)),
                via: Some(next_hop),
                source,
                shared,
                ..WayRow::default()
            },
            Way::None => WayRow::default(),
        }
    }
}

fn route<A: Address + Into<std::net::IpAddr>>(
    config: &siding_stack::config::Config,
    route: &Route<A>,
) -> RouteRow {
    let origin = match route.origin {
        Origin::Connected => "connected",
        Origin::Static => "static",
        Origin::Redirect => "redirect",
        Origin::Advertised => "advertised",
    };
    let what = if A::MAX_LEN == 32 { Use::Ip4 } else { Use::Ip6 };
    let out = config.interface(route.interface);
    let unfit = out.and_then(|out| out.fit(what).err());
    RouteRow {
        to: route.prefix.to_string(),
        via: route.next_hop.map(Into::into),
        interface: name_in(config, route.interface),
        metric: route.metric,
        origin: origin.into(),
        weight: None,
        refuse: None,
        unfit: unfit.map(|why| why.to_string()),
    }
}

fn refusal<A: Address>(refused: &Route<A, Refusal>) -> RouteRow {
    RouteRow {
        to: refused.prefix.to_string(),
        via: None,
        interface: "-".into(),
        metric: refused.metric,
        origin: "static".into(),
        weight: None,
        refuse: Some(refused.interface.to_string()),
        unfit: None,
    }
}

/// Routers that share flows: a row for each.
fn group_rows<A: Address + Into<IpAddr>>(
    config: &siding_stack::config::Config,
    group: &Group<A>,
) -> Vec<RouteRow> {
    let row = |hop: &Hop<A>| RouteRow { weight: Some(hop.weight), ..route(config, &hop.route(group.prefix)) };
    group.hops.iter().map(row).collect()
}
