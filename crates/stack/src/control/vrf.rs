//! Routing instances (virtual routing and forwarding): which there are, and which interface belongs to which.
//!
//! An interface belongs to one, the default one at first. Addresses, prefixes and routes are of their interface's: what comes in
//! by it is for us, has a way, and is answered, by these alone. Not told apart are, as of yet: flows of the filter's that have the same
//! ends, and what is known of paths' MTUs.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::Belongings;
use super::belongings;
use crate::Stack;
use crate::config::FURTHER_VRFS;
use crate::config::OnPort;
use crate::ifnet::VrfId;

/// Why a routing instance was not added, given or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VrfError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// There is no such instance.
    #[error("there is no routing instance {0}: add one first")]
    NoVrf(VrfId),
    /// The limit is reached.
    #[error(
        "there are {0} routing instances besides the default one, the most that there may be: remove one first"
    )]
    Full(usize),
    /// The default one stays.
    #[error("the default routing instance cannot be removed")]
    Default,
    /// An interface belongs to it.
    #[error("'{1}' belongs to routing instance {0}: give it another one first")]
    InUse(VrfId, String),
    /// It is a port.
    #[error(transparent)]
    OnPort(#[from] OnPort),
    /// It has what is of the instance that it belongs to now.
    #[error(
        "'{0}' has {1}, which are of the routing instance that it belongs to: remove them first, and give them again"
    )]
    Has(String, Belongings),
}

impl Stack {
    /// Adds a routing instance, with no interface yet.
    ///
    /// # Errors
    ///
    /// There are as many as there may be.
    pub fn add_vrf(&self, ctx: &mut Ctx<'_, Unlocked>) -> Result<VrfId, VrfError> {
        self.change(ctx, |control, _ctx, _told| {
            let mut added = None;
            self.shared.try_change(control, |config| {
                added = config.vrfs.add();
                added.map(|_| ()).ok_or(VrfError::Full(FURTHER_VRFS))
            })?;
            added.ok_or(VrfError::Full(FURTHER_VRFS))
        })
    }

    /// Removes a routing instance, to which no interface belongs.
    ///
    /// # Errors
    ///
    /// One does, or there is no such instance.
    pub fn remove_vrf(&self, ctx: &mut Ctx<'_, Unlocked>, vrf: VrfId) -> Result<(), VrfError> {
        if vrf == VrfId::DEFAULT {
            return Err(VrfError::Default);
        }
        self.change(ctx, |control, _ctx, _told| {
            self.shared.try_change(control, |config| {
                if !config.vrfs.has(vrf) {
                    return Err(VrfError::NoVrf(vrf));
                }
                if let Some(there) = config.interfaces().find(|there| there.vrf == vrf) {
                    return Err(VrfError::InUse(vrf, there.ifnet.name.clone()));
                }
                config.vrfs.remove(vrf);
                Ok(())
            })
        })
    }

    /// Has an interface belong to a routing instance. What lies on it has one of its own. Link-local addresses and groups
    /// go along; all else that the interface has of another instance has to be given afterwards.
    ///
    /// # Errors
    ///
    /// It has addresses, routes, or listens to routers; it is a port; or there is no such instance.
    pub fn set_vrf(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId, vrf: VrfId) -> Result<(), VrfError> {
        self.change(ctx, |control, ctx, _told| {
            let config = self.shared.config.load();
            let interface = config.interface(on).ok_or(VrfError::NoInterface(on))?;
            config.no_port(interface)?;
            if !config.vrfs.has(vrf) {
                return Err(VrfError::NoVrf(vrf));
            }
            if interface.vrf == vrf {
                return Ok(());
            }
            let has = belongings(&config, control, ctx, interface, self.now());
            // These are of the link, whatever is routed over it.
            let of_link = |what: &Belongings| {
                matches!(what, Belongings::Neighbors | Belongings::Vlans | Belongings::Macs)
            };
            if let Some(what) = has.into_iter().find(|what| !of_link(what)) {
                return Err(VrfError::Has(interface.ifnet.name.clone(), what));
            }
            self.shared.change(control, |config| {
                config.interface_mut(on).into_iter().for_each(|interface| interface.vrf = vrf);
            });
            Ok(())
        })
    }
}
