//! What runs, as a list of settings: kept beside the stack by everybody who changes something, shown as a file, and what a
//! reload compares a file with.

use toml::Table;

use super::state::Daemon;
use super::state::lock;
use crate::config::Config;
use crate::setting::Any;
use crate::setting::Page;
use crate::setting::Setting;
use crate::setting::Slot;
use crate::setting::all;

/// Sections of what holds from the start of a run to its end.
const BEGUN: [&str; 6] = ["stack", "metrics", "security", "limits", "acd", "mld"];

/// A configuration that was read, in its several shapes.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// What can be changed of it while it runs.
    pub(crate) settings: Vec<Any>,
    /// What is of the start, as it was written.
    pub(crate) begun: Table,
}

impl Loaded {
    /// Takes apart what makes sense: `text` is where `config` is from.
    pub(crate) fn new(config: Config, text: &str) -> Loaded {
        let whole: Table = toml::from_str(text).unwrap_or_default();
        let begun = whole.into_iter().filter(|(key, _)| BEGUN.contains(&key.as_str())).collect();
        Loaded { settings: all(&config), config, begun }
    }
}

impl Daemon {
    /// Notes that a setting is in effect, perhaps in place of another value of it.
    pub(crate) fn note(&self, setting: impl Into<Any>) {
        let setting = setting.into();
        let mut running = lock(&self.running);
        match running.iter_mut().find(|there| there.slot() == setting.slot()) {
            Some(there) => *there = setting,
            None => running.push(setting),
        }
    }

    /// Notes that these are in effect no more.
    pub(crate) fn unnote(&self, goes: impl Fn(&Any) -> bool) {
        lock(&self.running).retain(|there| !goes(there));
    }

    /// What is in effect at that place.
    pub(super) fn noted(&self, slot: &Slot) -> Option<Any> {
        lock(&self.running).iter().find(|there| there.slot() == *slot).cloned()
    }

    /// Notes that an interface has gone, with all that was on it.
    pub(super) fn note_gone(&self, name: &str) {
        self.unnote(|there| there.on().contains(&name));
    }

    /// The first that is such.
    pub(super) fn first(&self, is_it: impl Fn(&Any) -> bool) -> Option<Any> {
        lock(&self.running).iter().find(|there| is_it(there)).cloned()
    }

    /// What makes the interface of this name.
    pub(super) fn maker(&self, name: &str) -> Option<Any> {
        self.first(|there| there.makes() == Some(name))
    }

    /// What runs, as a file that would make it again. What lies on an interface that is not there is left out: no file can
    /// say it; the names of what is.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn as_file(&self) -> anyhow::Result<(String, Vec<String>)> {
        let running = lock(&self.running).clone();
        let mut left_out: Vec<String> = Vec::new();
        let made = |name: &str, without: &[String]| {
            running.iter().any(|one| one.makes() == Some(name)) && !without.iter().any(|out| out == name)
        };
        loop {
            let lost = |one: &&Any| {
                one.makes().is_some_and(|name| made(name, &left_out))
                    && one.lies_on().is_some_and(|below| !made(below, &left_out))
            };
            let Some(name) = running.iter().find(lost).and_then(Any::makes) else { break };
            left_out.push(name.to_owned());
        }
        let is_said = |one: &&Any| !one.on().iter().any(|on| left_out.iter().any(|out| out == on));
        let page = Page::of(&self.begun_table, running.iter().filter(is_said));
        Ok((page.text()?, left_out))
    }
}
