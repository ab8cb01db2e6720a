//! What an operator says to one protocol: a section of a configuration.
//!
//! A protocol says what its section may have ([`SectionSpec`]) without a stack being there: whoever reads a file checks it by that,
//! and knows its place. What is said is text ([`Section`]): who hands it on need not know what it means.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::str::FromStr;

/// A section that a protocol has, and what may be said in it.
#[derive(Debug, PartialEq, Eq)]
pub struct SectionSpec {
    /// Its name, which no other has.
    pub name: &'static str,
    /// What it is of, in a line.
    pub about: &'static str,
    /// What may be said.
    pub keys: &'static [KeySpec],
}

/// A key of a section.
#[derive(Debug, PartialEq, Eq)]
pub struct KeySpec {
    /// Its name: words with underscores, and with its unit at the end if it has one.
    pub name: &'static str,
    /// What it does, in a line without its end.
    pub about: &'static str,
    /// Which values it takes.
    pub takes: Takes,
    /// The value that it has if nobody says.
    pub usual: &'static str,
}

/// Which values a key takes.
#[derive(Debug, PartialEq, Eq)]
pub enum Takes {
    /// `true` or `false`.
    Switch,
    /// A number.
    Number {
        /// What it counts, as in "5 of these".
        of: &'static str,
        /// The least and the most.
        range: RangeInclusive<u64>,
    },
    /// One of these.
    Word(&'static [&'static str]),
}

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
        known: Vec<&'static str>,
    },
    /// The key does not take the value.
    #[error("[{section}] {key}: {why}")]
    Value {
        /// The section.
        section: String,
        /// The key.
        key: &'static str,
        /// What is wrong with it, and what would not be.
        why: String,
    },
}

impl SectionSpec {
    /// The key of this name.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn key(&self, name: &str) -> Result<&'static KeySpec, SectionError> {
        self.keys.iter().find(|key| key.name == name).ok_or_else(|| SectionError::NoKey {
            section: self.name.to_owned(),
            key: name.to_owned(),
            known: self.keys.iter().map(|key| key.name).collect(),
        })
    }

    /// Everything that may be said: as it was said, and as usual where it was not.
    ///
    /// # Errors
    ///
    /// The first key that is not known, or does not take its value.
    pub(crate) fn whole(&self, said: &Section) -> Result<Section, SectionError> {
        let usual = self.keys.iter().map(|key| (key.name.to_owned(), key.usual.to_owned()));
        let mut values: BTreeMap<String, String> = usual.collect();
        for (name, value) in &said.values {
            let key = self.key(name)?;
            let section = || self.name.to_owned();
            key.check(value).map_err(|why| SectionError::Value { section: section(), key: key.name, why })?;
            values.insert(name.clone(), value.clone());
        }
        Ok(Section { name: said.name.clone(), values })
    }
}

impl KeySpec {
    /// Whether it takes a value.
    ///
    /// # Errors
    ///
    /// It does not: what it takes.
    pub fn check(&self, value: &str) -> Result<(), String> {
        let takes = match &self.takes {
            Takes::Switch => value.parse::<bool>().is_ok(),
            // As it is written back, so that the same number is the same text.
            Takes::Number { range, .. } => value
                .parse::<u64>()
                .is_ok_and(|number| range.contains(&number) && number.to_string() == value),
            Takes::Word(words) => words.contains(&value),
        };
        match (takes, &self.takes) {
            (true, _) => Ok(()),
            (false, Takes::Number { of, range }) => {
                Err(format!("{value} {of}: give {} to {}", range.start(), range.end()))
            }
            (false, _) => Err(format!("{value}: give one of {}", self.words().join(", "))),
        }
    }

    /// The words that it takes; none for a number.
    pub fn words(&self) -> Vec<&'static str> {
        match self.takes {
            Takes::Switch => vec!["true", "false"],
            Takes::Number { .. } => Vec::new(),
            Takes::Word(words) => words.to_vec(),
        }
    }

    /// What it does, between which bounds, and what it is if nobody says: for help and pages.
    pub fn said(&self) -> String {
        let KeySpec { about, takes, usual, .. } = self;
        match takes {
            Takes::Number { range, .. } => {
                let (least, most) = (grouped(range.start()), grouped(range.end()));
                format!("{about}: {least} to {most} [default: {}].", grouped(usual))
            }
            Takes::Switch | Takes::Word(_) => format!("{about} [default: {usual}]."),
        }
    }
}

/// A number with its digits in threes.
fn grouped(number: impl ToString) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl Section {
    /// The value of a key; in a section that a protocol is configured by, each that it has is there.
    ///
    /// # Errors
    ///
    /// It is not there, or is no such value.
    pub fn read<T: FromStr>(&self, key: &'static str) -> Result<T, SectionError> {
        let value = self.values.get(key).map_or("", String::as_str);
        let why = || format!("'{value}' makes no sense");
        value.parse().map_err(|_| SectionError::Value { section: self.name.clone(), key, why: why() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: SectionSpec = SectionSpec {
        name: "s",
        about: "A section",
        keys: &[
            KeySpec { name: "on", about: "Do it", takes: Takes::Switch, usual: "true" },
            KeySpec {
                name: "many",
                about: "How often",
                takes: Takes::Number { of: "times", range: 2..=65_536 },
                usual: "1024",
            },
            KeySpec { name: "how", about: "How", takes: Takes::Word(&["well", "ill"]), usual: "well" },
        ],
    };

    fn whole(key: &str, value: &str) -> Result<Section, String> {
        let values = [(key.to_owned(), value.to_owned())].into();
        SPEC.whole(&Section { name: "s".into(), values }).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_as_usual() {
        let section = whole("many", "65536").unwrap();
        assert_eq!(section.read::<bool>("on"), Ok(true));
        assert_eq!(section.read::<usize>("many"), Ok(65_536));
        assert_eq!(section.read::<String>("how"), Ok("well".into()));
        assert!(section.read::<u8>("many").is_err() && section.read::<u8>("few").is_err());
    }

    #[test]
    fn what_a_key_does_not_take_is_told_with_what_it_takes() {
        for (key, value, why) in [
            ("often", "1", "[s] has no key 'often': there is on, many, how"),
            ("on", "yes", "[s] on: yes: give one of true, false"),
            ("many", "1", "[s] many: 1 times: give 2 to 65536"),
            ("many", "65537", "[s] many: 65537 times: give 2 to 65536"),
            ("many", "-2", "[s] many: -2 times: give 2 to 65536"),
            ("how", "Well", "[s] how: Well: give one of well, ill"),
        ] {
            assert_eq!(whole(key, value), Err(why.to_owned()));
        }
    }

    #[test]
    fn what_is_said_of_keys() {
        let said: Vec<String> = SPEC.keys.iter().map(KeySpec::said).collect();
        let expected =
            ["Do it [default: true].", "How often: 2 to 65,536 [default: 1,024].", "How [default: well]."];
        assert_eq!(said, expected);
        assert_eq!(grouped(1_234_567u64), "1,234,567");
    }
}
