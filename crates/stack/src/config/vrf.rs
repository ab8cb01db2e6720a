//! Routing instances: what belongs to one of them, and which there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::owners::Owners;
use crate::ifnet::VrfId;
use crate::routes::Routes;

/// A routing instance (virtual routing and forwarding). An address, a prefix or a route of one says nothing in another.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vrf {
    /// The routes, which are no part of the snapshot: they change in place, and all configurations have the same.
    pub(crate) routes: Routes,
    /// Whose our addresses are.
    pub(crate) owners: Owners,
}

/// How many there may be besides the default one.
pub const FURTHER_VRFS: usize = 63;

/// All of them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Vrfs {
    default: Vrf,
    others: Arc<BTreeMap<VrfId, Vrf>>,
}

impl Vrfs {
    /// The instance of this name. An interface's is there; for who asks for another one that is not, the default one.
    #[inline]
    pub(crate) fn get(&self, vrf: VrfId) -> &Vrf {
        if vrf == VrfId::DEFAULT { &self.default } else { self.others.get(&vrf).unwrap_or(&self.default) }
    }

    /// Whether there is one of this name.
    pub(crate) fn has(&self, vrf: VrfId) -> bool {
        vrf == VrfId::DEFAULT || self.others.contains_key(&vrf)
    }

    /// Changes whose the addresses of one are.
    pub(super) fn own(&mut self, vrf: VrfId, change: impl FnOnce(&mut Owners)) {
        if vrf == VrfId::DEFAULT {
            change(&mut self.default.owners);
        } else if let Some(vrf) = Arc::make_mut(&mut self.others).get_mut(&vrf) {
            change(&mut vrf.owners);
        }
    }

    /// One more, with nothing in it; `None` if there are as many as may be.
    pub(crate) fn add(&mut self) -> Option<VrfId> {
        if self.others.len() >= FURTHER_VRFS {
            return None;
        }
        let free = (1..).map(VrfId::number).find(|id| !self.others.contains_key(id))?;
        Arc::make_mut(&mut self.others).insert(free, Vrf::default());
        Some(free)
    }

    /// Takes one out that no interface belongs to.
    pub(crate) fn remove(&mut self, vrf: VrfId) {
        Arc::make_mut(&mut self.others).remove(&vrf);
    }

    /// As if no interface had any address.
    pub(super) fn forget_owners(&mut self) {
        self.default.owners = Owners::default();
        Arc::make_mut(&mut self.others).values_mut().for_each(|vrf| vrf.owners = Owners::default());
    }

    /// Whether the same addresses are the same interfaces' in both.
    pub(super) fn are_like(&self, other: &Vrfs) -> bool {
        self.iter().all(|(id, vrf)| vrf.owners.is_like(&other.get(id).owners))
    }

    /// All, by their names.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (VrfId, &Vrf)> {
        [(VrfId::DEFAULT, &self.default)].into_iter().chain(self.others.iter().map(|(id, vrf)| (*id, vrf)))
    }
}
