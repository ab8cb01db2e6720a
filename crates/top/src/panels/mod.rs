//! The panels: each makes rows of what the model has, in the order that the view asks for.

mod cells;
mod drops;
mod interfaces;
mod laggs;
mod neighbors;
mod queues;
mod workers;

pub(crate) use cells::bad;

use crate::model::Model;
use crate::table::Content;
use crate::view::Panel;
use crate::view::View;

/// What a panel shows in this width.
pub(crate) fn content(panel: Panel, model: &Model, view: &View, width: usize) -> Content {
    let Some(now) = &model.now else {
        return Content { none: "Nothing is known yet.", ..Content::default() };
    };
    let order = view.order(panel);
    match panel {
        Panel::Interfaces => interfaces::content(model, now, order, width),
        Panel::Workers => workers::content(model, now, order, width),
        Panel::Queues => queues::content(model, now, order, width),
        Panel::Drops => drops::content(model, now, order, width),
        Panel::Neighbors => neighbors::content(now, order, width),
        Panel::Laggs => laggs::content(model, now, width),
    }
}
