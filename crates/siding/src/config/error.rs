//! What is wrong with a configuration, and where.

use std::fmt;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::path::PathBuf;

/// Why a configuration was not accepted.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read {}: {why}{}", .path.display(), way_out(.why))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said. The text has it: as a source it would be told twice.
        why: io::Error,
    },
    /// Something in it makes no sense: everything that does not, in the file's order.
    #[error("{}", all(.0))]
    Wrong(Vec<Place>),
    /// Files of rules cannot be read, or something in them makes no sense: a line for each mistake.
    #[error("the rules of the filter cannot be used:\n{0}")]
    Rules(String),
}

/// A place in a file, and what is wrong there. Shown as compilers do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    path: PathBuf,
    /// From 1.
    line: usize,
    /// From 1, in characters.
    column: usize,
    /// The line itself.
    text: String,
    /// Characters to underline.
    width: usize,
    message: String,
}

/// So many characters of a line are shown.
const MOST_SHOWN: usize = 160;

impl Place {
    /// What `message` tells of, at the bytes `span` of `text`.
    pub(super) fn new(path: &Path, text: &str, span: Range<usize>, message: String) -> Place {
        let start = (0..=span.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        let line_text = text[line_start..].lines().next().unwrap_or_default();
        let in_line = text.get(start..span.end.min(text.len())).and_then(|marked| marked.lines().next());
        Place {
            path: path.to_owned(),
            line: before.matches('\n').count() + 1,
            column: text[line_start..start].chars().count() + 1,
            text: line_text.to_owned(),
            width: in_line.map_or(1, |marked| marked.chars().count().max(1)),
            message: message.lines().collect::<Vec<_>>().join("; "),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { path, line, column, text, width, message } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        // Of a line that is too long for any screen, the part that is meant.
        let from = if column + width > MOST_SHOWN { column.saturating_sub(MOST_SHOWN / 2) } else { 0 };
        let more = |is: bool| if is { "…" } else { "" };
        let shown: String = text.chars().skip(from).take(MOST_SHOWN).collect();
        let before = shown.chars().take(column - 1 - from).map(|c| if c == '\t' { '\t' } else { ' ' });
        let indent: String = more(from > 0).chars().map(|_| ' ').chain(before).collect();
        let marks = (*width).min((from + MOST_SHOWN + 1).saturating_sub(*column)).max(1);
        let is_cut = text.chars().nth(from + MOST_SHOWN).is_some();
        writeln!(f, "{}:{line}:{column}: {message}", path.display())?;
        writeln!(f, " {number} | {}{shown}{}", more(from > 0), more(is_cut))?;
        write!(f, " {margin} | {indent}{}", "^".repeat(marks))
    }
}

/// One below the other, and how many if there are several.
fn all(places: &[Place]) -> String {
    let mut lines: Vec<String> = places.iter().map(ToString::to_string).collect();
    if places.len() > 1 {
        lines.push(format!("{} mistakes", places.len()));
    }
    lines.join("\n")
}

fn way_out(why: &io::Error) -> &'static str {
    match why.kind() {
        io::ErrorKind::NotFound => "; examples/ has some to start from",
        io::ErrorKind::PermissionDenied => "; run as a user who may read it",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, span: Range<usize>) -> Vec<String> {
        let place = Place::new(Path::new("a"), text, span, "no".into());
        place.to_string().lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn a_line_that_is_too_long_is_shown_where_it_is_meant() {
        assert_eq!(shown("a = 7 # why", 4..5), [" 1 | a = 7 # why", "   |     ^"]);
        let long = format!("a = \"{}!{}\"", "x".repeat(1000), "y".repeat(1000));
        for span in [4..long.len(), 0..1, 1005..1006, 1005..1500, long.len() - 1..long.len()] {
            let lines = shown(&long, span.clone());
            assert!(lines.iter().all(|line| line.chars().count() <= 170), "{lines:#?}");
            let marked: Vec<char> = lines[0]
                .chars()
                .zip(lines[1].chars())
                .filter(|pair| pair.1 == '^')
                .map(|pair| pair.0)
                .collect();
            let meant: Vec<char> = long[span.clone()].chars().take(marked.len()).collect();
            assert_eq!(marked, meant, "{span:?}");
        }
    }

    #[test]
    fn what_the_system_says_is_told_once() {
        let why = io::Error::from_raw_os_error(21);
        let error = anyhow::Error::new(ConfigError::Unreadable { path: "a".into(), why });
        assert_eq!(format!("{error:#}").matches("directory").count(), 1);
    }
}
