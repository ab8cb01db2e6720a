//! Making VLANs.

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::EtherType;

use super::AttachError;
use crate::Stack;
use crate::config::DEEPEST;
use crate::ifnet::Interface;
use crate::ifnet::Kind;
use crate::ifnet::Vlan;

/// Why a VLAN was not made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VlanError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// The interface cannot be made.
    #[error(transparent)]
    Attach(#[from] AttachError),
    /// Out of range.
    #[error("{0} is no VLAN identifier: give 1 to 4094")]
    Vid(u16),
    /// Not a tag's type.
    #[error("a tag of type {0:#06x} is not a VLAN's: give 0x8100 (802.1Q) or 0x88a8 (802.1ad)")]
    EtherType(u16),
    /// It exists.
    #[error("VLAN {0} exists on that interface already")]
    Exists(u16),
    /// Too deep.
    #[error("interfaces may lie {DEEPEST} deep on each other, and this would be deeper")]
    TooDeep,
    /// It is a port.
    #[error("'{0}' is a port of a lagg or bridge: put the VLAN on that")]
    OnPort(String),
}

impl Stack {
    /// Makes a VLAN on an interface: a device, a lagg, or another VLAN. It has its parent's address and MTU.
    ///
    /// # Errors
    ///
    /// The VLAN exists or cannot be.
    pub fn add_vlan(&self, ctx: &mut Ctx<'_, Unlocked>, name: &str, vlan: Vlan) -> Result<IfId, VlanError> {
        if !(1..=4094).contains(&vlan.vid) {
            return Err(VlanError::Vid(vlan.vid));
        }
        if !matches!(vlan.ethertype, EtherType::VLAN | EtherType::QINQ) {
            return Err(VlanError::EtherType(vlan.ethertype.0));
        }
        let shared = &self.shared;
        self.change(ctx, |control, ctx, _told| {
            let config = shared.config.load();
            let parent = config.interface(vlan.parent).ok_or(VlanError::NoInterface(vlan.parent))?;
            if config.vlan(&vlan).is_some() {
                return Err(VlanError::Exists(vlan.vid));
            }
            config.no_port(parent).map_err(|_| VlanError::OnPort(parent.ifnet.name.clone()))?;
            // Nothing lies on it yet.
            if config.depth(vlan.parent) + 1 > DEEPEST {
                return Err(VlanError::TooDeep);
            }
            let ifnet = self.new_ifnet(ctx, control, name.to_string())?;
            let id = ifnet.id;
            let new = Interface::new(ifnet, parent.mac, parent.own_mtu, Kind::Vlan(vlan), shared.defaults());
            let interface = Interface { lies_on: Some(parent.ifnet.name.as_str().into()), ..new };
            shared.change(control, |config| config.put_new(interface));
            Ok(id)
        })
    }
}
