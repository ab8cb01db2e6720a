//! Siding as the router of Linux hosts, which know nothing but what it tells them.

#![forbid(unsafe_code)]
// Not only the tests but also their helpers say what they expect by unwrapping it.
#![allow(clippy::unwrap_used)]

mod router {
    mod advertise;
    mod filter;
    mod forward;
    mod redirect;
    mod refused;
    mod super_frames;
    mod trace;
    mod util;
}
