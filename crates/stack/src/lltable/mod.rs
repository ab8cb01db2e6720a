//! Who is on a link, as it is kept: entries, the table of each interface, its bounds, and what each worker remembers. What
//! becomes of an entry, and what is sent to it, is [`neighbor`](crate::neighbor)'s.
//!
//! # Locks
//!
//! The table's lock ([`ranks::NeighborTable`](crate::ranks::NeighborTable)) guards the list, each entry's
//! ([`ranks::Neighbor`](crate::ranks::Neighbor)) its state machine and held packets.
//!
//! Small leaves under both: the timer queues, and what the entries of a table say of themselves ([`books`]), with the order of the idle ([`idle`]).
//!
//! The path of a packet to a reachable neighbour takes none: each entry publishes its link-layer address in
//! one word ([`Lle::direct`]) while nothing else is to be done.
//!
//! # Under attack
//!
//! Three pools, each with a bound of its own for each interface ([`NeighborLimits`]) and for all together
//! ([`NeighborTotals`]): entries that are being resolved, those that have told their address and never confirmed it, and
//! those that have. A scan fills the first, a flood of forged solicitations the second; neither reaches the third. What
//! may be asked, and what is held meanwhile, is bounded too, in an order of priority ([`Priority`]).
//!
//! # Teardown
//!
//! [`Neighbors::close`] takes no longer for many entries than for few. It empties the table, to which nothing is added
//! any more, closes the [`books`], by which all of them leave the totals at once, and visits those alone that hold packets. Who still has an entry
//! in hand meets it as it was: what he does with it counts nowhere, no packet is held for it, and no timer is armed.

mod books;
mod direct;
mod limits;
mod lle;
mod rate;
mod report;
mod table;

pub(crate) use direct::Direct;
pub use limits::NeighborLimits;
pub use limits::NeighborTotals;
pub(crate) use limits::Priority;
pub(crate) use limits::Use;
pub(crate) use lle::Entry;
pub(crate) use lle::Lle;
pub use report::NeighborReport;
use siding_machines::idle;
pub(crate) use table::Evicted;
pub(crate) use table::Found;
pub(crate) use table::Neighbors;
pub(crate) use table::Newcomer;
pub(crate) use table::NoRoom;
pub(crate) use table::Purged;
pub(crate) use table::Terms;

use std::net::IpAddr;

use siding_netisr::IfId;

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
