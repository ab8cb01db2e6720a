//! What the stack as a whole does or leaves.

use std::fmt;

use crate::config::StackConfig;
use crate::control::Answer;
use crate::host::setting::Advertises;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// A switch of the stack, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Switch {
    pub(crate) which: Which,
    pub(crate) on: bool,
}

/// The switches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Which {
    Forwarding,
    LearnAnnounced,
    ExamineOptions,
    Express,
}

impl Which {
    /// As files and commands have it.
    fn key(self) -> &'static str {
        match self {
            Which::Forwarding => "forwarding",
            Which::LearnAnnounced => "learn_announced",
            Which::ExamineOptions => "examine_options",
            Which::Express => "express",
        }
    }

    /// Where it stands if nobody says.
    fn usual(self) -> bool {
        matches!(self, Which::LearnAnnounced | Which::Express)
    }
}

/// All of them.
pub(crate) fn all(stack: &StackConfig) -> impl Iterator<Item = Switch> {
    let all = [
        (Which::Forwarding, stack.forwarding),
        (Which::LearnAnnounced, stack.learn_announced),
        (Which::ExamineOptions, stack.examine_options),
        (Which::Express, stack.express),
    ];
    all.into_iter().map(|(which, on)| Switch { which, on })
}

impl Daemon {
    /// Sets a switch.
    pub(crate) fn ask_switch(&self, ctx: &mut Free<'_>, which: Which, on: bool) -> anyhow::Result<Answer> {
        self.put(ctx, Switch { which, on })?;
        if (which, on) == (Which::Forwarding, false) {
            // Who ceases to be a router ceases to advertise.
            self.unnote(|there| there.get::<Advertises>().is_some());
        }
        Ok(Answer::Done)
    }
}

impl Setting for Switch {
    fn slot(&self) -> Slot {
        Slot::of_one("switch", self.which.key())
    }

    fn on(&self) -> Vec<&str> {
        Vec::new()
    }

    fn say(&self, page: &mut Page) {
        let unusual = self.on != self.which.usual();
        page.set("stack", self.which.key(), unusual.then(|| self.on.into()));
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        match self.which {
            Which::Forwarding => daemon.stack.set_forwarding(ctx, self.on),
            Which::LearnAnnounced => daemon.stack.set_learn_announced(ctx, self.on),
            Which::ExamineOptions => daemon.stack.set_examine_options(ctx, self.on),
            Which::Express => daemon.stack.set_express(ctx, self.on),
        }
        Ok(())
    }

    fn replaces(&self, _before: &Switch) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        Switch { on: self.which.usual(), ..*self }.apply(daemon, ctx)
    }
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.which.key().replace('_', "-"), if self.on { "on" } else { "off" })
    }
}
