//! Neighbour discovery under attack and at speed, seen from outside: raw senders on one side, the `siding` program or Linux
//! on the other, bystanders who must not notice.
//!
//! What runs with all tests is short and slow. The full forms, whose figures are in `docs/measurements.md`, need a release
//! build, and real-time priority where other work runs on the machine:
//!
//! ```text
//! cargo build --release -p siding && cargo test --release -p siding-tests --test all --no-run
//! SIDING_BIN=target/release/siding chrt -f 10 cargo test --release -p siding-tests --test all attack:: -- --ignored --nocapture --test-threads 1
//! ```

mod bystander;
mod flood;
mod flood_of_kinds;
mod held_up;
mod raw;
mod resolution;
mod scan;
mod util;
