//! Ports of laggs and bridges.

use std::fmt;
use std::thread;
use std::time::Duration;
use std::time::Instant;

use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::setting::Among;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// A port of a lagg or bridge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    pub(crate) owner: String,
    pub(crate) port: String,
    /// In a lagg.
    pub(crate) priority: Option<u16>,
}

/// The port that a lagg prefers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Primary {
    pub(crate) lagg: String,
    pub(crate) port: String,
}

/// How long a port may stay that its partner in LACP still sends to; the stack lets it go after two seconds.
const LEAVING: Duration = Duration::from_secs(4);

/// Between two looks whether it has gone.
const LOOK: Duration = Duration::from_millis(5);

impl Setting for Port {
    fn slot(&self) -> Slot {
        Slot::among("port", &self.owner, Among::Name(self.port.clone()))
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.owner, &self.port]
    }

    fn joins(&self) -> Option<&str> {
        Some(&self.port)
    }

    fn say(&self, page: &mut Page) {
        page.append(&self.owner, "ports", self.port.clone());
        let Some(priority) = self.priority else { return };
        if let Some(table) = page.interface(&self.owner) {
            let all = table
                .entry("priorities".to_owned())
                .or_insert_with(|| toml::Value::Table(toml::Table::new()));
            if let toml::Value::Table(all) = all {
                all.insert(self.port.clone(), i64::from(priority).into());
            }
        }
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        match self.priority {
            Some(_) => daemon.lagg_add_port(ctx, &self.owner, &self.port, self.priority),
            None => daemon.bridge_add_port(ctx, &self.owner, &self.port),
        }
    }

    fn replaces(&self, _before: &Port) -> bool {
        false
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        if self.priority.is_none() {
            return daemon.bridge_remove_port(ctx, &self.owner, &self.port);
        }
        daemon.lagg_remove_port(ctx, &self.owner, &self.port)?;
        let (id, begun) = (daemon.interface(&self.port)?, Instant::now());
        let is_port = || daemon.stack.config().interface(id).is_some_and(|there| !there.member_of.is_none());
        while is_port() {
            if begun.elapsed() > LEAVING {
                // Asked a second time, it goes at once.
                return daemon.lagg_remove_port(ctx, &self.owner, &self.port);
            }
            thread::sleep(LOOK);
        }
        Ok(())
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: port {}", self.owner, self.port)?;
        self.priority.map_or(Ok(()), |priority| write!(f, ", priority {priority}"))
    }
}

impl Setting for Primary {
    fn slot(&self) -> Slot {
        Slot::of_one("primary", &self.lagg)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.lagg, &self.port]
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.lagg, "primary", self.port.clone());
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.lagg_set_primary(ctx, &self.lagg, Some(&self.port))
    }

    fn replaces(&self, _before: &Primary) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.lagg_set_primary(ctx, &self.lagg, None)
    }
}

impl fmt::Display for Primary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: primary {}", self.lagg, self.port)
    }
}
