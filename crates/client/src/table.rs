//! Tables that protocols have to show.

use serde::Deserialize;
use serde::Serialize;

/// A table that there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TableRow {
    /// Its name.
    pub table: String,
    /// What it is of.
    pub about: String,
}

/// A table, in words for people: for programs there are reports, whose numbers have types and units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct TableTextRow {
    /// Its name.
    pub table: String,
    /// The heads of its columns, with their units behind a stroke.
    pub columns: Vec<String>,
    /// Cells of each row, as many as there are columns.
    pub rows: Vec<Vec<String>>,
    /// So many more rows there would be: no table has more than 1,000.
    pub left_out: usize,
}
