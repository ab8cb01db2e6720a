//! An interface's MTU, hop limit and times.

use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use crate::Stack;
use crate::config::Config;
use crate::ifnet::LEAST_MTU6;
use crate::nd6::host;
use crate::nd6::host::Hosts;
use crate::nd6::router;
use crate::stack::Change;

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
    /// Neighbours would be asked without end, or never again.
    #[error("a time of {0:?}: give 1 ms to an hour")]
    Time(Duration),
}

impl Stack {
    /// Sets the MTU of an interface, in bytes: 1280 to what its link takes. Interfaces that lie on it get as much of what
    /// was asked of them as it takes, and all of it again when it takes more. A router's advertisement may lower it further.
    ///
    /// # Errors
    ///
    /// It is not attached, or the link does not take as much.
    pub fn set_mtu(&self, ctx: &mut Ctx<'_, Unlocked>, id: IfId, mtu: u16) -> Result<(), SettingError> {
        self.change(ctx, |control, _ctx, _told| {
            let config = self.shared.config.load();
            let interface = config.interface(id).ok_or(SettingError::NoInterface(id))?;
            let below = config.below(id).into_iter().filter_map(|id| config.interface(id));
            let most = below.map(|below| below.own_mtu).chain([interface.link_mtu]).min().unwrap_or(u16::MAX);
            if !(LEAST_MTU6.min(most)..=most).contains(&mtu) {
                return Err(SettingError::Mtu { got: mtu, most });
            }
            self.shared.change(control, |config| {
                config.interface_mut(id).into_iter().for_each(|interface| interface.asked_mtu = Some(mtu));
            });
            Ok(())
        })
    }

    /// Says what MTU is wanted of an interface, `None` for as much as can be; it gets as much of that as its link and what it
    /// lies on take, now and later.
    ///
    /// # Errors
    ///
    /// It is not attached.
    pub fn ask_mtu(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        id: IfId,
        mtu: Option<u16>,
    ) -> Result<(), SettingError> {
        self.change(ctx, |control, _ctx, _told| {
            self.config().interface(id).ok_or(SettingError::NoInterface(id))?;
            self.shared.change(control, |config| {
                config.interface_mut(id).into_iter().for_each(|interface| interface.asked_mtu = mtu);
            });
            Ok(())
        })
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

    /// Sets how long a neighbour on an interface counts as reachable (BaseReachableTime), and the pause between two
    /// questions (RetransTimer); `None` is what the stack was built with. A router's advertisement may set others.
    ///
    /// # Errors
    ///
    /// It is not attached, or a time is out of its range.
    pub fn set_neighbor_times(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        id: IfId,
        reachable: Option<Duration>,
        retrans: Option<Duration>,
    ) -> Result<(), SettingError> {
        let range = Duration::from_millis(1)..=Duration::from_secs(3600);
        if let Some(time) = [reachable, retrans].into_iter().flatten().find(|time| !range.contains(time)) {
            return Err(SettingError::Time(time));
        }
        let (shared, now) = (&self.shared, self.now());
        self.change(ctx, |control, ctx, told| {
            shared.config.load().interface(id).ok_or(SettingError::NoInterface(id))?;
            let (usual, usual_dad) = (shared.nud, control.dad);
            let state = control.rooms.of::<Hosts>().get_mut(&id).ok_or(SettingError::NoInterface(id))?;
            state.times = host::Times { reachable, retrans };
            let reachable = reachable.unwrap_or(usual.reachable_time);
            let for_dad = retrans.unwrap_or(usual_dad.retrans_timer);
            state.host.set_times(reachable, for_dad, now, &mut control.chance);
            shared.change(control, |config| {
                if let Some(interface) = config.interface_mut(id) {
                    interface.nud.reachable_time = reachable;
                    interface.nud.retrans_timer = retrans.unwrap_or(usual.retrans_timer);
                }
            });
            told.extend(host::settle(&mut Change { shared, control, ctx, now }, id));
            Ok(())
        })
    }

    /// The times that an interface was given in place of the stack's: BaseReachableTime and RetransTimer.
    pub fn neighbor_times(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        id: IfId,
    ) -> (Option<Duration>, Option<Duration>) {
        let (mut control, _ctx) = ctx.lock(&self.shared.control);
        let times = control.rooms.of::<Hosts>().get(&id).map(|state| state.times).unwrap_or_default();
        (times.reachable, times.retrans)
    }

    /// Changes settings of these interfaces; what routers say of their links is put over them again.
    fn set(&self, ctx: &mut Ctx<'_, Unlocked>, on: &[IfId], change: impl FnOnce(&mut Config)) {
        let (shared, now) = (&self.shared, self.now());
        self.change_always(ctx, |control, ctx, told| {
            shared.change(control, change);
            let change = &mut Change { shared, control, ctx, now };
            for id in on {
                told.extend(host::settle(change, *id));
                router::renew(change, *id);
            }
        });
    }
}
