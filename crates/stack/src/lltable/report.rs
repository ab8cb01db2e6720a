//! What is told of a neighbour.

use std::net::IpAddr;
use std::time::Duration;

use siding_netisr::IfId;
use siding_netisr::Instant;
use siding_wire::Mac;

use super::Entry;
use super::Lle;
use crate::nd6::nud::NudState;

/// A neighbour, for tables.
//= RFC 9099 s2.6.1.4 [9099-1]: with its ages, so that whoever reads the table now and then knows who was where when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NeighborReport {
    /// On which interface.
    pub interface: IfId,
    /// Its address.
    pub addr: IpAddr,
    /// Where it stands.
    pub state: NudState,
    /// Its link-layer address, if known.
    pub lladdr: Option<Mac>,
    /// Whether it says that it is a router.
    pub router: bool,
    /// Configured by hand.
    pub fixed: bool,
    /// Packets that wait for it.
    pub held: usize,
    /// How long there has been an entry.
    pub age: Duration,
    /// How long it has been in its state.
    pub in_state: Duration,
    /// How long ago it was last confirmed that it is reached; `None` if it never was.
    pub confirmed: Option<Duration>,
}

impl NeighborReport {
    pub(super) fn of(lle: &Lle, entry: &Entry, now: Instant) -> NeighborReport {
        NeighborReport {
            interface: lle.interface,
            addr: lle.addr,
            state: entry.nud.state(),
            lladdr: entry.nud.usable(),
            router: entry.nud.is_router(),
            fixed: entry.nud.is_static(),
            held: entry.hold.len() + entry.flushing as usize,
            age: now.since(entry.made),
            in_state: now.since(entry.since.1),
            confirmed: entry.nud.confirmed().map(|then| now.since(then)),
        }
    }
}
