//! A packet through the rules of a hook.
//!
//! Nothing is allocated and nothing is locked. A verdict of a base chain other than drop ends that chain only: the next
//! one of the hook, by priority, sees the packet too, as in Linux.

use crate::Family;
use crate::Packet;
use crate::cells::Use;
use crate::check::DEEPEST_JUMP;
use crate::fields::Context;
use crate::host::Host;
use crate::host::LogLine;
use crate::model::BitOp;
use crate::model::Hook;
use crate::model::RejectWith;
use crate::model::SynProxy;
use crate::model::TableFamily;
use crate::model::UpdateOp;
use crate::program::Act;
use crate::program::Base;
use crate::program::ChainId;
use crate::program::Op;
use crate::program::Program;
use crate::program::Value;
use crate::program::ValueBase;
use crate::rule_id::RuleId;
use crate::rules_alike::Run;

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It goes on.
    Accept,
    /// It goes nowhere.
    Drop {
        /// By which rule or policy.
        at: At,
    },
    /// It goes nowhere, and its sender is told.
    Reject {
        /// How.
        how: Reject,
        /// By which rule.
        at: At,
    },
    /// A SYN proxy takes it.
    SynProxy {
        /// What it says of the server.
        how: SynProxy,
        /// By which rule.
        at: At,
    },
}

/// How a sender is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reject {
    /// A TCP reset.
    TcpReset,
    /// ICMP type 3 with this code.
    Icmp(u8),
    /// ICMPv6 type 1 with this code.
    Icmp6(u8),
}

/// What decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// A rule.
    Rule(RuleId),
    /// A base chain's policy.
    Policy(ChainId),
}

/// One rule that a packet met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// Which.
    pub rule: RuleId,
    /// What came of it.
    pub outcome: Outcome,
    /// The statement at which it was left, counted from 0.
    pub at: u16,
}

/// What came of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is not about this packet.
    Passed,
    /// It did what it does, and the packet goes on.
    Done,
    /// It accepted the packet.
    Accepted,
    /// It dropped, rejected or took the packet.
    Ended,
    /// It sent the packet to another chain, or back.
    Went,
}

/// Who watches.
trait Watch {
    /// Nothing is counted or changed.
    const DRY: bool;
    /// No rate has been reached.
    const REHEARSAL: bool = false;
    /// Marks are set, and what is untracked is so for later rules: the packet is made up, and so is its host.
    const MADE_UP: bool = false;
    /// Rules that are not about the packet are told of, too: each is asked.
    const TELLS: bool = false;
    fn step(&mut self, _step: Step) {}
}

struct Nobody;

impl Watch for Nobody {
    const DRY: bool = false;
}

struct Tracer<'a>(&'a mut dyn FnMut(Step));

impl Watch for Tracer<'_> {
    const DRY: bool = false;
    const TELLS: bool = true;
    fn step(&mut self, step: Step) {
        (self.0)(step);
    }
}

struct Rehearsal;

impl Watch for Rehearsal {
    const DRY: bool = true;
    const REHEARSAL: bool = true;
    const MADE_UP: bool = true;
}

struct Tester(Vec<Step>);

impl Watch for Tester {
    const DRY: bool = true;
    const TELLS: bool = true;
    const MADE_UP: bool = true;
    fn step(&mut self, step: Step) {
        self.0.push(step);
    }
}

/// What became of a rule.
enum Ran {
    Next,
    Act(Act),
    End(Verdict),
}

impl Program {
    /// Runs all rules of a hook.
    pub fn run(&self, worker: usize, hook: Hook, packet: &Packet<'_>, host: &mut impl Host) -> Verdict {
        self.bases(&self.hooks[hook as usize].chains, worker, hook, packet, host, &mut Nobody)
    }

    /// Runs those that come before connections are looked up.
    pub fn run_before_ct(
        &self,
        worker: usize,
        hook: Hook,
        packet: &Packet<'_>,
        host: &mut impl Host,
    ) -> Verdict {
        let chains = &self.hooks[hook as usize];
        self.bases(&chains.chains[..chains.before_ct], worker, hook, packet, host, &mut Nobody)
    }

