//! Laggs over namespaces: ports that change under load, links that are lost, and what is said of it on the command line.
//!
//! The short forms run with all tests. The measurements of `docs/measurements.md` are made by
//!
//! ```text
//! SIDING_MEASURE=full cargo test --release -p siding-tests --test lagg -- --nocapture --test-threads 1
//! ```

#![forbid(unsafe_code)]
// Not only the tests but also their helpers say what they expect by unwrapping it.
#![allow(clippy::unwrap_used)]

mod lagg {
    mod blocked;
    mod command;
    mod failover;
    mod flow;
    mod rig;
}
