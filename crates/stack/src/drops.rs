//! Every packet that is dropped has a cause and a counter.

use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering;

use siding_wire::Malformed;
use siding_wire::mld::MldInvalid;
use siding_wire::nd::NdInvalid;

/// Why the stack dropped a packet. `Malformed`, `Nd` and `Mld` have one counter for each reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DropReason {
    /// A header could not be parsed.
    Malformed(Malformed),
    /// A neighbour discovery message failed validation (RFC 4861 s6.1, s7.1).
    Nd(NdInvalid),
    /// An MLD message failed validation (RFC 3810 s6.2).
    Mld(MldInvalid),
    /// The frame was for somebody else's link-layer address.
    NotOurMac,
    /// A protocol that the stack does not speak.
    UnknownProtocol,
    /// An end that no packet on a wire has: a source that is a group, loopback, reserved or ours, or such a destination.
    BadSource,
    /// The destination is not ours, and the stack does not forward.
    NotForUs,
    /// A group that nobody here has joined.
    NotJoined,
    /// No route to the destination.
    NoRoute,
    /// A route that refuses its destinations.
    RouteRefuses,
    /// It came from the other end of a point-to-point link, and would go back there.
    PointToPoint,
    /// The source's scope does not reach beyond its link.
    BeyondScope,
    /// The hop limit ran out.
    HopLimit,
    /// Larger than the outgoing link's MTU.
    TooBig,
    /// No source address serves.
    NoSource,
    /// Nobody listens on the port, or for the protocol.
    NoListener,
    /// An option or a header that asks to be discarded.
    Option,
    /// A fragment with a length or place that cannot be, without its headers, or of a fragment.
    Fragment,
    /// A fragment that had come before.
    FragmentDuplicate,
    /// A fragment of a packet whose fragments overlap.
    FragmentOverlap,
    /// A fragment that made room for another.
    FragmentLimit,
    /// A fragment whose packet was not complete in time.
    FragmentTimeout,
    /// Larger than a buffer, and no large buffer was free.
    NoLargeBuffer,
    /// A Packet Too Big about something that we never sent, or with a size that cannot be.
    BadPacketTooBig,
    /// The packet waited for a neighbour and was pushed out by a newer one.
    HoldOverflow,
    /// The neighbour did not answer.
    Unresolved,
    /// The interface's neighbour table is at its limit, and every entry busy.
    TableFull,
    /// All neighbour tables together are at their limit.
    TableTotal,
    /// As many neighbours as may are being resolved.
    ResolvingFull,
    /// The interface may send no more solicitations now. Counts those that were not sent, with or without a packet.
    SolicitLimited,
    /// As many packets as may wait for neighbours: the neighbour's oldest went.
    HoldTotal,
    /// The interface is down, or has gone, or its IP is stopped (RFC 4862 s5.4.5).
    InterfaceGone,
    /// A tag that is no VLAN here.
    UnknownVlan,
    /// A lagg or bridge has no port to send by.
    NoPort,
    /// It came in on a port of a lagg or bridge that is not in use.
    InactivePort,
    /// Its destination is behind the bridge's port that it came in by.
    SamePort,
    /// For a group that no bridge forwards to (IEEE 802.1D table 7-10).
    LinkGroup,
    /// More of a slow protocol's frames than one port may send.
    SlowLimit,
    /// The queue for the wire was full.
    TxFull,
    /// It waited for the wire for as long as a frame may.
    TxStalled,
    /// The device lost it: the system refused or dropped it. The device's own counters tell the cause.
    TxLost,
    /// The pool is dry.
    NoBuffer,
    /// No headroom for a header, or the buffer is shared.
    NoHeadroom,
    /// The facility refused it.
    Refused,
    /// What was chosen when it was queued no longer holds: the source address is gone.
    Stale,
    /// An ICMP error over the rate limit.
    RateLimited,
    /// An ICMP error that must not be sent (RFC 4443 s2.4(e)).
    Silenced,
    /// A Router Advertisement or Redirect where none is obeyed: on a router, or as configured.
    AutoconfOff,
    /// A Router Advertisement of one router too many.
    LearnLimit,
    /// One message too many that would make us change what we know: of routers, redirects, groups or claims of our
    /// addresses, or a question for our advertisement.
    MessageLimit,
    /// A message that needs no answer from us.
    Ignored,
}

