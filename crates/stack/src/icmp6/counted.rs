//! What what tells of errors counts.

use crate::drops::DropReason;
use crate::named::named;

named! {
    /// Why packets are dropped.
    CAUSES: [DropReason];
    /// An ICMP error over the rate limit.
    RateLimited = "rate-limited",
    /// An ICMP error that must not be sent (RFC 4443 s2.4(e)).
    Silenced = "silenced",
}
