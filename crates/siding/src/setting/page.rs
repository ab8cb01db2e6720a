//! A configuration in the making, as a file has it.

use toml::Table;
use toml::Value;

use super::Any;
use super::Setting;

/// The sections of those that can be named.
const INTERFACES: [&str; 4] = ["interface", "vlan", "lagg", "bridge"];

/// What has been said so far.
#[derive(Debug, Default)]
pub(crate) struct Page(Table);

impl Page {
    /// Says all of these, and what holds from the start to the end of a run.
    pub(crate) fn of<'s>(begun: &Table, settings: impl Iterator<Item = &'s Any>) -> Page {
        let mut page = Page(begun.clone());
        // Whatever the order in which they came: an interface is said before what is on it.
        let (makers, mut others): (Vec<&Any>, Vec<&Any>) = settings.partition(|one| one.makes().is_some());
        // The same is said in the same words.
        others.sort_by_key(|one| one.rank());
        makers.into_iter().chain(others).for_each(|one| one.say(&mut page));
        page
    }

    /// Says something in `[section]`; `None` leaves it out.
    pub(super) fn set(&mut self, section: &str, key: &str, value: Option<Value>) {
        let table = self.0.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(table) = table else { return };
        match value {
            Some(value) => drop(table.insert(key.to_owned(), value)),
            None => drop(table.remove(key)),
        }
    }

    /// One more `[[name]]`.
    pub(super) fn push(&mut self, name: &str, table: Table) {
        let list = self.0.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::Table(table));
        }
    }

    /// The table of the interface of this name, whatever its kind.
    pub(super) fn interface(&mut self, name: &str) -> Option<&mut Table> {
        let kind = INTERFACES.into_iter().find(|kind| {
            let list = self.0.get(*kind).and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|one| is_named(one, name)))
        })?;
        let list = self.0.get_mut(kind)?.as_array_mut()?;
        list.iter_mut().find(|one| is_named(one, name))?.as_table_mut()
    }

    /// Says something of an interface. One that is not there has nothing to be said of.
    pub(super) fn tell(&mut self, name: &str, key: &str, value: impl Into<Value>) {
        if let Some(table) = self.interface(name) {
            table.insert(key.to_owned(), value.into());
        }
    }

    /// One more of a list of an interface.
    pub(super) fn append(&mut self, name: &str, key: &str, value: impl Into<Value>) {
        let Some(table) = self.interface(name) else { return };
        let list = table.entry(key.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value.into());
        }
    }

    /// An interface has a link-local address, as it has unless [the contrary is said](Self::push_interface).
    pub(super) fn has_link_local(&mut self, name: &str) {
        if let Some(table) = self.interface(name) {
            table.remove("link_local");
        }
    }

    /// One more interface, of which nothing else is said yet.
    pub(super) fn push_interface(&mut self, kind: &str, mut table: Table) {
        table.insert("link_local".into(), false.into());
        self.push(kind, table);
    }

    /// The whole of it.
    pub(crate) fn text(&self) -> anyhow::Result<String> {
        // An empty section says nothing.
        let said = self.0.iter().filter(|(_, value)| value.as_table().is_none_or(|table| !table.is_empty()));
        let said: Table = said.map(|(key, value)| (key.clone(), value.clone())).collect();
        Ok(toml::to_string(&said)?)
    }
}

/// A table of these.
pub(super) fn table<const N: usize>(said: [(&str, Value); N]) -> Table {
    said.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn is_named(one: &Value, name: &str) -> bool {
    one.get("name").and_then(Value::as_str) == Some(name)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;
    use crate::daemon::Loaded;
    use crate::setting::plan::Plan;

    fn load(path: &Path, text: &str) -> Loaded {
        Loaded::new(Config::parse(path, text).unwrap_or_else(|error| panic!("{text}\n{error}")))
    }

    /// What each example says, and the same as it is said here.
    #[test]
    fn what_is_said_of_every_example_means_the_same() {
        let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
        let paths = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        let mut seen = 0;
        for path in paths.filter(|path| path.extension().is_some_and(|ending| ending == "toml")) {
            let first = load(&path, &std::fs::read_to_string(&path).unwrap());
            let text = Page::of(&first.begun, first.settings.iter()).text().unwrap();
            let second = load(&path, &text);
            let plan = Plan::new(&first.settings, &second.settings);
            assert!(plan.is_empty() && first.config == second.config, "{}: {plan:?}\n{text}", path.display());
            seen += first.settings.len();
        }
        assert!(seen > 60, "{seen}");
    }

    #[test]
    fn what_is_made_anew_takes_all_that_is_on_it_along_and_nothing_else() {
        let text = "[[interface]]\nname = \"a\"\ndriver = \"memory\"\n[[interface]]\nname = \"b\"\ndriver = \"memory\"\n\
                    addresses = [\"192.0.2.1/24\"]\n[[vlan]]\nname = \"v\"\nparent = \"b\"\nvid = 5\n\
                    [[route]]\nto = \"::/0\"\ninterface = \"b\"\n";
        let first = load(Path::new("a.toml"), text);
        let other = text.replace(
            "name = \"b\"\ndriver = \"memory\"",
            "name = \"b\"\ndevice = \"w\"\ndriver = \"memory\"\nmtu = 1400",
        );
        let second = load(Path::new("b.toml"), &other);
        let told = Plan::told;
        let plan = told(&Plan::new(&first.settings, &second.settings));
        let expected = [
            "- route to ::/0 on b, metric 1024",
            "- b: address 192.0.2.1/24",
            "- b: link-local address",
            "- interface b, memory b",
            "+ interface b, memory w, mtu 1400 bytes",
            "+ b: link-local address",
            "+ b: address 192.0.2.1/24",
            "+ route to ::/0 on b, metric 1024",
        ];
        assert_eq!(plan, expected);
        // The MTU alone does not need that.
        let other = text.replace("addresses", "mtu = 1400\naddresses");
        let second = load(Path::new("b.toml"), &other);
        let plan = told(&Plan::new(&first.settings, &second.settings));
        assert_eq!(plan, ["~ interface b, memory b, mtu 1400 bytes (was: interface b, memory b)"]);
    }
}
