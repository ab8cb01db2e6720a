//! Under loom: every interleaving, and every value that a load may return.

pub(crate) use loom::sync;
pub(crate) use loom::thread;

use crate::Scenario;
use crate::scenario::execute;

/// Whether there is time for more threads and packets than the promise needs at least.
pub(crate) const LARGE: bool = false;
/// Whether time passes as it does for users, so that something may be asked to be fast.
pub(crate) const TIMED: bool = false;

/// Runs the scenario in every way; `limit` bounds the preemptions, and nothing bounds them without.
pub fn explore(scenario: &'static Scenario, limit: Option<u64>) {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 20_000;
    builder.preemption_bound = limit.map(|bound| usize::try_from(bound).unwrap_or(usize::MAX));
    builder.check(|| execute(scenario));
}
