//! Neighbours: how many are in each state, and who they are.

use ratatui::style::Style;
use ratatui::text::Line;
use siding_client::NeighborRow;

use super::cells::bad;
use super::cells::good;
use super::cells::odd;
use crate::figures::age;
use crate::sample::Sample;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Content;

const COLUMNS: [Column; 7] = [
    Column::text("ADDRESS", 25, 0),
    Column::text("INTERFACE", 9, 1),
    Column::text("STATE", 10, 0),
    Column::number("SINCE", 6, 2),
    Column::text("MAC", 17, 3),
    Column::text("FLAGS", 6, 5),
    Column::number("HELD", 4, 4),
];

/// As they follow from one another; those in trouble first.
const STATES: [&str; 6] = ["INCOMPLETE", "PROBE", "DELAY", "STALE", "REACHABLE", "PERMANENT"];

fn state(row: &NeighborRow) -> &str {
    if row.fixed { "PERMANENT" } else { &row.state }
}

fn place(row: &NeighborRow) -> usize {
    STATES.iter().position(|name| *name == state(row)).unwrap_or(STATES.len())
}

pub(super) fn content(now: &Sample, order: &str, width: usize) -> Content {
    let Some(rows) = &now.neighbors else {
        return Content { none: "They are asked for.", ..Content::default() };
    };
    let mut rows: Vec<_> = rows.iter().collect();
    rows.sort_by(|one, other| {
        let ordering = match order {
            "state" => place(one).cmp(&place(other)),
            "interface" => one.interface.cmp(&other.interface),
            "age" => other.age_ns.cmp(&one.age_ns),
            _ => std::cmp::Ordering::Equal,
        };
        ordering.then_with(|| (one.address, &one.interface).cmp(&(other.address, &other.interface)))
    });
    let counts = STATES.iter().enumerate().filter_map(|(at, name)| {
        let count = rows.iter().filter(|row| place(row) == at).count();
        (count > 0).then(|| format!("{count} {name}"))
    });
    let counts = counts.collect::<Vec<_>>().join("  ");
    let cells = rows.into_iter().map(|row| -> Vec<Cell> {
        let style = match state(row) {
            "REACHABLE" | "PERMANENT" => good(),
            "STALE" | "DELAY" => Style::new(),
            "PROBE" => odd(),
            _ => bad(),
        };
        vec![
            row.address.to_string().into(),
            row.interface.clone().into(),
            Cell::Text(state(row).to_owned(), style),
            age(row.in_state_ns / 1_000_000_000).into(),
            row.mac.clone().unwrap_or_else(|| "-".into()).into(),
            if row.router { "router" } else { "" }.into(),
            row.held.to_string().into(),
        ]
    });
    let cells: Vec<_> = cells.collect();
    let mut content = Content { none: "Nobody is known.", ..Content::table(&COLUMNS, &cells, width) };
    if !cells.is_empty() {
        content.head.insert(0, Line::from(counts));
    }
    content
}
