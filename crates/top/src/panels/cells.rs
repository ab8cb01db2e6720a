//! What cells of several panels have in common.

use ratatui::style::Color;
use ratatui::style::Style;

use crate::model::Model;

/// A rate, if there is one already.
pub(super) fn rate(model: &Model, rate: Option<f64>) -> String {
    match model.over.and(rate) {
        Some(rate) => crate::figures::si(rate),
        None => "-".into(),
    }
}

/// Larger ones first; what cannot be compared is nothing.
pub(super) fn falling(one: f64, other: f64) -> std::cmp::Ordering {
    other.total_cmp(&one)
}

pub(super) fn good() -> Style {
    Style::new().fg(Color::Green)
}

pub(crate) fn bad() -> Style {
    Style::new().fg(Color::Red)
}

pub(super) fn odd() -> Style {
    Style::new().fg(Color::Yellow)
}
