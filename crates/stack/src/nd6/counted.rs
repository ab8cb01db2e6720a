//! What neighbour discovery counts.

use crate::drops::DropReason;
use crate::ifnet::IfCounter;
use crate::named::named;

named! {
    /// Why packets are dropped.
    CAUSES: [DropReason];
    /// A Router Advertisement or Redirect where none is obeyed: on a router, or as configured.
    AutoconfOff = "autoconf-off",
    /// A Router Advertisement of one router too many.
    LearnLimit = "learn-limit",
}

named! {
    /// What is counted for each interface.
    COUNTERS: [IfCounter];
    /// Neighbor Solicitations that came in.
    NsIn = "ns-in",
    /// Neighbor Solicitations that were sent.
    NsOut = "ns-out",
    /// Neighbor Advertisements that came in.
    NaIn = "na-in",
    /// Neighbor Advertisements that were sent.
    NaOut = "na-out",
    /// Router Solicitations that came in.
    RsIn = "rs-in",
    /// Router Solicitations that were sent.
    RsOut = "rs-out",
    /// Router Advertisements that came in.
    RaIn = "ra-in",
    /// Router Advertisements that were sent.
    RaOut = "ra-out",
    /// Redirects that came in.
    RedirectIn = "redirect-in",
    /// Redirects that were sent.
    RedirectOut = "redirect-out",
}
