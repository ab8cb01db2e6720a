//! Interfaces that lie on others follow them.

use std::sync::Arc;

use siding_netisr::IfId;
use siding_wire::Mac;
use siding_wire::ip6;

use super::Config;
use super::filter;
use crate::ifnet::Addr6;
use crate::ifnet::AddrOrigin;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Use;
use crate::nd6::dad::DadState;

/// Has everything that lies on something follow that: to be called on each configuration before it is published. A VLAN
/// has a link while frames pass below it, and a bridge while they pass through one of its ports. (A lagg follows its
/// ports under its own lock; see [`Stack::follow`](crate::Stack::follow).) What nothing was changed for since `before`,
/// which was published, is as it must be.
pub(crate) fn review(before: &Config, config: &mut Config) {
    let concerned = config.concerned(before).into_iter().filter(|id| config.interface(*id).is_some());
    let mut nested: Vec<(usize, IfId)> = concerned.map(|id| (config.depth(id), id)).collect();
    // What lies lower first: one look at each is enough.
    nested.sort_by_key(|(depth, id)| (*depth, id.slot()));
    for (_, id) in nested {
        match config.interface(id).map(|interface| &interface.kind) {
            Some(Kind::Vlan(vlan)) => follow_parent(config, id, vlan.parent),
            Some(Kind::Bridge(_)) => follow_ports(config, id),
            _ => {}
        }
        fit_mtu(config, id);
        // Whoever had our MAC may not be on the next link.
        let begins_anew = |there: &Interface| {
            there.stopped.is_some() && (!there.is_fit(Use::Frames) || !there.member_of.is_none())
        };
        if config.interface(id).is_some_and(begins_anew) {
            config.interface_mut(id).into_iter().for_each(|interface| interface.stopped = None);
        }
        let was_unfit = before.interface(id).is_some_and(|there| !there.is_fit(Use::Ip6));
        let comes = |there: &Interface| was_unfit && there.is_fit(Use::Ip6);
        if config.interface(id).is_some_and(comes) {
            config.interface_mut(id).into_iter().for_each(|interface| interface.comings += 1);
        }
    }
    follow_indexes(before, config);
}

/// A VLAN has a link while frames pass below it.
fn follow_parent(config: &mut Config, id: IfId, parent: IfId) {
    let parent = config.interface(parent);
    let (present, link) = (parent.is_some(), parent.is_some_and(|parent| parent.is_fit(Use::Frames)));
    let link_mtu = parent.map(|parent| parent.own_mtu);
    let Some(vlan) = config.interface(id) else { return };
    let link_mtu = link_mtu.unwrap_or(vlan.link_mtu);
    if (vlan.present, vlan.link, vlan.link_mtu) != (present, link, link_mtu)
        && let Some(vlan) = config.interface_mut(id)
    {
        (vlan.present, vlan.link, vlan.link_mtu) = (present, link, link_mtu);
    }
    if config.astray.contains(&id) == present {
        let astray = Arc::make_mut(&mut config.astray);
        if present {
            astray.remove(&id)
        } else {
            astray.insert(id)
        };
    }
}

/// A bridge loses the ports that have gone, frames pass through those whose link is there, and it has a link while they
/// pass through any.
fn follow_ports(config: &mut Config, id: IfId) {
    let Some(bridge) = config.interface(id) else { return };
    let Kind::Bridge(view) = &bridge.kind else { return };
    let is_port = |port| config.interface(port).is_some_and(|port| port.member_of == id);
    let fit = |port| config.interface(port).is_some_and(|port| port.is_fit(Use::Frames));
    let new = view.following(is_port, fit);
    let link = new.as_ref().unwrap_or(view).is_forwarding();
    if new.is_none() && bridge.link == link {
        return;
    }
    if let Some(bridge) = config.interface_mut(id) {
        bridge.link = link;
        if let Some(new) = new {
            bridge.kind = Kind::Bridge(Arc::new(new));
        }
    }
}

/// What is looked up follows the interfaces.
fn follow_indexes(before: &Config, config: &mut Config) {
    let (old, new) = (before.forwarding, config.forwarding);
    let changed: Vec<usize> = match old == new {
        true => config.changed(before).collect(),
        // Routers have addresses more. Each slot comes once: its addresses are counted.
        false => (0..config.places().max(before.places())).collect(),
    };
    // In place: an instance taken out would leave another in its stead, with tables of routes of its own.
    let Config { vrfs, interfaces, .. } = &mut *config;
    for slot in changed {
        let was = before.in_slot(slot).map(|was| (was, old));
        let is = interfaces.get(slot).map(|is| (is, new));
        let of = |there: (&Interface, bool)| there.0.vrf;
        match (was.map(of), is.map(of)) {
            (Some(one), Some(other)) if one != other => {
                vrfs.own(one, |owners| owners.follow(was, None));
                vrfs.own(other, |owners| owners.follow(None, is));
            }
            (one, other) => {
                let vrf = other.or(one).unwrap_or_default();
                vrfs.own(vrf, |owners| owners.follow(was, is));
            }
        }
    }
    filter::follow(before, config);
}

