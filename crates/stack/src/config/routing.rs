//! What the data path looks up in one routing instance: whose an address is, where the way leads, and from where.

use std::net::IpAddr;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;

use siding_netisr::IfId;

use super::Config;
use super::vrf::Vrf;
use crate::ifnet::AddrOrigin;
use crate::ifnet::Interface;
use crate::ifnet::Use;
use crate::ifnet::VrfId;
use crate::ip6::source::Candidate;
use crate::ip6::source::Mobility;
use crate::ip6::source::Preferences;
use crate::ip6::source::select;
use crate::nd6::dad::DadState;
use crate::route::Address;
use crate::route::Fib;
use crate::route::Refusal;
use crate::route::Way;
use crate::routes::Routes;

/// A configuration as one routing instance has it: nothing of another one is found here.
#[derive(Clone, Copy)]
pub struct Routing<'c> {
    config: &'c Config,
    vrf: &'c Vrf,
    id: VrfId,
}

impl Config {
    /// The routing instance that an interface belongs to; the default one for none that is there.
    pub fn routing_at(&self, on: IfId) -> Routing<'_> {
        self.routing_in(self.interface(on).map_or(VrfId::DEFAULT, |on| on.vrf))
    }

    /// The same of one at hand.
    #[inline]
    pub fn routing(&self, on: &Interface) -> Routing<'_> {
        self.routing_in(on.vrf)
    }

    /// The default one.
    #[inline]
    pub fn default_routing(&self) -> Routing<'_> {
        self.routing_in(VrfId::DEFAULT)
    }

    /// A routing instance; the default one if there is none of this name.
    #[inline]
    pub(crate) fn routing_in(&self, vrf: VrfId) -> Routing<'_> {
        Routing { config: self, vrf: self.vrfs.get(vrf), id: vrf }
    }

    /// The interface that has this address assigned, as [`Routing::owner6`] for what `on` belongs to.
    pub fn owner6(&self, addr: Ipv6Addr, on: IfId) -> Option<&Interface> {
        self.routing_at(on).owner6(addr, on)
    }

    /// The interface that has this anycast address. A link-local one is looked for on `on` only.
    pub fn anycast6(&self, addr: Ipv6Addr, on: IfId) -> Option<&Interface> {
        self.routing_at(on).anycast6(addr, on)
    }

    /// The interface that packets to `addr` are for, if they are for us.
    pub(crate) fn local6(&self, addr: Ipv6Addr, on: IfId) -> Option<&Interface> {
        self.routing_at(on).local6(addr, on)
    }

    /// The source for packets to `dst` that go out of `out` (RFC 6724).
    pub fn source6(&self, dst: Ipv6Addr, out: IfId) -> Option<Ipv6Addr> {
        self.routing_at(out).source6(dst, out)
    }
}

impl<'c> Routing<'c> {
    /// Which it is.
    pub fn id(self) -> VrfId {
        self.id
    }

