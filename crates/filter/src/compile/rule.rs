//! Rules become steps.

use std::sync::Arc;

use super::Compile;
use super::Scope;
use super::sets::Found;
use super::single::single;
use crate::cells::Counter;
use crate::cells::LimitCell;
use crate::cells::QuotaCell;
use crate::fields::KeyPart;
use crate::fields::Load;
use crate::host::CountId;
use crate::host::FlowtableId;
use crate::lookup::Lookup;
use crate::model::*;
use crate::name::Name;
use crate::program::Act;
use crate::program::Cell;
use crate::program::CodeLine;
use crate::program::Op as Step;
use crate::program::RuleInfo;
use crate::program::Value as Computed;
use crate::program::ValueBase;
use crate::rule_id::RuleId;
use crate::select::Selector;
use crate::types::Type;

impl Compile<'_> {
    pub(super) fn rule(&mut self, scope: &mut Scope<'_>, chain: &Chain, rule: &Rule, ruleset: &Ruleset) {
        let text = rule.to_string();
        let times = scope.seen.entry((chain.name.clone(), text.clone())).or_default();
        let mut at = Place {
            spot: rule.spot,
            name: scope_name(scope.table, &format!("{} {text} #{times}", chain.name)),
            next: 0,
        };
        *times += 1;
        let from = self.program.ops.len() as u32;
        if scope.table.family == TableFamily::Inet && rule.statements.iter().any(super::headers::are_seen) {
            // As nft has it: before everything else in the rule, so that IPv4 uses nothing up on the way there.
            let part = KeyPart { load: Load::Family, and: u128::MAX };
            self.push(Step::Masked { part, mask: u128::MAX, value: 10, not: false });
            self.program.stops.resize(self.program.ops.len(), 0);
        }
        self.program.sees_frames |= rule.statements.iter().any(super::headers::frame_is_seen);
        for (n, statement) in rule.statements.iter().enumerate() {
            self.statement(scope, &mut at, statement);
            self.program.stops.resize(self.program.ops.len(), n as u16);
        }
        self.program.lines.push(CodeLine { from, to: self.program.ops.len() as u32, run: 0 });
        let workers = self.setup.workers;
        let hits = self.cell(&mut at, Cell::Hits(Counter::new(workers, Count::default())), |new, kept| {
            matches!((new, kept), (Cell::Hits(new), Cell::Hits(kept)) if new.workers() == kept.workers())
        });
        if let Cell::Hits(hits) = hits {
            self.program.hits.push(hits);
        }
        self.program.infos.push(RuleInfo {
            id: RuleId(self.program.infos.len() as u32),
            handle: rule.handle,
            family: scope.table.family,
            table: scope.table.name.clone(),
            chain: chain.name.clone(),
            text,
            place: ruleset.files.place(rule.spot),
        });
    }

    /// A cell without a name: the one that this place had before, if it is `same`.
    fn cell(&mut self, at: &mut Place, new: Cell, same: impl Fn(&Cell, &Cell) -> bool) -> Cell {
        let mut name = at.name.clone();
        name.name.push_str(&format!(" {}", at.next));
        at.next += 1;
        let kept = self.before.cells.get(&name).filter(|kept| same(&new, kept));
        let cell = kept.map_or(new, |kept| (*kept).clone());
        self.program.named.anonymous.push((name, cell.clone()));
        cell
    }

    fn push(&mut self, step: Step) {
        self.program.ops.push(step);
    }

    fn statement(&mut self, scope: &Scope<'_>, at: &mut Place, statement: &Statement) {
        match statement {
            Statement::Match(relation) => self.relation(scope, at, relation),
            Statement::Verdict(action) => {
                let act = self.act(scope, action);
                self.push(Step::Act(act));
            }
            Statement::Vmap(key, map) => self.vmap(scope, at, key, map),
            Statement::SetMark(expr) => self.set_mark(scope, at, expr, false),
            Statement::SetCtMark(expr) => {
                self.program.needs_ct = true;
                self.set_mark(scope, at, expr, true);
            }
            Statement::Update(update) => {
                let key = self.key(&update.key);
                let set = self.found(scope, &update.set);
                if let Some(Found::Dynamic(set)) = set {
                    self.program.needs_ct |=
                        update.each.iter().any(|s| matches!(s, Statement::CtCount { .. }));
                    self.push(Step::Update { op: update.op, key, set, timeout: update.timeout });
                }
            }
            Statement::Log(log) => self.push(Step::Log(Box::new(log.clone()))),
            Statement::Reject(how) => self.reject(*how),
            Statement::NoTrack => {
                self.program.needs_ct = true;
                self.push(Step::NoTrack);
            }
            Statement::SynProxy(proxy) => self.synproxy(*proxy),
            Statement::NamedSynProxy(name) => {
                let found = scope.table.objects.iter().find(|object| object.name == *name);
                if let Some(Object { kind: ObjectKind::SynProxy(proxy), .. }) = found {
                    self.synproxy(*proxy);
                }
            }
            Statement::SetCtTimeout(name) => {
                self.program.needs_ct = true;
                let policy = find(&self.program.named.timeouts, &scope.name(name));
                if let Some((policy, timeout)) = policy {
                    let (protocol, family) = (timeout.protocol.number(), timeout.family);
                    self.push(Step::SetTimeout { policy, protocol, family });
                }
            }
            Statement::FlowAdd(name) => {
                self.program.needs_ct = true;
                let found = scope.table.flowtables.iter().position(|table| table.name == *name);
                let id = FlowtableId(scope.flowtables + found.unwrap_or(0) as u32);
                self.push(Step::FlowAdd(id));
            }
            _ => self.counting(scope, at, statement),
        }
    }

    fn counting(&mut self, scope: &Scope<'_>, at: &mut Place, statement: &Statement) {
        let step = match statement {
            Statement::Counter(start) => {
                let new = Cell::Counter(Counter::new(self.setup.workers, *start));
                let cell = self.cell(at, new, |new, kept| {
                    matches!((new, kept), (Cell::Counter(a), Cell::Counter(b)) if a.workers() == b.workers())
                });
                match cell {
                    Cell::Counter(counter) => Step::Counter(counter),
                    _ => return,
                }
            }
            Statement::Quota(quota) => {
                let new = Cell::Quota(QuotaCell::new(quota));
                match self.cell(at, new, |_, kept| matches!(kept, Cell::Quota(_))) {
                    Cell::Quota(cell) => Step::Quota(cell),
                    _ => return,
                }
            }
            Statement::Limit(limit) => {
                let new = Cell::Limit(LimitCell::new(limit));
                match self.cell(at, new, |_, kept| matches!(kept, Cell::Limit(_))) {
                    Cell::Limit(cell) => Step::Limit(cell),
                    _ => return,
                }
            }
            Statement::CtCount { over, count } => {
                self.program.needs_ct = true;
                self.program.numbers = self.program.numbers.wrapping_add(1);
                let new = Cell::Count(CountId(u64::from(self.program.numbers)));
                match self.cell(at, new, |_, kept| matches!(kept, Cell::Count(_))) {
                    Cell::Count(id) => Step::CtCount { id, over: *over, count: *count },
                    _ => return,
                }
            }
            Statement::NamedCounter(name) => match find(&self.program.named.counters, &scope.name(name)) {
                Some(cell) => Step::Counter(cell),
                None => return,
            },
            Statement::NamedQuota(name) => match find(&self.program.named.quotas, &scope.name(name)) {
                Some(cell) => Step::Quota(cell),
                None => return,
            },
            Statement::NamedLimit(name) => match find(&self.program.named.limits, &scope.name(name)) {
                Some(cell) => Step::Limit(cell),
                None => return,
            },
            _ => return,
        };
        self.push(step);
    }

    fn key(&mut self, parts: &[Part]) -> Box<[KeyPart]> {
        self.program.needs_ct |= parts.iter().any(|part| matches!(part.selector, Selector::Ct(_)));
        parts.iter().map(KeyPart::new).collect()
    }

    fn relation(&mut self, scope: &Scope<'_>, at: &Place, relation: &Match) {
        let types: Vec<Type> = relation.left.iter().map(Part::ty).collect();
        let key = self.key(&relation.left);
        let not = relation.op == Op::Ne;
        let step = match &relation.right {
            Right::Values(values) => match (&*key, values.as_slice(), types.as_slice()) {
                ([part], [value], [ty]) => single(*part, relation.op, *value, *ty),
                _ => match Lookup::build(&types, &[values.as_slice()], self.setup.seed) {
                    Ok(set) => Step::Lookup { key, set: Arc::new(set), not },
                    Err(what) => return self.wrong(at.spot, what),
                },
            },
            Right::Set(elements) => match self.inline(&types, elements, at.spot) {
                Some(set) => Step::Lookup { key, set, not },
                None => return,
            },
            Right::Named(name, _) => match self.found(scope, name) {
                Some(Found::Fixed(set)) => Step::Lookup { key, set, not },
                Some(Found::Dynamic(set)) => Step::Dynamic { key, set, not },
                None => return,
            },
        };
        self.push(step);
    }

    fn act(&mut self, scope: &Scope<'_>, action: &Action) -> Act {
        match action {
            Action::Accept => Act::Accept,
            Action::Drop => Act::Drop,
            Action::Continue => Act::Continue,
            Action::Return => Act::Return,
            // A name that stands for nothing has been refused before.
            Action::Jump(name) => scope.chain(name).map_or(Act::Drop, Act::Jump),
            Action::Goto(name) => scope.chain(name).map_or(Act::Drop, Act::Goto),
        }
    }

    /// A map's table and elements.
    fn map(
        &mut self,
        scope: &Scope<'_>,
        at: &Place,
        types: &[Type],
        map: &MapRef,
    ) -> Option<(Arc<Lookup>, Vec<Element>)> {
        match map {
            MapRef::Inline(elements) => Some((self.inline(types, elements, at.spot)?, elements.clone())),
            MapRef::Named(name, _) => match self.found(scope, name)? {
                Found::Fixed(table) => {
                    let set = scope.table.sets.iter().find(|set| set.name == *name)?;
                    Some((table, set.elements.clone()))
                }
                Found::Dynamic(_) => None,
            },
        }
    }

    fn vmap(&mut self, scope: &Scope<'_>, at: &Place, parts: &[Part], map: &MapRef) {
        let types: Vec<Type> = parts.iter().map(Part::ty).collect();
        let key = self.key(parts);
        let Some((set, elements)) = self.map(scope, at, &types, map) else { return };
        let act = |element: &Element| match &element.data {
            Some(Data::Verdict(action)) => self.act(scope, action),
            _ => Act::Continue,
        };
        let acts: Arc<[Act]> = elements.iter().map(act).collect();
        self.push(Step::Vmap { key, set, acts });
    }

    fn set_mark(&mut self, scope: &Scope<'_>, at: &Place, expr: &Expr, ct: bool) {
        let base = match &expr.base {
            ExprBase::Value(value) => ValueBase::Value(*value),
            ExprBase::Part(part) => match self.key(std::slice::from_ref(part)).first() {
                Some(part) => ValueBase::Part(*part),
                None => return,
            },
            ExprBase::Map(parts, map) => {
                let types: Vec<Type> = parts.iter().map(Part::ty).collect();
                let key = self.key(parts);
                let Some((set, elements)) = self.map(scope, at, &types, map) else { return };
                let data = |element: &Element| match element.data {
                    Some(Data::Value(value)) => value as u32,
                    _ => 0,
                };
                ValueBase::Map { key, set, data: elements.iter().map(data).collect() }
            }
        };
        let expr = Box::new(Computed { base, ops: expr.ops.clone().into_boxed_slice() });
        self.push(Step::SetMark { ct, expr });
    }

    /// What is needed of a packet for an answer is looked at first, as nft does without being told.
    fn reject(&mut self, how: RejectWith) {
        let need = match how {
            RejectWith::TcpReset => Some((Load::Protocol, /* TCP */ 6u8)),
            RejectWith::Icmp(_) => Some((Load::Family, 2)),
            RejectWith::Icmp6(_) => Some((Load::Family, 10)),
            RejectWith::Icmpx(_) => None,
        };
        if let Some((load, value)) = need {
            let part = KeyPart { load, and: u128::MAX };
            self.push(Step::Masked { part, mask: u128::MAX, value: value.into(), not: false });
        }
        self.push(Step::Reject(how));
    }

    fn synproxy(&mut self, proxy: SynProxy) {
        self.program.needs_ct = true;
        self.push(Step::SynProxy(proxy));
    }
}

/// A rule that is being compiled.
struct Place {
    spot: crate::place::Spot,
    name: Name,
    /// How many cells without a name it has.
    next: u32,
}

fn scope_name(table: &Table, name: &str) -> Name {
    Name { family: table.family, table: table.name.clone(), name: name.to_owned() }
}

fn find<T: Clone>(list: &[(Name, T)], name: &Name) -> Option<T> {
    list.iter().find(|(known, _)| known == name).map(|(_, cell)| cell.clone())
}
