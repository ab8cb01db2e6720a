//! What VLANs count.

use crate::drops::DropReason;
use crate::named::named;

named! {
    /// Why packets are dropped.
    CAUSES: [DropReason];
    /// A tag that is no VLAN here.
    UnknownVlan = "unknown-vlan",
}
