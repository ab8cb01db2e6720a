//! Joining and leaving IPv4 groups.
//!
//! A router has little to listen to: what its own protocols send to each other (VRRP's 224.0.0.18). Nobody is told of it: groups
//! of one link need no report (RFC 3376 s6), and others would need IGMP, which is not spoken.

use std::net::Ipv4Addr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::GroupError;
use crate::Stack;
use crate::ifnet::Joined4;

impl Stack {
    /// Joins an IPv4 group on an interface, once more if it has been joined: packets to it are taken until it was
    /// [left](Self::leave_group4) as often. As many different ones as there may be of IPv6 groups.
    ///
    /// # Errors
    ///
    /// It is no group, one too many, or the interface is a port.
    pub fn join_group4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        group: Ipv4Addr,
    ) -> Result<(), GroupError> {
        if !group.is_multicast() {
            return Err(GroupError::NotAGroup(group.into()));
        }
        self.change(ctx, |control, _ctx, _told| {
            let limit = control.mld.groups;
            self.shared.try_change(control, |config| {
                config.no_port(config.interface(on).ok_or(GroupError::NoInterface(on))?)?;
                let interface = config.interface_mut(on).ok_or(GroupError::NoInterface(on))?;
                let mut joined = interface.joined4.to_vec();
                match joined.iter().position(|joined| joined.group == group) {
                    Some(place) => joined[place].wanted_by += 1,
                    None if joined.len() >= limit => return Err(GroupError::Full(limit)),
                    None => joined.push(Joined4 { group, wanted_by: 1 }),
                }
                interface.joined4 = joined.into();
                Ok(())
            })
        })
    }

    /// Leaves a group that was joined by [`join_group4`](Self::join_group4): for good if nobody else has joined it.
    ///
    /// # Errors
    ///
    /// It was not.
    pub fn leave_group4(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        group: Ipv4Addr,
    ) -> Result<(), GroupError> {
        self.change(ctx, |control, _ctx, _told| {
            self.shared.try_change(control, |config| {
                let interface = config.interface_mut(on).ok_or(GroupError::NoInterface(on))?;
                let mut joined = interface.joined4.to_vec();
                let there = joined.iter_mut().find(|joined| joined.group == group);
                there.ok_or(GroupError::NotJoined(group.into()))?.wanted_by -= 1;
                joined.retain(|joined| joined.wanted_by > 0);
                interface.joined4 = joined.into();
                Ok(())
            })
        })
    }
}
