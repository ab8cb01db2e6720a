//! Workers, as they are told.

use crate::control::WorkerRow;
use crate::state::daemon::Daemon;
use crate::state::lock::lock;

impl Daemon {
    pub(crate) fn show_workers(&self) -> Vec<WorkerRow> {
        let threads = lock(&self.runtime).as_ref().map(|runtime| runtime.stats()).unwrap_or_default();
        let reports = self.stack.workers().into_iter().zip(threads).enumerate();
        reports
            .map(|(worker, (report, thread))| WorkerRow {
                worker,
                core: thread.core,
                sleeping: report.sleeping,
                turns: thread.turns,
                busy: thread.busy,
                received: thread.received,
                sleeps: thread.sleeps,
                wakeups: report.wakeups,
            })
            .collect()
    }
}