    /// Its routes.
    pub(crate) fn routes(self) -> &'c Routes {
        &self.vrf.routes
    }

    /// The interface that has this address assigned. A link-local address is looked for on `on` only.
    pub fn owner6(self, addr: Ipv6Addr, on: IfId) -> Option<&'c Interface> {
        if siding_wire::ip6::is_link_local(addr) {
            return self.config.interface(on).filter(|on| on.accepts(addr));
        }
        self.config.interface(one_of(&self.vrf.owners.six(addr)?.assigned, on)?)
    }

    /// The interface that has this anycast address. A link-local one is looked for on `on` only.
    pub fn anycast6(self, addr: Ipv6Addr, on: IfId) -> Option<&'c Interface> {
        if siding_wire::ip6::is_link_local(addr) {
            return self.config.interface(on).filter(|on| on.is_anycast(addr, self.config.forwarding));
        }
        self.config.interface(one_of(&self.vrf.owners.six(addr)?.anycast, on)?)
    }

    /// Whether the address is known to be that of several nodes.
    pub(crate) fn is_shared6(self, addr: Ipv6Addr) -> bool {
        self.vrf.owners.six(addr).is_some_and(|six| six.shared > 0)
    }

    /// The interface that packets to `addr` are for, if they are for us.
    #[inline]
    pub(crate) fn local6(self, addr: Ipv6Addr, on: IfId) -> Option<&'c Interface> {
        self.vrf.owners.six(addr)?;
        self.owner6(addr, on).or_else(|| self.anycast6(addr, on))
    }

    /// The interface that has this address assigned.
    pub fn owner4(self, addr: Ipv4Addr) -> Option<&'c Interface> {
        self.config.interface(*self.vrf.owners.four(addr)?.assigned.first()?)
    }

    /// The interfaces that have this address, usable or not. Of a link-local one, which is of each link, none.
    pub fn holders(self, addr: IpAddr) -> &'c [IfId] {
        match addr {
            IpAddr::V6(addr) => self.vrf.owners.six(addr).map_or(&[], |six| &six.held),
            IpAddr::V4(addr) => self.vrf.owners.four(addr).map_or(&[], |four| &four.held),
        }
    }

    /// Whether `addr` is an address of ours that may be a source, on whichever interface.
    pub fn may_source(self, addr: IpAddr) -> bool {
        match addr {
            IpAddr::V6(addr) => self.vrf.owners.six(addr).is_some_and(|six| six.sources > 0),
            IpAddr::V4(addr) => self.owner4(addr).is_some(),
        }
    }

    /// The source for packets to `dst` that go out of `out` (RFC 6724).
    pub fn source6(self, dst: Ipv6Addr, out: IfId) -> Option<Ipv6Addr> {
        let next_hop = self.route6(dst).filter(|(by, _)| by.ifnet.id == out).map(|(_, next_hop)| next_hop);
        let candidates: Vec<Candidate> = self
            .config
            .interfaces()
            .filter(|there| there.vrf == self.id)
            .flat_map(|interface| candidates(interface, out, next_hop))
            .collect();
        select(dst, out, &candidates, &self.config.policy, Preferences::default())
            .map(|candidate| candidate.addr)
    }

    /// The interface and the neighbour that packets to `dst` go to; some of them, if routers share its flows.
    #[inline(always)] // The filter asks, too, and made it a call for all.
    pub(crate) fn route6(self, dst: Ipv6Addr) -> Option<(&'c Interface, Ipv6Addr)> {
        self.way6(dst, || 0).ok()
    }

    /// The same for the flow of this hash, or how packets to `dst` are refused; `None` if there is no way. Who wants to know both
    /// must ask this: the next look-up may find other routes.
    #[inline(always)]
    pub(crate) fn way6(
        self,
        dst: Ipv6Addr,
        flow: impl Fn() -> u32,
    ) -> Result<(&'c Interface, Ipv6Addr), Option<Refusal>> {
        self.way(&self.vrf.routes.six, (dst, flow), Use::Ip6)
    }

    /// The same for IPv4.
    #[inline(always)]
    pub(crate) fn way4(
        self,
        dst: Ipv4Addr,
        flow: impl Fn() -> u32,
    ) -> Result<(&'c Interface, Ipv4Addr), Option<Refusal>> {
        self.way(&self.vrf.routes.four, (dst, flow), Use::Ip4)
    }

    /// As [`route6`](Self::route6).
    pub(crate) fn route4(self, dst: Ipv4Addr) -> Option<(&'c Interface, Ipv4Addr)> {
        self.way4(dst, || 0).ok()
    }

    #[inline(always)]
    fn way<A: Address>(
        self,
        fib: &Fib<A>,
        (dst, flow): (A, impl Fn() -> u32),
        what: Use,
    ) -> Result<(&'c Interface, A), Option<Refusal>> {
        match fib.lookup_for(dst, &flow) {
            Some(Way::Out { interface, next_hop }) => match self.config.usable(interface, what) {
                Some(out) => Ok((out, next_hop.unwrap_or(dst))),
                None => self.other_way(fib, (dst, flow), what),
            },
            Some(Way::Refused(how)) => Err(Some(how)),
            None => Err(None),
        }
    }

    /// The best way that can be used now. Routes are there without a look at that: a link that goes costs no more than it
    /// must, and only who would have used it looks for another way.
    #[cold]
    fn other_way<A: Address>(
        self,
        fib: &Fib<A>,
        (dst, flow): (A, impl Fn() -> u32),
        what: Use,
    ) -> Result<(&'c Interface, A), Option<Refusal>> {
        match fib.lookup_where(dst, flow, self.goes(what)) {
            Some(Way::Out { interface, next_hop }) => {
                self.config.usable(interface, what).map(|out| (out, next_hop.unwrap_or(dst))).ok_or(None)
            }
            Some(Way::Refused(how)) => Err(Some(how)),
            None => Err(None),
        }
    }

    /// The routers that share the flows to `dst` now, usable or not, each with what it has of [`BUCKETS`](crate::route::BUCKETS);
    /// none if it has but one way.
    pub(crate) fn sharing6(self, dst: Ipv6Addr) -> Vec<(IfId, Ipv6Addr, usize)> {
        sharing(&self.vrf.routes.six, dst, self.goes(Use::Ip6))
    }

    /// The same for IPv4.
    pub(crate) fn sharing4(self, dst: Ipv4Addr) -> Vec<(IfId, Ipv4Addr, usize)> {
        sharing(&self.vrf.routes.four, dst, self.goes(Use::Ip4))
    }

    /// Whether a way can be used.
    fn goes<A>(self, what: Use) -> impl Fn(&Way<A>) -> bool + 'c {
        move |way| match way {
            Way::Out { interface, .. } => self.config.usable(*interface, what).is_some(),
            Way::Refused(_) => true,
        }
    }
}

fn sharing<A: Address>(fib: &Fib<A>, dst: A, goes: impl Fn(&Way<A>) -> bool) -> Vec<(IfId, A, usize)> {
    let hop = |(way, share)| match way {
        Way::Out { interface, next_hop } => Some((interface, next_hop?, share)),
        Way::Refused(_) => None,
    };
    fib.sharing(dst, goes).into_iter().filter_map(hop).collect()
}

/// Of the interfaces that have an address, the one that is asked about, or else the first.
fn one_of(all: &[IfId], on: IfId) -> Option<IfId> {
    if all.contains(&on) { Some(on) } else { all.first().copied() }
}

fn candidates(
    interface: &Interface,
    out: IfId,
    next_hop: Option<Ipv6Addr>,
) -> impl Iterator<Item = Candidate> + '_ {
    let next_hop = next_hop.filter(|_| interface.ifnet.id == out);
    //= RFC 4862 s5.4 [4862-4]: a tentative or duplicate address is assigned to nobody, so no source.
    interface.addrs6.iter().filter(|own| own.is_assigned()).map(move |own| Candidate {
        addr: own.addr,
        prefix_len: own.prefix_len,
        interface: interface.ifnet.id,
        //= RFC 4429 s3.1 [4429-1]: an optimistic address counts as a deprecated one until its test is over.
        deprecated: own.deprecated || own.state == DadState::Optimistic,
        temporary: own.origin == AddrOrigin::Temporary,
        mobility: Mobility::Both,
        next_hop_match: next_hop.is_some_and(|router| interface.first_hops.advertised(router, own.addr)),
    })
}
