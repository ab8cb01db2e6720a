//! A screen of whatever size.
//!
//! On a small one, such as 80 × 24, the chosen panel has all the room below two lines of sums. On a large one all six are seen,
//! and the chosen one has the keys.

use std::fmt::Write;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Constraint;
use ratatui::layout::Layout;
use ratatui::layout::Rect;
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::text::Span;
use ratatui::widgets::Block;
use ratatui::widgets::BorderType;
use ratatui::widgets::Clear;
use ratatui::widgets::Widget;

use crate::figures::age;
use crate::figures::si;
use crate::model::Model;
use crate::panels;
use crate::table::Content;
use crate::table::cut;
use crate::view::Panel;
use crate::view::View;

/// From this size on all panels are seen at once.
const LARGE: (u16, u16) = (120, 36);

/// What is less high has no borders and no lines of sums.
const LOW: u16 = 10;

const KEYS: &str = "1-6 tab panel  ↑↓ PgUp scroll  s sort  p pause  +/- interval  ? help  q quit";
const FEW_KEYS: &str = "tab panel  ↑↓ scroll  ? help  q quit";

const HELP: [(&str, &str); 10] = [
    ("1 to 6, tab, ← →", "choose a panel"),
    ("↑ ↓, j k", "scroll by a line"),
    ("PgUp PgDn, space", "scroll by a page"),
    ("Home, End", "to the first line, to the last"),
    ("s", "next order: its name stands in the panel's corner"),
    ("p", "stand still, and go on"),
    ("+ -", "longer, shorter between two looks"),
    ("?", "this; any key ends it"),
    ("q, Ctrl-C", "the end"),
    ("", "Counters that begin anew, as after a restart, grow from nothing."),
];

/// Whether all panels are seen on a screen of this size.
pub(crate) fn is_large(area: Rect) -> bool {
    area.width >= LARGE.0 && area.height >= LARGE.1
}

/// Draws all of it. `at` is the moment, on the clock of the samples. Gives how many lines of the chosen panel are seen, and how
/// many there are.
pub fn draw(model: &Model, view: &View, at: Duration, area: Rect, buf: &mut Buffer) -> (usize, usize) {
    let low = area.height < LOW;
    let (sums, keys) = if low { (0, 0) } else { (2, 1) };
    let rows = [1, sums, 1, u16::MAX, keys];
    let constraints =
        rows.map(|height| if height == u16::MAX { Constraint::Fill(1) } else { Constraint::Length(height) });
    let [title, summary, tabs, body, foot] = Layout::vertical(constraints).areas(area);
    line(buf, title, &head(model, view, at));
    for (row, told) in summary.rows().zip(summed(model)) {
        line(buf, row, &told.into());
    }
    line(buf, tabs, &names(view, tabs.width));
    let keys = if usize::from(foot.width) < KEYS.chars().count() { FEW_KEYS } else { KEYS };
    line(buf, foot, &Line::from(keys).dim());
    let seen = match is_large(area) {
        true => all(model, view, body, buf),
        false => panel(view.panel, model, view, body, buf, !low),
    };
    if view.help {
        help(area, buf);
    }
    if !view.color {
        buf.content.iter_mut().for_each(|cell| {
            cell.fg = ratatui::style::Color::Reset;
            cell.bg = ratatui::style::Color::Reset;
        });
    }
    seen
}

fn line(buf: &mut Buffer, area: Rect, line: &Line<'_>) {
    if area.height > 0 {
        buf.set_line(area.x, area.y, line, area.width);
    }
}

/// Who is shown, and whether that is what is.
fn head(model: &Model, view: &View, at: Duration) -> Line<'static> {
    let mut spans = vec![Span::raw("siding top").bold()];
    let paused = view.paused.then(|| Span::raw("  PAUSED").bold());
    if let Some((why, since)) = &model.lost {
        // In front of a cause that may not have room.
        spans.extend(paused);
        let since = age(at.saturating_sub(*since).as_secs());
        spans.push(Span::styled(format!("  LOST for {since}, trying again: {why}"), panels::bad().bold()));
        return Line::from(spans);
    }
    let mut told = format!("  {}", view.who);
    if let Some(row) = model.now.as_ref().and_then(|now| now.performance.first()) {
        // Writing to a string cannot fail.
        let _ = write!(told, "  up {}", age(row.run_ns / 1_000_000_000));
    }
    let _ = write!(told, "  every {} s", view.interval.as_secs_f64());
    spans.push(Span::raw(told));
    spans.extend(paused);
    Line::from(spans)
}

