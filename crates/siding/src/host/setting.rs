//! What an interface learns from routers as a host, and what it tells as a router.

use std::fmt;

use siding_stack::nd6::host::HostConfig;
use toml::Table;

use crate::means::meant::Advertised;
use crate::means::meant::Learnt;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// What it is as a host.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Learns {
    pub(crate) on: String,
    pub(crate) autoconf: Learnt,
}

/// What it advertises as a router.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Advertises {
    pub(crate) on: String,
    pub(crate) advertise: Advertised,
}

impl Setting for Learns {
    fn slot(&self) -> Slot {
        Slot::of_one("autoconf", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn is_of_one(&self) -> bool {
        true
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.on, "autoconf", spare(&self.autoconf.said));
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        daemon.start_autoconf(ctx, id, self.autoconf.means.clone())
    }

    fn replaces(&self, _before: &Learns) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        let id = daemon.interface(&self.on)?;
        daemon.start_autoconf(ctx, id, HostConfig::off())
    }
}

impl fmt::Display for Learns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: autoconf", self.on)?;
        told(f, &spare(&self.autoconf.said))
    }
}

impl Setting for Advertises {
    fn slot(&self) -> Slot {
        Slot::of_one("advertise", &self.on)
    }

    fn on(&self) -> Vec<&str> {
        vec![&self.on]
    }

    fn say(&self, page: &mut Page) {
        page.tell(&self.on, "advertise", spare(&self.advertise.said));
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.start_advertising(ctx, &self.on, self.advertise.means.clone())
    }

    fn replaces(&self, _before: &Advertises) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.stop_advertising(ctx, &self.on)
    }
}

impl fmt::Display for Advertises {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: advertises this router", self.on)?;
        told(f, &spare(&self.advertise.said))
    }
}

/// What was said, without what would be the same if it were not.
fn spare<T: serde::Serialize + Default>(said: &T) -> Table {
    let table = |said: &T| Table::try_from(said).unwrap_or_default();
    let usual = table(&T::default());
    table(said).into_iter().filter(|(key, value)| usual.get(key) != Some(value)).collect()
}

/// What is said of a plan: a secret is not.
fn told(f: &mut fmt::Formatter<'_>, table: &Table) -> fmt::Result {
    for (at, (key, value)) in table.iter().enumerate() {
        let mark = if at == 0 { ':' } else { ',' };
        match key.as_str() {
            "secret" => write!(f, "{mark} a secret")?,
            _ => write!(f, "{mark} {key} {value}")?,
        }
    }
    Ok(())
}
