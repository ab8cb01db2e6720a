//! From what runs to what is wanted: the difference of two lists of settings, put into effect as one step.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fmt;

use anyhow::Context;

use super::Any;
use super::Setting;
use crate::daemon::Daemon;
use crate::daemon::Free;

/// What is to be done, in its order: first goes what is not wanted, the last that came first; then comes what is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan(pub(crate) Vec<Step>);

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Withdraw(Any),
    /// The first by the second.
    Replace(Box<(Any, Any)>),
    Apply(Any),
}

impl Plan {
    /// What leads from the one to the other. What both have is touched only if an interface that it is on must be made
    /// anew.
    pub(crate) fn new(running: &[Any], wanted: &[Any]) -> Plan {
        let by_slot =
            |all: &[Any]| -> HashMap<_, _> { all.iter().map(|one| (one.slot(), one.clone())).collect() };
        let (before, after) = (by_slot(running), by_slot(wanted));
        let stays = |old: &Any| after.get(&old.slot()).is_some_and(|new| new == old || new.replaces(old));
        let gone: BTreeSet<&str> = running.iter().filter(|old| !stays(old)).filter_map(Any::makes).collect();
        let is_kept = |old: &Any| !old.on().iter().any(|name| gone.contains(name));
        let mut steps: Vec<Step> = Vec::new();
        let withdrawn = running.iter().rev().filter(|old| !is_kept(old) || !stays(old));
        steps.extend(withdrawn.cloned().map(Step::Withdraw));
        for new in wanted {
            match before.get(&new.slot()).filter(|old| is_kept(old)) {
                Some(old) if old == new => {}
                Some(old) if new.replaces(old) => {
                    steps.push(Step::Replace(Box::new((old.clone(), new.clone()))))
                }
                _ => steps.push(Step::Apply(new.clone())),
            }
        }
        Plan(steps)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does it all, or nothing: what was done before the step that failed is undone. Each step that is done, or undone, is
    /// noted at once: whatever fails, what is noted is what runs.
    ///
    /// # Errors
    ///
    /// The step that failed, and what could not be undone.
    pub(crate) fn carry_out(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        for (at, step) in self.0.iter().enumerate() {
            let Err(error) = step.carry_out(daemon, ctx) else { continue };
            // An interface that did not go in time goes all the same.
            let done = at + usize::from(step.has_happened(daemon));
            let undo = self.0[..done].iter().rev().map(Step::inverse);
            let failed: Vec<String> = undo
                .filter_map(|step| step.carry_out(daemon, ctx).err())
                .map(|error| format!("{error:#}"))
                .collect();
            return Err(match failed.is_empty() {
                true => error,
                false => error.context(format!("not everything could be set back: {}", failed.join("; "))),
            });
        }
        Ok(())
    }
}

impl Step {
    fn carry_out(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        match self {
            Step::Withdraw(old) => {
                old.withdraw(daemon, ctx).with_context(|| old.place())?;
                daemon.unnote_at(&old.slot());
            }
            Step::Replace(both) => {
                let (old, new) = &**both;
                new.replace(daemon, ctx, old).with_context(|| new.place())?;
                daemon.note(new.clone());
            }
            Step::Apply(new) => {
                new.apply(daemon, ctx).with_context(|| new.place())?;
                daemon.note(new.clone());
            }
        }
        Ok(())
    }

    /// Whether a step has had its effect although it failed.
    fn has_happened(&self, daemon: &Daemon) -> bool {
        match self {
            Step::Withdraw(old) => old.makes().is_some_and(|name| daemon.interface(name).is_err()),
            Step::Replace(_) | Step::Apply(_) => false,
        }
    }

    fn inverse(&self) -> Step {
        match self.clone() {
            Step::Withdraw(old) => Step::Apply(old),
            Step::Replace(both) => {
                let (old, new) = *both;
                Step::Replace(Box::new((new, old)))
            }
            Step::Apply(new) => Step::Withdraw(new),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Withdraw(old) => write!(f, "- {old}"),
            Step::Replace(both) => match (both.0.to_string(), both.1.to_string()) {
                // How an address is tested: that it is there is the same.
                (old, new) if old == new => write!(f, "~ {new} (otherwise when it comes anew)"),
                (old, new) => write!(f, "~ {new} (was: {old})"),
            },
            Step::Apply(new) => write!(f, "+ {new}"),
        }
    }
}
