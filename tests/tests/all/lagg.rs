//! Laggs over namespaces: ports that change under load, links that are lost, and what is said of it on the command line.
//!
//! The short forms run with all tests. The measurements of `docs/measurements.md` are made by
//!
//! ```text
//! SIDING_MEASURE=full cargo test --release -p siding-tests --test all lagg:: -- --nocapture --test-threads 1
//! ```

mod blocked;
mod command;
mod failover;
mod flow;
mod rig;
