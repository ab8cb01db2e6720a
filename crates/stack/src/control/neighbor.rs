//! Neighbours by hand.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::Mac;

use super::NoInterface;
use crate::Stack;
use crate::config::Config;
use crate::config::OnPort;
use crate::drops::DropReason;
use crate::ends;
use crate::event::Event;
use crate::icmp6::Unreachable;
use crate::ifnet::Interface;
use crate::lltable::Found;
use crate::lltable::Lle;
use crate::lltable::NeighborLimits;
use crate::lltable::Newcomer;
use crate::lltable::Purged;
use crate::lltable::Terms;
use crate::nd6::nud::Nud;
use crate::neighbor::Ageing;

/// Why a neighbour was not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeighborError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// It is a port.
    #[error(transparent)]
    OnPort(#[from] OnPort),
    /// It is there.
    #[error("{0} has an entry already: flush it first")]
    Exists(IpAddr),
    /// No neighbour can have it.
    #[error(
        "{0} cannot be a neighbor's address: it is unspecified, loopback, multicast, broadcast or reserved"
    )]
    NotUnicast(IpAddr),
    /// Not an address that one station can have.
    #[error("{0} cannot be a neighbor's link-layer address: it is zero or a group's")]
    Mac(Mac),
}

impl Stack {
    /// Adds a neighbour that no message and no timer touches. It does not count against the table's limits.
    ///
    /// # Errors
    ///
    /// It is there already, or cannot be.
    pub fn add_neighbor(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        addr: IpAddr,
        mac: Mac,
    ) -> Result<(), NeighborError> {
        if !mac.is_unicast() {
            return Err(NeighborError::Mac(mac));
        }
        let config = self.shared.config.load();
        let interface = config.interface(on).ok_or(NeighborError::NoInterface(on))?;
        config.no_port(interface)?;
        let everybody = matches!(addr, IpAddr::V4(addr) if ends::is_directed_broadcast(interface, addr));
        if !siding_wire::ends::is_host(addr) || everybody {
            return Err(NeighborError::NotUnicast(addr));
        }
        let neighbors = &interface.ifnet.neighbors;
        let terms = Terms { now: self.now(), limits: &interface.neighbors, newcomer: Newcomer::Fixed };
        match neighbors.find_or_insert(ctx, addr, terms, |_ctx| Ok(Nud::new_static(mac))) {
            Ok(Found { new: true, .. }) => Ok(()),
            Ok(Found { new: false, .. }) => Err(NeighborError::Exists(addr)),
            // No limit holds for it: the table is closed.
            Err(_) => Err(NeighborError::NoInterface(on)),
        }
    }

    /// Forgets the neighbours of an interface that `goes` picks; gives how many were forgotten. Packets that wait
    /// for them are dropped and counted. The observer is told of each, by the caller's thread.
    pub fn flush_neighbors(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        mut goes: impl FnMut(IpAddr) -> bool,
    ) -> usize {
        let config = self.shared.config.load();
        let Some(interface) = config.interface(on) else { return 0 };
        let (count, held) = self.forget_neighbors(ctx, interface, |lle| goes(lle.addr));
        for packet in &held {
            interface.ifnet.drops.count(DropReason::Unresolved);
            interface.ifnet.mib.discarded(packet.data());
        }
        Mbuf::free_all(held);
        count
    }

    /// Changes the bounds of an interface's neighbour table. What is there beyond them stays until it goes by itself.
    ///
    /// # Errors
    ///
    /// It is not attached.
    //= RFC 6583 s7.2 [6583-2]: each interface has bounds of its own.
    pub fn set_neighbor_limits(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        limits: NeighborLimits,
    ) -> Result<(), NoInterface> {
        self.change(ctx, |control, ctx, _told| {
            self.shared.try_change(control, |config| {
                let interface = config.interface_mut(on).ok_or(NoInterface(on))?;
                interface.neighbors = limits;
                interface.ifnet.neighbors.look_now();
                Ok(())
            })?;
            if limits.gc_stale_time.is_some() {
                self.shared.timers.arm(ctx, self.now(), Ageing(on));
            }
            Ok(())
        })
    }

    /// Forgets what was learned on interfaces that have lost their link since `before`: who comes back may be another.
    pub(crate) fn forget_lost(&self, ctx: &mut Ctx<'_, Unlocked>, before: &Config) {
        let now = self.config();
        let then = now.changed(before).filter_map(|slot| before.in_slot(slot));
        for interface in then.filter(|then| then.link && then.neighbors.forget_on_link_loss) {
            if now.interface(interface.ifnet.id).is_some_and(|interface| !interface.link) {
                let held = self.forget_neighbors(ctx, interface, |lle| !lle.fixed).1;
                // Who sent what waited for a neighbour is told, as if the neighbour had not answered.
                for packet in held {
                    if let Err(refused) =
                        self.shared.queues.of::<Unreachable>().dispatch(ctx, packet, interface.ifnet.id)
                    {
                        interface.ifnet.drops.count(DropReason::Unresolved);
                        interface.ifnet.mib.discarded(refused.packet.data());
                        drop(refused);
                    }
                }
            }
        }
    }

    /// Forgets the neighbours that `goes` picks, and tells the observer. Gives how many, and the packets that waited for
    /// them.
    pub(crate) fn forget_neighbors(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        interface: &Interface,
        goes: impl FnMut(&Lle) -> bool,
    ) -> (usize, Vec<Mbuf>) {
        let on = interface.ifnet.id;
        let Purged { gone, held } = interface.ifnet.neighbors.purge(ctx, self.now(), goes);
        for (lle, from) in &gone {
            let (addr, from) = (lle.addr, Some(*from));
            self.shared.observer.event(&Event::Neighbor {
                interface: on,
                addr,
                from,
                to: None,
                lladdr: None,
            });
        }
        (gone.len(), held)
    }
}
