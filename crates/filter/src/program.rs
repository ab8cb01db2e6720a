//! A ruleset, compiled: what workers share and run.

use std::sync::Arc;

use crate::Family;
use crate::cells::Counter;
use crate::cells::LimitCell;
use crate::cells::QuotaCell;
use crate::fields::KeyPart;
use crate::host::CountId;
use crate::host::FlowtableId;
use crate::lookup::Lookup;
use crate::lookup::dynamic::Dynamic;
use crate::lookup::each::Each;
use crate::model::BitOp;
use crate::model::Count;
use crate::model::CtTimeout;
use crate::model::Hook;
use crate::model::Log;
use crate::model::RejectWith;
use crate::model::Ruleset;
use crate::model::SynProxy;
use crate::model::TableFamily;
use crate::model::UpdateOp;
use crate::name::Name;
use crate::place::Place;
use crate::rule_id::RuleId;
use crate::rules_alike::Run;

/// A chain, as a number in its program.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ChainId(pub u32);

/// What a program is compiled for.
#[derive(Debug, Clone, Copy)]
pub struct Setup {
    /// How many workers run it.
    pub workers: usize,
    /// The time, in ns.
    pub now: u64,
    /// Chance: it keys the hash of the sets that peers fill.
    pub seed: [u64; 2],
    /// Whether the router's own messages pass without a rule (see [`Program::built_in`]).
    pub built_in: bool,
}

impl Default for Setup {
    fn default() -> Setup {
        Setup { workers: 1, now: 0, seed: [0, 0], built_in: true }
    }
}

/// A rule as it is shown.
#[derive(Debug, Clone)]
pub struct RuleInfo {
    /// Its number in the program.
    pub id: RuleId,
    /// Its number in its table.
    pub handle: u64,
    /// The table's family.
    pub family: TableFamily,
    /// The table.
    pub table: String,
    /// The chain.
    pub chain: String,
    /// The rule as it is written.
    pub text: String,
    /// Where.
    pub place: Place,
}

/// A chain as it is shown.
#[derive(Debug, Clone)]
pub struct ChainInfo {
    /// The table's family.
    pub family: TableFamily,
    /// The table.
    pub table: String,
    /// Its name.
    pub name: String,
}

/// A ruleset, compiled. Workers share it; what it counts outlives it in the next one.
#[derive(Debug)]
pub struct Program {
    pub(crate) ruleset: Arc<Ruleset>,
    /// The same, as commands have changed it: what was compiled.
    pub(crate) in_force: Arc<Ruleset>,
    pub(crate) setup: Setup,
    pub(crate) hooks: [HookChains; 5],
    pub(crate) shortcuts: [Shortcuts; 5],
    pub(crate) chains: Vec<Code>,
    pub(crate) lines: Vec<CodeLine>,
    pub(crate) runs: Vec<Run>,
    pub(crate) ops: Vec<Op>,
    /// Of which statement of its rule each step is.
    pub(crate) stops: Vec<u16>,
    pub(crate) infos: Vec<RuleInfo>,
    pub(crate) chain_infos: Vec<ChainInfo>,
    pub(crate) hits: Vec<Counter>,
    pub(crate) named: Named,
    pub(crate) needs_ct: bool,
    /// Rules look at the frames that packets came in.
    pub(crate) sees_frames: bool,
    /// The next number for a dynamic set.
    pub(crate) numbers: u32,
    pub(crate) beside: Beside,
    pub(crate) lost: Vec<String>,
}

/// What a program goes by beside its ruleset; it outlives both.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// What interfaces' prefixes were when it was compiled.
    pub(crate) prefixes: crate::prefixes::Prefixes,
    /// What commands have changed in sets.
    pub(crate) edits: crate::edits::Edits,
}

/// States that a packet may have, each a bit of its own.
const STATES: usize = 8;

/// For each family and state, if all such packets pass a hook: what counts them.
#[derive(Debug, Default)]
pub(crate) struct Shortcuts(pub(crate) [[Option<Arc<[Counter]>>; STATES]; 2]);

