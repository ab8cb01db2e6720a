//! Deferred packets, by type and worker, as they are told.

use std::time::Duration;

use siding_netisr::Histogram;
use siding_netisr::LaneReport;

use crate::control::BucketRow;
use crate::control::LaneRow;
use crate::control::TypeRow;
use crate::rows::nanos;
use crate::rows::refused;
use crate::state::daemon::Daemon;

impl Daemon {
    pub(crate) fn show_netisr(&self) -> Vec<TypeRow> {
        let row = |report: siding_netisr::TypeReport| TypeRow {
            total: lane(&report.total(), report.workers.iter().all(LaneReport::is_conserved)),
            workers: report.workers.iter().map(|report| lane(report, report.is_conserved())).collect(),
            name: report.name,
            limit: report.limit,
        };
        self.stack.netisr_types().into_iter().map(row).collect()
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
