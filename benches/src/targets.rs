//! What the facility is meant to reach, and whether it did.

use std::io;
use std::io::Write;

use crate::contestants;
use crate::contestants::Row;
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
    /// The fastest bounded row that could be measured: no slower than it.
    BestBounded,
}

const TARGETS: [(Scenario, Mark); 5] = [
    (Scenario::SameThreadSingle, Mark::Time(10.0)),
    (Scenario::SameThreadSingle, Mark::Row("crossbeam ArrayQueue")),
    (Scenario::AcrossSingle, Mark::BestBounded),
    (Scenario::TwoProducersSingle, Mark::BestBounded),
    (Scenario::TwoProducersBatch, Mark::Row("DPDK rte_ring MP/SC")),
];

/// Writes a line for each target: PASS or MISS, or that it could not be told.
///
/// # Errors
/// Those of `out`.
pub fn write_targets(columns: &[Column], rows: &[Row], out: &mut impl Write) -> io::Result<()> {
    writeln!(
        out,
        "\nTargets of {} (its time over the peer's, the median over the rounds)",
        contestants::REFERENCE
    )?;
    for (scenario, mark) in TARGETS {
        let column = columns.iter().find(|column| column.scenario == scenario);
        let (verdict, detail) = column.and_then(|column| judge(column, mark, rows)).map_or_else(
            || ("?", "not measured".to_owned()),
            |(reached, detail)| (if reached { "PASS" } else { "MISS" }, detail),
        );
        writeln!(out, "  {verdict:4} {:27} {detail}", scenario.name())?;
    }
    Ok(())
}

/// Whether the mark was reached, and by how much; `None` if one of the two figures is missing.
fn judge(column: &Column, mark: Mark, rows: &[Row]) -> Option<(bool, String)> {
    let own = figures(column, contestants::REFERENCE)?;
    let peer = match mark {
        Mark::Time(limit) => {
            return Some((own.median <= limit, format!("{:.1} ns, at most {limit:.1} ns", own.median)));
        }
        Mark::Row(name) => name,
        Mark::BestBounded => {
            let peers = rows.iter().filter(|row| row.name != contestants::REFERENCE);
            let bounded = peers.filter(|row| row.entry.as_ref().is_ok_and(|entry| entry.bounded));
            let timed = bounded.filter_map(|row| Some((row.name, figures(column, row.name)?.median)));
            timed.min_by(|one, other| one.1.total_cmp(&other.1))?.0
        }
    };
    let times = figures(column, peer)?;
    let ratio = 1.0 / times.ratio?;
    Some((ratio <= 1.0, format!("{ratio:.2} x {peer} ({:.1} against {:.1} ns)", own.median, times.median)))
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
    use crate::contestants::Entry;

    fn row(name: &'static str, bounded: bool) -> Row {
        Row { name, entry: Ok(Entry { producers: 9, bounded, run: |_, _| Ok(1.0) }) }
    }

    fn cell(name: &'static str, median: f64, ratio: f64) -> (&'static str, Cell) {
        let rounds = vec![median];
        (name, Cell::Measured(Figures { rounds, median, min: median, max: median, ratio: Some(ratio) }))
    }

    #[test]
    fn targets_are_reached_missed_or_unknown() {
        let rows =
            [row(contestants::REFERENCE, true), row("crossbeam ArrayQueue", true), row("a list", false)];
        let cells = vec![
            cell(contestants::REFERENCE, 11.0, 1.0),
            cell("crossbeam ArrayQueue", 22.0, 2.0),
            cell("a list", 5.5, 0.5),
        ];
        let columns = [
            Column { scenario: Scenario::SameThreadSingle, cells: cells.clone() },
            Column { scenario: Scenario::AcrossSingle, cells },
        ];
        let mut out = Vec::new();
        write_targets(&columns, &rows, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let verdicts: Vec<&str> =
            text.lines().skip(2).filter_map(|line| line.split_whitespace().next()).collect();
        assert_eq!(verdicts, ["MISS", "PASS", "PASS", "?", "?"], "{text}");
        assert!(
            text.contains("0.50 x crossbeam ArrayQueue (11.0 against 22.0 ns)"),
            "unbounded is no peer: {text}"
        );
    }
}
