//! What each device must let in, for itself and for all that lies on it. Kept with the configuration, and changed with it: what a
//! change costs is the addresses and groups that come or go.

use std::sync::Arc;
use std::sync::OnceLock;

use siding_netisr::IfId;
use siding_wire::Mac;
use siding_wire::ether::multicast_mac;
use siding_wire::ether::multicast_mac4;
use siding_wire::lacp::SLOW_MAC;

use super::Config;
use super::marks::Quick;
use super::owners::differences;
use crate::device::Filter;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ports::lagg::Mode;
use crate::sharing::Shards;

/// What is asked of devices, by their interfaces.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filters(Shards<IfId, Wanted, Quick>);

/// What those that lie on a device ask of it, and how many of them.
#[derive(Debug, Clone, Default)]
struct Wanted {
    asks: Shards<Ask, u32, Quick>,
    /// What the device is told, found out by the first worker that looks, once for all and for all configurations in which it
    /// is the same.
    told: Arc<OnceLock<Arc<Filter>>>,
}

/// Something to let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Ask {
    Unicast(Mac),
    Multicast(Mac),
    Everything,
}

impl Filters {
    /// What a device is to let in; `None` if it is none.
    pub(crate) fn of(&self, device: IfId) -> Option<&Arc<Filter>> {
        self.0.get(&device).map(|wanted| wanted.told.get_or_init(|| Arc::new(wanted.filter())))
    }

    /// Whether both say the same.
    pub(super) fn is_like(&self, other: &Filters) -> bool {
        self.0.len() == other.0.len()
            && self.0.iter().all(|(device, _)| self.of(*device) == other.of(*device))
    }

    /// A device is asked for something by one more, or by one fewer.
    fn change(&mut self, device: IfId, ask: Ask, comes: bool) {
        self.0.change(device, |wanted| {
            let mut wanted = wanted.unwrap_or_default();
            let before = wanted.asks.len();
            wanted.asks.change(ask, |count| {
                let count = count.unwrap_or(0);
                let count = if comes { count + 1 } else { count.saturating_sub(1) };
                (count > 0).then_some(count)
            });
            if wanted.asks.len() != before {
                wanted.told = Arc::default();
            }
            (wanted.asks.len() > 0).then_some(wanted)
        });
    }
}

impl Wanted {
    fn filter(&self) -> Filter {
        let mut filter = Filter::default();
        for (ask, _) in self.asks.iter() {
            match ask {
                Ask::Unicast(mac) => filter.unicast.push(*mac),
                Ask::Multicast(mac) => filter.multicast.push(*mac),
                Ask::Everything => filter.promiscuous = true,
            }
        }
        filter.unicast.sort_unstable();
        filter.multicast.sort_unstable();
        filter
    }
}

/// Has devices be asked for what the interfaces in `config` need, which was `before`.
pub(super) fn follow(before: &Config, config: &mut Config) {
    let ids: Vec<IfId> = match before.forwarding == config.forwarding {
        // Where frames come in by depends on what an interface lies on.
        true => config.concerned(before),
        // Routers listen to a group more.
        false => config.all_with(before),
    };
    let mut filters = std::mem::take(&mut config.filters);
    for id in ids {
        let (was, is) = (before.interface(id), config.interface(id));
        let below = |config: &Config, there: Option<&Interface>| {
            there.map_or_else(Vec::new, |there| devices(config, there))
        };
        let (old, new) = (below(before, was), below(config, is));
        let same = match (was, is) {
            (Some(was), Some(is)) => asks_same((was, before.forwarding), (is, config.forwarding)),
            _ => false,
        };
        if same && old == new {
            continue;
        }
        let was = was.map_or_else(Vec::new, |there| asks(there, before.forwarding));
        let is = is.map_or_else(Vec::new, |there| asks(there, config.forwarding));
        let on = |devices: &[IfId], asks: &[Ask]| {
            let all = devices.iter().flat_map(|device| asks.iter().map(|ask| (*device, *ask)));
            sorted(all.collect())
        };
        for ((device, ask), comes) in differences(&on(&old, &was), &on(&new, &is)) {
            filters.change(device, ask, comes);
        }
    }
    for ((device, ask), comes) in differences(&late(before), &late(config)) {
        filters.change(device, ask, comes);
    }
    config.filters = filters;
}

fn sorted<T: Ord>(mut all: Vec<T>) -> Vec<T> {
    all.sort_unstable();
    all
}

/// Whether an interface, with whether packets are forwarded, plainly asks for the same as before.
fn asks_same((was, old): (&Interface, bool), (is, new): (&Interface, bool)) -> bool {
    old == new
        && (was.mac, was.permanent_mac) == (is.mac, is.permanent_mac)
        && Arc::ptr_eq(&was.further_macs, &is.further_macs)
        && of_kind(was) == of_kind(is)
        && Arc::ptr_eq(&was.addrs6, &is.addrs6)
        && Arc::ptr_eq(&was.anycast, &is.anycast)
        && Arc::ptr_eq(&was.joined, &is.joined)
        && Arc::ptr_eq(&was.joined4, &is.joined4)
}