/// Whether looking at everything finds nothing that [looking at what has changed](review) has missed. For debug builds, and
/// for configurations that are small enough.
pub(crate) fn is_settled(config: &Config) -> bool {
    const SMALL: usize = 40;
    cfg!(any(siding_loom, siding_shuttle)) || config.interfaces().count() > SMALL || finds_nothing(config)
}

/// Apart, so that who does not look needs no room on its stack for what is looked at: checkers' threads have little.
#[inline(never)]
fn finds_nothing(config: &Config) -> bool {
    let mut again = config.clone();
    again.filters = Default::default();
    again.vrfs.forget_owners();
    review(&config.without_interfaces(), &mut again);
    let listed = |there: &Interface| {
        let found = match &there.kind {
            Kind::Vlan(vlan) => config.vlan(vlan),
            _ => Some(there),
        };
        let named = config.by_name(&there.ifnet.name);
        [found, named].iter().all(|it| it.is_some_and(|it| it.ifnet.id == there.ifnet.id))
    };
    again.changed(config).next().is_none()
        && again.vrfs.are_like(&config.vrfs)
        && again.filters.is_like(&config.filters)
        && again.astray == config.astray
        && config.interfaces().all(listed)
}

/// Gives an interface the MTU that was asked for, as far as its link and what it lies on take it: it goes down the nesting,
/// and up again.
fn fit_mtu(config: &mut Config, id: IfId) {
    let below = config.below(id).into_iter().filter_map(|below| config.interface(below));
    let least = below.map(|below| below.own_mtu).min().unwrap_or(u16::MAX);
    let Some(interface) = config.interface(id) else { return };
    let own = interface.asked_mtu.unwrap_or(u16::MAX).min(interface.link_mtu).min(least);
    if own != interface.own_mtu
        && let Some(interface) = config.interface_mut(id)
    {
        // What a router says of it is put over this again.
        (interface.own_mtu, interface.mtu) = (own, own);
    }
}

/// The VLANs that lay on an interface of this name which has gone, and are to lie on `parent` now. Not one that `parent`
/// itself lies on, or that would make the nest deeper than it may be: it waits for another of the name.
pub(crate) fn adopt(config: &mut Config, parent: IfId) {
    let Some(new) = config.interface(parent) else { return };
    let (name, mac) = (new.ifnet.name.clone(), new.permanent_mac);
    let is_lost = |vlan: &Interface| !vlan.present && vlan.lies_on.as_deref() == Some(name.as_str());
    let mut lost: Vec<IfId> = config.astray.iter().copied().collect();
    lost.retain(|id| config.interface(*id).is_some_and(is_lost));
    // The first slot's comes first.
    lost.sort_by_key(|id| id.slot());
    for id in lost {
        if config.nest(id).contains(&parent) || config.would_be_too_deep(id, parent) {
            continue;
        }
        config.move_vlan(id, parent);
        if let Some(old) = config.interface(id).map(|vlan| vlan.permanent_mac) {
            readdress(config, id, old, mac);
        }
    }
}

/// An interface has another address, and with it the VLANs on it that had the old one. Gives those that have it.
pub(crate) fn readdress(config: &mut Config, id: IfId, old: Mac, mac: Mac) -> Vec<IfId> {
    let has_old = |above: &IfId| config.interface(*above).is_some_and(|above| above.permanent_mac == old);
    let all: Vec<IfId> = config.with_vlans(&[id]).into_iter().filter(has_old).collect();
    for id in &all {
        config.interface_mut(*id).into_iter().for_each(|interface| take(interface, old, mac));
    }
    all
}

/// The interface has another address. A link-local address that the old one made is replaced. A port has both when it is
/// released.
fn take(interface: &mut Interface, old: Mac, mac: Mac) {
    interface.permanent_mac = mac;
    if interface.member_of.is_none() {
        // Whoever has the old one is in nobody's way any more.
        (interface.mac, interface.stopped) = (mac, None);
    }
    let made = |own: &Addr6| own.addr == ip6::eui64_link_local(old) && own.origin == AddrOrigin::Manual;
    let again = |own: &Addr6| match made(own) {
        true => {
            let state = if own.detect { DadState::Tentative } else { own.state };
            Addr6 { addr: ip6::eui64_link_local(mac), state, ..*own }
        }
        false => *own,
    };
    interface.addrs6 = interface.addrs6.iter().map(again).collect();
    interface.set_aside = interface.set_aside.iter().map(again).collect();
}

