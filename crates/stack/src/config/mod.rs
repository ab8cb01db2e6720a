//! The configuration that the data path reads: one immutable snapshot.

mod filter;
mod marks;
mod nest;
mod owners;
mod port;
mod routing;
mod vrf;

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::fmt;
use std::sync::Arc;

use siding_netisr::IfId;
use siding_wire::EtherType;

use crate::device::Filter;
use crate::flow_hash::FlowKey;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Late;
use crate::ifnet::Use;
use crate::ifnet::Vlan;
use crate::ip6::source::Policy;
use crate::sharing::Shards;
use crate::sharing::Slots;
use filter::Filters;
use marks::Quick;

pub(crate) use nest::is_settled;
pub(crate) use nest::readdress;
pub(crate) use nest::review;
pub use port::OnPort;
pub use routing::Routing;
pub use vrf::FURTHER_VRFS;
pub(crate) use vrf::Vrfs;

/// How deep interfaces may lie on each other.
pub const DEEPEST: usize = 4;

/// Everything the data path must know. Made anew for each change, of what has changed; the rest is the one before's.
#[derive(Clone, Default)]
pub struct Config {
    /// By the slot of their identity.
    interfaces: Slots<Interface>,
    names: Shards<Arc<str>, IfId, Quick>,
    /// VLANs by what they lie on, and by their numbers.
    vlans: Shards<(IfId, u16), Slots<IfId>, Quick>,
    /// VLANs that lie on nothing that is there.
    pub(crate) astray: Arc<BTreeSet<IfId>>,
    /// What belongs to one routing instance each.
    pub(crate) vrfs: Vrfs,
    /// What decides which flow goes by which of several routers.
    pub(crate) flow_key: FlowKey,
    pub(crate) filters: Filters,
    /// What still comes the old way after a change of a lagg.
    pub(crate) late: Late,
    /// Whether packets for others are forwarded, and advertisements carry the Router flag.
    pub forwarding: bool,
    /// Whether a router leaves out to note who announces itself (RFC 9131).
    pub ignore_announced: bool,
    /// Whether what is plain goes by express. Nothing else depends on it: it is there to be switched off.
    pub express: bool,
    /// Whether the hop-by-hop options of packets for others are looked at (RFC 8200 s4).
    pub examine_options: bool,
    /// Interfaces that advertise us as a router, by their slots.
    pub(crate) advertising: Slots<IfId>,
    /// The policy of source address selection (RFC 6724 s2.1).
    pub policy: Policy,
}

impl Config {
    /// Nothing is configured, but whether what is plain goes by express.
    pub(crate) fn empty(express: bool, flow_key: FlowKey) -> Config {
        Config { express, flow_key, ..Config::default() }
    }

    /// The interface, if it is there under this very identity.
    pub fn interface(&self, id: IfId) -> Option<&Interface> {
        self.interfaces.get(id.slot()).filter(|interface| interface.ifnet.id == id)
    }

    /// The interface in that slot, whatever its identity.
    pub(crate) fn in_slot(&self, slot: usize) -> Option<&Interface> {
        self.interfaces.get(slot)
    }

    /// How many slots may have an interface in them.
    pub(crate) fn places(&self) -> usize {
        self.interfaces.places()
    }

    /// All interfaces.
    pub fn interfaces(&self) -> impl Iterator<Item = &Interface> {
        self.interfaces.iter()
    }

    /// The slots whose interfaces have been changed since `before`, or have come or gone.
    pub(crate) fn changed<'a>(&'a self, before: &'a Config) -> impl Iterator<Item = usize> + 'a {
        self.interfaces.changed(&before.interfaces)
    }

    /// What has been changed since `before`, has come or has gone, and all that lies on it or lay there.
    pub(crate) fn concerned(&self, before: &Config) -> Vec<IfId> {
        let mut all = Vec::new();
        for slot in self.changed(before) {
            for there in [before.in_slot(slot), self.in_slot(slot)].into_iter().flatten() {
                all.extend([there.ifnet.id, there.member_of].into_iter().filter(|id| !id.is_none()));
            }
        }
        self.all_above(all)
    }

