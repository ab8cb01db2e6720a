//! Elements added, taken out and listed while packets pass, without a reload.

use std::sync::Arc;

use crate::lex::lex;
use crate::lookup::dynamic::Dynamic;
use crate::lookup::whole;
use crate::model::Element;
use crate::model::Set;
use crate::model::TableFamily;
use crate::parse;
use crate::print;
use crate::program::Name;
use crate::program::Program;
use crate::types::Type;
use crate::types::Value;

impl Program {
    /// A program with more elements in a set. What is written is nft's: `2001:db8::/32, 2001:db8:1::1 timeout 1h`.
    ///
    /// # Errors
    /// No such set, elements that are none of it, or a set that is full; nothing has changed then but a dynamic set,
    /// which has those before the one that did not fit.
    pub fn set_add(
        &self,
        family: TableFamily,
        table: &str,
        set: &str,
        elements: &str,
        now: u64,
    ) -> Result<Program, String> {
        let (at, found) = self.set_of(family, table, set)?;
        let elements = read(elements, found)?;
        if let Some(dynamic) = self.dynamic_of(family, table, set) {
            for element in &elements {
                let key = whole(&found.key, &element.key);
                if dynamic.add(&key, now, element.timeout, true).is_none() {
                    return Err(format!("`{set}` is full: it holds {} elements", dynamic.size));
                }
            }
            return self.again(Arc::clone(&self.ruleset), now);
        }
        if !found.prefix_of.is_empty() {
            return Err(format!("`{set}` follows its interfaces: nothing is added by hand"));
        }
        self.changed(at, now, |set| {
            for element in elements {
                set.elements.retain(|known| known.key != element.key);
                set.elements.push(element);
            }
            set.elements.sort_by(|a, b| a.key.cmp(&b.key));
        })
    }

    /// A program with fewer elements in a set.
    ///
    /// # Errors
    /// No such set, or an element that is not in it; nothing has changed then.
    pub fn set_delete(
        &self,
        family: TableFamily,
        table: &str,
        set: &str,
        elements: &str,
        now: u64,
    ) -> Result<Program, String> {
        let (at, found) = self.set_of(family, table, set)?;
        let elements = read(elements, found)?;
        let missing = |element: &Element| {
            let text = print::element(element, &found.key, None);
            format!("{text} is not in `{set}`")
        };
        if let Some(dynamic) = self.dynamic_of(family, table, set) {
            let keys: Vec<_> = elements.iter().map(|element| whole(&found.key, &element.key)).collect();
            if let Some((element, _)) =
                elements.iter().zip(&keys).find(|(_, key)| dynamic.get(key, now).is_none())
            {
                return Err(missing(element));
            }
            keys.iter().for_each(|key| {
                dynamic.delete(key, now);
            });
            return self.again(Arc::clone(&self.ruleset), now);
        }
        let known = |element: &&Element| !found.elements.iter().any(|known| known.key == element.key);
        if let Some(element) = elements.iter().find(known) {
            return Err(missing(element));
        }
        self.changed(at, now, |set| {
            set.elements.retain(|known| !elements.iter().any(|element| element.key == known.key));
        })
    }

    /// The elements of a set, as they would be written.
    ///
    /// # Errors
    /// No such set.
    pub fn set_list(
        &self,
        family: TableFamily,
        table: &str,
        set: &str,
        now: u64,
    ) -> Result<Vec<String>, String> {
        let (_, found) = self.set_of(family, table, set)?;
        let Some(dynamic) = self.dynamic_of(family, table, set) else {
            let followed = self.prefixes.of(found);
            let written =
                found.elements.iter().map(|element| print::element(element, &found.key, found.data));
            let followed = followed.iter().map(|key| join(&found.key, key));
            return Ok(written.chain(followed).collect());
        };
        let mut listed = dynamic.list(now);
        listed.sort_by_key(|element| element.key);
        let text = |element: &crate::lookup::dynamic::Listed| {
            let key: Vec<Value> =
                element.key.iter().take(found.key.len()).map(|part| Value::Exact(*part)).collect();
            let text = join(&found.key, &key);
            match element.expires {
                0 => text,
                at => format!("{text} expires {}", parse::print_time(whole_ms(at.saturating_sub(now)))),
            }
        };
        Ok(listed.iter().map(text).collect())
    }

    /// Takes everything out of a dynamic set; whether there is such a set.
    pub fn set_flush(&self, family: TableFamily, table: &str, set: &str) -> bool {
        let found = self.dynamic_of(family, table, set);
        found.inspect(|set| set.clear()).is_some()
    }

    /// How many elements a dynamic set has; none if it is another.
    pub fn set_len(&self, family: TableFamily, table: &str, set: &str) -> Option<usize> {
        self.dynamic_of(family, table, set).map(|set| set.len())
    }

    fn set_of(&self, family: TableFamily, table: &str, set: &str) -> Result<((usize, usize), &Set), String> {
        let tables = &self.ruleset.tables;
        let at = tables.iter().position(|known| known.family == family && known.name == table);
        let at = at.ok_or_else(|| format!("no table `{} {table}`", family.text()))?;
        let sets = &tables[at].sets;
        let found = sets.iter().position(|known| known.name == set);
        let found = found.ok_or_else(|| format!("no set `{set}` in table `{} {table}`", family.text()))?;
        Ok(((at, found), &sets[found]))
    }

    fn dynamic_of(&self, family: TableFamily, table: &str, set: &str) -> Option<&Arc<Dynamic>> {
        let name = Name { family, table: table.to_owned(), name: set.to_owned() };
        self.named.dynamic.iter().find(|(known, _)| *known == name).map(|(_, set)| set)
    }

    fn changed(
        &self,
        at: (usize, usize),
        now: u64,
        change: impl FnOnce(&mut Set),
    ) -> Result<Program, String> {
        let mut ruleset = (*self.ruleset).clone();
        change(&mut ruleset.tables[at.0].sets[at.1]);
        let wrongs = crate::check::check(&ruleset);
        if let Some(wrong) = wrongs.first() {
            return Err(wrong.what.clone());
        }
        self.again(Arc::new(ruleset), now)
    }

    fn again(&self, ruleset: Arc<crate::Ruleset>, now: u64) -> Result<Program, String> {
        let setup = crate::Setup { now, ..self.setup };
        Program::compile_shared(ruleset, &setup, Some(self), self.prefixes.clone())
            .map_err(|errors| errors.to_string())
    }
}

fn read(text: &str, set: &Set) -> Result<Vec<Element>, String> {
    let (tokens, wrongs) = lex(0, text);
    if let Some(wrong) = wrongs.first() {
        return Err(wrong.what.clone());
    }
    parse::elements(&tokens, set).map_err(|wrong| wrong.what)
}

fn join(types: &[Type], key: &[Value]) -> String {
    key.iter().zip(types).map(|(value, ty)| ty.print(*value)).collect::<Vec<String>>().join(" . ")
}

const fn whole_ms(ns: u64) -> u64 {
    ns.div_ceil(1_000_000) * 1_000_000
}
