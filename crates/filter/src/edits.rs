//! What commands have changed in sets that rules do not change: kept beside what the files say, by the set's name, so that
//! it outlives a reload. (Sets that rules change keep theirs in their own table.)
//!
//! An element that a command added stays as long as there is a set of this name and type; one that a command took out
//! stays out as long as the files have it. Once the files say the same there is nothing left to keep.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::sync::Arc;

use crate::check::deepest;
use crate::model::Action;
use crate::model::Data;
use crate::model::DataType;
use crate::model::Element;
use crate::model::Ruleset;
use crate::model::Set;
use crate::model::Table;
use crate::name::Name;
use crate::print;
use crate::types::Type;
use crate::types::Value;

/// So many elements may commands have changed: what is more belongs into a file.
pub(crate) const MOST: usize = 65_536;

/// What a command has done with an element.
#[derive(Debug, Clone, PartialEq)]
enum Edit {
    Added(Element),
    Deleted,
}

/// What commands have done with a set.
#[derive(Debug, Clone)]
struct OfSet {
    /// What it held then: of another type, these would be other elements.
    key: Vec<Type>,
    data: Option<DataType>,
    edits: BTreeMap<Vec<Value>, Edit>,
}

/// What commands have done with sets.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edits(BTreeMap<Name, OfSet>);

impl Edits {
    /// How many elements it is about.
    pub(crate) fn len(&self) -> usize {
        self.0.values().map(|set| set.edits.len()).sum()
    }

    /// Adds an element to a set, which is as the files have it.
    pub(crate) fn add(&mut self, name: &Name, set: &Set, element: Element) {
        let same = said(set, &element.key).is_some_and(|known| known.data == element.data);
        let edits = self.of(name, set);
        if same {
            edits.remove(&element.key);
        } else {
            edits.insert(element.key.clone(), Edit::Added(element));
        }
    }

    /// Takes an element out.
    pub(crate) fn delete(&mut self, name: &Name, set: &Set, key: Vec<Value>) {
        let known = said(set, &key).is_some();
        let edits = self.of(name, set);
        if known {
            edits.insert(key, Edit::Deleted);
        } else {
            edits.remove(&key);
        }
    }

    /// What was done to the sets of another program by commands since `begun` is done here as well: where there is such a
    /// set, each element that they were about is in as it is there now, or is not.
    pub(crate) fn follow(&mut self, files: &Ruleset, begun: &Edits, now: &Edits, in_force: &Ruleset) {
        let names: BTreeSet<&Name> = begun.0.keys().chain(now.0.keys()).collect();
        for name in names {
            let sets = find(files, name).zip(find(in_force, name));
            let Some(((_, ours), (_, theirs))) = sets else { continue };
            if ours.is_changing() || (&ours.key, &ours.data) != (&theirs.key, &theirs.data) {
                continue;
            }
            for key in begun.keys(name).chain(now.keys(name)) {
                if begun.at(name, key) == now.at(name, key) {
                    continue;
                }
                match said(theirs, key) {
                    Some(element) => self.add(name, ours, element.clone()),
                    None => self.delete(name, ours, key.clone()),
                }
            }
        }
    }

    fn keys(&self, name: &Name) -> impl Iterator<Item = &Vec<Value>> {
        self.0.get(name).into_iter().flat_map(|set| set.edits.keys())
    }

    fn at(&self, name: &Name, key: &[Value]) -> Option<&Edit> {
        self.0.get(name)?.edits.get(key)
    }

    fn of(&mut self, name: &Name, set: &Set) -> &mut BTreeMap<Vec<Value>, Edit> {
        let fresh = || OfSet { key: set.key.clone(), data: set.data, edits: BTreeMap::new() };
        &mut self.0.entry(name.clone()).or_insert_with(fresh).edits
    }

    /// Whether a command has added an element.
    pub(crate) fn has_added(&self, name: &Name, key: &[Value]) -> bool {
        matches!(self.0.get(name).and_then(|set| set.edits.get(key)), Some(Edit::Added(_)))
    }

    /// What commands have taken out of a set, as it would be written.
    pub(crate) fn deleted(&self, name: &Name) -> Vec<String> {
        let Some(set) = self.0.get(name) else { return Vec::new() };
        let gone = set.edits.iter().filter(|(_, edit)| matches!(edit, Edit::Deleted));
        gone.map(|(key, _)| print::joined(&set.key, key)).collect()
    }

