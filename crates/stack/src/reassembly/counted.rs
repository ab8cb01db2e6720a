//! What reassembly counts.

use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::named::named;

named! {
    /// Why packets are dropped.
    CAUSES: [DropReason];
    /// A fragment that had come before.
    FragmentDuplicate = "fragment-duplicate",
    /// A fragment of a packet whose fragments overlap.
    FragmentOverlap = "fragment-overlap",
    /// A fragment that made room for another.
    FragmentLimit = "fragment-limit",
    /// A fragment whose packet was not complete in time.
    FragmentTimeout = "fragment-timeout",
}

named! {
    /// What is counted for each interface.
    COUNTERS: [IfCounter];
    /// Fragments that came in, to be put together.
    FragmentsIn = "fragments-in",
    /// Packets that were put together.
    Reassembled = "reassembled",
    /// Fragments that packets were cut into.
    FragmentsOut = "fragments-out",
}
