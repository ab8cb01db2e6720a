//! What an interface would bring along that a port of a lagg or bridge cannot have.

use std::fmt;

use siding_lockorder::Ctx;
use siding_netisr::Instant;

use crate::config::Config;
use crate::ifnet::Interface;
use crate::nd6::host::Accept;
use crate::nd6::host::Hosts;
use crate::ranks;
use crate::route::Origin;
use crate::stack::Control;

/// What an interface has that a port has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Belongings {
    /// Addresses, but for link-local ones: these wait until it is released.
    Addresses,
    /// Anycast addresses that it was given.
    Anycast,
    /// Routes by it that were given by hand.
    Routes,
    /// Neighbours that were given by hand.
    Neighbors,
    /// It listens to routers.
    Autoconf,
    /// It advertises us as a router.
    Advertisements,
    /// VLANs lie on it.
    Vlans,
    /// Further link-layer addresses.
    Macs,
}

/// What the interface has and a port has not; nothing if it may become one. Groups that it was told to join wait until it is
/// released, as its link-local address does.
pub(crate) fn belongings(
    config: &Config,
    control: &mut Control,
    ctx: &mut Ctx<'_, ranks::Control>,
    interface: &Interface,
    now: Instant,
) -> Vec<Belongings> {
    let id = interface.ifnet.id;
    let global = interface.addrs6.iter().any(|own| !siding_wire::ip6::is_link_local(own.addr));
    let host =
        control.rooms.of::<Hosts>().get(&id).is_some_and(|state| state.host.config().accept != Accept::Never);
    let has = [
        (Belongings::Addresses, global || !interface.addrs4.is_empty()),
        (Belongings::Anycast, !interface.anycast.is_empty()),
        (
            Belongings::Routes,
            config.routing(interface).routes().rib6().has_by(id, Origin::Static)
                || config.routing(interface).routes().rib4().has_by(id, Origin::Static),
        ),
        (
            Belongings::Neighbors,
            interface.ifnet.neighbors.report(ctx, now).iter().any(|neighbor| neighbor.fixed),
        ),
        (Belongings::Autoconf, host),
        (Belongings::Advertisements, config.is_advertising(id)),
        // It is no port yet, so nothing else lies on it.
        (Belongings::Vlans, config.nest(id).len() > 1),
        (Belongings::Macs, !interface.further_macs.is_empty()),
    ];
    has.into_iter().filter(|(_, has)| *has).map(|(what, _)| what).collect()
}

impl fmt::Display for Belongings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Belongings::Addresses => "addresses",
            Belongings::Anycast => "anycast addresses",
            Belongings::Routes => "routes",
            Belongings::Neighbors => "static neighbors",
            Belongings::Autoconf => "settings as a host",
            Belongings::Advertisements => "router advertisements",
            Belongings::Vlans => "VLANs",
            Belongings::Macs => "further MAC addresses",
        })
    }
}
