//! What is wrong with a file, and where in its text.

use std::net::IpAddr;
use std::ops::Range;

use toml::Spanned;

/// What makes no sense, and where in the text.
#[derive(Debug)]
pub(super) struct Wrong {
    pub(super) span: Range<usize>,
    pub(super) message: String,
    pub(super) lacks: Lacks,
}

/// What something would need that is not there: if that is because of another mistake, this is none.
#[derive(Debug)]
pub(super) enum Lacks {
    Nothing,
    /// An interface of this name.
    Name(String),
    /// A port of this name.
    Port(String),
    /// A prefix that has this address in it, or `interface` beside it.
    Prefix(IpAddr),
    /// One of these keys in its table.
    Key(&'static [&'static str]),
    /// Room for one more interface.
    Room,
}

/// How the names begin of those whose own make no sense.
pub(super) const STAND_IN: char = '?';

impl Wrong {
    pub(super) fn new(span: Range<usize>, message: String) -> Wrong {
        Wrong { span, message, lacks: Lacks::Nothing }
    }

    pub(super) fn lacking(self, lacks: Lacks) -> Wrong {
        Wrong { lacks, ..self }
    }
}

/// A value in its range, or the one that it has if nobody says.
pub(super) fn ranged<T: PartialOrd + Copy + std::fmt::Display>(
    value: Option<Spanned<T>>,
    default: T,
    range: std::ops::RangeInclusive<T>,
    what: &str,
) -> Result<T, Wrong> {
    match value {
        None => Ok(default),
        Some(value) if range.contains(value.get_ref()) => Ok(value.into_inner()),
        Some(value) => {
            let message = format!("{} {what}: give {} to {}", value.get_ref(), range.start(), range.end());
            wrong(&value, message)
        }
    }
}

/// What is wrong with the value there.
pub(super) fn at<T, S>(place: &Spanned<S>, result: Result<T, String>) -> Result<T, Wrong> {
    result.map_err(|message| Wrong::new(place.span(), message))
}

/// That something is wrong there.
pub(super) fn wrong<T, S>(place: &Spanned<S>, message: String) -> Result<T, Wrong> {
    Err(Wrong::new(place.span(), message))
}