/// The base chains of a hook.
#[derive(Debug, Default)]
pub(crate) struct HookChains {
    pub(crate) chains: Vec<Base>,
    /// So many come before connections are looked up.
    pub(crate) before_ct: usize,
}

/// A base chain.
#[derive(Debug)]
pub(crate) struct Base {
    pub(crate) family: TableFamily,
    pub(crate) priority: i32,
    pub(crate) chain: u32,
    pub(crate) drop: bool,
}

/// A chain's rules.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Code {
    pub(crate) from: u32,
    pub(crate) to: u32,
}

/// A rule's steps.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CodeLine {
    pub(crate) from: u32,
    pub(crate) to: u32,
    /// The run that it is of, counted from 1; 0 for none.
    pub(crate) run: u32,
}

/// What has a name in a table and outlives a program.
#[derive(Debug, Default)]
pub(crate) struct Named {
    pub(crate) counters: Vec<(Name, Counter)>,
    pub(crate) quotas: Vec<(Name, QuotaCell)>,
    pub(crate) limits: Vec<(Name, LimitCell)>,
    /// With their numbers, from 1 on.
    pub(crate) timeouts: Vec<(Name, (u8, CtTimeout))>,
    pub(crate) dynamic: Vec<(Name, Arc<Dynamic>)>,
    pub(crate) fixed: Vec<(Name, Arc<Lookup>)>,
    pub(crate) anonymous: Vec<(Name, Cell)>,
}

/// A cell that a rule has without a name.
#[derive(Debug, Clone)]
pub(crate) enum Cell {
    Hits(Counter),
    Counter(Counter),
    Quota(QuotaCell),
    Limit(LimitCell),
    Count(CountId),
}

/// One step of a rule.
#[derive(Debug)]
pub(crate) enum Op {
    /// `(field & mask) == value`, or not.
    Masked {
        part: KeyPart,
        mask: u128,
        value: u128,
        not: bool,
    },
    /// `low <= field <= high`, or not.
    Range {
        part: KeyPart,
        low: u128,
        high: u128,
        not: bool,
    },
    /// Any of these bits.
    Flags {
        part: KeyPart,
        mask: u128,
    },
    Lookup {
        key: Box<[KeyPart]>,
        set: Arc<Lookup>,
        not: bool,
    },
    Dynamic {
        key: Box<[KeyPart]>,
        set: Arc<Dynamic>,
        not: bool,
    },
    /// The packet has no such thing, whatever it is: the rule never goes on.
    Never,
    Counter(Counter),
    Quota(QuotaCell),
    Limit(LimitCell),
    CtCount {
        id: CountId,
        over: bool,
        count: u32,
    },
    Log(Box<Log>),
    Reject(RejectWith),
    NoTrack,
    Act(Act),
    Vmap {
        key: Box<[KeyPart]>,
        set: Arc<Lookup>,
        acts: Arc<[Act]>,
    },
    SetMark {
        ct: bool,
        expr: Box<Value>,
    },
    Update {
        op: UpdateOp,
        key: Box<[KeyPart]>,
        set: Arc<Dynamic>,
        timeout: Option<u64>,
    },
    /// Of this protocol, and of this family or of both.
    SetTimeout {
        policy: u8,
        protocol: u8,
        family: Option<Family>,
    },
    SynProxy(SynProxy),
    FlowAdd(FlowtableId),
}

impl Op {
    /// Whether it looks at the frame that the packet came in.
    pub(crate) fn sees_frame(&self) -> bool {
        let parts = match self {
            Op::Masked { part, .. } | Op::Range { part, .. } | Op::Flags { part, .. } => {
                std::slice::from_ref(part)
            }
            Op::Lookup { key, .. }
            | Op::Dynamic { key, .. }
            | Op::Vmap { key, .. }
            | Op::Update { key, .. } => key,
            Op::SetMark { expr, .. } => match &expr.base {
                ValueBase::Value(_) => &[],
                ValueBase::Part(part) => std::slice::from_ref(part),
                ValueBase::Map { key, .. } => key,
            },
            _ => &[],
        };
        parts.iter().any(|part| part.load.is_of_frame())
    }
}

/// Where a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Act {
    Accept,
    Drop,
    Continue,
    Return,
    Jump(u32),
    Goto(u32),
}

