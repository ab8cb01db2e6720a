//! What link aggregation counts.

use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::named::named;

named! {
    /// Why packets are dropped.
    CAUSES: [DropReason];
    /// It came in on a port of a lagg or bridge that is not in use.
    InactivePort = "inactive-port",
    /// More of a slow protocol's frames than one port may send.
    SlowLimit = "slow-protocol-limit",
}

named! {
    /// What is counted for each interface.
    COUNTERS: [IfCounter];
    /// LACPDUs that came in.
    LacpIn = "lacp-in",
    /// LACPDUs and marker responses that were sent.
    LacpOut = "lacp-out",
}
