//! Sets and maps become tables.

use std::sync::Arc;

use super::Compile;
use super::Scope;
use crate::cells::Rate;
use crate::lookup::Lookup;
use crate::lookup::dynamic::Dynamic;
use crate::lookup::dynamic::Each;
use crate::lookup::whole;
use crate::model::Chain;
use crate::model::Element;
use crate::model::Set;
use crate::model::Statement;
use crate::place::Spot;
use crate::types::Type;
use crate::types::Value;

/// The most elements of a dynamic set that does not say.
const SIZE: usize = 65_536;

/// A named set as rules use it.
pub(super) enum Found {
    Fixed(Arc<Lookup>),
    Dynamic(Arc<Dynamic>),
}

impl Compile<'_> {
    pub(super) fn sets(&mut self, scope: &Scope<'_>) {
        for set in &scope.table.sets {
            if set.dynamic || set.timeouts || !set.each.is_empty() {
                self.dynamic(scope, set);
                continue;
            }
            let followed = self.program.prefixes.of(set);
            let keys: Vec<&[Value]> = set
                .elements
                .iter()
                .map(|element| element.key.as_slice())
                .chain(followed.iter().map(Vec::as_slice))
                .collect();
            let built = Lookup::build(&set.key, &keys);
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
        let table = kept.unwrap_or_else(|| {
            self.program.numbers = self.program.numbers.wrapping_add(1);
            let number = self.program.numbers;
            Arc::new(Dynamic::new(&set.key, &each, size, timeout, self.setup.seed, number))
        });
        for element in &set.elements {
            let stay = element.expires.or(element.timeout);
            if table.add(&whole(&set.key, &element.key), self.setup.now, stay, false).is_none() {
                return self.wrong(element.spot, "the set is full: write a larger `size`");
            }
        }
        self.program.named.dynamic.push((name, table));
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
        match Lookup::build(types, &keys) {
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
