//! Router advertisements: begin and cease.

use std::time::Duration;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use crate::Stack;
use crate::config::OnPort;
use crate::nd6::router;
use crate::nd6::router::AdvertConfig;
use crate::nd6::router::AdvertError;
use crate::nd6::router::Advertiser;
use crate::nd6::router::Advertisers;
use crate::nd6::router::schedule::MAX_RA_DELAY_TIME;
use crate::stack::Change;

/// Why an interface does not begin, or cease, to advertise.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdvertiseError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// It is a port.
    #[error(transparent)]
    OnPort(#[from] OnPort),
    /// Hosts do not advertise.
    #[error("forwarding is off, and hosts do not advertise: switch it on (`forwarding = true` in [stack])")]
    NotRouter,
    /// It does not advertise.
    #[error("it does not advertise")]
    NotAdvertising,
    /// Something cannot be advertised.
    #[error(transparent)]
    Config(#[from] AdvertError),
}

impl Stack {
    /// Advertises us as a router on the interface (RFC 4861 s6.2), or something else than before. Advertisements go out
    /// as soon as there is a link-local address that is out of duplicate address detection.
    ///
    /// # Errors
    ///
    /// We do not forward, or something cannot be advertised; nothing has changed then.
    //= RFC 4861 s6.2.1 [4861-8]: AdvSendAdvertisements: nothing is advertised before this is called.
    pub fn start_advertising(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        advert: AdvertConfig,
    ) -> Result<(), AdvertiseError> {
        let shared = &self.shared;
        let now = self.now();
        self.change(ctx, |control, ctx, _told| {
            let config = shared.config.load();
            let interface = config.interface(on).ok_or(AdvertiseError::NoInterface(on))?;
            config.no_port(interface)?;
            //= RFC 4861 s6.2.4 [4861-16]: a host never advertises.
            if !config.forwarding {
                return Err(AdvertiseError::NotRouter);
            }
            advert.check(interface.mtu)?;
            let delay = control.chance.between(Duration::ZERO, MAX_RA_DELAY_TIME);
            match control.rooms.of::<Advertisers>().get_mut(&on) {
                Some(advertiser) => advertiser.replace(now, delay, advert),
                None => {
                    control.rooms.of::<Advertisers>().insert(on, Advertiser::new(now, delay, advert));
                }
            }
            if let Some(advertiser) = control.rooms.of::<Advertisers>().get_mut(&on) {
                advertiser.arm(ctx, shared, on);
            }
            shared.change(control, |config| {
                config.advertising.set(on.slot(), Some(on));
            });
            Ok(())
        })
    }

    /// Ceases to advertise on the interface: hosts are told by up to three last advertisements, 3 s apart, and it is
    /// gone from [`advertisers`](Self::advertisers) when the last has been dispatched.
    ///
    /// # Errors
    ///
    /// It does not advertise.
    pub fn stop_advertising(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId) -> Result<(), AdvertiseError> {
        let shared = &self.shared;
        let now = self.now();
        self.change(ctx, |control, ctx, _told| {
            shared.config.load().interface(on).ok_or(AdvertiseError::NoInterface(on))?;
            if !control.rooms.of::<Advertisers>().contains_key(&on) {
                return Err(AdvertiseError::NotAdvertising);
            }
            router::stop(&mut Change { shared, control, ctx, now }, on);
            Ok(())
        })
    }

    /// Has the interface take its leave by one last advertisement and then be silent, until
    /// [`set_up`](Self::set_up) or [`start_advertising`](Self::start_advertising): to be called before it is taken
    /// down or detached, when nothing can be sent any more. [`has_said_farewell`](Self::has_said_farewell) tells when
    /// that has left: at once, or when 3 s have passed since its last one to everybody (RFC 4861 s6.2.6).
    ///
    /// # Errors
    ///
    /// It does not advertise.
    pub fn suspend_advertising(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId) -> Result<(), AdvertiseError> {
        let shared = &self.shared;
        let now = self.now();
        self.change(ctx, |control, ctx, _told| {
            if !control.rooms.of::<Advertisers>().contains_key(&on) {
                return Err(AdvertiseError::NotAdvertising);
            }
            router::take_leave(&mut Change { shared, control, ctx, now }, on);
            Ok(())
        })
    }
}
