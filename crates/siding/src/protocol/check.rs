//! Sections of protocols in a file.

use std::collections::BTreeMap;

use siding_stack::KeySpec;
use siding_stack::Section;
use siding_stack::SectionSpec;
use siding_stack::Takes;
use siding_stack::mld::MldConfig;
use toml::Spanned;
use toml::de::DeTable;
use toml::de::DeValue;

use crate::words::wrong::Wrong;
use crate::words::wrong::unknown;

/// What is said to one protocol, where something is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Said {
    /// What may be.
    pub(crate) of: &'static SectionSpec,
    /// Values that their keys take.
    pub(crate) values: BTreeMap<String, String>,
}

impl Said {
    /// Nothing is said.
    pub(crate) fn nothing(of: &'static SectionSpec) -> Said {
        Said { of, values: BTreeMap::new() }
    }

    /// As the stack has it.
    pub(crate) fn section(&self) -> Section {
        Section { name: self.of.name.to_owned(), values: self.values.clone() }
    }
}

/// So many groups a file may have on each interface, by what it says to MLD; the stack counts those that are joined by hand, too.
pub(crate) fn most_groups(sections: &[Said]) -> usize {
    let mld = sections.iter().find(|said| said.of.name == "mld");
    let said = mld.and_then(|said| said.values.get("groups")?.parse().ok());
    said.unwrap_or(MldConfig::default().groups)
}

/// Takes the sections of protocols out of a file's tree: those that are not empty.
///
/// # Errors
///
/// The first thing in one of them that makes no sense.
pub(crate) fn take(tree: &mut DeTable<'_>, all: &[&'static SectionSpec]) -> Result<Vec<Said>, Wrong> {
    let mut sections = Vec::new();
    for of in all {
        let Some((name, value)) = tree.remove_entry(of.name) else { continue };
        let DeValue::Table(table) = value.into_inner() else {
            return Err(Wrong::new(name.span(), format!("{0} is a section: give [{0}]", of.name)));
        };
        let mut said = Said::nothing(of);
        for (key, value) in table {
            let name = key.get_ref();
            let Ok(known) = of.key(name) else {
                let known = of.keys.iter().map(|key| key.name);
                return Err(Wrong::new(key.span(), unknown(name, known)));
            };
            said.values.insert(known.name.to_owned(), read(known, &value)?);
        }
        if !said.values.is_empty() {
            sections.push(said);
        }
    }
    Ok(sections)
}

fn read(key: &KeySpec, value: &Spanned<DeValue<'_>>) -> Result<String, Wrong> {
    let text = match value.get_ref() {
        DeValue::String(text) if matches!(key.takes, Takes::Word(_)) => text.to_string(),
        // In quotes it is no number, and no switch.
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(number) => u64::from_str_radix(number.as_str(), number.radix())
            .map_or_else(|_| number.to_string(), |number| number.to_string()),
        DeValue::Float(number) => number.to_string(),
        DeValue::Boolean(on) => on.to_string(),
        DeValue::Datetime(time) => time.to_string(),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    };
    key.check(&text).map_err(|why| Wrong::new(value.span(), why))?;
    Ok(text)
}
