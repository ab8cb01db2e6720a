//! What is decided by nothing but what a packet is to its connection.
//!
//! Most rulesets begin with a rule that lets what is established pass. For such packets, which are nearly all, neither the
//! packet nor a rule needs to be read: what would come of them is found once, when the program is compiled.

use std::sync::Arc;

use crate::Family;
use crate::cells::Counter;
use crate::fields::KeyPart;
use crate::fields::Load;
use crate::host::CtState;
use crate::lookup::Key;
use crate::model::Hook;
use crate::model::TableFamily;
use crate::program::Act;
use crate::program::Base;
use crate::program::Op;
use crate::program::Program;
use crate::program::Shortcuts;
use crate::select::CtKey;

/// What is known of a packet.
#[derive(Clone, Copy)]
struct Known {
    family: Family,
    state: CtState,
}

/// What a condition says of a packet of which no more is known.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Says {
    Yes,
    No,
    /// That depends on what else it is.
    Depends,
}

/// Where a rule sends a packet.
enum Goes {
    On,
    Accepted,
    /// To the chain's end.
    Out,
}

impl Shortcuts {
    pub(crate) fn of(program: &Program, hook: Hook) -> Shortcuts {
        let chains = &program.hooks[hook as usize].chains;
        let family = |family| {
            std::array::from_fn(|bit| {
                let known = Known { family, state: CtState(1 << bit) };
                let mut counts = Vec::new();
                chains.iter().try_for_each(|base| known.base(program, base, &mut counts))?;
                Some(Arc::from(counts))
            })
        };
        Shortcuts([family(Family::V4), family(Family::V6)])
    }
}

impl Program {
    /// Whether every packet of this family that is this to its connection, one state, passes a hook, whatever else it has.
    /// Then it need not [run](Program::run), and is to be [counted](Program::count_passed) instead.
    pub fn lets_pass(&self, hook: Hook, family: Family, state: CtState) -> bool {
        self.shortcut(hook, family, state).is_some()
    }

    /// Counts packets that a hook [lets pass](Program::lets_pass), at `now`, as they would have been had they run.
    #[inline]
    pub fn count_passed(
        &self,
        (worker, now): (usize, u64),
        hook: Hook,
        (family, state): (Family, CtState),
        (packets, bytes): (u64, u64),
    ) {
        if let Some(counts) = self.shortcut(hook, family, state) {
            counts.iter().for_each(|counter| counter.add_many(worker, packets, bytes, now));
        }
    }

    #[inline]
    fn shortcut(&self, hook: Hook, family: Family, state: CtState) -> Option<&[Counter]> {
        let of_family = &self.shortcuts[hook as usize].0[usize::from(family == Family::V6)];
        of_family.get(state.0.trailing_zeros() as usize)?.as_deref()
    }
}

impl Known {
    /// A base chain; nothing if it depends, or does not let the packet pass.
    fn base(self, program: &Program, base: &Base, counts: &mut Vec<Counter>) -> Option<()> {
        let sees = match base.family {
            TableFamily::Inet => true,
            TableFamily::Ip => self.family == Family::V4,
            TableFamily::Ip6 => self.family == Family::V6,
        };
        if !sees {
            return Some(());
        }
        let code = program.chains.get(base.chain as usize)?;
        for rule in code.from..code.to {
            match self.rule(program, rule, counts)? {
                Goes::On => {}
                Goes::Accepted => return Some(()),
                Goes::Out => break,
            }
        }
        (!base.drop).then_some(())
    }

    fn rule(self, program: &Program, rule: u32, counts: &mut Vec<Counter>) -> Option<Goes> {
        let line = program.lines.get(rule as usize)?;
        let mut depends = false;
        let mut goes = Goes::On;
        for op in program.ops.get(line.from as usize..line.to as usize)? {
            match op {
                // What has been met before may count only if the rule goes on.
                Op::Counter(_) if depends => return None,
                Op::Counter(counter) => counts.push(counter.clone()),
                Op::Act(act) => {
                    goes = goes_to(*act)?;
                    break;
                }
                Op::Vmap { key, set, acts } => {
                    let Some(found) = set.get(&self.key(key)?) else { return Some(Goes::On) };
                    goes = goes_to(*acts.get(found as usize)?)?;
                    break;
                }
                condition => match self.condition(condition)? {
                    Says::Yes => {}
                    Says::No => return Some(Goes::On),
                    Says::Depends => depends = true,
                },
            }
        }
        if depends {
            return None;
        }
        counts.push(program.hits.get(rule as usize)?.clone());
        Some(goes)
    }

    /// What a condition says; nothing for what is none.
    fn condition(self, op: &Op) -> Option<Says> {
        let says = |holds| if holds { Says::Yes } else { Says::No };
        let single = |part: &KeyPart, holds: &dyn Fn(u128) -> bool| match self.part(part) {
            Some(value) => says(holds(value)),
            None => Says::Depends,
        };
        Some(match op {
            Op::Masked { part, mask, value, not } => single(part, &|field| (field & mask == *value) != *not),
            Op::Range { part, low, high, not } => {
                single(part, &|field| (*low <= field && field <= *high) != *not)
            }
            Op::Flags { part, mask } => single(part, &|field| field & mask != 0),
            Op::Lookup { key, set, not } => match self.key(key) {
                Some(key) => says(set.get(&key).is_some() != *not),
                None => Says::Depends,
            },
            Op::Never => Says::No,
            _ => return None,
        })
    }

    /// A key of parts that are all known.
    fn key(self, parts: &[KeyPart]) -> Option<Key> {
        let mut key = Key::default();
        for (into, part) in key.iter_mut().zip(parts) {
            *into = self.part(part)?;
        }
        Some(key)
    }

    fn part(self, part: &KeyPart) -> Option<u128> {
        let value = match part.load {
            Load::Ct(CtKey::State) => u128::from(self.state.0),
            Load::Family => u128::from(if self.family == Family::V4 { 2u8 } else { 10 }),
            _ => return None,
        };
        Some(value & part.and)
    }
}

/// Nothing for what is dropped, and for other chains, which nobody follows here.
fn goes_to(act: Act) -> Option<Goes> {
    match act {
        Act::Accept => Some(Goes::Accepted),
        Act::Continue => Some(Goes::On),
        Act::Return => Some(Goes::Out),
        Act::Drop | Act::Jump(_) | Act::Goto(_) => None,
    }
}
