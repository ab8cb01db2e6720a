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
    #[error("cannot read {}: {source}{}", .path.display(), way_out(.source))]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
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
        let indent: String =
            text.chars().take(column - 1).map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        writeln!(f, "{}:{line}:{column}: {message}", path.display())?;
        writeln!(f, " {number} | {text}")?;
        write!(f, " {margin} | {indent}{}", "^".repeat(*width))
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

fn way_out(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::NotFound => "; examples/ has some to start from",
        io::ErrorKind::PermissionDenied => "; run as a user who may read it",
        _ => "",
    }
}
