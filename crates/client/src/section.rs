//! Sections of the configuration that protocols have, changed while they run.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::Serialize;

/// Values of a protocol's section to change; those that are not given stay as they are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetSectionRequest {
    /// The section's name.
    pub section: String,
    /// By key, as text; without a value a key is as usual again.
    pub values: BTreeMap<String, Option<String>>,
}

/// A key of a protocol's section.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct SectionRow {
    /// The section's name.
    pub section: String,
    /// The key's.
    pub key: String,
    /// The value that is in effect, as text.
    pub value: String,
    /// Whether somebody has said so; otherwise it is as usual.
    pub said: bool,
    /// What the key does, which values it takes, and which it has as usual.
    pub about: String,
}
