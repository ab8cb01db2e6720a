//! What a host tells of what it learns.

use core::fmt;
use core::net::Ipv6Addr;

use super::limit::Learnt;
use crate::route::Prefix;

/// Why something that was learnt has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Gone {
    /// Its lifetime is over.
    Expired,
    /// Whoever advertised it took it back: a lifetime of 0.
    Withdrawn,
    /// It says that it is a router no more.
    NoRouter,
    /// The operator had it forgotten.
    Flushed,
    /// It was of less use than what was learnt since.
    MadeRoom,
}

impl fmt::Display for Gone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Gone::Expired => "its lifetime is over",
            Gone::Withdrawn => "it was withdrawn",
            Gone::NoRouter => "it says that it is a router no more",
            Gone::Flushed => "it was flushed",
            Gone::MadeRoom => "it made room for another",
        })
    }
}

/// Something that a host learnt, chose or forgot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostEvent {
    /// A new default router.
    RouterAdded(Ipv6Addr),
    /// A default router less.
    RouterRemoved(Ipv6Addr, Gone),
    /// Another default router is used.
    RouterChosen {
        /// Before.
        from: Option<Ipv6Addr>,
        /// Now.
        to: Option<Ipv6Addr>,
    },
    /// A prefix is on the link.
    PrefixAdded(Prefix<Ipv6Addr>),
    /// It no longer is.
    PrefixRemoved(Prefix<Ipv6Addr>, Gone),
    /// A router's route to a prefix.
    RouteAdded(Prefix<Ipv6Addr>, Ipv6Addr),
    /// It has gone.
    RouteRemoved(Prefix<Ipv6Addr>, Ipv6Addr, Gone),
    /// An address was made from a prefix; `true` for a temporary one.
    AddressMade(Ipv6Addr, bool),
    /// Its preferred lifetime is over.
    AddressDeprecated(Ipv6Addr),
    /// It was deprecated, and is preferred again.
    AddressPreferred(Ipv6Addr),
    /// It is ours no more.
    AddressRemoved(Ipv6Addr, Gone),
    /// No more addresses are made from this one's prefix: so many were duplicates.
    AddressGivenUp(Ipv6Addr),
    /// A destination was redirected.
    Redirected {
        /// The destination.
        destination: Ipv6Addr,
        /// The next hop now; the destination itself if it is on the link.
        target: Ipv6Addr,
    },
    /// A router advertises a hop limit with which little could be reached: it is not obeyed.
    HopLimitTooLow(Ipv6Addr, u8),
    /// There is no room for more.
    LimitReached(Learnt, usize),
}

impl fmt::Display for HostEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = |router: &Option<Ipv6Addr>| router.map_or("none".to_string(), |router| router.to_string());
        match self {
            HostEvent::RouterAdded(addr) => write!(f, "router {addr}: none -> default router"),
            HostEvent::RouterRemoved(addr, why) => write!(f, "router {addr}: default router -> none, {why}"),
            HostEvent::RouterChosen { from, to } => {
                write!(f, "default route: by {} -> {}", name(from), name(to))
            }
            HostEvent::PrefixAdded(prefix) => write!(f, "prefix {prefix}: none -> on-link"),
            HostEvent::PrefixRemoved(prefix, why) => write!(f, "prefix {prefix}: on-link -> none, {why}"),
            HostEvent::RouteAdded(prefix, router) => write!(f, "route {prefix}: none -> by {router}"),
            HostEvent::RouteRemoved(prefix, router, why) => {
                write!(f, "route {prefix}: by {router} -> none, {why}")
            }
            HostEvent::AddressMade(addr, false) => write!(f, "address {addr}: none -> autoconfigured"),
            HostEvent::AddressMade(addr, true) => write!(f, "address {addr}: none -> temporary"),
            HostEvent::AddressDeprecated(addr) => write!(f, "address {addr}: preferred -> deprecated"),
            HostEvent::AddressPreferred(addr) => write!(f, "address {addr}: deprecated -> preferred"),
            HostEvent::AddressRemoved(addr, why) => write!(f, "address {addr}: ours -> none, {why}"),
            HostEvent::AddressGivenUp(addr) => {
                write!(f, "address {addr}: given up, every address that was tried is somebody else's")
            }
            HostEvent::Redirected { destination, target } if destination == target => {
                write!(f, "redirect: {destination} is on-link")
            }
            HostEvent::Redirected { destination, target } => {
                write!(f, "redirect: {destination} by {target}")
            }
            HostEvent::HopLimitTooLow(router, hops) => write!(
                f,
                "router {router}: its hop limit of {hops} is not obeyed, for little could be reached with it; mend that \
                 router, or allow it (`least_hop_limit` in [interface.autoconf])"
            ),
            HostEvent::LimitReached(what, limit) => {
                write!(
                    f,
                    "limit of {limit} {what} learnt is reached: more are refused or take another's place"
                )
            }
        }
    }
}
