//! What the daemon tells of itself, and of the stack as a whole: features tell of their own.

use std::time::Duration;

use siding_netisr::Histogram;
use siding_netisr::LaneReport;
use siding_stack::drops::Whose;

use crate::control::BucketRow;
use crate::control::DropRow;
use crate::control::Dropper;
use crate::control::LaneRow;
use crate::control::LimitRow;
use crate::control::TypeRow;
use crate::control::WorkerRow;
use crate::rows::nanos;
use crate::rows::refused;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::lock::lock;
use crate::state::tell;

impl Daemon {
    pub(super) fn show_netisr(&self) -> Vec<TypeRow> {
        let row = |report: siding_netisr::TypeReport| TypeRow {
            total: lane(&report.total(), report.workers.iter().all(LaneReport::is_conserved)),
            workers: report.workers.iter().map(|report| lane(report, report.is_conserved())).collect(),
            name: report.name,
            limit: report.limit,
        };
        self.stack.netisr_types().into_iter().map(row).collect()
    }

    pub(super) fn show_limits(&self, ctx: &mut Free<'_>) -> Vec<LimitRow> {
        let row = |report: siding_stack::LimitReport| LimitRow {
            limit: report.name,
            interface: (!report.interface.is_none()).then(|| self.name_of(report.interface)),
            most: report.limit,
            used: report.used,
            highest: report.highest,
            refused: report.refused,
        };
        let mut rows: Vec<LimitRow> = self.stack.limits(ctx).into_iter().map(row).collect();
        rows.extend([
            tell::limit(),
            self.sessions.limit("control-sessions"),
            self.watchers.limit("monitor-sessions"),
        ]);
        rows.extend(self.log.events.limits());
        rows.extend(self.captures().into_iter().map(|(interface, loss)| LimitRow {
            limit: "capture-bytes".into(),
            interface,
            most: loss.waiting.1 as u64,
            used: loss.waiting.0 as u64,
            highest: None,
            refused: loss.frames,
        }));
        rows
    }

    /// What was dropped, with how fast that grows.
    pub(super) fn show_drops(&self) -> Vec<DropRow> {
        let mut rows = self.drops_now();
        rows.retain(|row| row.count > 0);
        self.drops.look(std::time::Instant::now(), rows)
    }

    /// The same without rates, and with what drivers have not met yet: no look that others' rates are told from.
    pub(super) fn drops_now(&self) -> Vec<DropRow> {
        self.reap();
        let mut rows: Vec<DropRow> = Vec::new();
        for account in self.stack.drops_by_interface() {
            rows.extend(account.drops.iter().map(|drop| DropRow {
                interface: account.name.clone(),
                departed: account.whose == Whose::Departed,
                by: Dropper::Stack,
                cause: drop.cause.to_string(),
                count: drop.count,
                per_second: None,
                over_s: None,
            }));
        }
        rows.extend(self.drops.rows());
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        rows
    }

    pub(super) fn show_workers(&self) -> Vec<WorkerRow> {
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

/// Times whose histogram is told: from a microsecond to seventeen seconds, each four times the one before. That is where the
/// facility's own buckets end, so the counts are exact.
const WAITS: [u64; 13] = {
    let mut waits = [(1 << 10) - 1; 13];
    let mut at = 1;
    while at < waits.len() {
        waits[at] = (1 << (10 + 2 * at)) - 1;
        at += 1;
    }
    waits
};

fn bucket(of: &Histogram, at_most_ns: u64) -> BucketRow {
    BucketRow { at_most_ns, packets: of.at_most(Duration::from_nanos(at_most_ns)) }
}

fn lane(report: &LaneReport, conserved: bool) -> LaneRow {
    let timed = report.residence.count();
    LaneRow {
        accepted: report.accepted,
        handled: report.handled,
        departed: report.departed,
        flushed: report.flushed,
        dropped_oldest: report.dropped_oldest,
        resident: report.resident,
        panicked: report.panicked,
        reserved: report.reserved,
        high_water: report.high_water,
        refused: refused(&report.refused),
        oldest_age_ns: report.oldest_age.map(nanos),
        residence_p50_ns: report.residence.percentile(50.0).map(nanos),
        residence_p99_ns: report.residence.percentile(99.0).map(nanos),
        residence_max_ns: (timed > 0).then(|| nanos(report.residence.longest())),
        timed,
        residence: WAITS.map(|at_most_ns| bucket(&report.residence, at_most_ns)).into(),
        conserved,
    }
}
