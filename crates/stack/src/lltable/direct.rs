//! What a worker remembers of neighbours.

use std::net::IpAddr;
use std::sync::Arc;

use siding_netisr::IfId;
use siding_wire::Mac;

use super::Lle;
use super::flow_key;

/// Entries that one worker has used lately, found without a lock. Direct-mapped and of fixed size: addresses that
/// a peer chooses can only make it forget.
#[derive(Debug)]
pub(crate) struct Direct(Box<[Option<Arc<Lle>>]>);

impl Direct {
    const SIZE: usize = 1 << 12;

    pub(crate) fn new() -> Direct {
        Direct((0..Self::SIZE).map(|_| None).collect())
    }

    /// The neighbour's address, if its entry is here and nothing else is to be done.
    #[inline]
    pub(crate) fn lookup(&self, interface: IfId, addr: IpAddr) -> Option<Mac> {
        self.lookup_at(Self::place(interface, addr), interface, addr)
    }

    /// The same for who knows the [place](Self::place).
    #[inline]
    pub(crate) fn lookup_at(&self, place: usize, interface: IfId, addr: IpAddr) -> Option<Mac> {
        let lle = self.0.get(place)?.as_ref()?;
        if lle.interface == interface && lle.addr == addr { lle.direct() } else { None }
    }

    /// An entry is used, and nothing else is to be done for it.
    pub(crate) fn remember(&mut self, lle: &Arc<Lle>) {
        self.0[Self::place(lle.interface, lle.addr)] = Some(lle.clone());
    }

    /// Lets go of the entries of interfaces that depart.
    pub(crate) fn depart(&mut self, stays: &dyn Fn(IfId) -> bool) {
        for place in &mut self.0 {
            if place.as_ref().is_some_and(|lle| !stays(lle.interface)) {
                *place = None;
            }
        }
    }

    /// How many entries it refers to.
    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.0.iter().flatten().count()
    }

    /// Where an entry is, if it is here.
    #[inline]
    pub(crate) fn place(interface: IfId, addr: IpAddr) -> usize {
        flow_key(interface, addr) as usize % Self::SIZE
    }
}
