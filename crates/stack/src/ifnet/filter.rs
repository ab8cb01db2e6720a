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

/// The filters that a configuration makes: found out by the first worker that asks, once for all.
#[derive(Debug, Default)]
pub(crate) struct Filters(OnceLock<HashMap<IfId, Arc<Filter>>>);

/// A copy of a configuration is made to be changed.
impl Clone for Filters {
    fn clone(&self) -> Filters {
        Filters::default()
    }
}

impl Filters {
    /// By the device's interface.
    pub(crate) fn of(&self, config: &Config) -> &HashMap<IfId, Arc<Filter>> {
        self.0.get_or_init(|| all(config))
    }
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
