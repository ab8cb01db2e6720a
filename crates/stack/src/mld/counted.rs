//! What multicast listeners count.

use crate::ifnet::IfCounter;
use crate::named::named;

named! {
    /// What is counted for each interface.
    COUNTERS: [IfCounter];
    /// Reports and Dones that were sent.
    MldOut = "mld-out",
    /// Queries that came in.
    MldQueryIn = "mld-query-in",
    /// Reports and Dones of others.
    MldReportIn = "mld-report-in",
}
