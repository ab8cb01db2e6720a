//! Files in, a ruleset out, or everything that is wrong with them.

use crate::expand::Expand;
use crate::json;
use crate::model::Element;
use crate::model::MapRef;
use crate::model::Right;
use crate::model::Ruleset;
use crate::model::Statement;
use crate::parse;
use crate::place::Errors;
use crate::place::Files;

impl Ruleset {
    /// Reads files of rules, as `(name, content)`, into one ruleset. Each is nftables' text or libnftables' JSON, as
    /// its first character says. `include` reads a file that a text includes, by the path as it is written.
    ///
    /// # Errors
    /// Everything that is wrong, each with its place and the words that would be right; what lies outside the subset
    /// is refused, nothing is passed over.
    pub fn load(
        files: &[(&str, &str)],
        include: &mut dyn FnMut(&str) -> Result<String, String>,
    ) -> Result<Ruleset, Errors> {
        let mut names = Files::default();
        let mut wrongs = Vec::new();
        let mut ruleset = Ruleset::default();
        for (name, text) in files {
            let number = names.add(name);
            let text = text.strip_prefix('\u{feff}').unwrap_or(text);
            let tokens = if text.trim_start().starts_with(['{', '[']) {
                json::tokens(number, text, &mut wrongs)
            } else {
                let mut expand = Expand::new(&mut names, include, &mut wrongs);
                expand.file(number, text, 0);
                expand.done()
            };
            parse::parse(&tokens, &mut ruleset, &mut wrongs);
        }
        normalise(&mut ruleset);
        ruleset.files = names;
        wrongs.extend(crate::check::check(&ruleset));
        if wrongs.is_empty() {
            return Ok(ruleset);
        }
        Err(Errors(wrongs.into_iter().map(|wrong| ruleset.files.error(wrong)).collect()))
    }
}

/// Brings what means the same into the same form, and numbers everything.
fn normalise(ruleset: &mut Ruleset) {
    for table in &mut ruleset.tables {
        let mut updated: Vec<String> = Vec::new();
        let rules = table.chains.iter_mut().flat_map(|chain| &mut chain.rules);
        for statement in rules.flat_map(|rule| &mut rule.statements) {
            match statement {
                Statement::Match(relation) => {
                    if let Right::Set(elements) = &mut relation.right {
                        sort(elements);
                    }
                }
                Statement::Vmap(_, MapRef::Inline(elements)) => sort(elements),
                Statement::Update(update) => updated.push(update.set.clone()),
                Statement::SetMark(expr) | Statement::SetCtMark(expr) => {
                    if let crate::model::ExprBase::Map(_, MapRef::Inline(elements)) = &mut expr.base {
                        sort(elements);
                    }
                }
                _ => {}
            }
        }
        let mut handle = 0;
        let mut next = || {
            handle += 1;
            handle
        };
        table.objects.iter_mut().for_each(|object| object.handle = next());
        for set in &mut table.sets {
            set.handle = next();
            sort(&mut set.elements);
            // nft's JSON does not say so of every set that it is true of.
            set.dynamic |= updated.contains(&set.name);
            set.timeouts |= set.timeout.is_some();
        }
        table.flowtables.iter_mut().for_each(|flowtable| flowtable.handle = next());
        for chain in &mut table.chains {
            chain.handle = next();
        }
        for rule in table.chains.iter_mut().flat_map(|chain| &mut chain.rules) {
            rule.handle = next();
        }
    }
}

/// By key: the order of elements means nothing.
fn sort(elements: &mut [Element]) {
    elements.sort_by(|a, b| a.key.cmp(&b.key));
}
