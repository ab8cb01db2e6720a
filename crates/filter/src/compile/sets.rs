//! Sets and maps become tables.

use std::collections::HashSet;
use std::sync::Arc;

use super::Compile;
use super::Scope;
use crate::cells::Rate;
use crate::lookup::Key;
use crate::lookup::Lookup;
use crate::lookup::dynamic::Dynamic;
use crate::lookup::each::Each;
use crate::lookup::whole;
use crate::model::Chain;
use crate::model::Element;
use crate::model::Set;
use crate::model::Statement;
use crate::name::Name;
use crate::place::Spot;
use crate::program::Program;
use crate::types::Type;
use crate::types::Value;

/// The most elements of a dynamic set that does not say.
const SIZE: usize = 65_536;

/// A named set as rules use it.
pub(super) enum Found {
    Fixed(Arc<Lookup>),
    Dynamic(Arc<Dynamic>),
}

/// What becomes of a set that is in use already. What the files say anew goes in, and what they say no longer goes out;
/// what rules, time and commands have made of the rest stays.
pub(super) struct Fill {
    table: Arc<Dynamic>,
    name: Name,
    /// Every key that the files say.
    all: HashSet<Key>,
    /// With how long they stay, if that is not as long as the set says.
    added: Vec<(Key, Option<u64>)>,
    gone: Vec<Key>,
}

impl Fill {
    fn of(table: &Arc<Dynamic>, name: &Name, set: &Set, before: Option<&Program>) -> Fill {
        let before = before.map(|before| &before.in_force.tables).into_iter().flatten();
        let before = before.filter(|table| table.family == name.family && table.name == name.table);
        let before = before.flat_map(|table| &table.sets).find(|set| set.name == name.name);
        let key = |element: &Element| whole(&set.key, &element.key);
        let known: HashSet<Key> = before.map(|set| &set.elements).into_iter().flatten().map(key).collect();
        let all: HashSet<Key> = set.elements.iter().map(key).collect();
        let added = set.elements.iter().filter(|element| !known.contains(&key(element)));
        let added = added.map(|element| (key(element), stay(element))).collect();
        let gone = known.difference(&all).copied().collect();
        Fill { table: Arc::clone(table), name: name.clone(), all, added, gone }
    }
}

fn stay(element: &Element) -> Option<u64> {
    element.expires.or(element.timeout)
}

