//! What is read well and makes no sense: names that stand for nothing, keys that do not fit, chains that never end.

use crate::model::*;
use crate::place::Spot;
use crate::place::Wrong;
use crate::select::Base;
use crate::select::Selector;
use crate::types::Type;
use crate::types::Value;

/// A packet may be so many jumps deep, as in Linux.
pub(crate) const DEEPEST_JUMP: usize = 16;

/// Everything that makes no sense in a ruleset.
pub(crate) fn check(ruleset: &Ruleset) -> Vec<Wrong> {
    let mut wrongs = Vec::new();
    for table in &ruleset.tables {
        let mut check = Check { table, wrongs: &mut wrongs, spot: Spot::default() };
        table.sets.iter().for_each(|set| check.set(set));
        for chain in &table.chains {
            for rule in &chain.rules {
                check.spot = rule.spot;
                rule.statements.iter().for_each(|statement| check.statement(statement));
            }
        }
        check.depth();
    }
    wrongs
}

impl Set {
    /// Whether rules change it, or time does.
    pub(crate) fn is_changing(&self) -> bool {
        self.dynamic || self.timeouts || !self.each.is_empty()
    }

    /// Why an element cannot be in it.
    pub(crate) fn refuses(&self, element: &Element) -> Option<&'static str> {
        let interval = element.key.iter().any(|value| !matches!(value, Value::Exact(_)));
        if interval && !self.interval {
            return Some("a prefix or a range in a set of single values: write `flags interval` in the set");
        }
        let timed = element.timeout.is_some() || element.expires.is_some();
        (timed && !self.timeouts)
            .then_some("a time in a set whose elements stay: write `flags timeout` in the set")
    }
}

struct Check<'a> {
    table: &'a Table,
    wrongs: &'a mut Vec<Wrong>,
    /// The rule that is looked at.
    spot: Spot,
}