/// Two lines of sums.
fn summed(model: &Model) -> [String; 2] {
    let Some(now) = &model.now else { return ["Waiting for the daemon.".into(), String::new()] };
    let rate = |rate: f64| model.over.map_or_else(|| "-".into(), |_| si(rate));
    let wire = &model.wire;
    let busy = model.work.iter().map(|work| work.busy).fold(0.0, f64::max);
    let busy = model.over.map_or_else(|| "-".into(), |_| format!("{:.0} %", busy * 100.0));
    let neighbors: usize = now.interfaces.iter().map(|row| row.neighbors).sum();
    let waiting: u64 = now.queues.iter().map(|row| row.total.resident).sum();
    [
        format!(
            "rx {} pkt/s {} bit/s   tx {} pkt/s {} bit/s",
            rate(wire.rx.packets),
            rate(wire.rx.bits),
            rate(wire.tx.packets),
            rate(wire.tx.bits),
        ),
        format!(
            "drops {}/s   busiest worker {busy}   deferred {waiting}   neighbors {neighbors}",
            rate(model.dropped.rate)
        ),
    ]
}

/// The panels' names, with the chosen one in sight; where there is no room for all of them, of the others the numbers.
fn names(view: &View, width: u16) -> Line<'static> {
    let named = |in_full: bool| {
        Panel::ALL.into_iter().zip(1..).map(move |(panel, number)| match in_full || panel == view.panel {
            true => (panel, format!(" {number} {} ", panel.name())),
            false => (panel, format!(" {number} ")),
        })
    };
    let is_wide = named(true).map(|(_, name)| name.len()).sum::<usize>() <= usize::from(width);
    let spans = named(is_wide).map(|(panel, name)| match panel == view.panel {
        true => Span::raw(name).reversed(),
        false => Span::raw(name),
    });
    spans.collect::<Vec<_>>().into()
}

/// All panels, each as high as it is likely to need.
fn all(model: &Model, view: &View, body: Rect, buf: &mut Buffer) -> (usize, usize) {
    let [left, right] = Layout::horizontal([Constraint::Fill(1); 2]).areas(body);
    let left: [Rect; 3] = Layout::vertical([5, 3, 2].map(Constraint::Fill)).areas(left);
    let right: [Rect; 3] = Layout::vertical([2, 4, 4].map(Constraint::Fill)).areas(right);
    let places = [
        (Panel::Interfaces, left[0]),
        (Panel::Drops, left[1]),
        (Panel::Laggs, left[2]),
        (Panel::Workers, right[0]),
        (Panel::Queues, right[1]),
        (Panel::Neighbors, right[2]),
    ];
    let mut seen = (0, 0);
    for (which, area) in places {
        let own = panel(which, model, view, area, buf, true);
        if which == view.panel {
            seen = own;
        }
    }
    seen
}

fn panel(
    which: Panel,
    model: &Model,
    view: &View,
    area: Rect,
    buf: &mut Buffer,
    bordered: bool,
) -> (usize, usize) {
    let chosen = which == view.panel;
    let inner = if bordered { Block::bordered().inner(area) } else { area };
    let Content { head, rows, none } = panels::content(which, model, view, usize::from(inner.width));
    let room = usize::from(inner.height).saturating_sub(head.len());
    let from = view.scrolled(which).min(rows.len().saturating_sub(room));
    let shown = rows.len().min(room);
    if bordered {
        let mut block = Block::bordered().title_top(format!(" {} ", which.name()));
        if chosen {
            block = block.border_type(BorderType::Thick);
        }
        if which.orders().len() > 1 {
            block = block.title_top(Line::from(format!(" by {} ", view.order(which))).right_aligned());
        }
        if rows.len() > shown {
            let told = format!(" {} to {} of {} ", from + 1, from + shown, rows.len());
            block = block.title_bottom(Line::from(told).right_aligned());
        }
        block.render(area, buf);
    }
    let lines = head.iter().chain(rows.iter().skip(from));
    for (row, told) in inner.rows().zip(lines) {
        line(buf, row, told);
    }
    if rows.is_empty() {
        let below = Rect { y: inner.y + head.len() as u16, height: 1.min(room as u16), ..inner };
        line(buf, below, &Line::from(none).dim());
    }
    (room, rows.len())
}

fn help(area: Rect, buf: &mut Buffer) {
    let (width, height) = (70.min(area.width), (HELP.len() as u16 + 2).min(area.height));
    let place =
        Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height };
    Clear.render(place, buf);
    let block = Block::bordered().title_top(" Keys ");
    let inner = block.inner(place);
    block.render(place, buf);
    for (row, (keys, what)) in inner.rows().zip(HELP) {
        let told = if keys.is_empty() { what.to_owned() } else { format!("{keys:<18}{what}") };
        line(buf, row, &cut(&told, usize::from(row.width)).into());
    }
}

/// All of it as text, one panel below the other.
pub fn text(model: &Model, view: &View, width: usize) -> String {
    let mut text = format!("{}\n{}\n", head(model, view, Duration::ZERO), summed(model).join("\n"));
    for which in Panel::ALL {
        let Content { head, rows, none } = panels::content(which, model, view, width);
        let order = match which.orders() {
            [_] => String::new(),
            _ => format!(", by {}", view.order(which)),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "\n{}{order}", which.name());
        let lines =
            if rows.is_empty() { vec![Line::from(none)] } else { head.into_iter().chain(rows).collect() };
        for line in lines {
            let _ = writeln!(text, "{}", line.to_string().trim_end());
        }
    }
    text
}

#[cfg(test)]
mod tests;
