//! Laggs, each with its members.

use ratatui::style::Style;
use siding_client::LaggPortRow;
use siding_client::LaggRow;

use super::cells::bad;
use super::cells::good;
use super::cells::odd;
use super::cells::rate;
use crate::model::Model;
use crate::sample::Sample;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Content;

const COLUMNS: [Column; 7] = [
    Column::text("NAME", 10, 0),
    Column::text("STATE", 10, 0),
    Column::text("ROLE", 8, 1),
    Column::number("RX BIT/s", 8, 0),
    Column::number("TX BIT/s", 8, 0),
    Column::text("LACP", 16, 2),
    Column::text("PARTNER", 23, 3),
];

/// What a port does, and whether that is as it should be.
fn state(port: &LaggPortRow) -> (&'static str, Style) {
    match (port.usable, port.receiving, port.sending) {
        (false, ..) => ("down", bad()),
        _ if port.leaving => ("leaving", odd()),
        (_, true, true) => ("in use", good()),
        (_, true, false) => ("receiving", odd()),
        (_, false, true) => ("sending", odd()),
        (_, false, false) => ("stands by", Style::new()),
    }
}

fn role(lagg: &LaggRow, port: &LaggPortRow) -> &'static str {
    let is = |name: &Option<String>| name.as_deref() == Some(&port.name);
    match (is(&lagg.primary), is(&lagg.active)) {
        (true, _) => "primary",
        (_, true) => "active",
        _ => "",
    }
}

pub(super) fn content(model: &Model, now: &Sample, width: usize) -> Content {
    let bits = |name: &str| {
        let traffic = model.traffic.get(name);
        [traffic.map(|traffic| traffic.rx.bits), traffic.map(|traffic| traffic.tx.bits)]
            .map(|bits| Cell::from(rate(model, bits)))
    };
    let mut rows: Vec<Vec<Cell>> = Vec::new();
    for lagg in &now.laggs {
        let (state_of, style) = if lagg.link { ("up", good()) } else { ("no carrier", bad()) };
        let [rx, tx] = bits(&lagg.name);
        let lacp = lagg.lacp.as_ref();
        rows.push(vec![
            lagg.name.clone().into(),
            Cell::Text(state_of.into(), style),
            lagg.mode.clone().into(),
            rx,
            tx,
            lacp.map(|lacp| format!("{}, {}", lacp.activity, lacp.rate)).unwrap_or_default().into(),
            lacp.and_then(|lacp| lacp.aggregator.clone()).unwrap_or_default().into(),
        ]);
        for port in &lagg.ports {
            let (state, style) = state(port);
            let [rx, tx] = bits(&port.name);
            let lacp = port.lacp.as_ref();
            rows.push(vec![
                format!("  {}", port.name).into(),
                Cell::Text(state.into(), style),
                role(lagg, port).into(),
                rx,
                tx,
                lacp.map(|lacp| lacp.mux.clone()).unwrap_or_default().into(),
                lacp.map(|lacp| lacp.partner.system.clone()).unwrap_or_default().into(),
            ]);
        }
    }
    Content { none: "There is no lagg.", ..Content::table(&COLUMNS, &rows, width) }
}
