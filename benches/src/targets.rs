//! What the facility is meant to reach, and whether it did.

use std::io;
use std::io::Write;

use crate::contestants;
use crate::measure::Cell;
use crate::measure::Column;
use crate::measure::Figures;
use crate::scenario::Scenario;

/// What the facility's figure in one scenario is held against.
#[derive(Clone, Copy, Debug)]
enum Mark {
    /// Nanoseconds per payload.
    Time(f64),
    /// The row of this name: no slower than it.
    Row(&'static str),
    /// The row of this name, which is shown and decides nothing.
    Beside(&'static str),
}

const ARRAY_QUEUE: &str = "crossbeam ArrayQueue";
const ONE_PRODUCER: &str = "DPDK rte_ring SP/SC";
const MANY_PRODUCERS: &str = "DPDK rte_ring MP/SC";

/// `ArrayQueue` between cores is sometimes nine times slower than at others: no mark to be held against.
const TARGETS: [(Scenario, Mark); 8] = [
    (Scenario::SameThreadSingle, Mark::Time(10.0)),
    (Scenario::SameThreadSingle, Mark::Row(ARRAY_QUEUE)),
    (Scenario::SameThreadBatch, Mark::Row(ONE_PRODUCER)),
    (Scenario::AcrossSingle, Mark::Row(MANY_PRODUCERS)),
    (Scenario::AcrossSingle, Mark::Beside(ARRAY_QUEUE)),
    (Scenario::TwoProducersSingle, Mark::Row(MANY_PRODUCERS)),
    (Scenario::TwoProducersSingle, Mark::Beside(ARRAY_QUEUE)),
    (Scenario::TwoProducersBatch, Mark::Row(MANY_PRODUCERS)),
];

/// Writes a line for each target: PASS or MISS, or that it could not be told.
///
/// # Errors
/// Those of `out`.
pub fn write_targets(columns: &[Column], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\nTargets of {} (its time over the peer's, the median over the rounds)",
        contestants::REFERENCE
    )?;
    for (scenario, mark) in TARGETS {
        let column = columns.iter().find(|column| column.scenario == scenario);
        let (verdict, detail) =
            column.and_then(|column| judge(column, mark)).unwrap_or_else(|| ("?", "not measured".to_owned()));
        writeln!(out, "  {verdict:4} {:27} {detail}", scenario.name())?;
    }
    Ok(())
}

/// The verdict, and by how much; `None` if one of the two figures is missing.
fn judge(column: &Column, mark: Mark) -> Option<(&'static str, String)> {
    let own = figures(column, contestants::REFERENCE)?;
    let verdict = |reached| if reached { "PASS" } else { "MISS" };
    let peer = match mark {
        Mark::Time(limit) => {
            return Some((
                verdict(own.median <= limit),
                format!("{:.1} ns, at most {limit:.1} ns", own.median),
            ));
        }
        Mark::Row(name) | Mark::Beside(name) => name,
    };
    let times = figures(column, peer)?;
    let ratio = 1.0 / times.ratio?;
    let verdict = if matches!(mark, Mark::Beside(_)) { "-" } else { verdict(ratio <= 1.0) };
    Some((verdict, format!("{ratio:.2} x {peer} ({:.1} against {:.1} ns)", own.median, times.median)))
}

fn figures<'a>(column: &'a Column, name: &str) -> Option<&'a Figures> {
    column.cells.iter().find_map(|(row, cell)| match cell {
        Cell::Measured(figures) if *row == name => Some(figures),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    fn cell(name: &'static str, median: f64, ratio: f64) -> (&'static str, Cell) {
        let rounds = vec![median];
        (name, Cell::Measured(Figures { rounds, median, min: median, max: median, ratio: Some(ratio) }))
    }

    #[test]
    fn targets_are_reached_missed_or_unknown() {
        let cells = vec![
            cell(contestants::REFERENCE, 11.0, 1.0),
            cell("crossbeam ArrayQueue", 22.0, 2.0),
            cell("DPDK rte_ring MP/SC", 5.5, 0.5),
        ];
        let columns = [
            Column { scenario: Scenario::SameThreadSingle, cells: cells.clone() },
            Column { scenario: Scenario::AcrossSingle, cells },
        ];
        let mut out = Vec::new();
        write_targets(&columns, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let verdicts: Vec<&str> =
            text.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(verdicts, ["MISS", "PASS", "?", "MISS", "-", "?", "?", "?"], "{text}");
        assert!(
            text.contains("2.00 x DPDK rte_ring MP/SC (11.0 against 5.5 ns)")
                && text.contains("0.50 x crossbeam ArrayQueue (11.0 against 22.0 ns)"),
            "{text}"
        );
    }
}
