//! Elements added, taken out and listed while packets pass, without a reload.

use std::sync::Arc;

use crate::edits;
use crate::lex::lex;
use crate::lookup::Key;
use crate::lookup::dynamic::Dynamic;
use crate::lookup::whole;
use crate::model::Element;
use crate::model::Ruleset;
use crate::model::Set;
use crate::name::Name;
use crate::parse;
use crate::print;
use crate::program::Program;
use crate::types::Value;

/// A set as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetInfo {
    /// Which.
    pub name: Name,
    /// Whether it maps to something.
    pub map: bool,
    /// Whether rules change it, or time does.
    pub changing: bool,
    /// How many elements it has.
    pub len: usize,
    /// How many it may have, if it says.
    pub size: Option<usize>,
}

/// An element as it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetElement {
    /// As it would be written.
    pub text: String,
    /// When its time is over, in ns; never if nothing.
    pub expires: Option<u64>,
    /// Whether a command has added it, and it is kept over a reload for that.
    pub by_command: bool,
}

/// What a set holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetListed {
    /// The set.
    pub info: SetInfo,
    /// Its elements, in order.
    pub elements: Vec<SetElement>,
    /// Elements that the files say, and that commands have taken out.
    pub taken_out: Vec<String>,
}

impl Program {
    /// A program with more elements in a set; nothing if it is this one still, as the set is one that changes by itself.
    /// What is written is nft's: `2001:db8::/32, 2001:db8:1::1 timeout 1h`.
    ///
    /// # Errors
    /// No such set, elements that are none of it, or a set that is full: what to do. Nothing has changed then.
    pub fn set_add(&self, name: &Name, elements: &str, now: u64) -> Result<Option<Program>, String> {
        let found = self.set_of(&self.in_force, name)?;
        may_change(found)?;
        let elements = read(elements, found, parse::elements)?;
        if let Some(refused) = elements.iter().find_map(|element| found.refuses(element)) {
            return Err(refused.to_owned());
        }
        let Some(dynamic) = self.dynamic_of(name) else {
            let files = self.set_of(&self.ruleset, name)?;
            return self.edited(now, |edits| {
                elements.into_iter().for_each(|element| edits.add(name, files, element));
            });
        };
        let keyed: Vec<(Key, &Element)> = elements.iter().map(|e| (whole(&found.key, &e.key), e)).collect();
        let new: Vec<&Key> =
            keyed.iter().map(|(key, _)| key).filter(|key| dynamic.get(key, now).is_none()).collect();
        for (key, element) in &keyed {
            let stay = element.expires.or(element.timeout);
            if dynamic.add(key, now, stay, true).is_none() {
                new.iter().for_each(|key| {
                    dynamic.delete(key, now);
                });
                return Err(format!(
                    "`{name}` has no place for {}: it may hold {} elements; take some out, or write a larger `size` in \
                     the file",
                    print::element(element, &found.key, None),
                    dynamic.size
                ));
            }
        }
        Ok(None)
    }

    /// A program with fewer elements in a set; nothing if it is this one still.
    ///
    /// # Errors
    /// No such set, or an element that is not in it; nothing has changed then.
    pub fn set_delete(&self, name: &Name, elements: &str, now: u64) -> Result<Option<Program>, String> {
        let found = self.set_of(&self.in_force, name)?;
        may_change(found)?;
        let elements = read(elements, found, parse::elements_to_take_out)?;
        let missing = |element: &Element| {
            let text = print::joined(&found.key, &element.key);
            format!("{text} is not in `{name}`: give elements as they are listed")
        };
        if let Some(dynamic) = self.dynamic_of(name) {
            if let Some(refused) = elements.iter().find(|element| found.refuses(element).is_some()) {
                return Err(missing(refused));
            }
            let keys: Vec<_> = elements.iter().map(|element| whole(&found.key, &element.key)).collect();
            let mut all = elements.iter().zip(&keys);
            if let Some((element, _)) = all.find(|(_, key)| dynamic.get(key, now).is_none()) {
                return Err(missing(element));
            }
            keys.iter().for_each(|key| {
                dynamic.delete(key, now);
            });
            return Ok(None);
        }
        let unknown = |element: &&Element| edits::said(found, &element.key).is_none();
        if let Some(element) = elements.iter().find(unknown) {
            return Err(missing(element));
        }
        let files = self.set_of(&self.ruleset, name)?;
        self.edited(now, |edits| {
            elements.into_iter().for_each(|element| edits.delete(name, files, element.key));
        })
    }

    /// What is in a set.
    ///
    /// # Errors
    /// No such set.
    pub fn set_list(&self, name: &Name, now: u64) -> Result<SetListed, String> {
        let found = self.set_of(&self.in_force, name)?;
        let elements = match self.dynamic_of(name) {
            Some(dynamic) => {
                let mut listed = dynamic.list(now);
                listed.sort_by_key(|element| element.key);
                let element = |element: &crate::lookup::dynamic::Listed| {
                    let parts = element.key.iter().take(found.key.len());
                    let key: Vec<Value> = parts.map(|part| Value::Exact(*part)).collect();
                    let expires = (element.expires != 0).then_some(element.expires);
                    SetElement { text: print::joined(&found.key, &key), expires, by_command: false }
                };
                listed.iter().map(element).collect()
            }
            None => {
                let written = found.elements.iter().map(|element| SetElement {
                    text: print::element(element, &found.key, found.data),
                    expires: None,
                    by_command: self.beside.edits.has_added(name, &element.key),
                });
                let followed = self.beside.prefixes.of(found);
                let followed = followed.iter().map(|key| SetElement {
                    text: print::joined(&found.key, key),
                    expires: None,
                    by_command: false,
                });
                written.chain(followed).collect::<Vec<SetElement>>()
            }
        };
        let info = SetInfo { len: elements.len(), ..self.info(name, found) };
        Ok(SetListed { info, elements, taken_out: self.beside.edits.deleted(name) })
    }

