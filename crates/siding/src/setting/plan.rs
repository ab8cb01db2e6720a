//! From what runs to what is wanted: the difference of two lists of settings, put into effect as one step.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::fmt;

use anyhow::Context;
use siding_drivers::kernel::Cidr;

use super::Any;
use super::Setting;
use super::Slot;
use crate::daemon::Daemon;
use crate::daemon::Free;

/// What is to be done, in its order: first goes what is not wanted, the last that came first; then comes what is. A way that
/// another takes the place of goes when that one is there: no packet finds neither.
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

/// Settings by what tells them apart.
fn by_slot(all: &[Any]) -> HashMap<Slot, &Any> {
    all.iter().map(|one| (one.slot(), one)).collect()
}

impl Plan {
    /// What leads from the one to the other. What both have is touched only if an interface that it is on must be made
    /// anew.
    pub(crate) fn new(running: &[Any], wanted: &[Any]) -> Plan {
        let (before, after) = (by_slot(running), by_slot(wanted));
        let stays = |old: &Any| after.get(&old.slot()).is_some_and(|new| *new == old || new.replaces(old));
        let gone: BTreeSet<&str> = running.iter().filter(|old| !stays(old)).filter_map(Any::makes).collect();
        let is_kept = |old: &Any| !old.on().iter().any(|name| gone.contains(name));
        let mut steps: Vec<Step> = Vec::new();
        let withdrawn = running.iter().rev().filter(|old| !is_kept(old) || !stays(old));
        // What becomes a port has no routes.
        let ports: BTreeSet<&str> = wanted
            .iter()
            .filter(|new| new.joins().is_some() && before.get(&new.slot()) != Some(new))
            .filter_map(Any::joins)
            .collect();
        let comes: BTreeSet<&Cidr> = wanted
            .iter()
            .filter(|new| before.get(&new.slot()).is_none_or(|old| !is_kept(old)))
            .filter_map(Any::leads_to)
            .collect();
        let mut later: HashMap<&Cidr, Vec<Any>> = HashMap::new();
        for old in withdrawn {
            let to = old.leads_to().filter(|to| comes.contains(to));
            match to.filter(|_| is_kept(old) && !old.on().iter().any(|on| ports.contains(on))) {
                Some(to) => later.entry(to).or_default().push(old.clone()),
                None => steps.push(Step::Withdraw(old.clone())),
            }
        }
        for new in wanted {
            let replaced = new.leads_to();
            match before.get(&new.slot()).filter(|old| is_kept(old)) {
                Some(old) if *old == new => {}
                Some(old) if new.replaces(old) => {
                    steps.push(Step::Replace(Box::new(((*old).clone(), new.clone()))))
                }
                _ => {
                    steps.push(Step::Apply(new.clone()));
                    let gone = replaced.and_then(|to| later.remove(to)).into_iter().flatten();
                    steps.extend(gone.map(Step::Withdraw));
                }
            }
        }
        Plan(steps)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Does it all, or nothing: what was done before the step that failed is undone; what cannot be set back now, later. Each
    /// step that is done, or undone, is noted at once: whatever fails, what is noted is what runs.
    ///
    /// # Errors
    ///
    /// The step that failed, and what could not be undone.
    pub(crate) fn carry_out(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        for (at, step) in self.0.iter().enumerate() {
            let Err(error) = step.carry_out(daemon, ctx) else { continue };
            // An interface that did not go in time goes all the same.
            let done = at + usize::from(step.has_happened(daemon));
            let (mut failed, mut owed) = (Vec::new(), Vec::new());
            for step in self.0[..done].iter().rev().map(Step::inverse) {
                let Err(error) = step.carry_out(daemon, ctx) else { continue };
                failed.push(format!("{error:#}"));
                if let Step::Apply(old) = step {
                    owed.push(old);
                }
            }
            daemon.owe(owed);
            return Err(match failed.is_empty() {
                true => error,
                false => error.context(format!(
                    "not everything could be set back: {}; it is tried again",
                    failed.join("; ")
                )),
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::daemon::Loaded;

    const BASE: &str = "[[interface]]\nname = \"a\"\ndriver = \"memory\"\naddresses = [\"2001:db8::1/64\"]\n\
                        [[interface]]\nname = \"b\"\ndriver = \"memory\"\naddresses = [\"2001:db8:1::1/64\"]\n";

    fn told(before: &str, after: &str) -> Vec<String> {
        let load = |text: &str| {
            let text = format!("{BASE}{text}");
            Loaded::new(Config::parse(Path::new("a.toml"), &text).unwrap()).settings
        };
        Plan::new(&load(before), &load(after)).0.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_way_goes_when_the_one_in_its_place_is_there() {
        let default = |via: &str| format!("[[route]]\nto = \"::/0\"\nvia = \"{via}\"\n");
        let plan = told(&default("2001:db8::9"), &default("2001:db8:1::9"));
        assert_eq!(
            plan,
            [
                "+ route to ::/0 via 2001:db8:1::9 on b, metric 1024",
                "- route to ::/0 via 2001:db8::9 on a, metric 1024",
            ]
        );
        // By the same way, it is the same route.
        let plan = told(&default("2001:db8::9"), &(default("2001:db8::9") + "metric = 7\n"));
        assert_eq!(
            plan,
            [
                "~ route to ::/0 via 2001:db8::9 on a, metric 7 (was: route to ::/0 via 2001:db8::9 on a, metric 1024)"
            ]
        );
        // Be it that it comes to share flows, or is alone again.
        let (one, two) = (default("2001:db8::9"), default("2001:db8:1::9"));
        let shared = format!("{one}weight = 1\n{two}weight = 2\n");
        let plan = told(&one, &shared);
        assert!(plan.len() == 2 && plan[0].starts_with("~ ") && plan[1].starts_with("+ "), "{plan:?}");
        let plan = told(&shared, &one);
        assert!(plan.len() == 2 && plan.iter().any(|step| step.starts_with("~ ")), "{plan:?}");
        // One that nothing comes for, and one whose interface goes or becomes a port, go first.
        let other = "[[route]]\nto = \"2001:db8:7::/48\"\nvia = \"2001:db8::9\"\n";
        let plan = told(&(default("2001:db8::9") + other), &default("2001:db8:1::9"));
        assert_eq!(plan[0], "- route to 2001:db8:7::/48 via 2001:db8::9 on a, metric 1024");
        let refused = "[[refuse]]\nto = \"2001:db8:7::/48\"\n";
        assert!(
            told(other, refused)[1].starts_with("- route")
                && told(refused, other)[1].starts_with("- refusal")
        );
        let onto = |more: &str| format!("[[interface]]\nname = \"c\"\ndriver = \"memory\"\n{more}");
        let by = |name: &str| format!("[[route]]\nto = \"::/0\"\ninterface = \"{name}\"\n");
        let port = "[[bridge]]\nname = \"br\"\nports = [\"c\"]\n";
        for plan in
            [told(&onto(&by("c")), &by("a")), told(&onto(&by("c")), &onto(&(port.to_owned() + &by("br"))))]
        {
            assert_eq!(plan[0], "- route to ::/0 on c, metric 1024");
        }
    }
}
