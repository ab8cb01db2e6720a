//! Joining and leaving multicast groups.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;
use siding_wire::ip6;
use siding_wire::ip6::Scope;

use crate::Stack;
use crate::config::OnPort;

/// Why a group was not joined or left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// It is a port.
    #[error(transparent)]
    OnPort(#[from] OnPort),
    /// It is no group.
    #[error("{0} is no group that can be joined: give a multicast address, for IPv6 of scope 1 or more")]
    NotAGroup(IpAddr),
    /// The interface has joined it.
    #[error("{0} is joined on this interface already")]
    Joined(IpAddr),
    /// The interface was not told to join it.
    #[error("{0} was not joined on this interface; groups that follow from addresses go with those")]
    NotJoined(IpAddr),
    /// The limit is reached.
    #[error("this interface has joined {0} groups, its limit: leave one first, or raise the limit")]
    Full(usize),
}

impl Stack {
    /// Joins a group on an interface: packets to it are taken, and it is reported to routers and switches.
    ///
    /// # Errors
    ///
    /// It is no group, joined already, or one too many.
    pub fn join_group(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        group: Ipv6Addr,
    ) -> Result<(), GroupError> {
        if ip6::multicast_scope(group).is_none_or(|scope| scope < Scope::INTERFACE) {
            return Err(GroupError::NotAGroup(group.into()));
        }
        let config = self.config();
        config.no_port(config.interface(on).ok_or(GroupError::NoInterface(on))?)?;
        self.change_groups(ctx, on, |joined, limit| match joined.contains(&group) {
            true => Err(GroupError::Joined(group.into())),
            false if joined.len() >= limit => Err(GroupError::Full(limit)),
            false => Ok(joined.iter().copied().chain([group]).collect()),
        })
    }

    /// Leaves a group that was joined by [`join_group`](Self::join_group).
    ///
    /// # Errors
    ///
    /// It was not.
    pub fn leave_group(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        group: Ipv6Addr,
    ) -> Result<(), GroupError> {
        self.change_groups(ctx, on, |joined, _limit| match joined.contains(&group) {
            true => Ok(joined.iter().copied().filter(|other| *other != group).collect()),
            false => Err(GroupError::NotJoined(group.into())),
        })
    }

    fn change_groups(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        change: impl FnOnce(&[Ipv6Addr], usize) -> Result<Arc<[Ipv6Addr]>, GroupError>,
    ) -> Result<(), GroupError> {
        self.change(ctx, |control, _ctx, _told| {
            let limit = control.mld.groups;
            self.shared.try_change(control, |config| {
                let interface = config.interface_mut(on).ok_or(GroupError::NoInterface(on))?;
                interface.joined = change(&interface.joined, limit)?;
                Ok(())
            })
        })
    }
}