const SIMPLE: &[DropReason] = &[
    DropReason::NotOurMac,
    DropReason::UnknownProtocol,
    DropReason::BadSource,
    DropReason::NotForUs,
    DropReason::NotJoined,
    DropReason::NoRoute,
    DropReason::RouteRefuses,
    DropReason::PointToPoint,
    DropReason::BeyondScope,
    DropReason::HopLimit,
    DropReason::TooBig,
    DropReason::NoSource,
    DropReason::NoListener,
    DropReason::Option,
    DropReason::Fragment,
    DropReason::FragmentDuplicate,
    DropReason::FragmentOverlap,
    DropReason::FragmentLimit,
    DropReason::FragmentTimeout,
    DropReason::NoLargeBuffer,
    DropReason::BadPacketTooBig,
    DropReason::HoldOverflow,
    DropReason::Unresolved,
    DropReason::TableFull,
    DropReason::TableTotal,
    DropReason::ResolvingFull,
    DropReason::SolicitLimited,
    DropReason::HoldTotal,
    DropReason::InterfaceGone,
    DropReason::UnknownVlan,
    DropReason::NoPort,
    DropReason::InactivePort,
    DropReason::SamePort,
    DropReason::LinkGroup,
    DropReason::SlowLimit,
    DropReason::TxFull,
    DropReason::TxStalled,
    DropReason::TxLost,
    DropReason::NoBuffer,
    DropReason::NoHeadroom,
    DropReason::Refused,
    DropReason::Stale,
    DropReason::RateLimited,
    DropReason::Silenced,
    DropReason::AutoconfOff,
    DropReason::LearnLimit,
    DropReason::MessageLimit,
    DropReason::Ignored,
];

const COUNT: usize = Malformed::COUNT + NdInvalid::COUNT + MldInvalid::COUNT + SIMPLE.len();

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

    fn index(self) -> usize {
        match self {
            DropReason::Malformed(why) => why as usize,
            DropReason::Nd(why) => Malformed::COUNT + why as usize,
            DropReason::Mld(why) => Malformed::COUNT + NdInvalid::COUNT + why as usize,
            simple => {
                let at = SIMPLE.iter().position(|other| *other == simple);
                // Every variant stands in SIMPLE (a test holds it to that).
                Malformed::COUNT + NdInvalid::COUNT + MldInvalid::COUNT + at.unwrap_or(SIMPLE.len() - 1)
            }
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            DropReason::Malformed(why) => return write!(f, "malformed/{}", why.name()),
            DropReason::Nd(why) => return write!(f, "nd/{}", why.name()),
            DropReason::Mld(why) => return write!(f, "mld/{}", why.name()),
            DropReason::NotOurMac => "not-our-mac",
            DropReason::UnknownProtocol => "unknown-protocol",
            DropReason::BadSource => "bad-source",
            DropReason::NotForUs => "not-for-us",
            DropReason::NotJoined => "not-joined",
            DropReason::NoRoute => "no-route",
            DropReason::RouteRefuses => "route-refuses",
            DropReason::PointToPoint => "point-to-point",
            DropReason::BeyondScope => "beyond-scope",
            DropReason::HopLimit => "hop-limit",
            DropReason::TooBig => "too-big",
            DropReason::NoSource => "no-source",
            DropReason::NoListener => "no-listener",
            DropReason::Option => "option",
            DropReason::Fragment => "fragment",
            DropReason::FragmentDuplicate => "fragment-duplicate",
            DropReason::FragmentOverlap => "fragment-overlap",
            DropReason::FragmentLimit => "fragment-limit",
            DropReason::FragmentTimeout => "fragment-timeout",
            DropReason::NoLargeBuffer => "no-large-buffer",
            DropReason::BadPacketTooBig => "bad-packet-too-big",
            DropReason::HoldOverflow => "hold-overflow",
            DropReason::Unresolved => "unresolved",
            DropReason::TableFull => "neighbor-table-full",
            DropReason::TableTotal => "neighbor-total-full",
            DropReason::ResolvingFull => "neighbor-resolving-full",
            DropReason::SolicitLimited => "solicit-limited",
            DropReason::HoldTotal => "hold-total",
            DropReason::InterfaceGone => "interface-gone",
            DropReason::UnknownVlan => "unknown-vlan",
            DropReason::NoPort => "no-port",
            DropReason::InactivePort => "inactive-port",
            DropReason::SamePort => "same-port",
            DropReason::LinkGroup => "link-group",
            DropReason::SlowLimit => "slow-protocol-limit",
            DropReason::TxFull => "tx-full",
            DropReason::TxStalled => "tx-stalled",
            DropReason::TxLost => "tx-lost",
            DropReason::NoBuffer => "no-buffer",
            DropReason::NoHeadroom => "no-headroom",
            DropReason::Refused => "refused",
            DropReason::Stale => "stale",
            DropReason::RateLimited => "rate-limited",
            DropReason::Silenced => "silenced",
            DropReason::AutoconfOff => "autoconf-off",
            DropReason::LearnLimit => "learn-limit",
            DropReason::MessageLimit => "message-limit",
            DropReason::Ignored => "ignored",
        };
        f.write_str(name)
    }
}

/// One worker's drop counters: written by the worker, read by anybody.
#[derive(Debug)]
pub struct Drops([AtomicU64; COUNT]);

impl Default for Drops {
    fn default() -> Drops {
        Drops(std::array::from_fn(|_| AtomicU64::new(0)))
    }
}

impl Drops {
    /// Counts one dropped packet.
    pub fn count(&self, cause: DropReason) {
        self.count_all(cause, 1);
    }

    /// Counts so many dropped packets.
    pub fn count_all(&self, cause: DropReason, packets: u64) {
        self.0[cause.index()].fetch_add(packets, Ordering::Relaxed);
    }

    /// How many packets were dropped for `cause`.
    pub fn of(&self, cause: DropReason) -> u64 {
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
