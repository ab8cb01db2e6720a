//! Sending an IP packet to a neighbour, whatever is known of it.

use std::net::IpAddr;
use std::sync::Arc;

use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_mbuf::Mbuf;
use siding_netisr::IfId;
use siding_wire::Mac;

use super::Lle;
use super::flow_key;
use super::flush;
use super::table::Found;
use super::table::Newcomer;
use super::table::NoRoom;
use super::timer;
use crate::drops::Drop;
use crate::ifnet::Interface;
use crate::nd6::nud::Nud;
use crate::worker::Local;

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
        let lle = self.0[Self::place(interface, addr)].as_ref()?;
        if lle.interface == interface && lle.addr == addr { lle.direct() } else { None }
    }

    fn remember(&mut self, lle: &Arc<Lle>) {
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

    fn place(interface: IfId, addr: IpAddr) -> usize {
        flow_key(interface, addr) as usize % Self::SIZE
    }
}

/// Sends an IP packet to the neighbour `addr` on `out`: at once if the neighbour is known, else when it is.
pub(crate) fn output(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    addr: IpAddr,
    packet: Mbuf,
) {
    if let Some(mac) = local.direct.lookup(out.ifnet.id, addr) {
        return local.transmit_ip(ctx, out, mac, packet);
    }
    let mut packet = packet;
    // An entry that dies between look-up and lock is met at most once or twice before a new one stands.
    for _ in 0..4 {
        match resolve(ctx, local, out, addr, packet) {
            Ok(()) => return,
            Err(again) => packet = again,
        }
    }
    local.drop_packet(packet, Drop::Unresolved);
}

/// The same by way of the table. The packet comes back if its entry died meanwhile.
fn resolve(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    out: &Interface,
    addr: IpAddr,
    packet: Mbuf,
) -> Result<(), Mbuf> {
    let neighbors = &out.ifnet.neighbors;
    let found = neighbors.find(ctx, addr);
    if found.is_none() && !neighbors.may_resolve() {
        local.drop_packet(packet, Drop::TableFull);
        return Ok(());
    }
    let inserted = match found {
        Some(lle) => Ok(Found { lle, new: false, evicted: None }),
        None => neighbors.find_or_insert(ctx, addr, Newcomer::Resolving, |ctx| {
            let prompting = super::timer::source_of(&packet);
            Nud::new_for_packet(local.now, &out.nud, |solicit| {
                timer::solicit(ctx, local, out, addr, solicit, prompting)
            })
        }),
    };
    let Found { lle, new, evicted } = match inserted {
        Ok(found) => found,
        Err(why) => {
            let cause = if why == NoRoom::Full { Drop::TableFull } else { Drop::InterfaceGone };
            local.drop_packet(packet, cause);
            return Ok(());
        }
    };
    local.note_evicted(evicted);
    let now = local.now;
    let (mut entry, mut ctx_entry) = ctx.lock(&lle.entry);
    if entry.dead {
        return Err(packet);
    }
    if new {
        local.note_neighbor(&lle, None, Some(&entry.nud));
    }
    let before = entry.nud.state();
    let Some(mac) = entry.nud.usable() else {
        let evicted = entry.hold.push(packet);
        timer::arm(&mut ctx_entry, local, &lle, &mut entry);
        lle.publish(&mut entry);
        if let Some(oldest) = evicted {
            local.drop_packet(oldest, Drop::HoldOverflow);
        }
        return Ok(());
    };
    entry.nud.on_packet(now, &out.nud);
    if before != entry.nud.state() {
        local.note_neighbor(&lle, Some(before), Some(&entry.nud));
    }
    // Packets that were held and have not left yet go first, so this one queues behind them.
    if entry.flushing > 0 || !entry.hold.is_empty() {
        let evicted = entry.hold.push(packet);
        flush(&ctx_entry, local, &lle, &mut entry);
        timer::arm(&mut ctx_entry, local, &lle, &mut entry);
        lle.publish(&mut entry);
        if let Some(oldest) = evicted {
            local.drop_packet(oldest, Drop::HoldOverflow);
        }
        return Ok(());
    }
    timer::arm(&mut ctx_entry, local, &lle, &mut entry);
    lle.publish(&mut entry);
    drop(entry);
    local.direct.remember(&lle);
    local.transmit_ip(ctx, out, mac, packet);
    Ok(())
}
