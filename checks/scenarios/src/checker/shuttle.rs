//! Under shuttle: schedules that its PCT scheduler draws, the same ones every time.

pub(crate) use shuttle::sync;
pub(crate) use shuttle::thread;

use shuttle::Config;
use shuttle::FailurePersistence;
use shuttle::Runner;
use shuttle::scheduler::PctScheduler;

use crate::Scenario;
use crate::scenario::execute;

/// Whether there is time for more threads and packets than the promise needs at least.
pub(crate) const LARGE: bool = true;
/// Whether time passes as it does for users, so that something may be asked to be fast.
pub(crate) const TIMED: bool = false;

/// Preemptions per schedule, and one more.
const DEPTH: usize = 3;
const SEED: u64 = 0x5369_6469_6e67;

/// Runs the scenario under `limit` schedules; 1,000 unless told.
pub fn explore(scenario: &'static Scenario, limit: Option<u64>) {
    let mut config = Config::new();
    config.failure_persistence = FailurePersistence::None;
    config.silence_warnings = true;
    let schedules = usize::try_from(limit.unwrap_or(1000)).unwrap_or(usize::MAX);
    let scheduler = PctScheduler::new_from_seed(SEED, DEPTH, schedules);
    Runner::new(scheduler, config).run(|| execute(scenario));
}
