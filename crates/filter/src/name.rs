//! What makes a thing the same one in the next program.

use std::fmt;

use crate::model::TableFamily;

/// What has a name in a table. For a thing that has none, it is its chain, the rule's text and which of those it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Name {
    /// The table's family.
    pub family: TableFamily,
    /// The table.
    pub table: String,
    /// Its own name.
    pub name: String,
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.family.text(), self.table, self.name)
    }
}
