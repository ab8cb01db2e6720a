//! Why the filter drops packets.

use crate::drops::DropReason;
use crate::named::named;

named! {
    /// Why packets are dropped.
    CAUSES: [DropReason];
    /// The filter's rules say so.
    Filtered = "filtered",
    /// The filter has no room for the state of another flow.
    FilterStates = "filter-states-full",
    /// A later fragment whose first has not passed the filter, or not yet.
    FilterFragment = "filter-fragment",
    /// While packets are filtered: a first fragment that ends before its upper-layer header does (RFC 7112), or more
    /// extension headers than are walked. No rule can tell what it is.
    FilterHeaders = "filter-headers",
}
