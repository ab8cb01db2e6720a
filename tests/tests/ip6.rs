//! Large packets, fragments, narrow paths and errors, with Linux at the other end.

#![forbid(unsafe_code)]
// Not only the tests but also their helpers say what they expect by unwrapping it.
#![allow(clippy::unwrap_used)]

mod ip6 {
    mod forged;
    mod large;
    mod path_mtu;
    mod refused;
    mod util;
}
