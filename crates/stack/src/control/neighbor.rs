//! Neighbours by hand.

use std::net::IpAddr;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::Mac;

use crate::Stack;
use crate::drops::Drop;
use crate::nd6::nud::Nud;

/// Why a neighbour was not added.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NeighborError {
    /// There is no such interface.
    #[error("interface {0} is not attached")]
    NoInterface(IfId),
    /// It is there.
    #[error("{0} has an entry already: flush it first")]
    Exists(IpAddr),
    /// The table is at its limit.
    #[error("the interface's neighbor table is at its limit")]
    Full,
    /// Not an address that one station can have.
    #[error("{0} cannot be a neighbor's link-layer address: it is zero or a group's")]
    Mac(Mac),
}

impl Stack {
    /// Adds a neighbour that no message and no timer touches.
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
        match interface.ifnet.neighbors.find_or_insert(ctx, addr, |_ctx| Nud::new_static(mac)) {
            Ok((_, true)) => Ok(()),
            Ok((_, false)) => Err(NeighborError::Exists(addr)),
            Err(_) => Err(NeighborError::Full),
        }
    }

    /// Forgets the neighbours of an interface that `goes` picks; gives how many were forgotten. Packets that wait
    /// for them are dropped and counted.
    pub fn flush_neighbors(
        &self,
        ctx: &mut Ctx<'_, Unlocked>,
        on: IfId,
        mut goes: impl FnMut(IpAddr) -> bool,
    ) -> usize {
        let config = self.shared.config.load();
        let Some(interface) = config.interface(on) else { return 0 };
        let mut count = 0;
        let held = interface.ifnet.neighbors.purge(ctx, false, |addr| {
            let gone = goes(addr);
            count += usize::from(gone);
            gone
        });
        let drops = &self.shared.drops[self.shared.netisr.workers()];
        held.iter().for_each(|_| drops.count(Drop::Unresolved));
        Mbuf::free_all(held);
        count
    }
}
