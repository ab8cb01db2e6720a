//! The firewall's rules.

use std::fmt;

use siding_judge::FilterConfig;
use siding_stack::filter::StateLimits;
use siding_stack::filter::Timeouts;
use toml::Table;
use toml::Value;

use crate::filter::check::key;
use crate::state::daemon::Daemon;
use crate::state::daemon::Free;
use crate::state::page::Page;
use crate::state::setting::Setting;
use crate::state::setting::Slot;

/// How packets are filtered.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Filtered(pub(crate) FilterConfig);

impl Filtered {
    /// What is said, as a file says it.
    fn said(&self) -> Table {
        let FilterConfig { rules, built_in, limits, timeouts, .. } = &self.0;
        let usual = StateLimits::default();
        let mut said = Table::new();
        let mut paths: Vec<Value> = rules.iter().map(|path| path.display().to_string().into()).collect();
        let rules = if paths.len() == 1 { paths.remove(0) } else { paths.into() };
        said.insert("rules".into(), rules);
        if !built_in {
            said.insert("built_in".into(), false.into());
        }
        if limits.states != usual.states {
            said.insert("states".into(), (limits.states as i64).into());
        }
        if let Some(most) = limits.per_source {
            said.insert("states_per_source".into(), i64::from(most).into());
        }
        if !limits.loose {
            said.insert("loose".into(), false.into());
        }
        let usual = Timeouts::default();
        let unusual = timeouts.all().zip(usual.all()).filter(|(is, usual)| is != usual);
        let times: Table =
            unusual.map(|((name, time), _)| (key(name), (time.as_secs() as i64).into())).collect();
        if !times.is_empty() {
            said.insert("timeouts".into(), times.into());
        }
        said
    }
}

impl Setting for Filtered {
    fn slot(&self) -> Slot {
        Slot::of_one("filter", "")
    }

    fn on(&self) -> Vec<&str> {
        Vec::new()
    }

    fn place(&self) -> String {
        "the filter".to_owned()
    }

    fn say(&self, page: &mut Page) {
        self.said().into_iter().for_each(|(name, value)| page.set("filter", &name, Some(value)));
    }

    fn apply(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.filter.set(&daemon.stack, ctx, &self.0)
    }

    fn replaces(&self, _before: &Filtered) -> bool {
        true
    }

    fn withdraw(&self, daemon: &Daemon, ctx: &mut Free<'_>) -> anyhow::Result<()> {
        daemon.filter.stop(&daemon.stack, ctx);
        Ok(())
    }
}

impl fmt::Display for Filtered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let FilterConfig { texts, .. } = &self.0;
        write!(f, "filter: {} bytes of rules", texts.bytes())?;
        self.said().iter().try_for_each(|(key, value)| write!(f, ", {key} {value}"))
    }
}
