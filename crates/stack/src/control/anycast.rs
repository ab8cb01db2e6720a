//! Anycast addresses (RFC 4291 s2.6).

use std::net::Ipv6Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::AddressError;
use crate::Stack;
use crate::ends;

impl Stack {
    /// Gives an interface an anycast address: one that other nodes have, too. It is never a source, and never tested for
    /// duplicates. (A router has each subnet's own besides.)
    ///
    /// # Errors
    ///
    /// The address cannot be, the interface has it already, for itself or with others, or it is a port.
    //= RFC 4862 s5.4: no detection of duplicates for anycast addresses.
    pub fn add_anycast(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        addr: Ipv6Addr,
    ) -> Result<(), AddressError> {
        if !ends::is_host6(addr) {
            return Err(AddressError::NotUnicast(addr.into()));
        }
        let shared = &self.shared;
        self.change(ctx, |control, _ctx, _told| {
            shared.try_change(control, |config| {
                config.no_port(config.interface(on).ok_or(AddressError::NoInterface(on))?)?;
                let interface = config.interface_mut(on).ok_or(AddressError::NoInterface(on))?;
                if interface.addr6(addr).is_some() || interface.anycast.contains(&addr) {
                    return Err(AddressError::Assigned(addr.into()));
                }
                interface.anycast = interface.anycast.iter().copied().chain([addr]).collect();
                Ok(())
            })
        })
    }

    /// Takes an anycast address that was given back.
    ///
    /// # Errors
    ///
    /// It was not given.
    pub fn remove_anycast(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        addr: Ipv6Addr,
    ) -> Result<(), AddressError> {
        let shared = &self.shared;
        self.change(ctx, |control, _ctx, _told| {
            shared.try_change(control, |config| {
                let interface = config.interface_mut(on).ok_or(AddressError::NoInterface(on))?;
                if !interface.anycast.contains(&addr) {
                    return Err(AddressError::NotAssigned(addr.into()));
                }
                interface.anycast = interface.anycast.iter().copied().filter(|own| *own != addr).collect();
                Ok(())
            })
        })
    }
}
