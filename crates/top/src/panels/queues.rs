//! Queues of deferred packets: how deep they are, and how long packets wait.

use ratatui::style::Style;

use super::cells::bad;
use super::cells::falling;
use super::cells::odd;
use super::cells::rate;
use crate::figures::wait;
use crate::model::Model;
use crate::sample::Sample;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Content;

/// Bars of waits have a cell for each time: up to 1 us, 4 us, 16 us … 17 s.
const COLUMNS: [Column; 9] = [
    Column::text("TYPE", 10, 0),
    Column::number("DEPTH", 5, 0),
    Column::number("MOST", 5, 3),
    Column::number("LIMIT", 5, 5),
    Column::number("PKT/s", 5, 0),
    Column::number("REFUSED/s", 9, 4),
    Column::number("P50", 7, 2),
    Column::number("P99", 7, 0),
    Column::text("WAIT 1us…17s", 13, 1),
];

pub(super) fn content(model: &Model, now: &Sample, order: &str, width: usize) -> Content {
    let of = |name: &str| model.queues.get(name);
    let mut rows: Vec<_> = now.queues.iter().collect();
    rows.sort_by(|one, other| {
        let by = |figure: &dyn Fn(&siding_client::TypeRow) -> f64| falling(figure(one), figure(other));
        let ordering = match order {
            "rate" => by(&|row| of(&row.name).map_or(0.0, |queue| queue.accepted)),
            "depth" => by(&|row| row.total.resident as f64),
            "wait" => by(&|row| of(&row.name).and_then(|queue| queue.percentile(99)).unwrap_or(0) as f64),
            _ => std::cmp::Ordering::Equal,
        };
        ordering.then_with(|| one.name.cmp(&other.name))
    });
    let rows = rows.into_iter().map(|row| -> Vec<Cell> {
        let queue = of(&row.name).filter(|_| model.over.is_some());
        let refused = queue.map(|queue| queue.refused);
        let alarm = |alarm: bool, style: Style| if alarm { style } else { Style::new() };
        let at =
            |percent: u64| queue.and_then(|queue| queue.percentile(percent)).map_or_else(|| "-".into(), wait);
        let waits: Vec<u64> =
            queue.map(|queue| queue.waits.iter().map(|(_, packets)| *packets).collect()).unwrap_or_default();
        let is_deep = row.total.resident.saturating_mul(2) > u64::from(row.limit);
        vec![
            row.name.clone().into(),
            Cell::Text(row.total.resident.to_string(), alarm(is_deep, odd())),
            row.total.high_water.to_string().into(),
            row.limit.to_string().into(),
            rate(model, queue.map(|queue| queue.accepted)).into(),
            Cell::Text(rate(model, refused), alarm(refused.is_some_and(|refused| refused > 0.0), bad())),
            at(50).into(),
            at(99).into(),
            crate::figures::spark(&waits, waits.len()).into(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    Content { none: "There is no queue.", ..Content::table(&COLUMNS, &rows, width) }
}