/// What an interface asks of the devices below it, in order, each once.
fn asks(interface: &Interface, forwarding: bool) -> Vec<Ask> {
    // A port of a lagg is spoken to by its own address too: LACP's frames have it as their source.
    let macs = interface.macs().chain([interface.permanent_mac]).map(Ask::Unicast);
    let groups = interface.groups(forwarding).map(multicast_mac);
    let groups = groups.chain(interface.groups4().map(multicast_mac4)).map(Ask::Multicast);
    let mut all = sorted(macs.chain(groups).chain(of_kind(interface)).collect());
    all.dedup();
    all
}

fn of_kind(interface: &Interface) -> Option<Ask> {
    match &interface.kind {
        // What a bridge passes on is addressed to others.
        Kind::Bridge(_) => Some(Ask::Everything),
        Kind::Lagg(view) if view.lagg.settings.mode == Mode::Lacp => Some(Ask::Multicast(SLOW_MAC)),
        _ => None,
    }
}

/// The same of what is still taken as it was before a lagg changed.
fn late(config: &Config) -> Vec<(IfId, Ask)> {
    let (ports, macs) = config.late.all();
    let laggs = |(port, lagg)| config.interface(lagg).map(|lagg| lagg.macs().map(move |mac| (port, mac)));
    let mut all = Vec::new();
    for (id, mac) in ports.filter_map(laggs).flatten().chain(macs) {
        let below = config.interface(id).map(|interface| devices(config, interface));
        all.extend(below.into_iter().flatten().map(|device| (device, Ask::Unicast(mac))));
    }
    sorted(all)
}

/// The devices that an interface's frames come in by.
fn devices(config: &Config, interface: &Interface) -> Vec<IfId> {
    if matches!(interface.kind, Kind::Device) {
        return vec![interface.ifnet.id];
    }
    let below = config.below(interface.ifnet.id);
    below.into_iter().filter_map(|id| config.interface(id)).flat_map(|below| devices(config, below)).collect()
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use std::net::Ipv6Addr;

    use siding_lockorder::Root;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_netisr::Instant;
    use siding_wire::EtherType;
    use siding_wire::ip6::solicited_node;

    use super::*;
    use crate::InterfaceSpec;
    use crate::Stack;
    use crate::StackConfig;
    use crate::ifnet::Vlan;

    #[test]
    fn a_change_costs_the_device_that_it_is_about_and_only_when_it_is_to_let_in_something_else() {
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let config = StackConfig { interfaces: 64, ..StackConfig::new(pool, || Instant::from_nanos(1)) };
        let stack = Stack::new(config).unwrap();
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let ctx = &mut entered.ctx();
        let trunks = [1, 2].map(|number| {
            let mac = Mac([2, 0, 0, 0, 0, number]);
            let spec = InterfaceSpec { name: format!("em{number}"), mac, mtu: 1500 };
            stack.attach_absent(ctx, spec).unwrap()
        });
        let vlan = |parent, vid| Vlan { parent, vid, ethertype: EtherType::VLAN };
        let [one, two] =
            [1, 2].map(|vid| stack.add_vlan(ctx, &format!("v{vid}"), vlan(trunks[0], vid)).unwrap());
        let told = |stack: &Stack| trunks.map(|id| stack.config().filter(id).cloned().unwrap());
        let own = |subnet, host| Ipv6Addr::new(0x2001, 0xdb8, subnet, 0, 0, 0, 0, host);
        let before = told(&stack);
        stack.add_address(ctx, one, own(1, 1).into(), 64, false).unwrap();
        let after = told(&stack);
        assert!(Arc::ptr_eq(&before[1], &after[1]), "the other device is told nothing");
        let group = multicast_mac(solicited_node(own(1, 1)));
        assert!(!before[0].multicast.contains(&group) && after[0].multicast.contains(&group));
        // The same group for another, which stays when the first does not.
        stack.add_address(ctx, two, own(2, 1).into(), 64, false).unwrap();
        stack.remove_address(ctx, one, own(1, 1).into()).unwrap();
        assert!(Arc::ptr_eq(&after[0], &told(&stack)[0]));
        stack.remove_address(ctx, two, own(2, 1).into()).unwrap();
        assert_eq!(told(&stack), before);
        stack.set_forwarding(ctx, true);
        assert_eq!(
            told(&stack).map(|filter| filter.multicast.len()),
            before.clone().map(|filter| filter.multicast.len() + 1)
        );
        stack.set_forwarding(ctx, false);
        let _ = stack.detach(ctx, trunks[0]).unwrap();
        assert_eq!(
            (stack.config().filter(trunks[0]), told_of(&stack, trunks[1])),
            (None, Some(before[1].clone()))
        );
    }

    fn told_of(stack: &Stack, device: IfId) -> Option<Arc<Filter>> {
        stack.config().filter(device).cloned()
    }
}
