//! Groups that interfaces join.

use std::fmt;

use siding_client::Group;

use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::page::table;
use crate::state::setting::Among;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// A group that an interface joins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Joined(pub(crate) Group);

impl Setting for Joined {
    fn slot(&self) -> Slot {
        Slot::among("group", &self.0.interface, Among::Address(self.0.group.into()))
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.0.interface]
    }

    fn say(&self, page: &mut Page) {
        let Group { interface, group } = &self.0;
        page.push(
            "group",
            table([("interface", interface.clone().into()), ("group", group.to_string().into())]),
        );
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.join(ctx, &self.0.interface, self.0.group)
    }

    fn replaces(&self, _before: &Joined) -> bool {
        false
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.0.interface)?;
        daemon.stack.leave_group(ctx, id, self.0.group).map_err(|error| daemon.named(id, error))
    }
}

impl fmt::Display for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: group {}", self.0.interface, self.0.group)
    }
}
