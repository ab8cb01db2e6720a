//! What runs, as a list of settings: kept beside the stack by everybody who changes something, shown as a file, and what a
//! reload compares a file with.

use std::collections::BTreeMap;
use std::collections::HashMap;
use std::collections::HashSet;

use toml::Table;

use super::state::Daemon;
use super::state::lock;
use crate::config::Config;
use crate::setting::Any;
use crate::setting::Page;
use crate::setting::Setting;
use crate::setting::Slot;
use crate::setting::all;

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
    /// Takes apart what makes sense, and has `begun` in it for what is of the start. Lists that may be long stand among the
    /// settings alone.
    pub(crate) fn new((mut config, begun): (Config, Table)) -> Loaded {
        Loaded { settings: all(&mut config), config, begun }
    }
}

/// Settings in effect, in the order in which they came; one at each slot. A file may have a hundred thousand: to find one
/// takes as long as in a short list.
#[derive(Debug, Clone, Default)]
pub(super) struct Running {
    places: HashMap<Slot, u64>,
    settings: BTreeMap<u64, Any>,
    next: u64,
}

impl Running {
    /// In their order.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Any> {
        self.settings.values()
    }

    /// All of them, in their order.
    pub(super) fn list(&self) -> Vec<Any> {
        self.iter().cloned().collect()
    }

    fn at(&self, slot: &Slot) -> Option<&Any> {
        self.settings.get(self.places.get(slot)?)
    }

    /// Puts a setting where another value of it is, or behind all.
    fn put(&mut self, setting: Any) {
        let place = *self.places.entry(setting.slot()).or_insert(self.next);
        self.next = self.next.max(place + 1);
        self.settings.insert(place, setting);
    }

    fn take(&mut self, slot: &Slot) {
        let place = self.places.remove(slot);
        place.and_then(|place| self.settings.remove(&place));
    }

    fn remove(&mut self, goes: impl Fn(&Any) -> bool) {
        let Running { places, settings, .. } = self;
        settings.retain(|_, there| {
            let stays = !goes(there);
            if !stays {
                places.remove(&there.slot());
            }
            stays
        });
    }

    /// What stood in `before` stands as it stood there, in front of all else.
    pub(super) fn stand_as_in(&mut self, before: &Running) {
        let mut all = self.list();
        all.sort_by_key(|one| before.places.get(&one.slot()).copied().unwrap_or(u64::MAX));
        *self = all.into_iter().collect();
    }
}

impl FromIterator<Any> for Running {
    fn from_iter<I: IntoIterator<Item = Any>>(all: I) -> Running {
        let mut running = Running::default();
        all.into_iter().for_each(|setting| running.put(setting));
        running
    }
}

impl Daemon {
    /// Notes that a setting is in effect, perhaps in place of another value of it. Nothing else is owed of it then, nor of
    /// an interface that it makes: that is what is wanted.
    pub(crate) fn note(&self, setting: impl Into<Any>) {
        let setting = setting.into();
        let slot = setting.slot();
        let is_made = |on: &&str| setting.makes() == Some(*on);
        let mut owed = lock(&self.owed);
        owed.forget_at(&slot);
        if setting.makes().is_some() {
            owed.forget(|owed| owed.on().iter().any(is_made));
        }
        drop(owed);
        lock(&self.running).put(setting);
    }

    /// The same of what was owed: what else is owed of an interface that it makes is so still.
    pub(super) fn note_paid(&self, setting: Any) {
        lock(&self.owed).forget_at(&setting.slot());
        lock(&self.running).put(setting);
    }

    /// Notes that these are in effect no more; nor are they owed.
    pub(crate) fn unnote(&self, goes: impl Fn(&Any) -> bool) {
        lock(&self.owed).forget(&goes);
        lock(&self.running).remove(goes);
    }

    /// Notes that what is at this place is in effect no more.
    pub(crate) fn unnote_at(&self, slot: &Slot) {
        lock(&self.owed).forget_at(slot);
        lock(&self.running).take(slot);
    }

    /// What is in effect at that place.
    pub(crate) fn noted(&self, slot: &Slot) -> Option<Any> {
        lock(&self.running).at(slot).cloned()
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

    /// What runs, as a file that would make it again, and what is left out as no file can say it: what lies on an interface
    /// that is not there, and groups that wait on a port.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub(super) fn as_file(&self) -> anyhow::Result<(String, Vec<String>)> {
        let running = lock(&self.running).list();
        let ports: HashSet<&str> = running.iter().filter_map(Any::joins).collect();
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
        let waits =
            |one: &&Any| matches!(one, Any::Joined(_)) && one.on().iter().any(|on| ports.contains(on));
        let is_said =
            |one: &&Any| !waits(one) && !one.on().iter().any(|on| left_out.iter().any(|out| out == on));
        let page = Page::of(&self.begun_table, running.iter().filter(is_said));
        let lost = left_out.iter().map(|name| format!("{name}, as what it lies on is not there"));
        let waiting = running.iter().filter(waits).map(|one| format!("{one}, as that is a port"));
        Ok((page.text()?, lost.chain(waiting).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::Switch;
    use crate::setting::Which;

    fn switch(which: Which, on: bool) -> Any {
        Switch { which, on }.into()
    }

    #[test]
    fn a_setting_keeps_its_place_and_what_is_set_back_gets_it_again() {
        use Which::ExamineOptions;
        use Which::Forwarding;
        use Which::LearnAnnounced;
        let all = [Forwarding, LearnAnnounced, ExamineOptions].map(|which| switch(which, true));
        let before: Running = all.iter().cloned().collect();
        let mut running = before.clone();
        running.put(switch(Forwarding, false));
        let first = switch(Forwarding, false);
        assert_eq!(running.list(), [first, all[1].clone(), all[2].clone()]);
        assert_eq!(running.at(&all[0].slot()), Some(&switch(Forwarding, false)));
        // What went and came back stands behind the others, until it is put where it stood.
        running.take(&all[0].slot());
        assert_eq!((running.at(&all[0].slot()), running.iter().count()), (None, 2));
        running.put(all[0].clone());
        assert_eq!(running.list(), [&all[1], &all[2], &all[0]].map(Clone::clone));
        running.stand_as_in(&before);
        assert_eq!(running.list(), all);
        running.remove(|there| *there != all[1]);
        assert_eq!((running.list(), running.at(&all[2].slot())), (vec![all[1].clone()], None));
    }

    /// Linear look-ups would take hours for as many.
    #[test]
    fn many_are_noted_one_after_the_other() {
        use crate::config::RouteConfig;
        use crate::setting::Routed;
        let route = |at: u32| {
            let to = siding_drivers::kernel::Cidr::new(std::net::Ipv4Addr::from(at).into(), 32).unwrap();
            Any::from(Routed(RouteConfig { to, via: None, interface: "a".into(), metric: at, weight: None }))
        };
        let mut running: Running = (0..100_000).map(route).collect();
        (0..100_000).map(route).for_each(|one| running.put(one));
        assert_eq!(running.iter().count(), 100_000);
        (0..99_999).for_each(|at| running.take(&route(at).slot()));
        assert_eq!(running.list(), [route(99_999)]);
    }
}
