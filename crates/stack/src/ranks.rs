//! The ranks of the stack's locks. One chain, outermost first; see `docs/design.md`.

use siding_lockorder::rank;

rank!(
    /// Changes of configuration: held while a snapshot is made, never while somebody is waited for.
    pub Control after Unlocked
);
rank!(
    /// One lagg: its ports, and what is still to be announced.
    pub Lagg after Control
);
rank!(
    /// One interface's list of neighbours.
    pub NeighborTable after Lagg
);
rank!(
    /// One neighbour: its state machine and its held packets. What the neighbour timer holds throughout.
    pub Neighbor after NeighborTable
);
rank!(
    /// A timer queue: a worker's, or the one of them all.
    pub Timers after Neighbor
);
rank!(
    /// Small leaves that nothing is taken under: rate limits, mailboxes, echo replies.
    pub Leaf after Timers
);
