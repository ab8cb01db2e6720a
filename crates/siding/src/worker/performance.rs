//! How workers spend their time: their threads' turns, and the steps of those that the stack has timed.

use siding_runtime::SIZES;
use siding_runtime::Turns;

use crate::control::FramesRow;
use crate::control::PerformanceRow;
use crate::control::StepRow;
use crate::control::TimedRow;
use crate::control::TurnRow;
use crate::state::daemon::Daemon;
use crate::state::lock::lock;

impl Daemon {
    pub(crate) fn show_performance(&self) -> Vec<PerformanceRow> {
        let threads = lock(&self.runtime).as_ref().map(|runtime| runtime.stats()).unwrap_or_default();
        // The stack's clock began with the daemon.
        let run_ns = self.stack.now().as_nanos();
        let row = |(at_least, Turns { turns, packets, nanos }): (u64, Turns)| TurnRow {
            at_least,
            turns,
            packets,
            took_ns: nanos,
        };
        let threads = threads.into_iter().zip(self.stack.steps()).zip(self.stack.frames()).enumerate();
        threads
            .map(|(worker, ((thread, timed), frames))| PerformanceRow {
                worker,
                run_ns,
                turns: SIZES.into_iter().zip(thread.by_size).map(row).collect(),
                frames: FramesRow { expressed: frames.expressed, walked: frames.walked },
                timed: timed_row(&timed),
            })
            .collect()
    }
}

fn timed_row(timed: &siding_stack::StepsReport) -> TimedRow {
    let step = |step: &siding_stack::StepReport| StepRow {
        step: step.step.name().into(),
        packets: step.packets,
        took_ns: step.nanos,
    };
    TimedRow { turns: timed.turns, packets: timed.packets, steps: timed.steps.iter().map(step).collect() }
}
