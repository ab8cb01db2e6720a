//! Neighbours: one table for each interface, for IPv6 (neighbour discovery) and IPv4 (ARP) alike.
//!
//! # Locks
//!
//! The table's lock ([`ranks::NeighborTable`]) guards the list, each entry's ([`ranks::Neighbor`]) its state
//! machine and held packets. The timer holds the entry's lock from beginning to end: what it sends is built and
//! dispatched under it. Nobody sends under either.
//!
//! Small leaves under both: the timer queue, and the order of the idle ([`idle`]).
//!
//! The path of a packet to a reachable neighbour takes none: each entry publishes its link-layer address in
//! one word ([`Lle::direct`]) while nothing else is to be done.
//!
//! # Under attack
//!
//! Three pools, each with a bound of its own for each interface ([`NeighborLimits`]) and for all together
//! ([`NeighborTotals`]): entries that are being resolved, those that have told their address and never confirmed it, and
//! those that have. A scan fills the first, a flood of forged solicitations the second; neither reaches the third. What
//! may be asked, and what is held meanwhile, is bounded too, in an order of priority ([`limits::Priority`]).
//!
//! # Teardown
//!
//! [`Neighbors::purge`] closes the table, so that nothing is added behind it, marks each entry dead under its
//! lock and gives back what it held. A timer that still refers to an entry finds it dead.

mod age;
mod direct;
mod dispatch;
mod due;
mod flush;
mod limits;
mod lle;
mod output;
mod protocol;
mod rate;
mod report;
mod table;
mod timer;

pub use limits::NeighborLimits;
pub use limits::NeighborTotals;
pub(crate) use protocol::Tables;
pub use report::NeighborReport;
use siding_machines::idle;

pub(crate) use direct::Direct;
pub(crate) use dispatch::dispatch;
pub(crate) use dispatch::dispatch_message;
pub(crate) use due::Ageing;
pub(crate) use flush::flush;
pub(crate) use limits::Use;
pub(crate) use lle::Entry;
pub(crate) use lle::Lle;
pub(crate) use output::output;
pub(crate) use table::Evicted;
pub(crate) use table::Found;
pub(crate) use table::Neighbors;
pub(crate) use table::Newcomer;
pub(crate) use table::Purged;
pub(crate) use timer::settle;
pub(crate) use timer::source_of;

use std::net::IpAddr;

use siding_netisr::IfId;
use siding_netisr::Metadata;
use siding_wire::Mac;

use crate::queues::Queue;

/// Metadata of what goes to a neighbour by way of the facility: captured when it was dispatched.
#[derive(Debug)]
pub(crate) struct LinkOut {
    /// The interface that it goes out of.
    pub(crate) out: IfId,
    /// The same for all that goes to one neighbour, so that it stays in order.
    pub(crate) key: u64,
    pub(crate) what: What,
}

#[derive(Debug)]
pub(crate) enum What {
    /// A whole frame that announces or asks with this source address, which must still be ours; `None` is "no
    /// source needed" (`::`, or an ARP probe).
    Message(Option<IpAddr>, crate::ifnet::IfCounter),
    /// The same, as the last that is said on the interface.
    LastWords(Option<IpAddr>, crate::ifnet::IfCounter, crate::common::Word),
    /// A frame in the name of a station behind another port of the bridge, which must still be there.
    Station(Mac),
    /// An IP packet that was held for the neighbour.
    Held(std::sync::Arc<Lle>),
}

/// What goes to neighbours: solicitations, and packets that were held.
impl Queue for LinkOut {
    type Meta = LinkOut;
    const NAME: &'static str = "link_out";
}

/// Announcements, for which room is reserved.
pub(crate) struct Announcing;

impl Queue for Announcing {
    type Meta = LinkOut;
    const NAME: &'static str = "announce";
}

impl Metadata for LinkOut {
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        visit(self.out);
    }
}

/// The flow key of a neighbour.
pub(crate) fn flow_key(interface: IfId, addr: IpAddr) -> u64 {
    let bits = match addr {
        IpAddr::V6(addr) => addr.to_bits(),
        IpAddr::V4(addr) => u128::from(addr.to_bits()),
    };
    // Mixed well enough to spread over workers and cache lines; collisions cost a look-up, never a packet.
    let folded = (bits >> 64) as u64 ^ (bits as u64).rotate_left(32) ^ interface.as_u64();
    let mixed = folded.wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 32)
}
