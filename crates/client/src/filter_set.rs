//! Requests and answers on sets of the firewall.

use serde::Deserialize;
use serde::Serialize;

/// What can be asked of sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum SetRequest {
    /// Puts elements in, each as nftables' language has it.
    Add {
        /// Into which.
        which: WhichSet,
        /// As a file of rules has them.
        elements: Vec<String>,
    },
    /// Takes elements out.
    Delete {
        /// Out of which.
        which: WhichSet,
        /// As they are listed.
        elements: Vec<String>,
    },
    /// The sets that there are.
    Names {},
    /// What is in one.
    List {
        /// Which one.
        which: WhichSet,
        /// So many elements are told.
        #[serde(default)]
        most: usize,
    },
}

/// A set by its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WhichSet {
    /// Its name.
    pub name: String,
    /// `fw` or `inet fw`, where several tables have one of this name.
    #[serde(default)]
    pub table: Option<String>,
}

/// A set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetRow {
    /// The table's family.
    pub family: String,
    /// The table.
    pub table: String,
    /// Its name.
    pub set: String,
    /// `set` or `map`.
    pub kind: String,
    /// Whether rules change it, or time does.
    pub changing: bool,
    /// How many elements it has.
    pub elements: usize,
    /// How many it may have, if it says.
    pub size: Option<usize>,
}

/// What is in a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SetContentRow {
    /// The set.
    #[serde(flatten)]
    pub set: SetRow,
    /// Not all of them, if there are more than were asked for.
    pub content: Vec<ElementRow>,
    /// What the files say, and commands have taken out.
    pub taken_out: Vec<String>,
}

/// An element.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ElementRow {
    /// As it would be written.
    pub element: String,
    /// When its time is over; never if `None`.
    pub left_ms: Option<u64>,
    /// Whether a command has put it in.
    pub by_command: bool,
}
