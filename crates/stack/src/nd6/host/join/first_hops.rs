//! First hops: which neighbours the host cares about, and what becomes of them.

use std::collections::HashSet;
use std::net::Ipv6Addr;

use siding_lockorder::After;
use siding_lockorder::Ctx;
use siding_lockorder::Unlocked;
use siding_netisr::IfId;

use super::settle;
use crate::ifnet::Interface;
use crate::nd6::nud::NudState;
use crate::ranks;
use crate::route::Prefix;
use crate::worker::Local;

/// What the snapshot says of an interface's first hops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct FirstHops {
    /// Those whose reachability decides over routes, in order.
    pub(crate) watched: Vec<Ipv6Addr>,
    /// Which default router advertised which prefix.
    pub(crate) advertised: Vec<(Prefix<Ipv6Addr>, Ipv6Addr)>,
    /// Advertisements are obeyed.
    pub(crate) accepts: bool,
    /// They would be, if the stack did not forward.
    pub(crate) accepts_as_host: bool,
    /// Redirects are obeyed, too.
    pub(crate) accepts_redirects: bool,
    /// There is no room for one more default router.
    pub(crate) full: bool,
}

impl FirstHops {
    /// The place of one that is watched.
    pub(crate) fn place(&self, addr: Ipv6Addr) -> Option<usize> {
        self.watched.binary_search(&addr).ok()
    }

    /// Whether `router` advertised a prefix of `addr`.
    //= RFC 6724 s5 [6724-2]: rule 5.5 asks this of the next hop.
    pub(crate) fn advertised(&self, router: Ipv6Addr, addr: Ipv6Addr) -> bool {
        self.advertised.iter().any(|(prefix, by)| *by == router && prefix.contains(addr))
    }

    /// Whether what became of a neighbour decides over routes: `Some(true)` if it was found not to answer.
    pub(crate) fn concerns(
        &self,
        addr: Ipv6Addr,
        from: Option<NudState>,
        to: Option<NudState>,
    ) -> Option<bool> {
        if !self.watched.contains(&addr) {
            return None;
        }
        let answers = |state: Option<NudState>| {
            state.is_some_and(|state| !matches!(state, NudState::Incomplete | NudState::Unreachable))
        };
        let failed = match (from, to) {
            (Some(NudState::Incomplete | NudState::Probe), None) => true,
            (_, Some(NudState::Unreachable)) => from != to,
            _ => false,
        };
        (failed || answers(from) != answers(to)).then_some(failed)
    }
}

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
    let Some(state) = control.hosts.get_mut(&id) else { return };
    let known = known(&mut ctx, on, &state.host.next_hops());
    state.host.on_reachability(local.now, failed, &|addr| known.contains(&addr));
    let events = settle(&shared, &mut control, &mut ctx, id, local.now);
    drop(control);
    events.into_iter().for_each(|event| local.tell(event));
    local.refresh();
}