impl Check<'_> {
    fn wrong(&mut self, what: impl Into<String>) {
        self.wrongs.push(Wrong::at(self.spot, what));
    }

    fn set(&mut self, set: &Set) {
        self.spot = set.spot;
        let name = &set.name;
        if set.dynamic && set.interval {
            self.wrong(format!("`{name}` cannot have intervals and be changed by rules: write two sets"));
        }
        if set.dynamic && set.data.is_some() {
            self.wrong(format!("rules change sets, not maps: remove `dynamic` from `{name}`"));
        }
        if !set.prefix_of.is_empty() {
            let address = matches!(set.key.as_slice(), [Type::Ipv4 | Type::Ipv6]);
            if !address || !set.interval || set.data.is_some() || set.dynamic || set.timeouts {
                self.wrong("prefixes of an interface are a set of `type ipv6_addr` or `ipv4_addr` with `flags interval`");
            }
        }
        if set.size.is_some_and(|size| set.elements.len() > size as usize) {
            self.wrong(format!("`{name}` has more elements than its size: write a larger `size`"));
        }
        self.elements(&set.elements);
        for element in &set.elements {
            self.wrongs.extend(set.refuses(element).map(|what| Wrong::at(element.spot, what)));
        }
        if !set.auto_merge && !set.dynamic && !set.timeouts && set.key.len() == 1 {
            self.overlaps(set);
        }
    }

    fn elements(&mut self, elements: &[Element]) {
        for element in elements {
            if let Some(Data::Verdict(action)) = &element.data {
                let spot = std::mem::replace(&mut self.spot, element.spot);
                self.action(action);
                self.spot = spot;
            }
        }
    }

    fn overlaps(&mut self, set: &Set) {
        let Some(ty) = set.key.first() else { return };
        let mut bounds: Vec<((u128, u128), &Element)> = Vec::with_capacity(set.elements.len());
        bounds.extend(set.elements.iter().filter_map(|e| e.key.first().map(|v| (ty.bounds(*v), e))));
        bounds.sort_by_key(|(bounds, _)| *bounds);
        for pair in bounds.windows(2) {
            if let [((low, high), first), ((low2, high2), second)] = pair
                && low2 <= high
            {
                // The same twice is the same, unless a map has two minds about it.
                if (low, high) == (low2, high2) && first.data == second.data {
                    continue;
                }
                let other = crate::print::element(first, &set.key, None);
                let what = format!("this is in {other} already: remove it, or write `auto-merge` in the set");
                self.wrongs.push(Wrong::at(second.spot, what));
            }
        }
    }

    fn statement(&mut self, statement: &Statement) {
        match statement {
            Statement::Match(relation) => {
                self.key(&relation.left);
                match &relation.right {
                    Right::Named(name, spot) => self.named_set(name, *spot, &relation.left, None),
                    Right::Set(elements) => self.elements(elements),
                    Right::Values(_) => {}
                }
            }
            Statement::Verdict(action) => self.action(action),
            Statement::Vmap(key, map) => {
                self.key(key);
                self.map(map, key, DataType::Verdict);
            }
            Statement::SetMark(expr) | Statement::SetCtMark(expr) => match &expr.base {
                ExprBase::Map(key, map) => {
                    self.key(key);
                    self.map(map, key, DataType::Value(Type::Mark));
                }
                ExprBase::Part(part) => self.key(std::slice::from_ref(part)),
                ExprBase::Value(_) => {}
            },
            Statement::Update(update) => {
                self.key(&update.key);
                self.named_set(&update.set, update.spot, &update.key, None);
                let set = self.table.sets.iter().find(|set| set.name == update.set);
                if set.is_some_and(|set| set.constant) {
                    self.wrong(format!("`{}` is constant: remove the flag, or the change", update.set));
                }
                if update.timeout.is_some() && set.is_some_and(|set| !set.timeouts) {
                    self.wrong(format!(
                        "a time in a set whose elements stay: write `flags timeout` in `{}`",
                        update.set
                    ));
                }
            }
            Statement::NamedCounter(name) => self.object("counter", name),
            Statement::NamedQuota(name) => self.object("quota", name),
            Statement::NamedLimit(name) => self.object("limit", name),
            Statement::NamedSynProxy(name) => self.object("synproxy", name),
            Statement::SetCtTimeout(name) => self.object("ct timeout", name),
            Statement::FlowAdd(name) => self.flowtable(name),
            Statement::Reject(how) => self.reject(*how),
            _ => {}
        }
    }

    fn flowtable(&mut self, name: &str) {
        if !self.table.flowtables.iter().any(|table| table.name == *name) {
            self.wrong(format!("no flowtable `{name}` in this table: write `flowtable {name} {{ … }}`"));
        }
    }

    fn reject(&mut self, how: RejectWith) {
        match (how, self.table.family) {
            (RejectWith::Icmp(_), TableFamily::Ip6) => {
                self.wrong("no IPv4 comes here: write `reject with icmpv6 …`")
            }
            (RejectWith::Icmp6(_), TableFamily::Ip) => {
                self.wrong("no IPv6 comes here: write `reject with icmp …`")
            }
            _ => {}
        }
    }

    fn object(&mut self, kind: &str, name: &str) {
        if !self.table.objects.iter().any(|object| object.kind.text() == kind && object.name == name) {
            self.wrong(format!("no {kind} `{name}` in this table: write `{kind} {name} {{ … }}`"));
        }
    }

    fn action(&mut self, action: &Action) {
        let (Action::Jump(name) | Action::Goto(name)) = action else { return };
        match self.table.chains.iter().find(|chain| chain.name == *name) {
            None => self.wrong(format!("no chain `{name}` in this table: write `chain {name} {{ … }}`")),
            Some(chain) if chain.base.is_some() => {
                self.wrong(format!("`{name}` is a base chain: jump to one without `type … hook …`"));
            }
            Some(_) => {}
        }
    }

    /// Whether packets of this table can have such fields.
    fn key(&mut self, key: &[Part]) {
        for part in key {
            let family = match part.selector {
                Selector::Field(field) => match field.base {
                    Base::Ip4 | Base::Icmp(1, _) => TableFamily::Ip,
                    Base::Ip6 | Base::Ext(_) | Base::Icmp(58, _) => TableFamily::Ip6,
                    _ => continue,
                },
                Selector::Exists(..) => TableFamily::Ip6,
                _ => continue,
            };
            if self.table.family != TableFamily::Inet && self.table.family != family {
                let text = part.selector.text();
                self.wrong(format!(
                    "`{text}` never comes in a table of family {}: write it in one of {} or inet",
                    self.table.family.text(),
                    family.text()
                ));
            }
        }
    }

    fn map(&mut self, map: &MapRef, key: &[Part], data: DataType) {
        match map {
            MapRef::Named(name, spot) => self.named_set(name, *spot, key, Some(data)),
            MapRef::Inline(elements) => self.elements(elements),
        }
    }

    fn named_set(&mut self, name: &str, spot: Spot, key: &[Part], data: Option<DataType>) {
        let kind = if data.is_some() { "map" } else { "set" };
        let Some(set) = self.table.sets.iter().find(|set| set.name == name) else {
            self.wrongs.push(Wrong::at(
                spot,
                format!("no {kind} `{name}` in this table: write `{kind} {name} {{ … }}`"),
            ));
            return;
        };
        let types: Vec<Type> = key.iter().map(Part::ty).collect();
        let fits = types.len() == set.key.len() && types.iter().zip(&set.key).all(|(a, b)| alike(*a, *b));
        if !fits {
            let text = |types: &[Type]| types.iter().map(|ty| ty.what()).collect::<Vec<_>>().join(" . ");
            let what = format!(
                "`{name}` holds {}, and this is {}: write a {kind} whose type is that",
                text(&set.key),
                text(&types)
            );
            self.wrongs.push(Wrong::at(spot, what));
        }
        let right = match (data, set.data) {
            (None, None) | (Some(DataType::Verdict), Some(DataType::Verdict)) => true,
            (Some(DataType::Value(_)), Some(DataType::Value(ty))) => ty.bits() <= 32,
            _ => false,
        };
        if !right {
            self.wrongs.push(Wrong::at(
                spot,
                format!("`{name}` has other data: write a {kind} that has what this needs"),
            ));
        }
    }

    /// Chains that go round, or too deep.
    fn depth(&mut self) {
        let Some(chain) = deepest(self.table) else { return };
        let what = format!(
            "from chain `{}` on, jumps go round or more than {DEEPEST_JUMP} deep: take one out",
            chain.name
        );
        self.wrongs.push(Wrong::at(chain.spot, what));
    }
}

