//! Interfaces that lie on others follow them.

use siding_netisr::IfId;

use super::Interface;
use super::Kind;
use super::Use;
use crate::bridge;
use crate::config::Config;

/// Has everything that lies on something follow that: to be called on each configuration before it is published. A VLAN
/// has a link while frames pass below it, and a bridge while they pass through one of its ports. (A lagg follows its
/// ports under its own lock; see [`Stack::follow`](crate::Stack::follow).)
pub(crate) fn review(config: &mut Config) {
    let nested = config.interfaces().filter(|interface| !matches!(interface.kind, Kind::Device));
    let mut nested: Vec<(usize, IfId)> =
        nested.map(|interface| (config.depth(interface.ifnet.id), interface.ifnet.id)).collect();
    // What lies lower first: one look at each is enough.
    nested.sort_by_key(|(depth, _)| *depth);
    for (_, id) in nested {
        match config.interface(id).map(|interface| &interface.kind) {
            Some(Kind::Vlan(vlan)) => {
                let link = config.interface(vlan.parent).is_some_and(|parent| parent.is_fit(Use::Frames));
                if let Some(vlan) = config.interface_mut(id) {
                    vlan.link = link;
                }
            }
            Some(Kind::Bridge(_)) => bridge::follow(config, id),
            _ => {}
        }
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
