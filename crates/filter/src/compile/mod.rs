//! From a ruleset to a program.
//!
//! Names become numbers and references, sets become tables, and what counted in the program before is taken over where
//! it is the same thing still. A ruleset that does not compile changes nothing.

mod headers;
mod rule;
mod runs;
mod sets;
mod single;

use std::collections::HashMap;
use std::sync::Arc;

use crate::cells::Counter;
use crate::cells::LimitCell;
use crate::cells::QuotaCell;
use crate::lookup::dynamic::Dynamic;
use crate::model::Chain;
use crate::model::CtTimeout;
use crate::model::Hook;
use crate::model::ObjectKind;
use crate::model::Ruleset;
use crate::model::Table;
use crate::name::Name;
use crate::place::Errors;
use crate::place::Spot;
use crate::place::Wrong;
use crate::program::Base;
use crate::program::Beside;
use crate::program::Cell;
use crate::program::ChainInfo;
use crate::program::Code;
use crate::program::HookChains;
use crate::program::Named;
use crate::program::Program;
use crate::program::Setup;
use crate::program::Shortcuts;

/// So many policies have a number.
pub const MOST_TIMEOUTS: u8 = 15;

/// Rules of a lower priority come before connections are looked up, as in Linux.
const CONNTRACK: i32 = -200;

impl Program {
    /// Compiles a ruleset; counters, quotas, limits and dynamic sets that `before` has under the same table and name
    /// go on where they are, and so do those of rules that stand in the same chain as they did.
    ///
    /// # Errors
    /// What only shows now: a set that is too large, rules that want different things of the elements of one set.
    pub fn compile(ruleset: Ruleset, setup: &Setup, before: Option<&Program>) -> Result<Program, Errors> {
        let beside = before.map(|before| before.beside.clone()).unwrap_or_default();
        Program::compile_shared(Arc::new(ruleset), setup, before, beside)
    }

    pub(crate) fn compile_shared(
        ruleset: Arc<Ruleset>,
        setup: &Setup,
        before: Option<&Program>,
        beside: Beside,
    ) -> Result<Program, Errors> {
        Program::compile_after(ruleset, setup, (before, None), beside)
    }

    /// After `before`, and after `last` if that has run since then.
    pub(crate) fn compile_after(
        ruleset: Arc<Ruleset>,
        setup: &Setup,
        (before, last): (Option<&Program>, Option<&Program>),
        mut beside: Beside,
    ) -> Result<Program, Errors> {
        let mut lost = Vec::new();
        let in_force = beside.edits.apply(&ruleset, &mut lost);
        let mut compile = Compile {
            setup,
            before: Before::of(before, last),
            wrongs: Vec::new(),
            program: Program {
                ruleset: Arc::clone(&ruleset),
                in_force: Arc::clone(&in_force),
                setup: *setup,
                hooks: Default::default(),
                shortcuts: Default::default(),
                chains: Vec::new(),
                lines: Vec::new(),
                runs: Vec::new(),
                ops: Vec::new(),
                stops: Vec::new(),
                infos: Vec::new(),
                chain_infos: Vec::new(),
                hits: Vec::new(),
                named: Named::default(),
                needs_ct: false,
                sees_frames: false,
                numbers: before.into_iter().chain(last).map(|one| one.numbers).max().unwrap_or(1),
                beside,
                lost,
            },
            flowtables: 0,
            fills: Vec::new(),
        };
        for table in &in_force.tables {
            compile.table(table, &in_force);
        }
        for hook in &mut compile.program.hooks {
            hook.chains.sort_by_key(|base| base.priority);
            hook.before_ct = hook.chains.partition_point(|base| base.priority < CONNTRACK);
        }
        if compile.wrongs.is_empty() {
            compile.fill();
            let mut program = compile.program;
            program.shortcuts = Hook::ALL.map(|hook| Shortcuts::of(&program, hook));
            return Ok(program);
        }
        Err(Errors(compile.wrongs.into_iter().map(|wrong| ruleset.files.error(wrong)).collect()))
    }
}

/// What the program before has, by name.
#[derive(Default)]
struct Before<'a> {
    program: Option<&'a Program>,
    /// The one that has run since then.
    last: Option<&'a Program>,
    cells: HashMap<&'a Name, &'a Cell>,
}

impl<'a> Before<'a> {
    fn of(program: Option<&'a Program>, last: Option<&'a Program>) -> Before<'a> {
        let cells =
            program.map(|program| program.named.anonymous.iter().map(|(name, cell)| (name, cell)).collect());
        Before { program, last, cells: cells.unwrap_or_default() }
    }

    /// The program whose files a set has been filled by last.
    fn filler(&self, table: &Arc<Dynamic>) -> Option<&'a Program> {
        let has = |last: &&Program| last.named.dynamic.iter().any(|(_, set)| Arc::ptr_eq(set, table));
        self.last.filter(has).or(self.program)
    }

    fn named<T: Clone>(&self, pick: impl Fn(&Named) -> &Vec<(Name, T)>, name: &Name) -> Option<T> {
        let list = pick(&self.program?.named);
        list.iter().find(|(known, _)| known == name).map(|(_, cell)| cell.clone())
    }
}

struct Compile<'a> {
    setup: &'a Setup,
    before: Before<'a>,
    wrongs: Vec<Wrong>,
    program: Program,
    flowtables: u32,
    /// What becomes of sets that are in use already, once nothing is wrong.
    fills: Vec<sets::Fill>,
}

