//! What is configured of a protocol.

use std::fmt;

use siding_stack::Takes;
use toml::Value;

use super::check::Said;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// A protocol's section, in effect.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Configured(pub(crate) Said);

/// Which protocol's it is.
pub(super) fn slot(name: &str) -> Slot {
    Slot::of_one("section", name)
}

impl Setting for Configured {
    fn slot(&self) -> Slot {
        slot(self.0.of.name)
    }

    fn on(&self) -> Vec<&str> {
        Vec::new()
    }

    fn say(&self, page: &mut Page) {
        for key in self.0.of.keys {
            let value = self.0.values.get(key.name).map(|text| match key.takes {
                Takes::Switch => Value::Boolean(text == "true"),
                Takes::Number { .. } => text.parse().map_or_else(|_| text.clone().into(), Value::Integer),
                Takes::Word(_) => text.clone().into(),
            });
            page.set(self.0.of.name, key.name, value);
        }
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        Ok(daemon.stack.configure(ctx, &self.0.section())?)
    }

    fn replaces(&self, _before: &Configured) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        Ok(daemon.stack.configure(ctx, &Said::nothing(self.0.of).section())?)
    }
}

impl fmt::Display for Configured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]", self.0.of.name)?;
        let mut before = " ";
        for (key, value) in &self.0.values {
            write!(f, "{before}{key} = {value}")?;
            before = ", ";
        }
        Ok(())
    }
}
