//! Devices that go and come back, and change, below interfaces that stay.
//!
//! An interface outlives its device: while that is not there, the interface is absent, and everything on it waits.
//! Addresses, routes, what is advertised, neighbours given by hand, VLANs, and being a port: all of it stays.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::Mac;

use super::AttachError;
use super::NoInterface;
use crate::Device;
use crate::Stack;
use crate::config;
use crate::stack::Altered;
use crate::stack::Moment;

impl Stack {
    /// The device of an interface has gone: workers give it up, and the interface is absent from now on. Frames that
    /// waited for it are dropped.
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn take_devices(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId) -> Result<(), NoInterface> {
        self.set_link(ctx, id, false)?;
        self.change(ctx, |control, _ctx, _told| {
            let shared = &self.shared;
            let ifnet = shared.config.load().interface(id).ok_or(NoInterface(id))?.ifnet.clone();
            let none = (0..shared.netisr.workers()).map(|_| None);
            shared.deliver_devices(&ifnet, none);
            shared.change(control, |config| {
                config.interface_mut(id).into_iter().for_each(|interface| interface.present = false);
            });
            Ok(())
        })
    }

    /// Tells that the link of an interface has come or gone. With the link go the neighbours that were learned on it and
    /// on what lies on it, unless the operator wants them kept
    /// ([`forget_on_link_loss`](crate::NeighborLimits::forget_on_link_loss)).
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn set_link(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId, link: bool) -> Result<(), NoInterface> {
        self.change(ctx, |control, ctx, told| {
            // Under the lock: the lagg that the interface is a port of may be going away at this moment, and what the
            // driver says must not go with it.
            let config = self.shared.config.load();
            let interface = config.interface(id).ok_or(NoInterface(id))?;
            if interface.link == link {
                return Ok(());
            }
            let mut moment = Moment { stack: self, control, ctx, interface, told };
            moment.alter(Altered::Link(link), &mut |config| {
                config.interface_mut(id).into_iter().for_each(|interface| interface.link = link);
            });
            Ok(())
        })
    }

    /// An interface has devices again, one for each worker. It has no link yet: [`set_link`](Self::set_link) tells.
    ///
    /// # Errors
    ///
    /// It is not attached, or there are too few or too many.
    pub fn give_devices(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        id: IfId,
        devices: Vec<Box<dyn Device>>,
    ) -> Result<(), AttachError> {
        let workers = self.shared.netisr.workers();
        if devices.len() != workers {
            return Err(AttachError::Queues { got: devices.len(), workers });
        }
        self.change(ctx, |control, _ctx, _told| {
            let shared = &self.shared;
            let config = shared.config.load();
            let interface = config.interface(id).ok_or(AttachError::Gone(id))?;
            shared.deliver_devices(&interface.ifnet, devices.into_iter().map(Some));
            shared.change(control, |config| {
                config.interface_mut(id).into_iter().for_each(|interface| interface.present = true);
            });
            Ok(())
        })
    }

    /// The device of an interface takes packets of another size from now on. What lies on the interface follows.
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn set_link_mtu(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId, mtu: u16) -> Result<(), NoInterface> {
        self.change(ctx, |control, _ctx, _told| {
            let shared = &self.shared;
            shared.config.load().interface(id).ok_or(NoInterface(id))?;
            shared.change(control, |config| {
                config.interface_mut(id).into_iter().for_each(|interface| interface.link_mtu = mtu);
            });
            Ok(())
        })
    }

    /// The device of an interface has another address from now on. VLANs that had the old one follow, link-local addresses
    /// that were made from it are made anew and tested, and everybody is told. A port keeps its lagg's address until it is
    /// released.
    ///
    /// # Errors
    ///
    /// It is not attached, or that is no address.
    pub fn set_mac(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId, mac: Mac) -> Result<(), AttachError> {
        if !mac.is_unicast() {
            return Err(AttachError::Mac(mac));
        }
        self.change(ctx, |control, ctx, told| {
            let shared = &self.shared;
            let config = shared.config.load();
            let interface = config.interface(id).ok_or(AttachError::Gone(id))?;
            let old = interface.permanent_mac;
            if old == mac {
                return Ok(());
            }
            let mut moved = Vec::new();
            shared.change(control, |config| moved = config::readdress(config, id, old, mac));
            for id in moved {
                let config = shared.config.load();
                let Some(interface) = config.interface(id).filter(|there| there.member_of.is_none()) else {
                    continue;
                };
                let mut moment = Moment { stack: self, control, ctx, interface, told };
                shared.protocols.iter().for_each(|protocol| protocol.readdressed(&mut moment));
            }
            Ok(())
        })
    }
}
