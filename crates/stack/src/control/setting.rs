//! An interface's MTU and hop limit.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use crate::Stack;
use crate::config::Config;
use crate::nd6::host;
use crate::nd6::router;

/// Why a setting was not made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// The MTU is one that the link or IPv6 does not have.
    #[error("an MTU of {got} bytes: give 1280 (the least for IPv6) to {most}, which is what the link takes")]
    Mtu {
        /// What was given.
        got: u16,
        /// What the link, or the interface that it lies on, takes.
        most: u16,
    },
    /// Nothing would leave its host.
    #[error("a hop limit of 0: give 1 to 255")]
    HopLimit,
}

impl Stack {
    /// Sets the MTU of an interface, in bytes: 1280 to what its link took when it was attached. Interfaces that lie on it
    /// follow where theirs is larger. A router's advertisement may lower it further.
    ///
    /// # Errors
    ///
    /// It is not attached, or the link does not take as much.
    pub fn set_mtu(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId, mtu: u16) -> Result<(), SettingError> {
        let config = self.config();
        let interface = config.interface(id).ok_or(SettingError::NoInterface(id))?;
        let below = config.below(id).into_iter().filter_map(|id| config.interface(id));
        let most = below.map(|below| below.own_mtu).chain([interface.link_mtu]).min();
        match most {
            Some(most) if !(1280..=most).contains(&mtu) => return Err(SettingError::Mtu { got: mtu, most }),
            _ => {}
        }
        let nest = config.nest(id);
        self.set(ctx, &nest, |config| {
            for other in &nest {
                if let Some(interface) = config.interface_mut(*other)
                    && (*other == id || interface.own_mtu > mtu)
                {
                    (interface.own_mtu, interface.mtu) = (mtu, mtu);
                }
            }
        });
        Ok(())
    }

    /// Sets the hop limit of what starts at an interface: 1 to 255. A router's advertisement may set another.
    ///
    /// # Errors
    ///
    /// It is not attached, or the hop limit is 0.
    pub fn set_hop_limit(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        id: IfId,
        hop_limit: u8,
    ) -> Result<(), SettingError> {
        self.config().interface(id).ok_or(SettingError::NoInterface(id))?;
        if hop_limit == 0 {
            return Err(SettingError::HopLimit);
        }
        self.set(ctx, &[id], |config| {
            if let Some(interface) = config.interface_mut(id) {
                (interface.own_hop_limit, interface.hop_limit) = (hop_limit, hop_limit);
            }
        });
        Ok(())
    }

    /// Changes settings of these interfaces; what routers say of their links is put over them again.
    fn set(&self, ctx: &mut Ctx<'_, Unlocked>, on: &[IfId], change: impl FnOnce(&mut Config)) {
        let (shared, now) = (&self.shared, self.now());
        let (mut control, mut ctx) = ctx.lock(&shared.control);
        shared.change(&mut control, change);
        let mut events = Vec::new();
        for id in on {
            events.extend(host::settle(shared, &mut control, &mut ctx, *id, now));
            router::renew(&mut ctx, shared, &mut control, *id, now);
        }
        drop(control);
        events.iter().for_each(|event| shared.observer.event(event));
        shared.netisr.call_workers();
    }
}
