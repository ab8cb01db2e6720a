//! Interfaces that lie on others follow them.

use siding_netisr::IfId;
use siding_wire::Mac;
use siding_wire::ip6;

use super::Addr6;
use super::AddrOrigin;
use super::Interface;
use super::Kind;
use super::Use;
use crate::bridge;
use crate::config::Config;
use crate::nd6::dad::DadState;

/// Has everything that lies on something follow that: to be called on each configuration before it is published. A VLAN
/// has a link while frames pass below it, and a bridge while they pass through one of its ports. (A lagg follows its
/// ports under its own lock; see [`Stack::follow`](crate::Stack::follow).)
pub(crate) fn review(config: &mut Config) {
    let nested = config.interfaces().filter(|interface| !matches!(interface.kind, Kind::Device));
    let mut nested: Vec<(usize, IfId)> =
        nested.map(|interface| (config.depth(interface.ifnet.id), interface.ifnet.id)).collect();
    // What lies lower first: one look at each is enough.
    nested.sort_by_key(|(depth, _)| *depth);
    fit_mtu(
        config,
        config
            .interfaces()
            .filter(|device| matches!(device.kind, Kind::Device))
            .map(|device| device.ifnet.id)
            .collect(),
    );
    for (_, id) in nested {
        match config.interface(id).map(|interface| &interface.kind) {
            Some(Kind::Vlan(vlan)) => {
                let parent = config.interface(vlan.parent);
                let (present, link) =
                    (parent.is_some(), parent.is_some_and(|parent| parent.is_fit(Use::Frames)));
                let link_mtu = parent.map(|parent| parent.own_mtu);
                if let Some(vlan) = config.interface_mut(id) {
                    (vlan.present, vlan.link) = (present, link);
                    vlan.link_mtu = link_mtu.unwrap_or(vlan.link_mtu);
                }
            }
            Some(Kind::Bridge(_)) => bridge::follow(config, id),
            _ => {}
        }
        fit_mtu(config, vec![id]);
    }
    // Whoever had our MAC may not be on the next link.
    let begins_anew = |interface: &&Interface| {
        interface.stopped.is_some() && (!interface.is_fit(Use::Frames) || !interface.member_of.is_none())
    };
    let stopped: Vec<IfId> = config.interfaces().filter(begins_anew).map(|there| there.ifnet.id).collect();
    for id in stopped {
        config.interface_mut(id).into_iter().for_each(|interface| interface.stopped = None);
    }
}

/// Gives these interfaces the MTU that was asked for, as far as their links and what they lie on take it: it goes down
/// the nesting, and up again.
fn fit_mtu(config: &mut Config, ids: Vec<IfId>) {
    for id in ids {
        let below = config.below(id).into_iter().filter_map(|below| config.interface(below));
        let least = below.map(|below| below.own_mtu).min().unwrap_or(u16::MAX);
        let Some(interface) = config.interface_mut(id) else { continue };
        let own = interface.asked_mtu.unwrap_or(u16::MAX).min(interface.link_mtu).min(least);
        if own != interface.own_mtu {
            // What a router says of it is put over this again.
            (interface.own_mtu, interface.mtu) = (own, own);
        }
    }
}

/// The VLANs that lay on an interface of this name which has gone, and are to lie on `parent` now. Not one that `parent`
/// itself lies on, or that would make the nest deeper than it may be: it waits for another of the name.
pub(crate) fn adopt(config: &mut Config, parent: IfId) {
    let Some(new) = config.interface(parent) else { return };
    let (name, mac) = (new.ifnet.name.clone(), new.permanent_mac);
    let lost = |vlan: &&Interface| !vlan.present && vlan.lies_on.as_deref() == Some(name.as_str());
    let orphans: Vec<IfId> = config.interfaces().filter(lost).map(|vlan| vlan.ifnet.id).collect();
    for id in orphans {
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
