//! Whether the workers still turn. One that has ended is seen by its thread; one that hangs is seen here only: it is called,
//! and does not come by.

use std::time::Duration;
use std::time::Instant;

use siding_runtime::Runtime;

/// Between two calls. A worker without work sleeps until somebody calls.
const EACH: Duration = Duration::from_secs(1);

/// A worker that has not turned for so long is told of.
const SILENT: Duration = Duration::from_secs(10);

/// When each worker was last seen to have turned.
#[derive(Debug)]
pub(super) struct Pulse {
    called: Instant,
    workers: Vec<Seen>,
}

#[derive(Debug)]
struct Seen {
    turns: u64,
    at: Instant,
    told: bool,
}

impl Pulse {
    pub(super) fn new() -> Pulse {
        Pulse { called: Instant::now(), workers: Vec::new() }
    }

    /// Sees which workers have turned since they were called, and calls them again.
    pub(super) fn take(&mut self, runtime: &Runtime) {
        let now = Instant::now();
        if !self.workers.is_empty() && now - self.called < EACH {
            return;
        }
        self.called = now;
        let turns = runtime.stats().into_iter().map(|thread| thread.turns);
        for (worker, turns) in turns.enumerate() {
            let Some(seen) = self.workers.get_mut(worker) else {
                self.workers.push(Seen { turns, at: now, told: false });
                continue;
            };
            if seen.turns != turns {
                if seen.told {
                    tracing::warn!("worker {worker} turns again");
                }
                *seen = Seen { turns, at: now, told: false };
            } else if now - seen.at >= SILENT && !seen.told {
                tracing::error!("worker {worker} has not turned for {} s: it hangs", SILENT.as_secs());
                seen.told = true;
            }
        }
        runtime.call();
    }

    /// Whether each worker was seen to have turned since then.
    pub(super) fn beat_since(&self, then: Instant) -> bool {
        self.workers.iter().all(|seen| seen.at > then)
    }
}
