//! Columns that share the width that there is: what matters least goes first.

use ratatui::style::Style;
use ratatui::style::Stylize;
use ratatui::text::Line;
use ratatui::text::Span;
use unicode_width::UnicodeWidthStr;

use crate::figures::spark;

/// A column.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    name: &'static str,
    kind: Kind,
    width: usize,
    /// The largest goes first where there is no room; 0 stays.
    rank: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// To the left, and as wide as there is room for.
    Text,
    /// To the right.
    Number,
    /// Bars of the past; the more, the wider.
    Spark,
}

impl Column {
    /// Words, in no fewer cells than that.
    pub(crate) const fn text(name: &'static str, width: usize, rank: u8) -> Column {
        Column { name, kind: Kind::Text, width, rank }
    }

    /// Figures.
    pub(crate) const fn number(name: &'static str, width: usize, rank: u8) -> Column {
        Column { name, kind: Kind::Number, width, rank }
    }

    /// Sparklines.
    pub(crate) const fn spark(name: &'static str, width: usize, rank: u8) -> Column {
        Column { name, kind: Kind::Spark, width, rank }
    }
}

/// What stands in a column.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Text(String, Style),
    Spark(Vec<u64>),
}

impl From<String> for Cell {
    fn from(text: String) -> Cell {
        Cell::Text(text, Style::new())
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        text.to_owned().into()
    }
}

impl Cell {
    fn width(&self) -> usize {
        match self {
            Cell::Text(text, _) => text.width(),
            Cell::Spark(_) => 0,
        }
    }
}

/// Rows of columns, ready to be drawn.
#[derive(Debug, Default)]
pub(crate) struct Content {
    /// What stands above them, and does not scroll.
    pub(crate) head: Vec<Line<'static>>,
    pub(crate) rows: Vec<Line<'static>>,
    /// What is said if there are none.
    pub(crate) none: &'static str,
}

impl Content {
    /// Lays these rows out for a width.
    pub(crate) fn table(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> Content {
        let widths = fit(columns, rows, width);
        let head: Vec<Cell> = columns.iter().map(|column| column.name.into()).collect();
        Content {
            head: vec![line(columns, &head, &widths).bold()],
            rows: rows.iter().map(|row| line(columns, row, &widths)).collect(),
            none: "",
        }
    }
}

/// How wide each column is; `None` for those that have no room.
fn fit(columns: &[Column], rows: &[Vec<Cell>], width: usize) -> Vec<Option<usize>> {
    let mut widths: Vec<Option<usize>> = columns.iter().map(|column| Some(column.width)).collect();
    let taken = |widths: &[Option<usize>]| {
        let shown = widths.iter().flatten();
        shown.clone().sum::<usize>() + shown.count().saturating_sub(1)
    };
    while taken(&widths) > width {
        let shown =
            columns.iter().enumerate().filter(|(at, column)| widths[*at].is_some() && column.rank > 0);
        let Some((least, _)) = shown.max_by_key(|(_, column)| column.rank) else { break };
        widths[least] = None;
    }
    let mut left = width.saturating_sub(taken(&widths));
    // Words first, as long as they are; bars have the rest.
    for (at, column) in columns.iter().enumerate().filter(|(_, column)| column.kind == Kind::Text) {
        let Some(own) = &mut widths[at] else { continue };
        let wanted = rows.iter().filter_map(|row| row.get(at)).map(Cell::width).max().unwrap_or(0);
        let more = wanted.max(column.name.width()).saturating_sub(*own).min(left);
        *own += more;
        left -= more;
    }
    let mut sparks: Vec<&mut usize> = columns
        .iter()
        .zip(&mut widths)
        .filter(|(column, _)| column.kind == Kind::Spark)
        .filter_map(|(_, width)| width.as_mut())
        .collect();
    let count = sparks.len();
    for (at, own) in sparks.iter_mut().enumerate() {
        **own += left / count + usize::from(at < left % count);
    }
    widths
}

fn line(columns: &[Column], cells: &[Cell], widths: &[Option<usize>]) -> Line<'static> {
    let mut spans = Vec::new();
    for ((column, cell), width) in columns.iter().zip(cells).zip(widths) {
        let Some(width) = *width else { continue };
        if !spans.is_empty() {
            spans.push(Span::raw(" "));
        }
        spans.push(match cell {
            Cell::Spark(values) => Span::raw(spark(values, width)),
            Cell::Text(text, style) => {
                let text = cut(text, width);
                let gap = " ".repeat(width - text.width());
                let text = if column.kind == Kind::Text { text + &gap } else { gap + &text };
                Span::styled(text, *style)
            }
        });
    }
    Line::from(spans)
}

/// What of it fits, with a sign where more would be.
pub(crate) fn cut(text: &str, width: usize) -> String {
    // What others have named may have anything in it, and a screen shows no more than one line.
    let plain: String = text.chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    if plain.width() <= width {
        return plain;
    }
    let mut short = String::new();
    for c in plain.chars() {
        short.push(c);
        // The whole: a sign may make the one before it wider.
        if short.width() + 1 > width {
            short.pop();
            break;
        }
    }
    if width > 0 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: [Column; 4] = [
        Column::text("NAME", 4, 0),
        Column::number("PKT/S", 5, 0),
        Column::spark("", 4, 2),
        Column::number("DROPS", 5, 1),
    ];

    fn told(width: usize) -> Vec<String> {
        let rows = [vec!["a-long-name".into(), "12".into(), Cell::Spark(vec![1, 2]), "3".into()]];
        let content = Content::table(&COLUMNS, &rows, width);
        content.head.iter().chain(&content.rows).map(|line| line.to_string()).collect()
    }

    #[test]
    fn what_matters_least_goes_first_and_bars_have_the_rest() {
        assert_eq!(told(33), ["NAME        PKT/S           DROPS", "a-long-name    12        ▄█     3"]);
        assert_eq!(told(21), ["NAME PKT/S      DROPS", "a-l…    12   ▄█     3"]);
        assert_eq!(told(18), ["NAME   PKT/S DROPS", "a-lon…    12     3"]);
        assert_eq!(told(11), ["NAME  PKT/S", "a-lo…    12"]);
        // Less than what must be is cut by whoever draws.
        assert_eq!(told(3), ["NAME PKT/S", "a-l…    12"]);
    }

    #[test]
    fn names_of_others_do_nothing_to_the_screen() {
        assert_eq!(cut("a\x1b[2Jb\nc", 20), "a?[2Jb?c");
        assert_eq!(cut("日本語", 5), "日本…");
        // Narrow by itself, wide with the selector behind it.
        assert_eq!(cut("ab\u{2764}\u{fe0f}cd", 4).width(), 4);
        assert_eq!([cut("abc", 3), cut("abc", 2), cut("abc", 0)], ["abc", "a…", ""]);
    }
}