    /// All that are here or were there, each once.
    pub(crate) fn all_with(&self, before: &Config) -> Vec<IfId> {
        let here = self.interfaces().map(|there| there.ifnet.id);
        let gone = before.interfaces().map(|there| there.ifnet.id).filter(|id| self.interface(*id).is_none());
        here.chain(gone).collect()
    }

    /// The same with no interfaces.
    pub(crate) fn without_interfaces(&self) -> Config {
        Config { interfaces: Slots::default(), ..self.clone() }
    }

    /// The interface of this name.
    pub fn by_name(&self, name: &str) -> Option<&Interface> {
        self.names.get(name).and_then(|id| self.interface(*id))
    }

    /// The interface that gets the frames of `parent` with this tag.
    #[inline]
    pub(crate) fn vlan(&self, vlan: &Vlan) -> Option<&Interface> {
        let numbers = self.vlans.get(&(vlan.parent, vlan.ethertype.0))?;
        numbers.get(vlan.vid.into()).and_then(|id| self.interface(*id))
    }

    /// The VLANs that lie on an interface, in order of their slots.
    fn vlans_on(&self, below: IfId) -> Vec<IfId> {
        let numbers = [EtherType::VLAN, EtherType::QINQ].map(|tag| self.vlans.get(&(below, tag.0)));
        let mut all: Vec<IfId> = numbers.into_iter().flatten().flat_map(Slots::iter).copied().collect();
        all.sort_unstable_by_key(|id| id.slot());
        all
    }

    /// What the device of an interface is to let in; `None` if it has no device.
    pub fn filter(&self, device: IfId) -> Option<&Arc<Filter>> {
        self.filters.of(device)
    }

    /// What an interface lies on: the parent of a VLAN, the ports of a lagg or bridge.
    pub(crate) fn below(&self, id: IfId) -> Vec<IfId> {
        match self.interface(id).map(|interface| &interface.kind) {
            Some(Kind::Vlan(vlan)) => vec![vlan.parent],
            Some(Kind::Lagg(view)) => view.ports.iter().copied().collect(),
            Some(Kind::Bridge(view)) => view.ports.iter().map(|port| port.id).collect(),
            Some(Kind::Device) | None => Vec::new(),
        }
    }

    /// The lagg that an interface is a port of; [`IfId::NONE`] for none.
    pub(crate) fn lagg_of(&self, id: IfId) -> IfId {
        let above = self.interface(id).and_then(|port| self.interface(port.member_of));
        above.filter(|above| matches!(above.kind, Kind::Lagg(_))).map_or(IfId::NONE, |lagg| lagg.ifnet.id)
    }

    /// The interfaces, and the VLANs that lie on them and go where they go.
    pub(crate) fn with_vlans(&self, interfaces: &[IfId]) -> Vec<IfId> {
        let mut all = interfaces.to_vec();
        let mut known: HashSet<IfId, Quick> = all.iter().copied().collect();
        let mut at = 0;
        while at < all.len() {
            all.extend(self.vlans_on(all[at]).into_iter().filter(|id| known.insert(*id)));
            at += 1;
        }
        all
    }

    /// The interface and everything that lies on it, nearest first, each once.
    pub(crate) fn nest(&self, id: IfId) -> Vec<IfId> {
        self.all_above(vec![id])
    }

    /// These interfaces and everything that lies on them, each once.
    fn all_above(&self, mut nest: Vec<IfId>) -> Vec<IfId> {
        let mut known: HashSet<IfId, Quick> = HashSet::default();
        nest.retain(|id| known.insert(*id));
        let mut at = 0;
        // Nothing lies on itself (refused when it is configured), so this ends.
        while at < nest.len() {
            let above = self.interface(nest[at]).map(|port| port.member_of).filter(|above| !above.is_none());
            // Two ports of one bridge may lie on the same device.
            nest.extend(self.vlans_on(nest[at]).into_iter().chain(above).filter(|id| known.insert(*id)));
            at += 1;
        }
        nest
    }

