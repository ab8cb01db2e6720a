//! Addresses that go take along the routes that came with them.

use std::collections::HashSet;

use siding_netisr::IfId;

use crate::config::Config;
use crate::event::Event;
use crate::ifnet::AddrOrigin;
use crate::route::Prefix;

/// Takes out the on-link routes that came with addresses which are there no more, of both families. Gives what is to be told
/// of those that stay: they are tried again when one of the interface's addresses goes the next time.
pub(crate) fn disconnect(config: &Config, on: IfId) -> Vec<Event> {
    let Some(interface) = config.interface(on) else { return Vec::new() };
    //= RFC 5942 s4 [5942-1]: an address that came by itself keeps nothing on-link.
    let manual = interface.addrs6.iter().filter(|own| own.origin == AddrOrigin::Manual);
    let keep: HashSet<_> = manual.map(|own| Prefix::covering(own.addr, own.prefix_len)).collect();
    let six = config.routing(interface).routes().rib6().disconnect(on, |prefix| keep.contains(prefix));
    let own = interface.addrs4.iter();
    let keep: HashSet<_> = own.map(|own| Prefix::covering(own.addr, own.prefix_len)).collect();
    let four = config.routing(interface).routes().rib4().disconnect(on, |prefix| keep.contains(prefix));
    let amiss = [six.err().map(|why| why.to_string()), four.err().map(|why| why.to_string())];
    let told = |why| Event::RouteAmiss {
        interface: on,
        what: format!("the prefix of an address that has gone stays on-link: {why}"),
    };
    amiss.into_iter().flatten().map(told).collect()
}
