//! Rounds, turns and statistics.
//!
//! Within a scenario the contestants take turns, and each round begins with another one, so that a noisy moment or a
//! drifting clock hits all alike. The ratio is the median of the ratios *within* each round, not the ratio of the
//! medians: the two figures of one round were taken within a second of each other.

use serde::Serialize;

use crate::contestants::Entry;
use crate::contestants::Row;
use crate::error::BenchError;
use crate::scenario::Plan;
use crate::scenario::Scenario;

/// A cell of the table.
#[derive(Clone, Debug, Serialize)]
pub enum Cell {
    /// It was measured.
    Measured(Figures),
    /// It was not, and why.
    Absent(String),
}

/// What was measured of one contestant in one scenario.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Nanoseconds per payload, round by round.
    pub rounds: Vec<f64>,
    /// Their median.
    pub median: f64,
    /// The fastest round.
    pub min: f64,
    /// The slowest round.
    pub max: f64,
    /// Time relative to the reference, the median over the rounds: above 1 is slower than the reference. `None` if
    /// the reference could not be measured.
    pub ratio: Option<f64>,
}

/// One scenario's cells, in the order of the rows.
#[derive(Debug, Serialize)]
pub struct Column {
    /// Which scenario.
    pub scenario: Scenario,
    /// A cell for each row.
    pub cells: Vec<(&'static str, Cell)>,
}

/// Measures `scenario` for all `rows`, `rounds` times each, with ratios to the row named `reference`.
///
/// # Errors
/// The first [`BenchError`], save that a machine without enough cores gives absent cells.
pub fn measure(
    scenario: Scenario,
    rows: &[Row],
    reference: &str,
    rounds: usize,
    plan: &Plan,
) -> Result<Column, BenchError> {
    let mut times: Vec<Result<Vec<f64>, String>> =
        rows.iter().map(|row| may_run(row, scenario).map(|_| Vec::with_capacity(rounds))).collect();
    for round in 0..rounds {
        for turn in 0..rows.len() {
            let index = (round + turn) % rows.len();
            let (Ok(entry), Ok(series)) = (may_run(&rows[index], scenario), &mut times[index]) else {
                continue;
            };
            match (entry.run)(scenario, plan) {
                Ok(time) => series.push(time),
                Err(error @ BenchError::Pin { .. }) => times[index] = Err(error.to_string()),
                Err(error) => return Err(error),
            }
        }
    }
    let base = rows.iter().position(|row| row.name == reference);
    let base = base.and_then(|index| times[index].clone().ok());
    let cells = rows.iter().zip(times);
    let cells = cells.map(|(row, series)| (row.name, cell(series, base.as_deref()))).collect();
    Ok(Column { scenario, cells })
}

fn may_run(row: &Row, scenario: Scenario) -> Result<&Entry, String> {
    let entry = row.entry.as_ref().map_err(|reason| (*reason).to_owned())?;
    if scenario.producers() > entry.producers {
        return Err("one producer only".to_owned());
    }
    Ok(entry)
}

fn cell(series: Result<Vec<f64>, String>, base: Option<&[f64]>) -> Cell {
    let rounds = match series {
        Ok(rounds) if !rounds.is_empty() => rounds,
        Ok(_) => return Cell::Absent("no rounds".to_owned()),
        Err(reason) => return Cell::Absent(reason),
    };
    let ratio = base.filter(|base| base.len() == rounds.len()).map(|base| {
        let mut ratios: Vec<f64> = rounds.iter().zip(base).map(|(time, base)| time / base).collect();
        median(&mut ratios)
    });
    let mut sorted = rounds.clone();
    let median = median(&mut sorted);
    let (min, max) = (sorted[0], sorted[sorted.len() - 1]);
    Cell::Measured(Figures { rounds, median, min, max, ratio })
}

/// Sorts `values` and gives the middle one (the mean of the middle two); of none, no number.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.is_empty() {
        return f64::NAN;
    }
    if values.len() % 2 == 1 { values[middle] } else { (values[middle - 1] + values[middle]) / 2.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn constant<const TENTHS: u32>(_: Scenario, _: &Plan) -> Result<f64, BenchError> {
        Ok(f64::from(TENTHS) / 10.0)
    }

    fn corrupt(_: Scenario, _: &Plan) -> Result<f64, BenchError> {
        Err(BenchError::Corrupt { name: "broken" })
    }

    const PLAN: Plan = Plan { warm_up: 0, items: 1, capacity: 2 };

    #[test]
    fn ratios_are_within_the_round_and_absent_cells_say_why() {
        let rows = [
            Row { name: "base", entry: Ok(Entry { producers: 9, run: constant::<20> }) },
            Row { name: "slow", entry: Ok(Entry { producers: 9, run: constant::<50> }) },
            Row { name: "lone", entry: Ok(Entry { producers: 1, run: constant::<10> }) },
            Row { name: "gone", entry: Err("not installed") },
        ];
        let column = measure(Scenario::TwoProducersSingle, &rows, "base", 4, &PLAN).unwrap();
        let Cell::Measured(slow) = &column.cells[1].1 else { panic!("not measured") };
        assert_eq!(slow.rounds, [5.0; 4]);
        assert_eq!(slow.ratio, Some(2.5));
        assert!(matches!(&column.cells[2].1, Cell::Absent(why) if why == "one producer only"));
        assert!(matches!(&column.cells[3].1, Cell::Absent(why) if why == "not installed"));
    }

    #[test]
    fn a_corrupt_round_is_no_figure() {
        let rows = [Row { name: "broken", entry: Ok(Entry { producers: 9, run: corrupt }) }];
        let outcome = measure(Scenario::SameThreadSingle, &rows, "broken", 1, &PLAN);
        assert!(matches!(outcome, Err(BenchError::Corrupt { .. })));
    }

    #[test]
    fn paired_ratio_withstands_drift() {
        // Everything becomes ten times slower half way through; the ratio stays 2.
        let base = [1.0, 1.0, 10.0, 10.0, 10.0];
        let Cell::Measured(twice) = cell(Ok(vec![2.0, 2.0, 20.0, 20.0, 20.0]), Some(&base)) else {
            panic!("not measured")
        };
        assert_eq!((twice.ratio, twice.min, twice.median, twice.max), (Some(2.0), 2.0, 20.0, 20.0));
    }
}
