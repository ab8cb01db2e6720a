//! Further link-layer addresses of interfaces, as a virtual router has one (RFC 9568 s7.3).

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::Mac;

use super::AddressError;
use crate::Stack;
use crate::config::OnPort;
use crate::ifnet::FURTHER_MACS;
use crate::ifnet::Interface;

/// Why a link-layer address was not added or removed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MacError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// It is a port.
    #[error(transparent)]
    OnPort(#[from] OnPort),
    /// Not an address that one station can have.
    #[error("{0} cannot be an interface's address: it is zero or a group's")]
    NotUnicast(Mac),
    /// The interface has it.
    #[error("{0} is an address of this interface already")]
    Has(Mac),
    /// The limit is reached.
    #[error("this interface has {0} further MAC addresses, the most that there may be: remove one first")]
    Full(usize),
    /// It was not added.
    #[error("{0} was not added to this interface; its own address is changed, not removed")]
    NotAdded(Mac),
    /// Others are told that an address is there.
    #[error("{1} is answered for by {0}: remove that address first")]
    InUse(Mac, IpAddr),
}

impl Stack {
    /// An interface takes frames for one more link-layer address, and its device and those below let them in. It sends from
    /// its own as before; what lies on it has none of this.
    ///
    /// # Errors
    ///
    /// The address cannot be, is there already, or is one too many, or the interface is a port.
    pub fn add_mac(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId, mac: Mac) -> Result<(), MacError> {
        if !mac.is_unicast() {
            return Err(MacError::NotUnicast(mac));
        }
        self.change(ctx, |control, _ctx, _told| {
            self.shared.try_change(control, |config| {
                config.no_port(config.interface(on).ok_or(MacError::NoInterface(on))?)?;
                let interface = config.interface_mut(on).ok_or(MacError::NoInterface(on))?;
                if interface.has_mac(mac) {
                    return Err(MacError::Has(mac));
                }
                let mut macs = interface.further_macs.to_vec();
                if macs.len() >= FURTHER_MACS {
                    return Err(MacError::Full(FURTHER_MACS));
                }
                macs.insert(macs.partition_point(|there| *there < mac), mac);
                interface.further_macs = macs.into();
                Ok(())
            })
        })
    }

    /// Takes back what was given by [`add_mac`](Self::add_mac): the next frame to it is somebody else's.
    ///
    /// # Errors
    ///
    /// It was not, or an address of the interface is answered for by it.
    pub fn remove_mac(&self, ctx: &mut Ctx<'_, Unlocked>, on: IfId, mac: Mac) -> Result<(), MacError> {
        self.change(ctx, |control, _ctx, _told| {
            self.shared.try_change(control, |config| {
                let interface = config.interface_mut(on).ok_or(MacError::NoInterface(on))?;
                let place = interface.further_macs.binary_search(&mac);
                place.map_err(|_| MacError::NotAdded(mac))?;
                if let Some(addr) = answered_by(interface, mac) {
                    return Err(MacError::InUse(mac, addr));
                }
                interface.further_macs =
                    interface.further_macs.iter().copied().filter(|there| *there != mac).collect();
                Ok(())
            })
        })
    }

    /// Adds an address of which others are told that it is at `mac`, which the interface has been [given](Self::add_mac): a
    /// virtual router's. Requests for it are answered so, questions that are asked from it say so, and so do announcements;
    /// all of these leave from the interface's own. It is not tested: others who share it may be there.
    ///
    /// # Errors
    ///
    /// As [`add_address`](Self::add_address), or the interface does not have `mac`.
    //= RFC 9568 s8.1.2, s8.2.2: the virtual router's link-layer address is told, and never the interface's own.
    pub fn add_virtual_address(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        (addr, prefix_len): (IpAddr, u8),
        mac: Mac,
    ) -> Result<(), AddressError> {
        self.put_address(ctx, on, (addr, prefix_len), &super::address::How::at(mac))
    }
}

/// The first address that others are told to be there.
fn answered_by(interface: &Interface, mac: Mac) -> Option<IpAddr> {
    let six = interface.addrs6.iter().filter(|own| own.mac == Some(mac)).map(|own| own.addr.into());
    let four = interface.addrs4.iter().filter(|own| own.mac == Some(mac)).map(|own| own.addr.into());
    six.chain(four).next()
}