    /// How many interfaces deep `id` lies on others.
    pub(crate) fn depth(&self, id: IfId) -> usize {
        self.below(id).into_iter().map(|below| 1 + self.depth(below)).max().unwrap_or(0)
    }

    /// Whether interfaces would lie deeper on each other than they may, were `id`, with all that lies on it, to lie on
    /// `below` as well. The one must not lie on the other.
    pub(crate) fn would_be_too_deep(&self, id: IfId, below: IfId) -> bool {
        let deepest = self.nest(id).into_iter().map(|above| self.depth(above)).max().unwrap_or(0);
        let height = deepest.saturating_sub(self.depth(id));
        self.depth(below) + 1 + height > DEEPEST
    }

    /// Whether the interface advertises us as a router.
    pub fn is_advertising(&self, id: IfId) -> bool {
        self.advertising.get(id.slot()) == Some(&id)
    }

    fn usable(&self, id: IfId, what: Use) -> Option<&Interface> {
        self.interface(id).filter(|out| out.is_fit(what))
    }

    /// Puts a new interface in; what lay on one of its name that has gone lies on it from now on.
    pub(crate) fn put_new(&mut self, interface: Interface) {
        let id = interface.ifnet.id;
        self.put(interface);
        nest::adopt(self, id);
    }

    /// Has a VLAN lie on another interface.
    pub(crate) fn move_vlan(&mut self, id: IfId, parent: IfId) {
        let Some(interface) = self.interface_mut(id) else { return };
        if let Kind::Vlan(vlan) = &mut interface.kind {
            let before = *vlan;
            vlan.parent = parent;
            let vlan = *vlan;
            self.unlist(&before, id);
            self.list(&vlan, id);
        }
    }

    fn put(&mut self, interface: Interface) {
        let id = interface.ifnet.id;
        if let Kind::Vlan(vlan) = &interface.kind {
            self.list(vlan, id);
        }
        self.names.change(interface.ifnet.name.as_str().into(), |_| Some(id));
        self.interfaces.set(id.slot(), Some(interface));
    }

    pub(crate) fn remove(&mut self, id: IfId) {
        if self.interface(id).is_none() {
            return;
        }
        if let Some(gone) = self.interfaces.set(id.slot(), None) {
            if let Kind::Vlan(vlan) = &gone.kind {
                self.unlist(vlan, id);
            }
            self.names.change(gone.ifnet.name.as_str().into(), |there| there.filter(|there| *there != id));
            self.late.forget(id);
            if self.astray.contains(&id) {
                Arc::make_mut(&mut self.astray).remove(&id);
            }
        }
    }

    fn list(&mut self, vlan: &Vlan, id: IfId) {
        self.vlans.change((vlan.parent, vlan.ethertype.0), |numbers| {
            let mut numbers = numbers.unwrap_or_default();
            numbers.set(vlan.vid.into(), Some(id));
            Some(numbers)
        });
    }

    fn unlist(&mut self, vlan: &Vlan, id: IfId) {
        self.vlans.change((vlan.parent, vlan.ethertype.0), |numbers| {
            let mut numbers = numbers?;
            if numbers.get(vlan.vid.into()) == Some(&id) {
                numbers.set(vlan.vid.into(), None);
            }
            Some(numbers).filter(|numbers| !numbers.is_empty())
        });
    }

    pub(crate) fn interface_mut(&mut self, id: IfId) -> Option<&mut Interface> {
        self.interface(id)?;
        self.interfaces.get_mut(id.slot())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("interfaces", &self.interfaces().collect::<Vec<_>>())
            .field("forwarding", &self.forwarding)
            .finish_non_exhaustive()
    }
}
