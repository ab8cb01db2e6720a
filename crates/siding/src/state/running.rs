//! What runs, as a list of settings: kept beside the stack by everybody who changes something, shown as a file, and what a
//! reload compares a file with.

use std::collections::BTreeMap;
use std::collections::HashMap;

use toml::Table;

use super::setting::Any;
use super::setting::Slot;
use crate::config::Config;

/// A configuration that was read, in its several shapes.
#[derive(Debug, Clone)]
pub(crate) struct Loaded {
    pub(crate) config: Config,
    /// What can be changed of it while it runs.
    pub(crate) settings: Vec<Any>,
    /// What is of the start, as it was written.
    pub(crate) begun: Table,
}

/// Settings in effect, in the order in which they came; one at each slot. A file may have a hundred thousand: to find one
/// takes as long as in a short list.
#[derive(Debug, Clone, Default)]
pub(crate) struct Running {
    places: HashMap<Slot, u64>,
    settings: BTreeMap<u64, Any>,
    next: u64,
}

impl Running {
    /// In their order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Any> {
        self.settings.values()
    }

    /// All of them, in their order.
    pub(crate) fn list(&self) -> Vec<Any> {
        self.iter().cloned().collect()
    }

    pub(crate) fn at(&self, slot: &Slot) -> Option<&Any> {
        self.settings.get(self.places.get(slot)?)
    }

    /// Puts a setting where another value of it is, or behind all.
    pub(crate) fn put(&mut self, setting: Any) {
        let place = *self.places.entry(setting.slot()).or_insert(self.next);
        self.next = self.next.max(place + 1);
        self.settings.insert(place, setting);
    }

    pub(crate) fn take(&mut self, slot: &Slot) {
        let place = self.places.remove(slot);
        place.and_then(|place| self.settings.remove(&place));
    }

    pub(crate) fn remove(&mut self, goes: impl Fn(&Any) -> bool) {
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
    pub(crate) fn stand_as_in(&mut self, before: &Running) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::switch::Switch;
    use crate::switch::Which;

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
        use crate::route::means::RouteConfig;
        use crate::route::setting::Routed;
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
