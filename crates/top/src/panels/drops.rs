//! Drops by interface and cause.

use ratatui::style::Style;
use siding_client::Dropper;

use super::cells::bad;
use super::cells::falling;
use super::cells::rate;
use crate::model::Model;
use crate::model::dropped;
use crate::sample::Sample;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Content;

const COLUMNS: [Column; 6] = [
    Column::text("INTERFACE", 10, 0),
    Column::text("BY", 6, 2),
    Column::text("CAUSE", 16, 0),
    Column::number("PACKETS", 8, 1),
    Column::number("PER-SECOND", 10, 0),
    Column::spark("", 8, 3),
];

pub(super) fn content(model: &Model, now: &Sample, order: &str, width: usize) -> Content {
    let mut rows: Vec<_> = now
        .drops
        .iter()
        .filter(|row| row.count > 0)
        .map(|row| (row, model.drops.get(&dropped(row))))
        .collect();
    rows.sort_by(|(one, fast), (other, slow)| {
        let rate = |growth: &Option<&crate::model::Growth>| growth.map_or(0.0, |growth| growth.rate);
        let ordering = match order {
            "rate" => falling(rate(fast), rate(slow)).then_with(|| other.count.cmp(&one.count)),
            "count" => other.count.cmp(&one.count),
            _ => std::cmp::Ordering::Equal,
        };
        ordering.then_with(|| one.key().cmp(&other.key()))
    });
    let rows = rows.into_iter().map(|(row, growth)| -> Vec<Cell> {
        let grows = growth.filter(|_| model.over.is_some()).is_some_and(|growth| growth.rate > 0.0);
        let style = if grows { bad() } else { Style::new() };
        vec![
            row.account().into(),
            match row.by {
                Dropper::Stack => "stack".into(),
                Dropper::Driver => "driver".into(),
            },
            Cell::Text(row.cause.clone(), style),
            row.count.to_string().into(),
            Cell::Text(rate(model, growth.map(|growth| growth.rate)), style),
            Cell::Spark(growth.map(|growth| growth.before.newest(usize::MAX)).unwrap_or_default()),
        ]
    });
    let rows: Vec<_> = rows.collect();
    Content { none: "Nothing was dropped.", ..Content::table(&COLUMNS, &rows, width) }
}
