//! What is meant by what is said of any interface, whatever carries its frames.

use std::net::IpAddr;
use std::net::Ipv6Addr;
use std::time::Duration;

use siding_drivers::kernel::Cidr;
use siding_stack::NeighborLimits;

use super::meant::Advertised;
use super::meant::Learnt;

/// What can be said of any interface, whatever carries its frames: its addresses, and how it behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Addressing {
    pub(crate) addresses: Vec<Cidr>,
    /// Those of them that are tested otherwise than `dad` says.
    pub(crate) otherwise: Vec<IpAddr>,
    pub(crate) link_local: bool,
    pub(crate) dad: bool,
    /// It is not taken down.
    pub(crate) up: bool,
    /// Of what starts at it; `None` is the usual one.
    pub(crate) hop_limit: Option<u8>,
    /// Its link has but two ends.
    pub(crate) point_to_point: bool,
    /// Addresses that others have, too.
    pub(crate) anycast: Vec<Ipv6Addr>,
    /// BaseReachableTime and RetransTimer; `None` are those of the stack.
    pub(crate) times: (Option<Duration>, Option<Duration>),
    /// `None`: those of the stack.
    pub(crate) neighbors: Option<NeighborLimits>,
    /// What it advertises as a router, if anything.
    pub(crate) advertise: Option<Advertised>,
    /// What it is as a host; `None` listens to no router.
    pub(crate) autoconf: Option<Learnt>,
}

impl Default for Addressing {
    /// Without addresses, not even a link-local one.
    fn default() -> Addressing {
        Addressing {
            addresses: Vec::new(),
            otherwise: Vec::new(),
            link_local: false,
            dad: true,
            up: true,
            hop_limit: None,
            point_to_point: false,
            anycast: Vec::new(),
            times: (None, None),
            neighbors: None,
            advertise: None,
            autoconf: None,
        }
    }
}

impl Addressing {
    /// Whether an address of these is tested for duplicates.
    pub(crate) fn detects(&self, address: IpAddr) -> bool {
        self.dad != self.otherwise.contains(&address)
    }

    /// Adds what `said` has besides. What this has by itself is a wish, and wins.
    pub(crate) fn add(&mut self, said: &Addressing) {
        let more = said.addresses.iter().filter(|own| !self.addresses.contains(own));
        let more: Vec<Cidr> = more.copied().collect();
        let detects = |address: IpAddr| match more.iter().any(|own| own.address() == address) {
            true => said.detects(address),
            false => self.detects(address),
        };
        let dad = self.dad && said.dad;
        let all = self.addresses.iter().chain(&more).map(|own| own.address());
        self.otherwise = all.filter(|address| detects(*address) != dad).collect();
        self.addresses.extend(more);
        self.link_local &= said.link_local;
        self.dad = dad;
        self.up &= said.up;
        self.hop_limit = self.hop_limit.or(said.hop_limit);
        self.point_to_point |= said.point_to_point;
        let more = said.anycast.iter().filter(|own| !self.anycast.contains(own));
        let more: Vec<Ipv6Addr> = more.copied().collect();
        self.anycast.extend(more);
        self.times = (self.times.0.or(said.times.0), self.times.1.or(said.times.1));
        self.neighbors = self.neighbors.or(said.neighbors);
        self.autoconf = self.autoconf.take().or_else(|| said.autoconf.clone());
    }
}
