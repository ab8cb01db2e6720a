//! What bridges count.

use crate::drops::DropReason;
use crate::named::named;

named! {
    /// Why packets are dropped.
    CAUSES: [DropReason];
    /// Its destination is behind the bridge's port that it came in by.
    SamePort = "same-port",
    /// For a group that no bridge forwards to (IEEE 802.1D table 7-10).
    LinkGroup = "link-group",
}