/// A chain from which jumps go round, or too deep.
pub(crate) fn deepest(table: &Table) -> Option<&Chain> {
    let chains = &table.chains;
    let targets: Vec<Vec<usize>> = chains.iter().map(|chain| targets(table, chain)).collect();
    // How deep one gets from each chain; found by going down at most one step further than is allowed.
    let mut depth = vec![0_usize; chains.len()];
    for _ in 0..=DEEPEST_JUMP {
        let next: Vec<usize> = targets
            .iter()
            .map(|targets| targets.iter().map(|target| depth[*target] + 1).max().unwrap_or(0))
            .collect();
        depth = next;
    }
    let at = depth.iter().position(|depth| *depth > DEEPEST_JUMP)?;
    chains.get(at)
}

fn targets(table: &Table, chain: &Chain) -> Vec<usize> {
    let mut found: Vec<usize> = Vec::new();
    let target = |action: &Action| match action {
        Action::Jump(name) | Action::Goto(name) => table.chains.iter().position(|chain| chain.name == *name),
        _ => None,
    };
    for statement in chain.rules.iter().flat_map(|rule| &rule.statements) {
        match statement {
            Statement::Verdict(action) => found.extend(target(action)),
            Statement::Vmap(_, map) => {
                let elements = match map {
                    MapRef::Inline(elements) => Some(elements),
                    MapRef::Named(name, _) => {
                        table.sets.iter().find(|set| set.name == *name).map(|set| &set.elements)
                    }
                };
                for element in elements.into_iter().flatten() {
                    if let Some(Data::Verdict(action)) = &element.data {
                        found.extend(target(action));
                    }
                }
            }
            _ => {}
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Whether a set of one may be asked with the other.
fn alike(a: Type, b: Type) -> bool {
    let number = |ty| matches!(ty, Type::Number(_));
    a == b || (number(a) && number(b))
}
