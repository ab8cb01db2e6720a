//! Every packet that is dropped has a cause and a counter.

mod ledger;

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_wire::Malformed;
use siding_wire::mld::MldInvalid;
use siding_wire::nd::NdInvalid;

use crate::named::Named;
use crate::named::Names;
use crate::named::Owned;

pub use ledger::IfDrops;
pub(crate) use ledger::Ledger;
pub use ledger::Whose;

/// Makes the causes of one list, in which each stands once: its meaning, its variant, its name for operators.
macro_rules! causes {
    ($($(#[$meaning:meta])* $cause:ident = $name:literal,)*) => {
        /// Why the stack dropped a packet. `Malformed`, `Nd` and `Mld` have one counter for each reason. Causes that are but
        /// one protocol's are named in its folder, and stand here as constants.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DropReason {
            /// A header could not be parsed.
            Malformed(Malformed),
            /// A neighbour discovery message failed validation (RFC 4861 s6.1, s7.1).
            Nd(NdInvalid),
            /// An MLD message failed validation (RFC 3810 s6.2).
            Mld(MldInvalid),
            /// A protocol's own cause.
            Own(&'static Named),
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
                    DropReason::Own(own) => own.place().saturating_add(SHARED),
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
                    DropReason::Own(own) => f.write_str(own.name()),
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
    /// Larger than a buffer, and no large buffer was free.
    NoLargeBuffer = "no-large-buffer",
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
    /// A lagg or bridge has no port to send by.
    NoPort = "no-port",
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
    /// One message too many that would make us change what we know: of routers, redirects, groups or claims of our
    /// addresses, or a question for our advertisement.
    MessageLimit = "message-limit",
    /// A message that needs no answer from us.
    Ignored = "ignored",
}

const FIRST_SIMPLE: usize = Malformed::COUNT + NdInvalid::COUNT + MldInvalid::COUNT;

/// Counters of the causes that are no protocol's own.
const SHARED: usize = FIRST_SIMPLE + SIMPLE.len();

static OWN: Names = Names::new();

/// Gives the causes of all protocols their places.
pub(crate) fn settle(all: impl Iterator<Item = DropReason>) {
    let own = |cause| match cause {
        DropReason::Own(own) => Some(own),
        _ => None,
    };
    OWN.settle(|| all.filter_map(own).collect());
}

impl DropReason {
    /// Every cause, in the order of their counters; those of protocols from the first stack on.
    pub fn all() -> impl Iterator<Item = DropReason> {
        let malformed = Malformed::ALL.into_iter().map(DropReason::Malformed);
        let nd = NdInvalid::ALL.into_iter().map(DropReason::Nd);
        malformed
            .chain(nd)
            .chain(MldInvalid::ALL.into_iter().map(DropReason::Mld))
            .chain(SIMPLE.iter().copied())
            .chain(OWN.all().iter().copied().map(DropReason::Own))
    }
}

/// One worker's drop counters: written by the worker, read by anybody. No other worker's lie on its cache lines.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Drops {
    shared: [AtomicU64; SHARED],
    own: Owned,
}

impl Default for Drops {
    fn default() -> Drops {
        Drops { shared: std::array::from_fn(|_| AtomicU64::new(0)), own: OWN.counters() }
    }
}

impl Drops {
    /// Counts one dropped packet, by whichever thread.
    fn count(&self, cause: DropReason) {
        if let Some(value) = self.place(cause) {
            value.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts so many dropped packets. For the one thread that writes these: no locked instruction.
    fn add(&self, cause: DropReason, packets: u64) {
        let Some(value) = self.place(cause) else { return };
        value.store(value.load(Ordering::Relaxed).wrapping_add(packets), Ordering::Relaxed);
    }

    /// How many packets were dropped for `cause`.
    fn of(&self, cause: DropReason) -> u64 {
        self.place(cause).map_or(0, |value| value.load(Ordering::Relaxed))
    }

    #[inline]
    fn place(&self, cause: DropReason) -> Option<&AtomicU64> {
        match cause {
            DropReason::Own(own) => self.own.of(own),
            shared => self.shared.get(shared.index()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_a_counter_of_its_own() {
        // Whichever test comes first.
        settle(crate::protocols::PROTOCOLS.iter().flat_map(|protocol| protocol.causes().iter().copied()));
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
        assert_eq!(names.len(), DropReason::all().count());
    }
}
