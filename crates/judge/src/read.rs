//! Files of rules, as they were read: what a configuration means by them, whatever becomes of the files.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::path::PathBuf;

use siding_filter::Errors;
use siding_filter::Program;
use siding_filter::Ruleset;
use siding_filter::Setup;
use siding_stack::filter::StateLimits;
use siding_stack::filter::Timeouts;

use crate::beyond;

/// So many files may a ruleset be of, and so many bytes may they have, with what they include: whoever may ask for rules by
/// their files' names can name one as often as a request is long.
const MOST: (usize, usize) = (256, 64 << 20);

/// How packets are filtered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterConfig {
    /// Files of rules, which are one ruleset.
    pub rules: Vec<PathBuf>,
    /// What they said.
    pub texts: Texts,
    /// Whether neighbour discovery and MLD pass a policy of `drop`.
    pub built_in: bool,
    /// Bounds of the states.
    pub limits: StateLimits,
    /// How long flows may be silent.
    pub timeouts: Timeouts,
}

/// What names of included files are relative to.
fn beside(paths: &[PathBuf]) -> &Path {
    paths.first().and_then(|path| path.parent()).unwrap_or(Path::new(""))
}

/// What files of rules said.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Texts {
    /// The files, by their names.
    files: Vec<(String, String)>,
    /// What they include, by the name as it is written.
    included: BTreeMap<String, String>,
}

impl Texts {
    /// Reads files, and what they include, by `open`: relative names are of the first file's directory.
    ///
    /// # Errors
    ///
    /// A file that cannot be read, or everything that is wrong with the rules, a line each.
    pub fn read(paths: &[PathBuf], open: impl Fn(&Path) -> io::Result<String>) -> Result<Texts, String> {
        if paths.len() > MOST.0 {
            return Err(format!("{} files of rules: name {} at most", paths.len(), MOST.0));
        }
        let (files, bytes) = (Cell::new(0), Cell::new(0));
        let open = |path: &Path| {
            files.set(files.get() + 1);
            if files.get() > MOST.0 || bytes.get() > MOST.1 {
                return Err(io::Error::other(format!(
                    "more than {} files or {} bytes of rules in all: write fewer",
                    MOST.0, MOST.1
                )));
            }
            open(path).inspect(|text| bytes.set(bytes.get() + text.len()))
        };
        let mut files = Vec::new();
        for path in paths {
            let shown = path.display();
            let text = open(path)
                .map_err(|error| format!("{shown}: {error}: name a file of rules that can be read"))?;
            files.push((shown.to_string(), text));
        }
        let beside = beside(paths);
        let mut included = BTreeMap::new();
        let mut include = |name: &str| {
            let text = open(&beside.join(name)).map_err(|error| error.to_string())?;
            included.insert(name.to_owned(), text.clone());
            Ok(text)
        };
        // For what they include; whether they are right, `compile` says.
        let _ = Ruleset::load(&named(&files), &mut include);
        Ok(Texts { files, included })
    }

    /// How many bytes they have.
    pub fn bytes(&self) -> usize {
        let files = self.files.iter().map(|(_, text)| text.len());
        files.chain(self.included.values().map(String::len)).sum()
    }

    /// Makes a program of them.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, or beyond what the stack can do.
    pub fn compile(&self, setup: &Setup, before: Option<&Program>) -> Result<Program, Errors> {
        let mut include =
            |name: &str| self.included.get(name).cloned().ok_or_else(|| "it cannot be read".to_owned());
        let ruleset = Ruleset::load(&named(&self.files), &mut include)?;
        Program::compile(beyond::within(ruleset)?, setup, before)
    }
}

impl FilterConfig {
    /// All files that were read: those of rules, and what they include.
    pub fn files(&self) -> Vec<PathBuf> {
        let beside = beside(&self.rules);
        let included = self.texts.included.keys().map(|name| beside.join(name));
        self.rules.iter().cloned().chain(included).collect()
    }

    /// Reads its files again, by `open`.
    ///
    /// # Errors
    ///
    /// One that cannot be read, or what is wrong with the rules.
    pub fn read(self, open: impl Fn(&Path) -> io::Result<String>) -> Result<FilterConfig, String> {
        let texts = Texts::read(&self.rules, open)?;
        texts.compile(&Setup::default(), None).map_err(|errors| errors.to_string())?;
        Ok(FilterConfig { texts, ..self })
    }
}

fn named(files: &[(String, String)]) -> Vec<(&str, &str)> {
    files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_of_a_bounded_number_of_files_and_bytes() {
        let reads = Cell::new(0);
        let read = |count: usize, text: &str| {
            reads.set(0);
            Texts::read(&vec![PathBuf::from("a.nft"); count], |_| {
                reads.set(reads.get() + 1);
                Ok(text.to_owned())
            })
        };
        assert!(read(256, "").is_ok());
        assert_eq!(read(100_000, "").unwrap_err(), "100000 files of rules: name 256 at most");
        assert_eq!(reads.get(), 0);
        let long = "#".repeat(16 << 20);
        assert!(read(256, &long).unwrap_err().contains("bytes of rules in all: write fewer"));
        assert_eq!(reads.get(), 5);
        // What they include counts as well, whichever of them does.
        let _ = read(200, "include \"b.nft\"\ninclude \"b.nft\"\n");
        assert_eq!(reads.get(), 256);
    }
}