    /// What the files say, as commands have changed it. What does not fit any more is forgotten, and told.
    pub(crate) fn apply(&mut self, files: &Arc<Ruleset>, lost: &mut Vec<String>) -> Arc<Ruleset> {
        self.settle(files, lost);
        if self.0.is_empty() {
            return Arc::clone(files);
        }
        let mut changed = self.applied(files);
        // A map's verdicts may lead round in circles that the files alone do not have.
        let deep: Vec<(usize, &Table)> =
            changed.tables.iter().enumerate().filter(|(_, table)| deepest(table).is_some()).collect();
        if !deep.is_empty() {
            for (at, table) in deep {
                self.0.retain(|name, set| {
                    let leads = set.data == Some(DataType::Verdict) && is_in(name, table);
                    if leads && deepest(&files.tables[at]).is_none() {
                        lost.push(format!(
                            "what was added to `{name}`: its jumps would go round, or too deep"
                        ));
                        return false;
                    }
                    true
                });
            }
            changed = self.applied(files);
        }
        Arc::new(changed)
    }

    /// What the files say, with every change: it may be wrong.
    pub(crate) fn tried(&self, files: &Ruleset) -> Ruleset {
        self.applied(files)
    }

    /// Forgets what the files say by now, and what has no place in them.
    fn settle(&mut self, files: &Ruleset, lost: &mut Vec<String>) {
        self.0.retain(|name, of| {
            let Some((table, set)) = find(files, name).filter(|(_, set)| of.fits(set)) else {
                if of.edits.values().any(|edit| matches!(edit, Edit::Added(_))) {
                    lost.push(format!("what was added to `{name}`: there is no such set of its type"));
                }
                return false;
            };
            let known: BTreeMap<&[Value], &Element> =
                set.elements.iter().map(|element| (element.key.as_slice(), element)).collect();
            // The files' own come first.
            let mut room = set.size.map_or(usize::MAX, |size| size as usize).saturating_sub(known.len());
            of.edits.retain(|key, edit| match edit {
                Edit::Deleted => known.contains_key(key.as_slice()),
                Edit::Added(element) => {
                    let there = known.get(key.as_slice());
                    if there.is_some_and(|known| known.data == element.data) {
                        return false;
                    }
                    let fits = set.refuses(element).is_none()
                        && leads(table, element)
                        && (there.is_some() || room > 0);
                    if !fits {
                        lost.push(format!("`{}` in `{name}`", print::element(element, &set.key, set.data)));
                    } else if there.is_none() {
                        room -= 1;
                    }
                    fits
                }
            });
            !of.edits.is_empty()
        });
    }

    fn applied(&self, files: &Ruleset) -> Ruleset {
        let mut changed = files.clone();
        for table in &mut changed.tables {
            for set in &mut table.sets {
                let name = Name { family: table.family, table: table.name.clone(), name: set.name.clone() };
                let Some(of) = self.0.get(&name) else { continue };
                set.elements.retain(|element| !of.edits.contains_key(&element.key));
                set.elements.extend(of.edits.values().filter_map(|edit| match edit {
                    Edit::Added(element) => Some(element.clone()),
                    Edit::Deleted => None,
                }));
                set.elements.sort_by(|a, b| a.key.cmp(&b.key));
            }
        }
        changed
    }
}

impl OfSet {
    fn fits(&self, set: &Set) -> bool {
        !set.is_changing()
            && !set.constant
            && set.prefix_of.is_empty()
            && set.key == self.key
            && set.data == self.data
    }
}

/// An element of a set by its key, by which they are in order.
pub(crate) fn said<'a>(set: &'a Set, key: &[Value]) -> Option<&'a Element> {
    let at = set.elements.binary_search_by(|known| known.key.as_slice().cmp(key));
    at.ok().map(|at| &set.elements[at])
}

fn is_in(name: &Name, table: &Table) -> bool {
    name.family == table.family && name.table == table.name
}

fn find<'a>(ruleset: &'a Ruleset, name: &Name) -> Option<(&'a Table, &'a Set)> {
    let table = ruleset.tables.iter().find(|table| is_in(name, table))?;
    Some((table, table.sets.iter().find(|set| set.name == name.name)?))
}

/// Whether an element's verdict leads to a chain.
fn leads(table: &Table, element: &Element) -> bool {
    match &element.data {
        Some(Data::Verdict(Action::Jump(to) | Action::Goto(to))) => {
            table.chains.iter().any(|chain| chain.name == *to && chain.base.is_none())
        }
        _ => true,
    }
}
