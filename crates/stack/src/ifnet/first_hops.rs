//! First hops: which neighbours the host cares about.

use std::net::Ipv6Addr;

use crate::nd6::nud::NudState;
use crate::route::Prefix;

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
