//! The queue of what is to be answered by an error.

use siding_netisr::IfId;

use crate::queues::Queue;

/// Packets whose neighbour did not answer, with the interface that they would have left by.
pub(crate) struct Unreachable;

impl Queue for Unreachable {
    type Meta = IfId;
    const NAME: &'static str = "unreachable";
}
