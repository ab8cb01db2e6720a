//! What an operator says to one protocol: a section of a configuration, as text.

use std::collections::BTreeMap;
use std::str::FromStr;

/// Keys and their values, in a section of this name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Which protocol is meant.
    pub name: String,
    /// What is said. A key that is not there is as it is by default.
    pub values: BTreeMap<String, String>,
}

/// What is wrong with a section.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SectionError {
    /// No protocol goes by this name.
    #[error("no protocol has a section [{0}]")]
    NoSection(String),
    /// The protocol knows no such key.
    #[error("[{section}] has no key '{key}': there is {}", .known.join(", "))]
    NoKey {
        /// The section.
        section: String,
        /// What it was asked for.
        key: String,
        /// What there is.
        known: &'static [&'static str],
    },
    /// The value cannot be read.
    #[error("[{section}] {key} = '{value}' makes no sense")]
    Value {
        /// The section.
        section: String,
        /// The key.
        key: &'static str,
        /// Its value.
        value: String,
    },
}

impl Section {
    /// The value of a key, if it is there.
    ///
    /// # Errors
    ///
    /// It cannot be read.
    pub fn read<T: FromStr>(&self, key: &'static str) -> Result<Option<T>, SectionError> {
        let Some(value) = self.values.get(key) else { return Ok(None) };
        let wrong = |_| SectionError::Value { section: self.name.clone(), key, value: value.clone() };
        value.parse().map(Some).map_err(wrong)
    }

    /// Whether all its keys are known.
    ///
    /// # Errors
    ///
    /// The first that is not.
    pub(crate) fn check(&self, known: &'static [&'static str]) -> Result<(), SectionError> {
        match self.values.keys().find(|key| !known.contains(&key.as_str())) {
            Some(key) => Err(SectionError::NoKey { section: self.name.clone(), key: key.clone(), known }),
            None => Ok(()),
        }
    }
}
