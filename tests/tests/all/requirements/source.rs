//! What the sources say of requirements.

use std::path::Path;
use std::path::PathBuf;

/// Everything found, in order of paths.
#[derive(Debug, Default)]
pub(crate) struct Source {
    pub(crate) lines: Vec<Line>,
    tests: Vec<Test>,
}

/// A `//=` line: one for each id that it names.
#[derive(Debug)]
pub(crate) struct Line {
    pub(crate) id: String,
    /// From the root.
    pub(crate) path: String,
    pub(crate) words: String,
}

/// A test.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) name: String,
    pub(crate) path: String,
}

impl Source {
    /// Reads all sources under `root`.
    pub(crate) fn read(root: &Path) -> Source {
        let mut found = Source::default();
        for part in ["crates", "tests", "checks", "examples"] {
            let mut files = Vec::new();
            sources(&root.join(part), &mut files);
            files.sort();
            for file in files {
                let path = file.strip_prefix(root).unwrap().to_string_lossy().into_owned();
                found.file(&path, &std::fs::read_to_string(&file).unwrap());
            }
        }
        found
    }

    /// The lines beside the code that obeys `id`.
    pub(crate) fn code(&self, id: &str) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.id == id)
    }

    /// The tests with `id` in their names.
    pub(crate) fn tests(&self, id: &str) -> impl Iterator<Item = &Test> {
        let words: Vec<String> = id.to_lowercase().split('-').map(str::to_owned).collect();
        self.tests.iter().filter(move |test| {
            let name: Vec<&str> = test.name.split('_').collect();
            name.windows(words.len()).any(|part| part == words)
        })
    }

    fn file(&mut self, path: &str, text: &str) {
        let mut lines = text.lines().map(str::trim).peekable();
        let mut attribute = false;
        while let Some(line) = lines.next() {
            if let Some(first) = stated(line) {
                let mut statement = first.to_owned();
                // A line that goes on has no source of its own.
                while let Some(more) = lines.peek().and_then(|next| stated(next))
                    && !more.contains('[')
                {
                    statement.push(' ');
                    statement.push_str(more);
                    lines.next();
                }
                self.statement(path, &statement);
            } else if line.starts_with("#[test]") {
                attribute = true;
            } else if attribute && let Some(rest) = line.strip_prefix("fn ") {
                let name = rest.split('(').next().unwrap_or_default().to_owned();
                self.tests.push(Test { name, path: path.to_owned() });
                attribute = false;
            } else if line.is_empty() {
                attribute = false;
            }
        }
    }

    /// `RFC 4861 s7.2.4 [4861-29, 4861-31]: words`.
    fn statement(&mut self, path: &str, statement: &str) {
        let Some((_, rest)) = statement.split_once('[') else { return };
        let Some((ids, words)) = rest.split_once(']') else { return };
        let words = words.trim_start_matches(':').trim();
        for id in ids.split(',').map(str::trim) {
            self.lines.push(Line { id: id.to_owned(), path: path.to_owned(), words: words.to_owned() });
        }
    }
}

/// What a `//= ` line says; in rules of the firewall it is `#= `.
fn stated(line: &str) -> Option<&str> {
    line.strip_prefix("//= ").or_else(|| line.strip_prefix("#= "))
}

fn sources(folder: &Path, into: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() && entry.file_name() != "target" {
            sources(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs" || extension == "nft") {
            into.push(path);
        }
    }
}
