//! What is meant by what is said of interfaces: the same for files and requests, and below all that carries it out.

pub(crate) mod addressing;
pub(crate) mod advertise;
pub(crate) mod autoconf;
pub(crate) mod interface;
pub(crate) mod meant;
pub(crate) mod neighbors;
pub(crate) mod said;

use siding_stack::NeighborLimits;

/// What the stack as a whole is told that interfaces have by default, or need.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Whole {
    /// It routes packets for others.
    pub(crate) forwarding: bool,
    /// Bounds of each interface that has none of its own.
    pub(crate) neighbors: NeighborLimits,
}