/// What a mark is set to.
#[derive(Debug)]
pub(crate) struct Value {
    pub(crate) base: ValueBase,
    pub(crate) ops: Box<[(BitOp, u32)]>,
}

#[derive(Debug)]
pub(crate) enum ValueBase {
    Value(u32),
    Part(KeyPart),
    Map { key: Box<[KeyPart]>, set: Arc<Lookup>, data: Arc<[u32]> },
}

impl Program {
    /// The ruleset that it was compiled from.
    pub fn ruleset(&self) -> &Ruleset {
        &self.ruleset
    }

    /// What commands had put into sets of the program before, and has no place in this one: a line each.
    pub fn lost(&self) -> &[String] {
        &self.lost
    }

    /// Whether no packet meets a rule at a hook.
    pub fn is_empty(&self, hook: Hook) -> bool {
        self.hooks[hook as usize].chains.is_empty()
    }

    /// Whether rules run at a hook before connections are looked up: those of a priority below -200.
    pub fn has_before_ct(&self, hook: Hook) -> bool {
        self.hooks[hook as usize].before_ct > 0
    }

    /// Whether any rule looks at connections.
    pub fn needs_ct(&self) -> bool {
        self.needs_ct
    }

    /// At how many places rules count connections, one connection at most: a set that rules fill is one for each rule that
    /// looks into it.
    pub fn count_places(&self) -> usize {
        let counts = |set: &Dynamic| set.each.iter().any(|each| matches!(each, Each::CtCount { .. }));
        let is_place = |op: &&Op| match op {
            Op::CtCount { .. } => true,
            Op::Update { set, .. } | Op::Dynamic { set, .. } => counts(set),
            _ => false,
        };
        self.ops.iter().filter(is_place).count()
    }

    /// Whether any rule looks at the frame that a packet came in.
    pub fn sees_frames(&self) -> bool {
        self.sees_frames
    }

    /// The policies of connections' times that rules may give them, by their numbers, and with what makes each the same one in the next
    /// program. A number that is not among them has the times of all.
    pub fn timeouts(&self) -> impl Iterator<Item = (u8, String, &CtTimeout)> {
        let said =
            |at: &Name, timeout: &CtTimeout| format!("{at} {:?} {:?}", timeout.protocol, timeout.family);
        self.named.timeouts.iter().map(move |(at, (number, timeout))| (*number, said(at, timeout), timeout))
    }

    /// Every rule, in the order of the file.
    pub fn rules(&self) -> &[RuleInfo] {
        &self.infos
    }

    /// A rule.
    pub fn rule(&self, id: RuleId) -> Option<&RuleInfo> {
        self.infos.get(id.0 as usize)
    }

    /// A statement of a rule, as it is written.
    pub fn statement(&self, id: RuleId, at: u16) -> Option<String> {
        let chains = self.in_force.tables.iter().flat_map(|table| &table.chains);
        let rule = chains.flat_map(|chain| &chain.rules).nth(id.0 as usize)?;
        rule.statements.get(usize::from(at)).map(ToString::to_string)
    }

    /// What came to a rule's end, and when last.
    pub fn count(&self, id: RuleId) -> Count {
        self.hits.get(id.0 as usize).map(Counter::count).unwrap_or_default()
    }

    /// Every named counter: family, table, name and count.
    pub fn named_counters(&self) -> Vec<(TableFamily, &str, &str, Count)> {
        let counters = self.named.counters.iter();
        counters.map(|(at, cell)| (at.family, at.table.as_str(), at.name.as_str(), cell.count())).collect()
    }

    /// A flowtable's name.
    pub fn flowtable(&self, id: FlowtableId) -> Option<&str> {
        let tables = self.ruleset.tables.iter().flat_map(|table| &table.flowtables);
        tables.map(|flowtable| flowtable.name.as_str()).nth(id.0 as usize)
    }

    /// Takes out elements of sets whose time is over, in a part of each; to be called now and then by control.
    pub fn sweep(&self, now: u64) {
        self.named.dynamic.iter().for_each(|(_, set)| set.sweep(now));
    }
}