/// A table that is being compiled.
struct Scope<'a> {
    table: &'a Table,
    /// The number of its first chain and flowtable in the program.
    chains: u32,
    flowtables: u32,
    /// How often a rule of this text has stood in this chain.
    seen: HashMap<(String, String), u32>,
}

impl Scope<'_> {
    fn name(&self, name: &str) -> Name {
        Name { family: self.table.family, table: self.table.name.clone(), name: name.to_owned() }
    }

    fn chain(&self, name: &str) -> Option<u32> {
        let at = self.table.chains.iter().position(|chain| chain.name == name)?;
        Some(self.chains + at as u32)
    }
}

impl Compile<'_> {
    fn wrong(&mut self, spot: Spot, what: impl Into<String>) {
        self.wrongs.push(Wrong::at(spot, what));
    }

    fn table(&mut self, table: &Table, ruleset: &Ruleset) {
        let mut scope = Scope {
            table,
            chains: self.program.chains.len() as u32,
            flowtables: self.flowtables,
            seen: HashMap::new(),
        };
        self.flowtables += table.flowtables.len() as u32;
        self.objects(&scope);
        self.sets(&scope);
        let count = self.program.chains.len() + table.chains.len();
        self.program.chains.resize(count, Code::default());
        for (n, chain) in table.chains.iter().enumerate() {
            let at = scope.chains + n as u32;
            self.base(table, chain, at);
            let from = self.program.lines.len() as u32;
            for rule in &chain.rules {
                self.rule(&mut scope, chain, rule, ruleset);
            }
            let Program { lines, ops, runs, .. } = &mut self.program;
            runs::find(lines, ops, runs, from as usize);
            self.program.chains[at as usize] = Code { from, to: self.program.lines.len() as u32 };
            self.program.chain_infos.push(ChainInfo {
                family: table.family,
                table: table.name.clone(),
                name: chain.name.clone(),
            });
        }
    }

    fn base(&mut self, table: &Table, chain: &Chain, at: u32) {
        if let Some(base) = chain.base {
            let hook: &mut HookChains = &mut self.program.hooks[base.hook as usize];
            hook.chains.push(Base {
                family: table.family,
                priority: base.priority,
                chain: at,
                drop: base.drop,
            });
        }
    }

    /// What has a name goes on if it is the same: a limit or quota with other numbers begins anew.
    fn objects(&mut self, scope: &Scope<'_>) {
        for object in &scope.table.objects {
            let name = scope.name(&object.name);
            match &object.kind {
                ObjectKind::Counter(start) => {
                    let workers = self.setup.workers;
                    let kept = self.before.named(|named| &named.counters, &name);
                    let cell = kept.filter(|cell| cell.workers() == workers.max(1));
                    let cell = cell.unwrap_or_else(|| Counter::new(workers, *start));
                    self.program.named.counters.push((name, cell));
                }
                ObjectKind::Quota(quota) => {
                    let kept = self.before.named(|named| &named.quotas, &name);
                    let new = QuotaCell::new(quota);
                    let cell =
                        kept.filter(|cell| (cell.bytes, cell.over) == (new.bytes, new.over)).unwrap_or(new);
                    self.program.named.quotas.push((name, cell));
                }
                ObjectKind::Limit(limit) => {
                    let kept = self.before.named(|named| &named.limits, &name);
                    let new = LimitCell::new(limit);
                    let cell = kept.filter(|cell| cell.rate == new.rate).unwrap_or(new);
                    self.program.named.limits.push((name, cell));
                }
                ObjectKind::CtTimeout(timeout) => self.timeout(name, *timeout),
                ObjectKind::SynProxy(_) => {}
            }
        }
    }

    /// Whether there is a policy of this name, be it compiled already or not.
    fn says(&self, name: &Name) -> bool {
        let is_its = |table: &&Table| table.family == name.family && table.name == name.table;
        let mut objects = self.program.ruleset.tables.iter().filter(is_its).flat_map(|table| &table.objects);
        objects.any(|object| matches!(object.kind, ObjectKind::CtTimeout(_)) && object.name == name.name)
    }

    /// A policy keeps its number as long as it has its name: states know it by that. A new one gets a number that was nobody's, or,
    /// where there is none, of one that has gone.
    fn timeout(&mut self, name: Name, timeout: CtTimeout) {
        let before = self.before.program.map_or(&[][..], |before| &before.named.timeouts);
        let ours = &self.program.named.timeouts;
        let kept = before.iter().find(|(known, _)| *known == name).map(|(_, (number, _))| *number);
        let is_taken = |number: &u8| before.iter().chain(ours).any(|(_, (taken, _))| taken == number);
        // Of those that stay, the number is theirs, also if they come later in the file.
        let stay = before.iter().filter(|(name, _)| self.says(name)).chain(ours);
        let stays = |number: &u8| stay.clone().any(|(_, (taken, _))| taken == number);
        let mut numbers = 1..=MOST_TIMEOUTS;
        let number = kept
            .or_else(|| numbers.clone().find(|number| !is_taken(number)))
            .or_else(|| numbers.find(|number| !stays(number)));
        match number {
            Some(number) => self.program.named.timeouts.push((name, (number, timeout))),
            None => self.wrong(
                Spot::default(),
                format!("`{}`: no more than {MOST_TIMEOUTS} `ct timeout`: write fewer", name.name),
            ),
        }
    }
}
