//! What a protocol has to show.

/// A table: each row has as many cells as there are columns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// Its name, which no other has.
    pub name: &'static str,
    /// The heads of its columns.
    pub columns: &'static [&'static str],
    /// What they say.
    pub rows: Vec<Vec<String>>,
}
