//! A configuration in the making, as a file has it.

use toml::Table;
use toml::Value;

/// The sections of those that can be named.
const INTERFACES: [&str; 4] = ["interface", "vlan", "lagg", "bridge"];

/// What has been said so far.
#[derive(Debug, Default)]
pub(crate) struct Page(Table);

impl Page {
    /// What holds from the start to the end of a run.
    pub(crate) fn new(begun: &Table) -> Page {
        Page(begun.clone())
    }

    /// Says something in `[section]`; `None` leaves it out.
    pub(crate) fn set(&mut self, section: &str, key: &str, value: Option<Value>) {
        let table = self.0.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(table) = table else { return };
        match value {
            Some(value) => drop(table.insert(key.to_owned(), value)),
            None => drop(table.remove(key)),
        }
    }

    /// One more `[[name]]`.
    pub(crate) fn push(&mut self, name: &str, table: Table) {
        let list = self.0.entry(name.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(Value::Table(table));
        }
    }

    /// The table of the interface of this name, whatever its kind.
    pub(crate) fn interface(&mut self, name: &str) -> Option<&mut Table> {
        let kind = INTERFACES.into_iter().find(|kind| {
            let list = self.0.get(*kind).and_then(Value::as_array);
            list.is_some_and(|list| list.iter().any(|one| is_named(one, name)))
        })?;
        let list = self.0.get_mut(kind)?.as_array_mut()?;
        list.iter_mut().find(|one| is_named(one, name))?.as_table_mut()
    }

    /// Says something of an interface. One that is not there has nothing to be said of.
    pub(crate) fn tell(&mut self, name: &str, key: &str, value: impl Into<Value>) {
        if let Some(table) = self.interface(name) {
            table.insert(key.to_owned(), value.into());
        }
    }

    /// One more of a list of an interface.
    pub(crate) fn append(&mut self, name: &str, key: &str, value: impl Into<Value>) {
        let Some(table) = self.interface(name) else { return };
        let list = table.entry(key.to_owned()).or_insert_with(|| Value::Array(Vec::new()));
        if let Value::Array(list) = list {
            list.push(value.into());
        }
    }

    /// An interface has a link-local address, as it has unless [the contrary is said](Self::push_interface).
    pub(crate) fn has_link_local(&mut self, name: &str) {
        if let Some(table) = self.interface(name) {
            table.remove("link_local");
        }
    }

    /// One more interface, of which nothing else is said yet.
    pub(crate) fn push_interface(&mut self, kind: &str, mut table: Table) {
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
pub(crate) fn table<const N: usize>(said: [(&str, Value); N]) -> Table {
    said.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn is_named(one: &Value, name: &str) -> bool {
    one.get("name").and_then(Value::as_str) == Some(name)
}
