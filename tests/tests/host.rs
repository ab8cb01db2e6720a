//! Siding as a host and as a router among Linux hosts: what issue by issue was promised, seen from the outside.

#![forbid(unsafe_code)]
// Not only the tests but also their helpers say what they expect by unwrapping it.
#![allow(clippy::unwrap_used)]

mod host {
    mod asked;
    mod by_hand;
    mod confined;
    mod departure;
    mod detection;
    mod ends;
    mod groups;
    mod hangs;
    mod json;
    mod monitor;
    mod neighbor;
    mod ping;
    mod put_back;
    mod reload;
    mod schema;
    mod service;
    mod telling;
    mod threads;
    mod under_load;
    mod unreachable;
    mod util;
}
