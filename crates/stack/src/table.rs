//! What a protocol has to show, in words for people. Programs have reports, whose numbers have types and units.

use std::fmt::Display;
use std::time::Duration;

use siding_netisr::IfId;

use crate::config::Config;

/// So many rows a table has at the most: whoever asks for a table of a million entries gets no million rows of text.
pub const MOST_ROWS: usize = 1000;

/// A table that there is to be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TableSpec {
    /// Its name, which no other has.
    pub name: &'static str,
    /// What it is of, in a line.
    pub about: &'static str,
    /// The heads of its columns, with their units behind a stroke: `left/s`.
    pub columns: &'static [&'static str],
}

/// A table as it is at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Which one.
    pub spec: TableSpec,
    /// Each has as many cells as there are columns; there are [`MOST_ROWS`] at the most.
    pub rows: Vec<Vec<String>>,
    /// So many more there would be.
    pub left_out: usize,
}

impl Table {
    pub(crate) fn new(spec: TableSpec) -> Table {
        Table { spec, rows: Vec::new(), left_out: 0 }
    }

    /// Adds a row for each of these, as far as there is room; of the rest no words are made.
    pub(crate) fn add<T, const N: usize>(
        &mut self,
        all: impl IntoIterator<Item = T>,
        cells: impl Fn(T) -> [String; N],
    ) {
        debug_assert_eq!(N, self.spec.columns.len(), "rows of {} are as wide as its head", self.spec.name);
        for one in all {
            match self.is_full() {
                true => self.leave_out(1),
                false => self.rows.push(cells(one).into()),
            }
        }
    }

    /// Whether there is no room for another row: what it would be made of need not be looked for then.
    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= MOST_ROWS
    }

    /// So many more there would be.
    pub(crate) fn leave_out(&mut self, count: usize) {
        self.left_out = self.left_out.saturating_add(count);
    }
}

/// What may not be there; a dash then.
pub(crate) fn dash(what: Option<impl Display>) -> String {
    what.map_or_else(|| "-".to_owned(), |what| what.to_string())
}

/// Yes or no.
pub(crate) fn yes(is: bool) -> String {
    if is { "yes" } else { "no" }.to_owned()
}

/// Whole seconds of a lifetime that may be for ever.
pub(crate) fn left(lifetime: Option<Duration>) -> String {
    lifetime.map_or_else(|| "ever".to_owned(), |left| left.as_secs().to_string())
}

/// The interface of this identity, by name; one that has gone meanwhile by its identity, and a dash for none.
pub(crate) fn named(config: &Config, id: IfId) -> String {
    let named = || config.interface(id).map_or_else(|| id.to_string(), |there| there.ifnet.name.clone());
    dash((!id.is_none()).then(named))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_so_many_rows_and_no_more_words_are_made() {
        let mut table = Table::new(TableSpec { name: "t", about: "of numbers", columns: &["number"] });
        let made = std::cell::Cell::new(0);
        let cells = |number: usize| {
            made.set(made.get() + 1);
            [number.to_string()]
        };
        table.add(0..MOST_ROWS - 1, cells);
        assert!(!table.is_full());
        table.add(0..MOST_ROWS, cells);
        assert!(table.is_full());
        assert_eq!((table.rows.len(), table.left_out, made.get()), (MOST_ROWS, MOST_ROWS - 1, MOST_ROWS));
        table.leave_out(1_000_000);
        assert_eq!(table.left_out, MOST_ROWS - 1 + 1_000_000);
        assert_eq!(table.rows[MOST_ROWS - 1], ["0"]);
    }
}