    /// Runs those that come after.
    pub fn run_after_ct(
        &self,
        worker: usize,
        hook: Hook,
        packet: &Packet<'_>,
        host: &mut impl Host,
    ) -> Verdict {
        let chains = &self.hooks[hook as usize];
        self.bases(&chains.chains[chains.before_ct..], worker, hook, packet, host, &mut Nobody)
    }

    /// Runs those that come before connections are looked up, those that come after, or all, and tells each rule that the
    /// packet meets.
    pub fn run_part_traced(
        &self,
        (worker, before_ct): (usize, Option<bool>),
        hook: Hook,
        (packet, host): (&Packet<'_>, &mut impl Host),
        each: &mut dyn FnMut(Step),
    ) -> Verdict {
        let chains = &self.hooks[hook as usize];
        let part = match before_ct {
            Some(true) => &chains.chains[..chains.before_ct],
            Some(false) => &chains.chains[chains.before_ct..],
            None => &chains.chains[..],
        };
        self.bases(part, worker, hook, packet, host, &mut Tracer(each))
    }

    /// Runs all rules of a hook and tells each that the packet meets.
    pub fn run_traced(
        &self,
        worker: usize,
        hook: Hook,
        packet: &Packet<'_>,
        host: &mut impl Host,
        each: &mut dyn FnMut(Step),
    ) -> Verdict {
        self.run_part_traced((worker, None), hook, (packet, host), each)
    }

    /// What would become of a packet: nothing is counted, no limit is used and no set changed. Marks of the packet are set,
    /// and those of its connection as far as the host does.
    pub fn test(&self, hook: Hook, packet: &Packet<'_>, host: &mut impl Host) -> (Verdict, Vec<Step>) {
        let chains = &self.hooks[hook as usize].chains;
        self.tested(chains, hook, packet, host)
    }

    /// The same by the rules before connections are looked up, or by those after.
    pub fn test_part(
        &self,
        hook: Hook,
        before_ct: bool,
        packet: &Packet<'_>,
        host: &mut impl Host,
    ) -> (Verdict, Vec<Step>) {
        let chains = &self.hooks[hook as usize];
        let (before, after) = chains.chains.split_at(chains.before_ct);
        self.tested(if before_ct { before } else { after }, hook, packet, host)
    }

    fn tested(
        &self,
        chains: &[Base],
        hook: Hook,
        packet: &Packet<'_>,
        host: &mut impl Host,
    ) -> (Verdict, Vec<Step>) {
        let mut tester = Tester(Vec::new());
        let verdict = self.bases(chains, 0, hook, packet, host, &mut tester);
        (verdict, tester.0)
    }

    /// What would become of the first packet of a flow that has begun already, by the rules before connections are looked
    /// up, or by those after. Nothing is counted and no set is changed; rates count as not reached; the packet's mark is
    /// set, for rules that come later. A chain whose rules ask for the frame of one that came in, which is not known any
    /// more, lets it pass.
    pub fn rehearse(
        &self,
        hook: Hook,
        before_ct: bool,
        packet: &Packet<'_>,
        host: &mut impl Host,
    ) -> Verdict {
        let chains = &self.hooks[hook as usize];
        let (before, after) = chains.chains.split_at(chains.before_ct);
        self.bases(if before_ct { before } else { after }, 0, hook, packet, host, &mut Rehearsal)
    }

    /// A rule or policy as one says which it is.
    pub fn describe(&self, at: At) -> String {
        match at {
            At::Rule(id) => self.rule(id).map_or_else(String::new, |rule| {
                format!("{} {} {} handle {}", rule.family.text(), rule.table, rule.chain, rule.handle)
            }),
            At::Policy(id) => self.chain_infos.get(id.0 as usize).map_or_else(String::new, |chain| {
                format!("{} {} {} policy drop", chain.family.text(), chain.table, chain.name)
            }),
        }
    }

    fn bases<H: Host, W: Watch>(
        &self,
        chains: &[Base],
        worker: usize,
        hook: Hook,
        packet: &Packet<'_>,
        host: &mut H,
        watch: &mut W,
    ) -> Verdict {
        let mut context = Context { packet, host, ct: None };
        for base in chains {
            let sees = match base.family {
                TableFamily::Inet => true,
                TableFamily::Ip => packet.family() == Family::V4,
                TableFamily::Ip6 => packet.family() == Family::V6,
            };
            if !sees {
                continue;
            }
            match self.chain(base, worker, &mut context, watch) {
                Some(Verdict::Accept) => {}
                Some(verdict) => return verdict,
                None if !base.drop || (self.setup.built_in && self.built_in(packet, hook)) => {}
                None => return Verdict::Drop { at: At::Policy(ChainId(base.chain)) },
            }
        }
        Verdict::Accept
    }

    /// A base chain and what it jumps to; nothing if no rule decides.
    fn chain<H: Host, W: Watch>(
        &self,
        base: &Base,
        worker: usize,
        context: &mut Context<'_, '_, H>,
        watch: &mut W,
    ) -> Option<Verdict> {
        let mut stack = [(0_u32, 0_u32); DEEPEST_JUMP];
        let mut depth = 0;
        let code = self.chains.get(base.chain as usize)?;
        let (mut at, mut end) = (code.from, code.to);
        loop {
            if at == end {
                depth = usize::checked_sub(depth, 1)?;
                (at, end) = stack[depth];
                continue;
            }
            if !W::TELLS
                && let Some(run) = self.run_of(at)
                && !(W::REHEARSAL && self.is_unknown(run.part.load.is_of_frame(), context))
            {
                at = run.next(at, context);
                if at == run.to {
                    continue;
                }
            }
            let rule = RuleId(at);
            let ran = self.rule_steps(rule, worker, context, watch);
            at += 1;
            match ran {
                Ran::Next | Ran::Act(Act::Continue) => {}
                Ran::Act(Act::Accept) => return Some(Verdict::Accept),
                Ran::Act(Act::Drop) => return Some(Verdict::Drop { at: At::Rule(rule) }),
                Ran::Act(Act::Return) => at = end,
                Ran::Act(Act::Jump(to)) => {
                    // Compiling has made sure that it is not so deep.
                    let Some(frame) = stack.get_mut(depth) else {
                        return Some(Verdict::Drop { at: At::Rule(rule) });
                    };
                    *frame = (at, end);
                    depth += 1;
                    let code = self.chains.get(to as usize)?;
                    (at, end) = (code.from, code.to);
                }
                Ran::Act(Act::Goto(to)) => {
                    let code = self.chains.get(to as usize)?;
                    (at, end) = (code.from, code.to);
                }
                Ran::End(verdict) => return Some(verdict),
            }
        }
    }

    #[inline]
    fn run_of(&self, line: u32) -> Option<&Run> {
        self.runs.get((self.lines.get(line as usize)?.run as usize).checked_sub(1)?)
    }

    fn rule_steps<H: Host, W: Watch>(
        &self,
        rule: RuleId,
        worker: usize,
        context: &mut Context<'_, '_, H>,
        watch: &mut W,
    ) -> Ran {
        let Some(line) = self.lines.get(rule.0 as usize) else { return Ran::Next };
        let Some(ops) = self.ops.get(line.from as usize..line.to as usize) else { return Ran::Next };
        let stop = |n: usize| self.stops.get(line.from as usize + n).copied().unwrap_or(0);
        // A rehearsal goes on as if a condition held of which it cannot know: nobody is shut out for what his frame may have been.
        let mut in_doubt = false;
        for (n, op) in ops.iter().enumerate() {
            if W::REHEARSAL && self.is_unknown(op.sees_frame(), context) {
                if let Op::Vmap { .. } = op {
                    return Ran::End(Verdict::Accept);
                }
                in_doubt = true;
                continue;
            }
            match self.step::<H, W>(op, rule, worker, context) {
                Some(Ran::Act(Act::Accept | Act::Jump(_) | Act::Goto(_))) if in_doubt => {
                    return Ran::End(Verdict::Accept);
                }
                // Nor is anybody let pass by a rule that would not have done that.
                Some(Ran::Act(_) | Ran::End(_)) if in_doubt => return Ran::Next,
                Some(Ran::Next) => {}
                Some(ran) => {
                    self.hit::<H, W>(rule, worker, context);
                    watch.step(Step {
                        rule,
                        outcome: match &ran {
                            Ran::Act(Act::Accept) => Outcome::Accepted,
                            Ran::Act(Act::Drop) | Ran::End(_) => Outcome::Ended,
                            Ran::Act(Act::Continue) | Ran::Next => Outcome::Done,
                            Ran::Act(_) => Outcome::Went,
                        },
                        at: stop(n),
                    });
                    return ran;
                }
                None => {
                    watch.step(Step { rule, outcome: Outcome::Passed, at: stop(n) });
                    return Ran::Next;
                }
            }
        }
        self.hit::<H, W>(rule, worker, context);
        watch.step(Step { rule, outcome: Outcome::Done, at: stop(ops.len().saturating_sub(1)) });
        Ran::Next
    }

    /// Whether a rehearsal cannot say what it looks at: the frame of a packet that came in, long ago.
    fn is_unknown<H: Host>(&self, sees_frame: bool, context: &Context<'_, '_, H>) -> bool {
        sees_frame && context.packet.link().is_none() && context.host.iif().is_some()
    }

    fn hit<H: Host, W: Watch>(&self, rule: RuleId, worker: usize, context: &Context<'_, '_, H>) {
        if !W::DRY
            && let Some(counter) = self.hits.get(rule.0 as usize)
        {
            counter.add(worker, context.packet.len(), context.host.now());
        }
    }

    /// One step of a rule; nothing if the rule is not about this packet.
    fn step<H: Host, W: Watch>(
        &self,
        op: &Op,
        rule: RuleId,
        worker: usize,
        context: &mut Context<'_, '_, H>,
    ) -> Option<Ran> {
        let len = context.packet.len();
        let goes_on = match op {
            Op::Masked { part, mask, value, not } => (context.read(part)? & mask == *value) != *not,
            Op::Range { part, low, high, not } => {
                let value = context.read(part)?;
                (*low <= value && value <= *high) != *not
            }
            Op::Flags { part, mask } => context.read(part)? & mask != 0,
            Op::Lookup { key, set, not } => set.get(&context.key(key)?).is_some() != *not,
            Op::Dynamic { key, set, not } => {
                let key = context.key(key)?;
                match set.get(&key, context.host.now()) {
                    Some(slot) => !*not && set.run_each((&key, slot), len, use_of::<W>(), context.host),
                    None => *not,
                }
            }
            Op::Never => false,
            Op::Counter(counter) => {
                if !W::DRY {
                    counter.add(worker, len, context.host.now());
                }
                true
            }
            Op::Quota(quota) => quota.passes(len, W::DRY),
            Op::Limit(limit) if W::REHEARSAL => !limit.rate.over,
            Op::Limit(limit) => limit.passes(context.host.now(), len, W::DRY),
            Op::CtCount { id, over, count } => (context.host.ct_count(*id, *count) > *count) == *over,
            Op::Log(log) => {
                if !W::DRY {
                    let line = LogLine {
                        prefix: &log.prefix,
                        level: log.level,
                        snaplen: log.snaplen,
                        group: log.group,
                        at: rule,
                    };
                    context.host.log(&line);
                }
                true
            }
            Op::Reject(how) => {
                let how = reject(*how, context.packet.family());
                return Some(Ran::End(Verdict::Reject { how, at: At::Rule(rule) }));
            }
            Op::NoTrack => {
                if !W::DRY || W::MADE_UP {
                    context.host.notrack();
                    context.ct = None;
                }
                true
            }
            Op::Act(act) => return Some(Ran::Act(*act)),
            Op::Vmap { key, set, acts } => {
                let found = set.get(&context.key(key)?)?;
                return Some(Ran::Act(*acts.get(found as usize)?));
            }
            Op::SetMark { ct, expr } => {
                let mark = value(expr, context)?;
                if !W::DRY || W::MADE_UP {
                    set_mark(*ct, mark, context);
                }
                true
            }
            Op::Update { op, key, set, timeout } => {
                let key = context.key(key)?;
                let now = context.host.now();
                match op {
                    UpdateOp::Delete => {
                        if !W::DRY {
                            set.delete(&key, now);
                        }
                        true
                    }
                    UpdateOp::Add | UpdateOp::Update => {
                        let again = *op == UpdateOp::Update;
                        let slot =
                            if W::DRY { set.get(&key, now) } else { set.add(&key, now, *timeout, again) };
                        match slot {
                            Some(slot) => set.run_each((&key, slot), len, use_of::<W>(), context.host),
                            None if W::DRY => set.run_new(len, use_of::<W>(), context.host),
                            None => false,
                        }
                    }
                }
            }
            Op::SetTimeout { policy, protocol, family } => {
                let packet = context.packet;
                let is_meant = packet.protocol() == Some(*protocol)
                    && family.is_none_or(|family| packet.family() == family);
                if is_meant && (!W::DRY || W::MADE_UP) {
                    context.host.set_ct_timeout(*policy);
                }
                true
            }
            Op::SynProxy(how) => {
                // SYN and ACK.
                let flags = context.packet.tcp_flags()?;
                if flags & 0x12 != 0 {
                    return Some(Ran::End(Verdict::SynProxy { how: *how, at: At::Rule(rule) }));
                }
                true
            }
            Op::FlowAdd(table) => {
                if !W::DRY {
                    context.host.flow_add(*table);
                }
                true
            }
        };
        goes_on.then_some(Ran::Next)
    }
}

fn use_of<W: Watch>() -> Use {
    match (W::DRY, W::REHEARSAL) {
        (false, _) => Use::Real,
        (true, false) => Use::Dry,
        (true, true) => Use::Rehearsal,
    }
}

fn value<H: Host>(expr: &Value, context: &mut Context<'_, '_, H>) -> Option<u32> {
    let base = match &expr.base {
        ValueBase::Value(value) => *value,
        ValueBase::Part(part) => context.read(part)? as u32,
        ValueBase::Map { key, set, data } => *data.get(set.get(&context.key(key)?)? as usize)?,
    };
    Some(expr.ops.iter().fold(base, |value, (op, with)| match op {
        BitOp::And => value & with,
        BitOp::Or => value | with,
        BitOp::Xor => value ^ with,
    }))
}

fn set_mark<H: Host>(ct: bool, mark: u32, context: &mut Context<'_, '_, H>) {
    if !ct {
        return context.host.set_mark(mark);
    }
    context.host.set_ct_mark(mark);
    if let Some(known) = &mut context.ct {
        known.mark = mark;
    }
}

/// The answer of the packet's family. Codes of `icmpx` are nft's own.
fn reject(how: RejectWith, family: Family) -> Reject {
    match (how, family) {
        (RejectWith::TcpReset, _) => Reject::TcpReset,
        (RejectWith::Icmp(code), _) => Reject::Icmp(code),
        (RejectWith::Icmp6(code), _) => Reject::Icmp6(code),
        (RejectWith::Icmpx(code), Family::V4) => Reject::Icmp(match code {
            0 => 0,
            1 => 3,
            2 => 1,
            _ => 13,
        }),
        (RejectWith::Icmpx(code), Family::V6) => Reject::Icmp6(match code {
            0 => 0,
            1 => 4,
            2 => 3,
            _ => 1,
        }),
    }
}
