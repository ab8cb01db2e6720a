//! What is wrong with a file, and where in its text.

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::ops::RangeInclusive;

use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

/// What makes no sense, and where in the text.
#[derive(Debug)]
pub(crate) struct Wrong {
    /// The place; not known as long as there are `keys`.
    pub(crate) span: Range<usize>,
    /// What leads there, for who has no more than values in hand.
    pub(crate) keys: Option<Vec<Key>>,
    pub(crate) message: String,
    pub(crate) lacks: Lacks,
}

/// What leads on to a value: the name of a key in a table, or its place in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Key {
    Name(&'static str),
    At(usize),
}

/// What something would need that is not there: if that is because of another mistake, this is none.
#[derive(Debug)]
pub(crate) enum Lacks {
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
pub(crate) const STAND_IN: char = '?';

impl Wrong {
    pub(crate) fn new(span: Range<usize>, message: String) -> Wrong {
        Wrong { span, keys: None, message, lacks: Lacks::Nothing }
    }

    /// At what these keys lead to, in the table that is looked at; without one it is the table.
    pub(crate) fn of(keys: Vec<Key>, message: String) -> Wrong {
        Wrong { keys: Some(keys), ..Wrong::new(0..0, message) }
    }

    /// The same, said of what the table is in: these keys lead to it.
    pub(crate) fn within(mut self, keys: impl IntoIterator<Item = Key>) -> Wrong {
        self.keys = self.keys.map(|own| keys.into_iter().chain(own).collect());
        self
    }

    /// The same, said of a whole file: the table is so far down the list of its section.
    pub(crate) fn in_section(self, section: &'static str, at: usize) -> Wrong {
        self.within([Key::Name(section), Key::At(at)])
    }

    /// Knows its place, now that the file is at hand.
    pub(crate) fn located(self, tree: &DeTable<'_>) -> Wrong {
        match self.keys.as_ref().and_then(|keys| find(tree, keys)) {
            Some(span) => Wrong { span, keys: None, ..self },
            None => self,
        }
    }

    pub(crate) fn lacking(self, lacks: Lacks) -> Wrong {
        Wrong { lacks, ..self }
    }
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for Wrong {}

/// A value in its range, or the one that it has if nobody says.
pub(crate) fn ranged<T: PartialOrd + Copy + fmt::Display>(
    value: Option<Spanned<T>>,
    default: T,
    range: RangeInclusive<T>,
    what: &str,
) -> Result<T, Wrong> {
    let Some(value) = value else { return Ok(default) };
    at(&value, in_range(*value.get_ref(), &range, what))
}

/// A value that is in its range.
///
/// # Errors
///
/// It is not, and what would be.
pub(crate) fn in_range<T: PartialOrd + Copy + fmt::Display>(
    value: T,
    range: &RangeInclusive<T>,
    what: &str,
) -> Result<T, String> {
    match range.contains(&value) {
        true => Ok(value),
        false => Err(format!("{value} {what}: give {} to {}", range.start(), range.end())),
    }
}

/// That a table has no such key, as it is said of any.
pub(crate) fn unknown<'k>(key: &str, known: impl Iterator<Item = &'k str>) -> String {
    let known = known.map(|known| format!("`{known}`"));
    format!("unknown field `{key}`, expected one of {}", known.collect::<Vec<_>>().join(", "))
}

/// What is wrong with the value there.
pub(crate) fn at<T, S>(place: &Spanned<S>, result: Result<T, String>) -> Result<T, Wrong> {
    result.map_err(|message| Wrong::new(place.span(), message))
}

/// That something is wrong there.
pub(crate) fn wrong<T, S>(place: &Spanned<S>, message: String) -> Result<T, Wrong> {
    Err(Wrong::new(place.span(), message))
}

/// What is wrong with the value of this key of the table that is looked at.
pub(crate) fn of<T>(key: &'static str, result: Result<T, String>) -> Result<T, Wrong> {
    result.map_err(|message| Wrong::of(vec![Key::Name(key)], message))
}

/// Where the value that these keys lead to stands in the text, or as near to it as there is something.
fn find(tree: &DeTable<'_>, keys: &[Key]) -> Option<Range<usize>> {
    let Some(Key::Name(section)) = keys.first() else { return None };
    let mut at = tree.get_key_value(*section)?.1;
    let mut span = at.span();
    for key in keys.get(1..)? {
        let next = match (at.get_ref(), key) {
            (DeValue::Table(table), Key::Name(name)) => {
                table.get_key_value(*name).map(|(key, value)| (key.span(), value))
            }
            (DeValue::Array(list), Key::At(at)) => list.get(*at).map(|value| (value.span(), value)),
            _ => None,
        };
        let Some((key_span, value)) = next else { break };
        // A table's own span is of what follows it, too, unless it is all in the value: its name says which it is.
        span = match value.get_ref() {
            DeValue::Table(_) if value.span().start >= key_span.end => value.span(),
            DeValue::Table(_) | DeValue::Array(_) if !matches!(key, Key::At(_)) => key_span,
            _ => value.span(),
        };
        at = value;
    }
    Some(span)
}
