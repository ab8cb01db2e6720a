//! What each device must let in, for itself and for all that lies on it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::OnceLock;

use siding_netisr::IfId;
use siding_wire::ether::multicast_mac;
use siding_wire::lacp::SLOW_MAC;

use super::Interface;
use super::Kind;
use crate::config::Config;
use crate::device::Filter;
use crate::lagg::Mode;

/// The filters that a configuration makes: found out by the first worker that asks, once for all, and for all configurations
/// that [are the same](is_same) to devices.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filters(Arc<OnceLock<HashMap<IfId, Arc<Filter>>>>);

impl Filters {
    /// By the device's interface.
    pub(crate) fn of(&self, config: &Config) -> &HashMap<IfId, Arc<Filter>> {
        self.0.get_or_init(|| all(config))
    }
}

/// Whether devices must let the same in as before.
pub(super) fn is_same(before: &Config, config: &Config) -> bool {
    let (old, new) = (before.forwarding, config.forwarding);
    let asks_same = |was: &Interface, is: &Interface| {
        let lies_same = match (&was.kind, &is.kind) {
            (Kind::Device, Kind::Device) => true,
            (Kind::Vlan(was), Kind::Vlan(is)) => was == is,
            (Kind::Lagg(was), Kind::Lagg(is)) => Arc::ptr_eq(was, is),
            (Kind::Bridge(was), Kind::Bridge(is)) => Arc::ptr_eq(was, is),
            _ => false,
        };
        let groups_same = Arc::ptr_eq(&was.addrs6, &is.addrs6)
            && Arc::ptr_eq(&was.anycast, &is.anycast)
            && Arc::ptr_eq(&was.joined, &is.joined);
        was.ifnet.id == is.ifnet.id
            && (was.mac, was.permanent_mac) == (is.mac, is.permanent_mac)
            && lies_same
            && (groups_same || was.groups(old).eq(is.groups(new)))
    };
    let same_in = |slot: usize| match (before.in_slot(slot), config.in_slot(slot)) {
        (None, None) => true,
        (Some(was), Some(is)) => asks_same(was, is),
        _ => false,
    };
    old == new && before.late.is_empty() && config.late.is_empty() && config.changed(before).all(same_in)
}

fn all(config: &Config) -> HashMap<IfId, Arc<Filter>> {
    let mut filters: HashMap<IfId, Filter> = HashMap::new();
    for interface in config.interfaces() {
        for device in devices(config, interface) {
            add(filters.entry(device).or_default(), interface, config.forwarding);
        }
    }
    let (ports, macs) = config.late.all();
    let lagg_mac = |(port, lagg)| Some((port, config.interface(lagg)?.mac));
    for (id, mac) in ports.filter_map(lagg_mac).chain(macs) {
        let below = config.interface(id).map(|interface| devices(config, interface));
        below.into_iter().flatten().for_each(|device| filters.entry(device).or_default().unicast.push(mac));
    }
    let sorted = |mut filter: Filter| {
        filter.unicast.sort();
        filter.unicast.dedup();
        filter.multicast.sort();
        filter.multicast.dedup();
        Arc::new(filter)
    };
    filters.into_iter().map(|(id, filter)| (id, sorted(filter))).collect()
}

/// The devices that an interface's frames come in by.
fn devices(config: &Config, interface: &Interface) -> Vec<IfId> {
    if matches!(interface.kind, Kind::Device) {
        return vec![interface.ifnet.id];
    }
    let below = config.below(interface.ifnet.id);
    below.into_iter().filter_map(|id| config.interface(id)).flat_map(|below| devices(config, below)).collect()
}

fn add(filter: &mut Filter, interface: &Interface, forwarding: bool) {
    filter.unicast.push(interface.mac);
    // A port of a lagg is spoken to by its own address too: LACP's frames have it as their source.
    filter.unicast.push(interface.permanent_mac);
    filter.multicast.extend(interface.groups(forwarding).map(multicast_mac));
    // What a bridge passes on is addressed to others.
    filter.promiscuous |= matches!(interface.kind, Kind::Bridge(_));
    if matches!(&interface.kind, Kind::Lagg(view) if view.lagg.settings.mode == Mode::Lacp) {
        filter.multicast.push(SLOW_MAC);
    }
}
