//! What the demonstration has come to: numbers, and what was expected of them.

use std::fmt::Display;
use std::time::Duration;

use siding_netisr::TypeReport;
use siding_stack::DropReport;

use super::watch::State;

/// Neighbours that are asked for and are not there.
pub(super) const ABSENT: u16 = 1000;

/// Everything that the table tells.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    pub(super) place: String,
    pub(super) workers: usize,
    pub(super) pings: Vec<PingRow>,
    pub(super) transitions: Vec<(State, State, u64)>,
    pub(super) detaches: Vec<DetachRow>,
    pub(super) frames: FrameRow,
    /// What became of the lagg's act.
    pub(super) lagg: Option<LaggRow>,
    /// Why there was none.
    pub(super) no_lagg: Option<String>,
    /// What became of the firewall's act.
    pub(super) gate: Option<GateRow>,
    /// Why there was none.
    pub(super) no_gate: Option<String>,
    /// What the stack dropped, by cause, without what it never did.
    pub(super) drops: Vec<DropReport>,
    pub(super) remains: Remains,
    pub(super) checks: Checks,
    /// How long all took.
    pub(super) took: Duration,
    /// The operator ended it before its time.
    pub(super) interrupted: bool,
}

/// What was found when all was over.
#[derive(Debug, Default)]
pub(super) struct Remains {
    /// Each type of dispatched packet, over all workers.
    pub(super) types: Vec<TypeReport>,
    /// What is wrong with the counters.
    pub(super) imbalance: Option<String>,
    /// Buffers that are missing from the pool, and those that it has.
    pub(super) missing: usize,
    pub(super) buffers: usize,
    /// Packets for which the pool had none.
    pub(super) refused: u64,
    /// A worker that ended before its time.
    pub(super) panic: Option<String>,
    /// What could not be put back.
    pub(super) left_behind: Vec<String>,
    /// What the capture lacks, which changes nothing else.
    pub(super) uncaptured: Option<String>,
}

/// Echo requests of one kind.
#[derive(Debug)]
pub(super) struct PingRow {
    pub(super) who: String,
    pub(super) sent: u64,
    pub(super) answered: u64,
    /// What is to be known of it.
    pub(super) note: &'static str,
}

/// Detaches of one kind.
#[derive(Debug, Default)]
pub(super) struct DetachRow {
    pub(super) how: &'static str,
    /// From the call until nothing of the interface was left.
    pub(super) latencies: Vec<Duration>,
    /// Neighbours with a timer each, at the moment of each detach.
    pub(super) pending: Vec<usize>,
    /// How long all of it took, with attaching and filling.
    pub(super) took: Duration,
}

/// A lagg whose primary was changed under load.
#[derive(Debug)]
pub(super) struct LaggRow {
    pub(super) changes: u64,
    /// Announcements that were sent.
    pub(super) announced: u64,
    pub(super) took: Duration,
    pub(super) flows: Vec<FlowRow>,
}

/// A connection through a firewall that was flooded and reloaded.
#[derive(Debug)]
pub(super) struct GateRow {
    /// Round trips of the connection, and the longest of them.
    pub(super) trips: u64,
    pub(super) longest: Duration,
    pub(super) syns: u64,
    /// Half-open states that made room for others.
    pub(super) pushed_out: u64,
    pub(super) reloads: u64,
    /// Whether the connection went on after all that.
    pub(super) goes_on: bool,
}

/// Echo requests through a lagg.
#[derive(Debug)]
pub(super) struct FlowRow {
    pub(super) who: String,
    pub(super) sent: u64,
    pub(super) answered: u64,
}

/// Frames of ours.
#[derive(Debug, Default)]
pub(super) struct FrameRow {
    pub(super) sent: u64,
    pub(super) received: u64,
    /// Seen at the driver after a detach had returned.
    pub(super) after_detach: u64,
    /// Counted by the kernel between a detach and the next attachment; `None` if there is no kernel to count.
    pub(super) while_detached: Option<u64>,
}

/// What was expected, and whether it was so.
#[derive(Debug, Default)]
pub(super) struct Checks {
    pub(super) held: usize,
    pub(super) failed: Vec<Failed>,
}

/// An expectation that failed.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) what: String,
    pub(super) expected: String,
    pub(super) found: String,
}

impl DetachRow {
    /// Detaches with so many neighbour timers pending.
    pub(super) fn at_least(&self, timers: usize) -> usize {
        self.pending.iter().filter(|pending| **pending >= timers).count()
    }
}

impl FlowRow {
    /// Requests or replies that did not come through.
    pub(super) fn lost(&self) -> u64 {
        self.sent.saturating_sub(self.answered)
    }

    /// Effective blocked time: what was lost, at the rate of those `took`.
    pub(super) fn blocked(&self, took: Duration) -> Duration {
        took.mul_f64(self.lost() as f64 / self.sent.max(1) as f64)
    }
}

impl Checks {
    /// Notes whether `holds`, and if not, what was expected and what was found instead.
    pub(super) fn expect(&mut self, holds: bool, what: &str, expected: impl Display, found: impl Display) {
        if holds {
            self.held += 1;
            return;
        }
        let what = what.to_owned();
        self.failed.push(Failed { what, expected: expected.to_string(), found: found.to_string() });
    }

    /// Notes that a step ran to its end, or why not.
    pub(super) fn expect_end(&mut self, what: &str, result: &anyhow::Result<()>) {
        match result {
            Ok(()) => self.held += 1,
            Err(error) => self.expect(false, what, "to run to its end", format_args!("{error:#}")),
        }
    }
}

/// The value below which `percent` of the sorted values lie; the largest for 100. `None` if there are none.
pub(super) fn percentile<T: Copy + Ord>(values: &[T], percent: usize) -> Option<T> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable();
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let values: Vec<u32> = (1..=200).rev().collect();
        assert_eq!(percentile(&values, 50), Some(100));
        assert_eq!(percentile(&values, 99), Some(198));
        assert_eq!(percentile(&values, 100), Some(200));
        assert_eq!(percentile(&[7], 50), Some(7));
        assert_eq!(percentile::<u32>(&[], 50), None);
    }

    #[test]
    fn a_failed_expectation_keeps_what_was_expected() {
        let mut checks = Checks::default();
        checks.expect(true, "fine", 1, 1);
        checks.expect(false, "replies", 500, 499);
        checks.expect_end("step", &Err(anyhow::anyhow!("inner").context("outer")));
        assert_eq!(checks.held, 1);
        assert_eq!((checks.failed[0].expected.as_str(), checks.failed[0].found.as_str()), ("500", "499"));
        assert_eq!(checks.failed[1].found, "outer: inner");
    }
}
