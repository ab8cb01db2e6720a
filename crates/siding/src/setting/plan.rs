//! From what runs to what is wanted: the difference of two lists of settings, put into effect as one step.

use std::collections::BTreeSet;
use std::collections::HashMap;
use std::mem;

use anyhow::Context;
use siding_drivers::kernel::Cidr;

use super::exchange::Exchange;
use super::exchange::replaced;
use crate::route::means::RouteConfig;
use crate::route::setting::Routed;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::setting::Any;
use crate::state::setting::Slot;

/// What is to be done, in its order: first goes what is not wanted, the last that came first; then comes what is. A way that
/// another takes the place of goes when that one is there, or together with all that change to its destinations: no packet finds
/// neither, and no flow meets some of them on the way.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Plan(pub(crate) Vec<Step>);

/// One change.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    Withdraw(Any),
    /// The first by the second.
    Replace(Box<(Any, Any)>),
    Apply(Any),
    /// Of routes to a prefix several.
    Exchange(Exchange<Any>),
}

/// The route that a setting is.
fn route(setting: &Any) -> Option<&RouteConfig> {
    setting.get::<Routed>().map(|Routed(route)| route)
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
        let gone: BTreeSet<&str> =
            running.iter().filter(|old| !stays(old)).filter_map(|old| old.makes()).collect();
        let is_kept = |old: &Any| !old.on().iter().any(|name| gone.contains(name));
        let mut steps: Vec<Step> = Vec::new();
        let withdrawn = running.iter().rev().filter(|old| !is_kept(old) || !stays(old));
        // What becomes a port has no routes.
        let ports: BTreeSet<&str> = wanted
            .iter()
            .filter(|new| new.joins().is_some() && before.get(&new.slot()) != Some(new))
            .filter_map(|new| new.joins())
            .collect();
        let in_place = |new: &Any| before.get(&new.slot()).copied().filter(|old| is_kept(old));
        let come: Vec<&Any> =
            wanted.iter().filter(|new| in_place(new).is_none_or(|old| old != *new)).collect();
        // How many come to each prefix, and of them routes.
        let mut to: HashMap<&Cidr, (usize, Exchange<Any>)> = HashMap::new();
        for new in &come {
            let Some(to) = new.leads_to().map(|leads| to.entry(leads).or_default()) else { continue };
            to.0 += usize::from(new.get::<Routed>().is_some());
        }
        let mut later: HashMap<&Cidr, Vec<Any>> = HashMap::new();
        for old in withdrawn {
            let stays = is_kept(old) && !old.on().iter().any(|on| ports.contains(on));
            let leads = old.leads_to().filter(|_| stays);
            let is_route = old.get::<Routed>().is_some();
            match leads.and_then(|leads| Some((leads, to.get_mut(leads)?))) {
                Some((_, (1.., exchange))) if is_route => exchange.gone.push(old.clone()),
                Some((leads, _)) => later.entry(leads).or_default().push(old.clone()),
                None => steps.push(Step::Withdraw(old.clone())),
            }
        }
        for new in come {
            let leads = new.leads_to();
            match (in_place(new), new.get::<Routed>()) {
                (old, Some(route)) => {
                    let Some((many, exchange)) = to.get_mut(&route.0.to) else { continue };
                    exchange.come.push((old.cloned(), new.clone()));
                    if exchange.come.len() < *many {
                        continue;
                    }
                    // Where the last of them stands: what each is on is there by then.
                    steps.push(Step::of(mem::take(exchange)));
                }
                (Some(old), _) if new.replaces(old) => {
                    steps.push(Step::Replace(Box::new((old.clone(), new.clone()))))
                }
                _ => steps.push(Step::Apply(new.clone())),
            }
            let gone = leads.and_then(|leads| later.remove(leads)).into_iter().flatten();
            steps.extend(gone.map(Step::Withdraw));
        }
        Plan(steps)
    }

    /// Each change in words.
    pub(crate) fn told(&self) -> Vec<String> {
        self.0.iter().flat_map(Step::told).collect()
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
                match step {
                    Step::Apply(old) => owed.push(old),
                    Step::Exchange(those) => {
                        owed.extend(those.come.into_iter().map(|(_, old)| old));
                    }
                    Step::Replace(_) | Step::Withdraw(_) => {}
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
    /// What comes or changes by itself is a step as any other.
    fn of(mut all: Exchange<Any>) -> Step {
        match (all.come.pop(), all.come.is_empty() && all.gone.is_empty()) {
            (Some((None, new)), true) => Step::Apply(new),
            (Some((Some(old), new)), true) => Step::Replace(Box::new((old, new))),
            (last, _) => {
                all.come.extend(last);
                Step::Exchange(all)
            }
        }
    }

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
            Step::Exchange(those) => {
                let mut all = those.come.iter().map(|(_, new)| new).chain(&those.gone);
                let Some((first, to)) = all.next().and_then(|first| Some((first, first.leads_to()?))) else {
                    return Ok(());
                };
                let gone: Vec<_> = those.gone.iter().filter_map(route).collect();
                let come: Vec<_> = those.come.iter().filter_map(|(_, new)| route(new)).collect();
                daemon.exchange_routes(ctx, *to, &gone, &come).with_context(|| first.place())?;
                those.gone.iter().for_each(|old| daemon.unnote_at(&old.slot()));
                those.come.iter().for_each(|(_, new)| daemon.note(new.clone()));
            }
        }
        Ok(())
    }

    /// Whether a step has had its effect although it failed.
    fn has_happened(&self, daemon: &Daemon) -> bool {
        match self {
            Step::Withdraw(old) => old.makes().is_some_and(|name| daemon.interface(name).is_err()),
            Step::Replace(_) | Step::Apply(_) | Step::Exchange(_) => false,
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
            Step::Exchange(those) => Step::Exchange(those.inverse()),
        }
    }

    fn told(&self) -> Vec<String> {
        match self {
            Step::Withdraw(old) => vec![format!("- {old}")],
            Step::Replace(both) => vec![replaced(&both.0, &both.1)],
            Step::Apply(new) => vec![format!("+ {new}")],
            Step::Exchange(those) => those.told(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::state::running::Loaded;

    const BASE: &str = "[[interface]]\nname = \"a\"\ndriver = \"memory\"\naddresses = [\"2001:db8::1/64\"]\n\
                        [[interface]]\nname = \"b\"\ndriver = \"memory\"\naddresses = [\"2001:db8:1::1/64\"]\n";

    fn plan(before: &str, after: &str) -> Plan {
        let load = |text: &str| {
            let text = format!("{BASE}{text}");
            Loaded::new(Config::parse(Path::new("a.toml"), &text).unwrap()).settings
        };
        Plan::new(&load(before), &load(after))
    }

    fn told(before: &str, after: &str) -> Vec<String> {
        plan(before, after).told()
    }

    #[test]
    fn what_changes_of_a_prefix_is_one_step_and_is_undone_as_one() {
        let by = |host: u8, weight: u8| {
            format!("[[route]]\nto = \"::/0\"\nvia = \"2001:db8::{host}\"\nweight = {weight}\n")
        };
        let (before, after) = (by(7, 1) + &by(8, 1) + &by(9, 1), by(2, 1) + &by(8, 5) + &by(3, 1));
        let plan = plan(&before, &after);
        let [step] = &plan.0[..] else { panic!("{plan:?}") };
        let begin = |line: &String| line[..2].to_owned() + line.split_whitespace().nth(5).unwrap();
        let of = |step: &Step| step.told().iter().map(begin).collect::<Vec<_>>();
        assert_eq!(
            of(step),
            ["+ 2001:db8::2", "~ 2001:db8::8", "+ 2001:db8::3", "- 2001:db8::9", "- 2001:db8::7"]
        );
        let undone = step.inverse();
        let back = ["~ 2001:db8::8", "+ 2001:db8::7", "+ 2001:db8::9", "- 2001:db8::2", "- 2001:db8::3"];
        assert_eq!(of(&undone), back);
        // Of several that only come, too: when that is undone none is left.
        let all_go = self::plan("", &before).0[0].inverse();
        assert_eq!(of(&all_go), ["- 2001:db8::7", "- 2001:db8::8", "- 2001:db8::9"]);
        // What each is on is there by then; a refusal that comes in their place is there before they go.
        let onto = "[[interface]]\nname = \"c\"\ndriver = \"memory\"\n";
        let other = by(2, 1) + "[[route]]\nto = \"::/0\"\nvia = \"fe80::1\"\ninterface = \"c\"\nweight = 1\n";
        let steps = told(&before, &(onto.to_owned() + &other));
        assert!(
            steps[0].starts_with("+ interface c") && steps[steps.len() - 1].starts_with("- route"),
            "{steps:?}"
        );
        let steps = told(&before, "[[refuse]]\nto = \"::/0\"\n");
        assert!(steps[0].starts_with("+ refusal") && steps.len() == 4, "{steps:?}");
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
