//! Where something stands in a rules file, and what is wrong with it.

use std::fmt;
use std::sync::Arc;

/// A place in a file of rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file's name, as it was given.
    pub file: Arc<str>,
    /// From 1.
    pub line: u32,
    /// In characters, from 1.
    pub column: u32,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

/// One thing that is wrong with a file of rules: where, what, and the words that would be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {what}")]
pub struct Error {
    /// Where it stands.
    pub place: Place,
    /// What is wrong, and what to write instead.
    pub what: String,
}

/// Everything that is wrong with some files of rules, in the order in which it was met; never empty.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Errors(pub Vec<Error>);

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, error) in self.0.iter().enumerate() {
            let end = if n == 0 { "" } else { "\n" };
            write!(f, "{end}{error}")?;
        }
        Ok(())
    }
}

/// A place as the tokens keep it: small, with the file as a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Spot {
    pub(crate) file: u16,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// The names of the files that were read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Files(Vec<Arc<str>>);

impl Files {
    /// A number for one more file; the last one for all that are too many.
    pub(crate) fn add(&mut self, name: &str) -> u16 {
        let number = u16::try_from(self.0.len()).unwrap_or(u16::MAX);
        self.0.push(Arc::from(name));
        number
    }

    pub(crate) fn place(&self, spot: Spot) -> Place {
        let file = self.0.get(usize::from(spot.file)).cloned().unwrap_or_else(|| Arc::from("?"));
        Place { file, line: spot.line, column: spot.column }
    }

    pub(crate) fn error(&self, wrong: Wrong) -> Error {
        Error { place: self.place(wrong.spot), what: wrong.what }
    }
}

/// An error before its file has a name again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wrong {
    pub(crate) spot: Spot,
    pub(crate) what: String,
}

impl Wrong {
    pub(crate) fn at(spot: Spot, what: impl Into<String>) -> Wrong {
        Wrong { spot, what: what.into() }
    }
}
