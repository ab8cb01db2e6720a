//! Every packet that is dropped has a cause and a counter.

mod ledger;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_wire::Malformed;
use siding_wire::mld::MldInvalid;
use siding_wire::nd::NdInvalid;

pub use ledger::IfDrops;
pub(crate) use ledger::Ledger;
pub use ledger::Whose;

/// Makes the causes of one list, in which each stands once: its meaning, its variant, its name for operators.
macro_rules! causes {
    ($($(#[$meaning:meta])* $cause:ident = $name:literal,)*) => {
        /// Why the stack dropped a packet. `Malformed`, `Nd` and `Mld` have one counter for each reason.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DropReason {
            /// A header could not be parsed.
            Malformed(Malformed),
            /// A neighbour discovery message failed validation (RFC 4861 s6.1, s7.1).
            Nd(NdInvalid),
            /// An MLD message failed validation (RFC 3810 s6.2).
            Mld(MldInvalid),
            $($(#[$meaning])* $cause,)*
        }

        /// Places among those that have but one counter.
        enum Place {
            $($cause,)*
        }

        const SIMPLE: &[DropReason] = &[$(DropReason::$cause,)*];

        impl DropReason {
            /// Where its counter is.
            fn index(self) -> usize {
                match self {
                    DropReason::Malformed(why) => why as usize,
                    DropReason::Nd(why) => Malformed::COUNT + why as usize,
                    DropReason::Mld(why) => Malformed::COUNT + NdInvalid::COUNT + why as usize,
                    $(DropReason::$cause => FIRST_SIMPLE + Place::$cause as usize,)*
                }
            }
        }

        impl fmt::Display for DropReason {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    DropReason::Malformed(why) => write!(f, "malformed/{}", why.name()),
                    DropReason::Nd(why) => write!(f, "nd/{}", why.name()),
                    DropReason::Mld(why) => write!(f, "mld/{}", why.name()),
                    $(DropReason::$cause => f.write_str($name),)*
                }
            }
        }
    };
}

causes! {
    /// The frame was for somebody else's link-layer address.
    NotOurMac = "not-our-mac",
    /// A protocol that the stack does not speak.
    UnknownProtocol = "unknown-protocol",
    /// An end that no packet on a wire has: a source that is a group, loopback, reserved or ours, or such a destination.
    BadSource = "bad-source",
    /// The destination is not ours, and the stack does not forward.
    NotForUs = "not-for-us",
    /// A group that nobody here has joined.
    NotJoined = "not-joined",
    /// No route to the destination.
    NoRoute = "no-route",
    /// A route that refuses its destinations.
    RouteRefuses = "route-refuses",
    /// It came from the other end of a point-to-point link, and would go back there.
    PointToPoint = "point-to-point",
    /// The source's scope does not reach beyond its link.
    BeyondScope = "beyond-scope",
    /// The hop limit ran out.
    HopLimit = "hop-limit",
    /// Larger than the outgoing link's MTU.
    TooBig = "too-big",
    /// No source address serves.
    NoSource = "no-source",
    /// Nobody listens on the port, or for the protocol.
    NoListener = "no-listener",
    /// An option or a header that asks to be discarded.
    Option = "option",
    /// A fragment with a length or place that cannot be, without its headers, or of a fragment.
    Fragment = "fragment",
    /// A fragment that had come before.
    FragmentDuplicate = "fragment-duplicate",
    /// A fragment of a packet whose fragments overlap.
    FragmentOverlap = "fragment-overlap",
    /// A fragment that made room for another.
    FragmentLimit = "fragment-limit",
    /// A fragment whose packet was not complete in time.
    FragmentTimeout = "fragment-timeout",
    /// The filter's rules say so.
    Filtered = "filtered",
    /// The filter has no room for the state of another flow.
    FilterStates = "filter-states-full",
    /// A later fragment whose first has not passed the filter, or not yet.
    FilterFragment = "filter-fragment",
    /// While packets are filtered: a first fragment that ends before its upper-layer header does (RFC 7112), or more
    /// extension headers than are walked. No rule can tell what it is.
    FilterHeaders = "filter-headers",
    /// Larger than a buffer, and no large buffer was free.
    NoLargeBuffer = "no-large-buffer",
    /// A Packet Too Big about something that we never sent, or with a size that cannot be.
    BadPacketTooBig = "bad-packet-too-big",
    /// The packet waited for a neighbour and was pushed out by a newer one.
    HoldOverflow = "hold-overflow",
    /// The neighbour did not answer.
    Unresolved = "unresolved",
    /// The interface's neighbour table is at its limit, and every entry busy.
    TableFull = "neighbor-table-full",
    /// All neighbour tables together are at their limit.
    TableTotal = "neighbor-total-full",
    /// As many neighbours as may are being resolved.
    ResolvingFull = "neighbor-resolving-full",
    /// The interface may send no more solicitations now. Counts those that were not sent, with or without a packet.
    SolicitLimited = "solicit-limited",
    /// As many packets as may wait for neighbours: the neighbour's oldest went.
    HoldTotal = "hold-total",
    /// The interface is down, or has gone, or its IP is stopped (RFC 4862 s5.4.5).
    InterfaceGone = "interface-gone",
    /// A tag that is no VLAN here.
    UnknownVlan = "unknown-vlan",
    /// A lagg or bridge has no port to send by.
    NoPort = "no-port",
    /// It came in on a port of a lagg or bridge that is not in use.
    InactivePort = "inactive-port",
    /// Its destination is behind the bridge's port that it came in by.
    SamePort = "same-port",
    /// For a group that no bridge forwards to (IEEE 802.1D table 7-10).
    LinkGroup = "link-group",
    /// More of a slow protocol's frames than one port may send.
    SlowLimit = "slow-protocol-limit",
    /// The queue for the wire was full.
    TxFull = "tx-full",
    /// It waited for the wire for as long as a frame may.
    TxStalled = "tx-stalled",
    /// The device lost it: the system refused or dropped it. The device's own counters tell the cause.
    TxLost = "tx-lost",
    /// The pool is dry.
    NoBuffer = "no-buffer",
    /// No headroom for a header, or the buffer is shared.
    NoHeadroom = "no-headroom",
    /// The facility refused it.
    Refused = "refused",
    /// What was chosen when it was queued no longer holds: the source address is gone.
    Stale = "stale",
    /// An ICMP error over the rate limit.
    RateLimited = "rate-limited",
    /// An ICMP error that must not be sent (RFC 4443 s2.4(e)).
    Silenced = "silenced",
    /// A Router Advertisement or Redirect where none is obeyed: on a router, or as configured.
    AutoconfOff = "autoconf-off",
    /// A Router Advertisement of one router too many.
    LearnLimit = "learn-limit",
    /// One message too many that would make us change what we know: of routers, redirects, groups or claims of our
    /// addresses, or a question for our advertisement.
    MessageLimit = "message-limit",
    /// A message that needs no answer from us.
    Ignored = "ignored",
}

const FIRST_SIMPLE: usize = Malformed::COUNT + NdInvalid::COUNT + MldInvalid::COUNT;

const COUNT: usize = FIRST_SIMPLE + SIMPLE.len();

impl DropReason {
    /// Every cause, in the order of their counters.
    pub fn all() -> impl Iterator<Item = DropReason> {
        let malformed = Malformed::ALL.into_iter().map(DropReason::Malformed);
        let nd = NdInvalid::ALL.into_iter().map(DropReason::Nd);
        malformed
            .chain(nd)
            .chain(MldInvalid::ALL.into_iter().map(DropReason::Mld))
            .chain(SIMPLE.iter().copied())
    }
}

/// One worker's drop counters: written by the worker, read by anybody. No other worker's lie on its cache lines.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Drops([AtomicU64; COUNT]);

impl Default for Drops {
    fn default() -> Drops {
        Drops(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Drops {
    /// Counts one dropped packet, by whichever thread.
    fn count(&self, cause: DropReason) {
        self.0[cause.index()].fetch_add(1, Ordering::Relaxed);
    }

    /// Counts so many dropped packets. For the one thread that writes these: no locked instruction.
    fn add(&self, cause: DropReason, packets: u64) {
        let value = &self.0[cause.index()];
        value.store(value.load(Ordering::Relaxed).wrapping_add(packets), Ordering::Relaxed);
    }

    /// How many packets were dropped for `cause`.
    fn of(&self, cause: DropReason) -> u64 {
        self.0[cause.index()].load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_counter_of_its_own() {
        let drops = Drops::default();
        for (n, cause) in DropReason::all().enumerate() {
            (0..=n).for_each(|_| drops.count(cause));
        }
        for (n, cause) in DropReason::all().enumerate() {
            assert_eq!(drops.of(cause), n as u64 + 1, "{cause}");
        }
        let mut names: Vec<_> = DropReason::all().map(|cause| cause.to_string()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), COUNT);
    }
}