impl Compile<'_> {
    pub(super) fn sets(&mut self, scope: &Scope<'_>) {
        for set in &scope.table.sets {
            if set.is_changing() {
                self.dynamic(scope, set);
                continue;
            }
            let followed = self.program.beside.prefixes.of(set);
            let keys: Vec<&[Value]> = set
                .elements
                .iter()
                .map(|element| element.key.as_slice())
                .chain(followed.iter().map(Vec::as_slice))
                .collect();
            let built = Lookup::build(&set.key, &keys, self.setup.seed);
            match built {
                Ok(table) => self.program.named.fixed.push((scope.name(&set.name), Arc::new(table))),
                Err(what) => self.wrong(set.spot, what),
            }
        }
    }

    /// A set that changes: the one of the program before, if it has the same shape.
    fn dynamic(&mut self, scope: &Scope<'_>, set: &Set) {
        let interval =
            set.elements.iter().flat_map(|e| &e.key).any(|value| !matches!(value, Value::Exact(_)));
        if interval || set.data.is_some() {
            let what = "a set whose elements go or count has single values and no data: write two sets";
            return self.wrong(set.spot, what);
        }
        let Some(each) = self.each(scope, set) else { return };
        let size = set.size.map_or(SIZE, |size| size as usize).max(1);
        if size > 1 << 24 {
            return self.wrong(set.spot, "more than 16777216 elements: write a smaller `size`");
        }
        let timeout = set.timeout.unwrap_or(0);
        let name = scope.name(&set.name);
        let kept = self.before.named(|named| &named.dynamic, &name).filter(|kept| {
            (&kept.types, &kept.each, kept.size, kept.timeout) == (&set.key, &each, size, timeout)
        });
        if let Some(table) = kept {
            let fill = Fill::of(&table, &name, set, self.before.filler(&table));
            self.fills.push(fill);
            self.program.named.dynamic.push((name, table));
            return;
        }
        self.program.numbers = self.program.numbers.wrapping_add(1);
        let table = Dynamic::new(&set.key, &each, size, timeout, self.setup.seed, self.program.numbers);
        for element in &set.elements {
            if table.add(&whole(&set.key, &element.key), self.setup.now, stay(element), false).is_none() {
                return self.wrong(element.spot, "the set is full: write a larger `size`");
            }
        }
        self.program.named.dynamic.push((name, Arc::new(table)));
    }

    /// Nothing is wrong: sets that are in use already become what they are to be.
    pub(super) fn fill(&mut self) {
        let now = self.setup.now;
        for Fill { table, name, all, added, gone } in std::mem::take(&mut self.fills) {
            gone.iter().for_each(|key| {
                table.delete(key, now);
            });
            let stays = |key: &Key| all.contains(key);
            let is_new = |key: &Key| table.get(key, now).is_none();
            let mut left = added.iter().filter(|(key, _)| is_new(key)).count();
            table.make_room(left, now, &stays);
            for (key, stay) in added {
                let was_new = is_new(&key);
                // Packets may have filled it again meanwhile.
                if !table.put((&key, stay), now, left, &stays) {
                    self.program.lost.push(format!("an element of `{name}`: it is full"));
                }
                left = left.saturating_sub(was_new.into());
            }
        }
    }

    /// What each element of a set has for itself: as the set says, or the rules that add to it.
    fn each(&mut self, scope: &Scope<'_>, set: &Set) -> Option<Vec<Each>> {
        let mut each = (!set.each.is_empty()).then(|| compile_each(&set.each));
        let chains: &[Chain] = &scope.table.chains;
        for rule in chains.iter().flat_map(|chain| &chain.rules) {
            for statement in &rule.statements {
                let Statement::Update(update) = statement else { continue };
                if update.set != set.name || update.each.is_empty() {
                    continue;
                }
                let wanted = compile_each(&update.each);
                if *each.get_or_insert_with(|| wanted.clone()) != wanted {
                    let what = format!(
                        "other rules want something else of the elements of `{}`: write another set",
                        set.name
                    );
                    self.wrong(update.spot, what);
                    return None;
                }
            }
        }
        Some(each.unwrap_or_default())
    }

    /// A set of this table.
    pub(super) fn found(&self, scope: &Scope<'_>, name: &str) -> Option<Found> {
        let name = scope.name(name);
        let named = &self.program.named;
        let fixed = named.fixed.iter().find(|(known, _)| *known == name);
        let dynamic = || named.dynamic.iter().find(|(known, _)| *known == name);
        match fixed {
            Some((_, table)) => Some(Found::Fixed(Arc::clone(table))),
            None => dynamic().map(|(_, table)| Found::Dynamic(Arc::clone(table))),
        }
    }

    /// A set written in a rule.
    pub(super) fn inline(&mut self, types: &[Type], elements: &[Element], spot: Spot) -> Option<Arc<Lookup>> {
        let keys: Vec<&[Value]> = elements.iter().map(|element| element.key.as_slice()).collect();
        match Lookup::build(types, &keys, self.setup.seed) {
            Ok(table) => Some(Arc::new(table)),
            Err(what) => {
                self.wrong(spot, what);
                None
            }
        }
    }
}

fn compile_each(statements: &[Statement]) -> Vec<Each> {
    let each = |statement: &Statement| match statement {
        Statement::Counter(_) => Some(Each::Counter),
        Statement::Limit(limit) => Some(Each::Limit(Rate::new(limit))),
        Statement::Quota(quota) => Some(Each::Quota { bytes: quota.bytes, over: quota.over }),
        Statement::CtCount { over, count } => Some(Each::CtCount { over: *over, count: *count }),
        _ => None,
    };
    statements.iter().filter_map(each).collect()
}
