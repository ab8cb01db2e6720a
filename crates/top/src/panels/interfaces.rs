//! Interfaces, with a line for each way.

use ratatui::style::Style;

use super::cells::bad;
use super::cells::falling;
use super::cells::good;
use super::cells::rate;
use crate::model::Model;
use crate::model::Way;
use crate::sample::Sample;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Content;

const COLUMNS: [Column; 7] = [
    Column::text("NAME", 8, 0),
    Column::text("", 2, 0),
    Column::number("PKT/s", 5, 0),
    Column::spark("", 6, 2),
    Column::number("BIT/s", 5, 0),
    Column::spark("", 6, 1),
    Column::number("DROP/s", 6, 3),
];

pub(super) fn content(model: &Model, now: &Sample, order: &str, width: usize) -> Content {
    let of = |name: &str| model.traffic.get(name);
    let sum = |name: &str, figure: &dyn Fn(&Way) -> f64| {
        of(name).map_or(0.0, |traffic| figure(&traffic.rx) + figure(&traffic.tx))
    };
    let mut rows: Vec<_> = now.interfaces.iter().collect();
    rows.sort_by(|one, other| {
        let by = |figure: &dyn Fn(&str) -> f64| falling(figure(&one.name), figure(&other.name));
        let ordering = match order {
            "packets" => by(&|name| sum(name, &|way| way.packets)),
            "bits" => by(&|name| sum(name, &|way| way.bits)),
            "drops" => by(&|name| of(name).map_or(0.0, |traffic| traffic.drops)),
            _ => std::cmp::Ordering::Equal,
        };
        ordering.then_with(|| one.name.cmp(&other.name))
    });
    let mut lines = Vec::new();
    for row in rows {
        let traffic = of(&row.name);
        let style = if row.state == "up" { good() } else { bad() };
        let drops = match traffic {
            Some(traffic) if traffic.drops > 0.0 => bad(),
            _ => Style::new(),
        };
        let way = |way: Option<&Way>| {
            let packets = way.map(|way| way.packets_before.newest(usize::MAX)).unwrap_or_default();
            let bits = way.map(|way| way.bits_before.newest(usize::MAX)).unwrap_or_default();
            [
                rate(model, way.map(|way| way.packets)).into(),
                Cell::Spark(packets),
                rate(model, way.map(|way| way.bits)).into(),
                Cell::Spark(bits),
            ]
        };
        let mut line = vec![Cell::Text(row.name.clone(), Style::new()), "rx".into()];
        line.extend(way(traffic.map(|traffic| &traffic.rx)));
        line.push(Cell::Text(rate(model, traffic.map(|traffic| traffic.drops)), drops));
        lines.push(line);
        let mut line = vec![Cell::Text(format!(" {}", row.state), style), "tx".into()];
        line.extend(way(traffic.map(|traffic| &traffic.tx)));
        line.push("".into());
        lines.push(line);
    }
    Content { none: "There is no interface.", ..Content::table(&COLUMNS, &lines, width) }
}
