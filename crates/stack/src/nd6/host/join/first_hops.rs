//! What becomes of the neighbours that the host cares about.

use std::collections::HashSet;
use std::net::Ipv6Addr;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::Hosts;
use super::settle;
use crate::ifnet::Interface;
use crate::ranks;
use crate::stack::Change;
use crate::stack::worker::Local;

/// Those of `addrs` that may be reachable.
pub(crate) fn known<L>(ctx: &mut Ctx<'_, L>, on: &Interface, addrs: &[Ipv6Addr]) -> HashSet<Ipv6Addr>
where
    ranks::NeighborTable: After<L>,
    ranks::Neighbor: After<L>,
{
    let mut known = HashSet::new();
    for addr in addrs {
        let Some(lle) = on.ifnet.neighbors.find(ctx, (*addr).into()) else { continue };
        let (entry, _ctx) = ctx.lock(&lle.entry);
        if !entry.dead && entry.nud.may_be_reachable() {
            known.insert(*addr);
        }
    }
    known
}

/// A first hop has become reachable, or is so no longer.
//= RFC 4861 s6.3.6 [4861-22]: then the next hop is determined anew.
pub(crate) fn reachability(
    ctx: &mut Ctx<'_, Unlocked>,
    local: &mut Local,
    id: IfId,
    failed: Option<Ipv6Addr>,
) {
    let shared = local.shared.clone();
    let config = shared.config.load();
    let Some(on) = config.interface(id) else { return };
    let (mut control, mut ctx) = ctx.lock(&shared.control);
    let Some(state) = control.rooms.of::<Hosts>().get_mut(&id) else { return };
    let known = known(&mut ctx, on, &state.host.next_hops());
    state.host.on_reachability(local.now, failed, &|addr| known.contains(&addr));
    let mut change = Change { shared: &shared, control: &mut control, ctx: &mut ctx, now: local.now };
    let events = settle(&mut change, id);
    drop(control);
    events.into_iter().for_each(|event| local.tell(event));
    local.refresh();
}