#[cfg(all(test, not(any(siding_loom, siding_shuttle))))]
mod tests {
    use std::net::Ipv6Addr;

    use siding_lockorder::Root;
    use siding_mbuf::Pool;
    use siding_mbuf::PoolConfig;
    use siding_netisr::Instant;
    use siding_wire::EtherType;

    use super::*;
    use crate::InterfaceSpec;
    use crate::Stack;
    use crate::StackConfig;
    use crate::ifnet::Vlan;
    use crate::ifnet::VrfId;
    use crate::routes::TABLES;

    #[test]
    fn what_is_counted_of_an_address_is_right_however_often_forwarding_is_changed() {
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let stack = Stack::new(StackConfig::new(pool, || Instant::from_nanos(1))).unwrap();
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let ctx = &mut entered.ctx();
        let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
        let id = stack.attach_absent(ctx, spec).unwrap();
        // That of all routers of the subnet, and given besides.
        let subnet = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 0);
        stack.add_address(ctx, id, (subnet.to_bits() | 1).to_be_bytes().into(), 64, false).unwrap();
        stack.add_anycast(ctx, id, subnet).unwrap();
        let shared =
            |stack: &Stack| stack.config().vrfs.get(VrfId::DEFAULT).owners.six(subnet).map(|six| six.shared);
        for forwarding in [true, false, true, true, false, false] {
            stack.set_forwarding(ctx, forwarding);
            assert_eq!(shared(&stack), Some(if forwarding { 1 } else { 2 }));
            let config = stack.config();
            assert_eq!(config.anycast6(subnet, id).map(|there| there.ifnet.id), Some(id));
            assert!(config.routing_at(id).is_shared6(subnet));
        }
    }

    #[test]
    fn of_many_interfaces_a_change_touches_those_that_it_is_about() {
        let pool = Pool::new(PoolConfig::default()).unwrap();
        let config = StackConfig { interfaces: 2000, ..StackConfig::new(pool, || Instant::from_nanos(1)) };
        let stack = Stack::new(config).unwrap();
        let mut root = Root::new();
        let mut entered = root.enter().unwrap();
        let ctx = &mut entered.ctx();
        let spec = InterfaceSpec { name: "em0".into(), mac: Mac([2, 0, 0, 0, 0, 1]), mtu: 1500 };
        let trunk = stack.attach_absent(ctx, spec).unwrap();
        let vlans: Vec<IfId> = (1..=1000)
            .map(|vid| {
                let vlan = Vlan { parent: trunk, vid, ethertype: EtherType::VLAN };
                stack.add_vlan(ctx, &format!("vlan{vid}"), vlan).unwrap()
            })
            .collect();
        let slots = |before: &Config| stack.config().changed(before).collect::<Vec<_>>();
        assert_eq!(TABLES.get(), 2, "the stack's, of each family: no change makes another");

        let before = stack.config();
        let addr = Ipv6Addr::new(0x2001, 0xdb8, 7, 0, 0, 0, 0, 1);
        stack.add_address(ctx, vlans[700], addr.into(), 64, false).unwrap();
        assert_eq!(slots(&before), [vlans[700].slot()]);
        let owner = |config: &Config| config.owner6(addr, IfId::NONE).map(|owner| owner.ifnet.id);
        assert_eq!((owner(&before), owner(&stack.config())), (None, Some(vlans[700])));
        assert_eq!(stack.config().routing_at(vlans[700]).holders(addr.into()), [vlans[700]]);

        // The trunk's link is that of all of them.
        let before = stack.config();
        stack.set_link(ctx, trunk, true).unwrap();
        assert_eq!(slots(&before), [trunk.slot()], "it is absent yet");
        let before = stack.config();
        stack.set_up(ctx, trunk, false).unwrap();
        let _ = stack.detach(ctx, trunk).unwrap();
        assert_eq!(slots(&before).len(), 1001);
        let now = stack.config();
        assert!(vlans.iter().all(|id| now.interface(*id).is_some_and(|vlan| !vlan.present)));
        assert_eq!((now.astray.len(), now.by_name("em0").is_none()), (1000, true));
        assert_eq!(now.by_name("vlan701").map(|vlan| vlan.ifnet.id), Some(vlans[700]));
    }
}
