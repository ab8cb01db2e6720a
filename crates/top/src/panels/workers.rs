//! Workers: how busy they are, and how full their turns.

use super::cells::falling;
use super::cells::rate;
use crate::model::Model;
use crate::model::Work;
use crate::sample::Sample;
use crate::table::Cell;
use crate::table::Column;
use crate::table::Content;

/// Bars of turns by size have a cell for each size: 1, 2, 4, 8 … 128 and more.
const COLUMNS: [Column; 10] = [
    Column::text("WORKER", 6, 0),
    Column::text("CORE", 4, 5),
    Column::text("STATE", 6, 6),
    Column::number("BUSY/%", 6, 0),
    Column::spark("", 6, 3),
    Column::number("TURN/s", 6, 4),
    Column::number("PKT/s", 5, 0),
    Column::number("PKT/TURN", 8, 0),
    Column::text("1…128+", 8, 2),
    Column::number("NS/PKT", 6, 1),
];

pub(super) fn content(model: &Model, now: &Sample, order: &str, width: usize) -> Content {
    let mut rows: Vec<_> = now.performance.iter().zip(0..).collect();
    if order == "busy" {
        let busy = |at: usize| model.work.get(at).map_or(0.0, |work: &Work| work.busy);
        rows.sort_by(|one, other| falling(busy(one.1), busy(other.1)));
    }
    let rows = rows.into_iter().map(|(row, at): (_, usize)| -> Vec<Cell> {
        let work = model.work.get(at);
        let worker = now.workers.iter().find(|worker| worker.worker == row.worker);
        let some = |figure: &dyn Fn(&Work) -> Option<f64>| rate(model, work.and_then(figure));
        let core = worker.and_then(|worker| worker.core).map_or_else(|| "-".into(), |core| core.to_string());
        let state = worker.map_or("-", |worker| if worker.sleeping { "asleep" } else { "awake" });
        let busy = work.filter(|_| model.over.is_some());
        let sizes = work.map(|work| crate::figures::spark(&work.sizes, work.sizes.len()));
        vec![
            row.worker.to_string().into(),
            core.into(),
            state.into(),
            busy.map_or_else(|| "-".into(), |work| format!("{:.1}", work.busy * 100.0)).into(),
            Cell::Spark(work.map(|work| work.busy_before.newest(usize::MAX)).unwrap_or_default()),
            some(&|work| Some(work.turns)).into(),
            some(&|work| Some(work.packets)).into(),
            some(&|work| work.packets_a_turn).into(),
            sizes.unwrap_or_default().into(),
            some(&|work| work.ns_a_packet).into(),
        ]
    });
    let rows: Vec<_> = rows.collect();
    Content { none: "There is no worker.", ..Content::table(&COLUMNS, &rows, width) }
}
