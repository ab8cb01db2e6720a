//! Figures in few cells.

use ratatui::symbols::bar;

/// A number in five cells at the most, with a letter for thousands, millions and so on.
pub fn si(value: f64) -> String {
    let mut value = value.max(0.0);
    if value == 0.0 {
        return "0".into();
    }
    if value < 9.95 {
        // What is less than a tenth is not nothing.
        return if value < 0.05 { "<0.1".into() } else { format!("{value:.1}") };
    }
    for letter in ["", "k", "M", "G", "T", "P"] {
        if value < 999.5 {
            return match letter {
                "" => format!("{value:.0}"),
                _ if value < 99.95 => format!("{value:.1}{letter}"),
                _ => format!("{value:.0}{letter}"),
            };
        }
        value /= 1000.0;
    }
    "lots".into()
}

/// Nanoseconds in seven cells at the most, in three digits or so.
pub fn wait(nanos: u64) -> String {
    let of = nanos as f64;
    match nanos {
        0..1_000 => format!("{nanos} ns"),
        1_000..9_950 => format!("{:.1} us", of / 1e3),
        9_950..999_500 => format!("{:.0} us", of / 1e3),
        999_500..9_995_000 => format!("{:.2} ms", of / 1e6),
        9_995_000..999_500_000 => format!("{:.0} ms", of / 1e6),
        999_500_000..99_950_000_000 => format!("{:.1} s", of / 1e9),
        _ => format!("{:.0} s", of / 1e9),
    }
}

/// A time that passes slowly, from seconds, in six cells or so: two units of it.
pub(crate) fn age(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{minutes}m{}s", seconds % 60),
        3600..86_400 => format!("{hours}h{}m", minutes % 60),
        _ => format!("{days}d{}h", hours % 24),
    }
}

/// Bars of one cell each, the newest at the right end of `width` cells; the largest of them is a full one.
pub fn spark(values: &[u64], width: usize) -> String {
    let shown = &values[values.len().saturating_sub(width)..];
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let bars =
        shown.iter().map(|value| match (*value, (u128::from(*value) * 8).div_ceil(u128::from(most))) {
            (0, _) => ' ',
            (_, 0..=1) => one(bar::ONE_EIGHTH),
            (_, 2) => one(bar::ONE_QUARTER),
            (_, 3) => one(bar::THREE_EIGHTHS),
            (_, 4) => one(bar::HALF),
            (_, 5) => one(bar::FIVE_EIGHTHS),
            (_, 6) => one(bar::THREE_QUARTERS),
            (_, 7) => one(bar::SEVEN_EIGHTHS),
            (_, _) => one(bar::FULL),
        });
    " ".repeat(width - shown.len()) + &bars.collect::<String>()
}

fn one(symbol: &str) -> char {
    symbol.chars().next().unwrap_or(' ')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_fit_in_five_cells() {
        let told = [0.0, 0.01, 0.06, 7.25, 9.96, 999.4, 999.6, 12_345.0, 123_456.0, 98.76e6, 1e18].map(si);
        let expected = ["0", "<0.1", "0.1", "7.2", "10", "999", "1.0k", "12.3k", "123k", "98.8M", "lots"];
        assert_eq!(told, expected);
    }

    #[test]
    fn times_have_their_units() {
        let told = [999, 1_500, 9_960, 250_400, 1_234_000, 56_000_000, 3_210_000_000].map(wait);
        assert_eq!(told, ["999 ns", "1.5 us", "10 us", "250 us", "1.23 ms", "56 ms", "3.2 s"]);
        assert_eq!([7, 61, 3_700, 90_000].map(age), ["7s", "1m1s", "1h1m", "1d1h"]);
    }

    #[test]
    fn bars_are_as_high_as_the_largest_that_is_seen() {
        assert_eq!(spark(&[100, 0, 1, 4, 8], 6), " █ ▁▁▁");
        assert_eq!(spark(&[100, 0, 1, 4, 8], 4), " ▁▄█");
        assert_eq!(spark(&[], 3), "   ");
        assert_eq!(spark(&[0, 0], 2), "  ");
        assert_eq!(spark(&[u64::MAX], 1), "█");
        assert_eq!(spark(&[1, 2], 0), "");
    }
}
