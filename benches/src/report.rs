//! The table and the JSON.

use std::fs::File;
use std::io;
use std::io::Write;
use std::path::Path;

use serde::Serialize;

use crate::measure::Cell;
use crate::measure::Column;
use crate::scenario::Plan;

/// All that a run found out.
#[derive(Debug, Serialize)]
pub struct Report {
    /// The row that ratios are to.
    pub reference: &'static str,
    /// Rounds of each cell.
    pub rounds: usize,
    /// The size of each round.
    pub plan: Plan,
    /// The scenarios, in the order that they were run.
    pub columns: Vec<Column>,
}

/// Writes one scenario as a block of lines: median, fastest and slowest round, ratio.
///
/// # Errors
/// Those of `out`.
pub fn write_column(column: &Column, reference: &str, out: &mut impl Write) -> io::Result<()> {
    let width = column.cells.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let title = column.scenario.name();
    writeln!(out, "{title:width$}   ns/item      min - max       x {reference}")?;
    for (name, cell) in &column.cells {
        match cell {
            Cell::Measured(figures) => {
                let ratio = figures.ratio.map_or_else(|| "?".to_owned(), |ratio| format!("{ratio:.2}"));
                let (median, min, max) = (figures.median, figures.min, figures.max);
                writeln!(out, "  {name:width$} {median:8.1} {min:8.1} - {max:<8.1} {ratio:>6}")?;
            }
            Cell::Absent(reason) => writeln!(out, "  {name:width$} {:>8} {reason}", "-")?,
        }
    }
    writeln!(out)
}

/// Writes the scenarios side by side: each cell the median in nanoseconds and, in brackets, the ratio.
///
/// # Errors
/// Those of `out`.
pub fn write_summary(report: &Report, out: &mut impl Write) -> io::Result<()> {
    const CELL: usize = 15;
    let Some(first) = report.columns.first() else { return Ok(()) };
    let width = first.cells.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
    let heading = "ns/item (ratio)";
    for (line, blank) in [(0, heading), (1, "")] {
        write!(out, "{blank:width$}")?;
        for column in &report.columns {
            let words = column.scenario.name().rsplit_once(", ").unwrap_or_default();
            let word = if line == 0 { words.0 } else { words.1 };
            write!(out, " {word:>CELL$}")?;
        }
        writeln!(out)?;
    }
    for (index, (name, _)) in first.cells.iter().enumerate() {
        write!(out, "{name:width$}")?;
        for column in &report.columns {
            let text = match &column.cells[index].1 {
                Cell::Measured(figures) => {
                    let ratio = figures.ratio.map_or_else(String::new, |ratio| format!(" ({ratio:.2})"));
                    format!("{:.1}{ratio}", figures.median)
                }
                Cell::Absent(_) => "-".to_owned(),
            };
            write!(out, " {text:>CELL$}")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Writes everything, every round included, as JSON.
///
/// # Errors
/// If the file cannot be written.
pub fn save_json(report: &Report, path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    serde_json::to_writer_pretty(&mut file, report)?;
    writeln!(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::Figures;
    use crate::scenario::Scenario;

    fn column() -> Column {
        let figures =
            Figures { rounds: vec![1.0, 2.5, 4.0], median: 2.5, min: 1.0, max: 4.0, ratio: Some(0.5) };
        let cells =
            vec![("a ring", Cell::Measured(figures)), ("another", Cell::Absent("not here".to_owned()))];
        Column { scenario: Scenario::SameThreadBatch, cells }
    }

    #[test]
    fn columns_line_up_and_absence_has_its_reason() {
        let mut out = Vec::new();
        write_column(&column(), "base", &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[1].starts_with("  a ring       2.5      1.0 - 4.0"), "{text}");
        assert!(lines[1].ends_with("  0.50"), "{text}");
        assert!(lines[2].ends_with("- not here"), "{text}");
    }

    #[test]
    fn summary_has_a_line_for_each_row() {
        let plan = Plan { warm_up: 0, items: 1, capacity: 2 };
        let report = Report { reference: "base", rounds: 3, plan, columns: vec![column()] };
        let mut out = Vec::new();
        write_summary(&report, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().count(), 4, "{text}");
        assert!(text.contains("2.5 (0.50)"), "{text}");
    }
}
