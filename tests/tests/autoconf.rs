//! Siding as a host that configures itself, with routers that we did not write: radvd, and Linux.

#![forbid(unsafe_code)]
// Not only the tests but also their helpers say what they expect by unwrapping it.
#![allow(clippy::unwrap_used)]

mod autoconf {
    mod learned;
    mod lifetimes;
    mod redirect;
    mod util;
}
