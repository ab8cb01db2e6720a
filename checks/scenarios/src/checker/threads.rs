//! On real threads: whatever this machine happens to do.

pub(crate) use std::sync;
pub(crate) use std::thread;

use crate::Scenario;
use crate::scenario::execute;

/// Whether there is time for more threads and packets than the promise needs at least.
pub(crate) const LARGE: bool = true;
/// Whether time passes as it does for users, so that something may be asked to be fast.
pub(crate) const TIMED: bool = true;

/// Runs the scenario `limit` times; 1,000 unless told.
pub fn explore(scenario: &'static Scenario, limit: Option<u64>) {
    (0..limit.unwrap_or(1000)).for_each(|_| execute(scenario));
}
