//! The stack from outside, by its own calls.

#![allow(clippy::unwrap_used, clippy::expect_used)] // A test says what it expects by unwrapping it.
#![allow(unreachable_pub)] // What is shared is reached from outside its file only.

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
mod costs;
mod departure_lets_go;
mod express;
mod filter;
mod multipath;
mod same_router;
mod stress;
mod worker_knows_changes;