    /// The sets that have a name, in the order of the files.
    pub fn sets(&self) -> Vec<SetInfo> {
        let tables = self.in_force.tables.iter();
        let sets = tables.flat_map(|table| table.sets.iter().map(move |set| (table, set)));
        sets.map(|(table, set)| {
            let name = Name { family: table.family, table: table.name.clone(), name: set.name.clone() };
            self.info(&name, set)
        })
        .collect()
    }

    /// A set by its name, and its table's, as `fw` or `inet fw`, where several have one of this name.
    ///
    /// # Errors
    /// There is none, or more than one: what there is.
    pub fn find_set(&self, table: Option<&str>, set: &str) -> Result<Name, String> {
        let said = |name: &Name, table: &str| {
            name.table == table || format!("{} {}", name.family.text(), name.table) == table
        };
        let all: Vec<Name> = self.sets().into_iter().map(|info| info.name).collect();
        let named: Vec<&Name> = all.iter().filter(|name| name.name == set).collect();
        let found: Vec<&Name> =
            named.iter().copied().filter(|name| table.is_none_or(|table| said(name, table))).collect();
        match found.as_slice() {
            [one] => Ok((*one).clone()),
            [] if named.is_empty() => Err(match all.is_empty() {
                true => format!("no set `{set}`, nor any other: write one in the file, and reload"),
                false => format!("no set `{set}`: there is {}", told(all.iter().map(|name| &name.name))),
            }),
            [] => Err(format!("no set `{set}` in that table: it is in {}", tables(&named))),
            several => Err(format!("`{set}` is in several tables: say which of {}", tables(several))),
        }
    }

    /// How many elements a set has that rules change, or time; none if it is another.
    pub fn set_len(&self, name: &Name) -> Option<usize> {
        self.dynamic_of(name).map(|set| set.len())
    }

    fn info(&self, name: &Name, set: &Set) -> SetInfo {
        let dynamic = self.dynamic_of(name);
        let fixed = || set.elements.len() + self.beside.prefixes.of(set).len();
        SetInfo {
            name: name.clone(),
            map: set.data.is_some(),
            changing: dynamic.is_some(),
            len: dynamic.map_or_else(fixed, |dynamic| dynamic.len()),
            size: dynamic.map(|dynamic| dynamic.size).or(set.size.map(|size| size as usize)),
        }
    }

    fn set_of<'a>(&self, ruleset: &'a Ruleset, name: &Name) -> Result<&'a Set, String> {
        let mut tables =
            ruleset.tables.iter().filter(|table| table.family == name.family && table.name == name.table);
        let found = tables.next().and_then(|table| table.sets.iter().find(|set| set.name == name.name));
        found.ok_or_else(|| format!("no set `{name}`"))
    }

    fn dynamic_of(&self, name: &Name) -> Option<&Arc<Dynamic>> {
        self.named.dynamic.iter().find(|(known, _)| known == name).map(|(_, set)| set)
    }

    fn edited(&self, now: u64, edit: impl FnOnce(&mut edits::Edits)) -> Result<Option<Program>, String> {
        let mut beside = self.beside.clone();
        edit(&mut beside.edits);
        if beside.edits.len() > edits::MOST {
            return Err(format!(
                "commands would have changed more than {} elements: write them in the file, and reload",
                edits::MOST
            ));
        }
        // What files say anew may overlap with what a command has added: that is no fault of this one.
        let known = crate::check::check(&self.in_force);
        let wrongs = crate::check::check(&beside.edits.tried(&self.ruleset));
        let new = wrongs.into_iter().find(|wrong| !known.iter().any(|known| known.what == wrong.what));
        if let Some(wrong) = new {
            return Err(wrong.what);
        }
        let setup = crate::Setup { now, ..self.setup };
        let program = Program::compile_shared(Arc::clone(&self.ruleset), &setup, Some(self), beside);
        program.map(Some).map_err(|errors| errors.to_string())
    }
}

fn may_change(set: &Set) -> Result<(), String> {
    let name = &set.name;
    if !set.prefix_of.is_empty() {
        return Err(format!("`{name}` follows its interfaces: write another set for what is added by hand"));
    }
    if set.constant {
        return Err(format!(
            "`{name}` is constant: take `constant` out of its flags in the file, or change it there, and reload"
        ));
    }
    Ok(())
}

fn tables(names: &[&Name]) -> String {
    let text: Vec<String> =
        names.iter().map(|name| format!("{} {}", name.family.text(), name.table)).collect();
    told(text.iter())
}

/// Some of them: enough to see what is meant.
fn told<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let text: Vec<String> = names.take(10).map(|name| format!("`{name}`")).collect();
    text.join(", ")
}

fn read(
    text: &str,
    set: &Set,
    elements: impl Fn(&[crate::lex::Token], &Set) -> Result<Vec<Element>, crate::place::Wrong>,
) -> Result<Vec<Element>, String> {
    let (tokens, wrongs) = lex(0, text);
    if let Some(wrong) = wrongs.first() {
        return Err(wrong.what.clone());
    }
    elements(&tokens, set).map_err(|wrong| wrong.what)
}
