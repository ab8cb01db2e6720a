//! Aligned tables: text to the left, numbers to the right.

use std::fmt;
use std::time::Duration;

/// A table with its header.
#[derive(Debug)]
pub(super) struct Table {
    header: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// With these columns. A header that begins with `>` is of numbers.
    pub(super) fn new(header: &[impl ToString]) -> Table {
        Table { header: header.iter().map(ToString::to_string).collect(), rows: Vec::new() }
    }

    /// Adds a row.
    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.header.iter().map(|name| name.trim_start_matches('>')).collect();
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count());
            cells.max().unwrap_or(0).max(names[at].chars().count())
        };
        let widths: Vec<usize> = (0..names.len()).map(width).collect();
        let mut line = |cells: &mut dyn Iterator<Item = &str>| {
            let mut text = String::new();
            for (at, cell) in cells.enumerate().take(widths.len()) {
                let gap = if at == 0 { "" } else { "  " };
                let width = widths[at];
                text += &match self.header[at].starts_with('>') {
                    true => format!("{gap}{cell:>width$}"),
                    false => format!("{gap}{cell:<width$}"),
                };
            }
            writeln!(f, "{}", text.trim_end())
        };
        line(&mut names.iter().copied())?;
        self.rows.iter().try_for_each(|row| line(&mut row.iter().map(String::as_str)))
    }
}

/// Nanoseconds as microseconds; a dash for none.
pub(super) fn micros(nanos: Option<u64>) -> String {
    nanos.map_or("-".into(), |nanos| format!("{:.1}", nanos as f64 / 1e3))
}

/// Milliseconds with as many digits as tell something, as ping(8) shows them.
pub(super) fn millis(time: Duration) -> String {
    let millis = time.as_secs_f64() * 1e3;
    match millis {
        ..1.0 => format!("{millis:.3}"),
        ..10.0 => format!("{millis:.2}"),
        ..100.0 => format!("{millis:.1}"),
        _ => format!("{millis:.0}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned() {
        let mut table = Table::new(&["NAME", ">COUNT", "STATE"]);
        table.row(["eth0".into(), "7".into(), "up".into()]);
        table.row(["a-long-name".into(), "12345678".into(), "".into()]);
        let expected = "\
NAME            COUNT  STATE
eth0                7  up
a-long-name  12345678
";
        assert_eq!(table.to_string(), expected);
    }

    #[test]
    fn times() {
        assert_eq!(micros(Some(12_345)), "12.3");
        assert_eq!(micros(None), "-");
        let shown = [43, 1_234, 12_345, 123_456].map(|us| millis(Duration::from_micros(us)));
        assert_eq!(shown, ["0.043", "1.23", "12.3", "123"]);
    }
}
