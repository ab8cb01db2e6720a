//! Addresses, as they are told.

use siding_netisr::Instant;
use siding_stack::ifnet::Addr6;
use siding_stack::ifnet::AddrOrigin;
use siding_stack::ifnet::Interface;

use crate::control::AddressRow;
use crate::state::daemon::Daemon;

impl Daemon {
    pub(crate) fn show_addresses(&self) -> Vec<AddressRow> {
        let (config, now) = (self.stack.config(), self.stack.now());
        let mut rows = Vec::new();
        for there in config.interfaces() {
            let interface = &there.ifnet.name;
            rows.extend(there.addrs6.iter().map(|own| AddressRow {
                address: format!("{}/{}", own.addr, own.prefix_len),
                interface: interface.clone(),
                state: own.status().into(),
                origin: origin_name(own.origin).into(),
                preferred_s: seconds_left(own.preferred_until, now),
                valid_s: seconds_left(own.valid_until, now),
            }));
            rows.extend(there.anycast.iter().map(|addr| AddressRow {
                address: addr.to_string(),
                interface: interface.clone(),
                state: "anycast".into(),
                origin: "manual".into(),
                preferred_s: None,
                valid_s: None,
            }));
            let given: std::collections::BTreeSet<_> = there.anycast.iter().copied().collect();
            let subnets = there.addrs6.iter().filter(|_| config.forwarding).filter_map(Addr6::subnet_router);
            let subnets: std::collections::BTreeSet<_> =
                subnets.filter(|addr| !given.contains(addr)).collect();
            rows.extend(subnets.into_iter().map(|addr| AddressRow {
                address: addr.to_string(),
                interface: interface.clone(),
                state: "anycast".into(),
                origin: "subnet-router".into(),
                preferred_s: None,
                valid_s: None,
            }));
            rows.extend(there.addrs4.iter().map(|own| AddressRow {
                address: format!("{}/{}", own.addr, own.prefix_len),
                interface: interface.clone(),
                state: own.state.to_string().to_lowercase(),
                origin: "manual".into(),
                preferred_s: None,
                valid_s: None,
            }));
        }
        rows
    }
}

/// The addresses of an interface, with the lengths of their prefixes.
pub(crate) fn addresses(there: &Interface) -> Vec<String> {
    let v6 = there.addrs6.iter().map(|own| format!("{}/{}", own.addr, own.prefix_len));
    v6.chain(there.addrs4.iter().map(|own| format!("{}/{}", own.addr, own.prefix_len))).collect()
}

fn origin_name(origin: AddrOrigin) -> &'static str {
    match origin {
        AddrOrigin::Manual => "manual",
        AddrOrigin::Autoconf => "autoconf",
        AddrOrigin::Temporary => "temporary",
    }
}

/// What is left of a lifetime; `None` is all of eternity.
fn seconds_left(until: Instant, now: Instant) -> Option<u64> {
    (until < Instant::NEVER).then(|| until.since(now).as_secs())
}
