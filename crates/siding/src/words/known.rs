//! Interfaces that a file has, for tables that name one.

use std::collections::HashMap;
use std::net::IpAddr;

use siding_drivers::kernel::Cidr;

use super::value;
use super::wrong::Key;
use super::wrong::Lacks;
use super::wrong::STAND_IN;
use super::wrong::Wrong;

/// All that can be named, whatever carries it.
pub(crate) struct Known<'c> {
    /// With their addresses.
    pub(crate) interfaces: Vec<(&'c str, &'c [Cidr])>,
    /// Ports, and whose they are: what has IP is none.
    pub(crate) ports: HashMap<&'c str, &'c str>,
}

impl Known<'_> {
    /// That a table of this sort may name this one by its key `interface`.
    pub(crate) fn may_name(&self, name: &str, sort: &str) -> Result<(), Wrong> {
        let wrong = |message| Wrong::of(vec![Key::Name("interface")], message);
        if !self.interfaces.iter().any(|(own, _)| *own == name) {
            let names = self.interfaces.iter().map(|(own, _)| *own);
            let names: Vec<&str> = names.filter(|name| !name.starts_with(STAND_IN)).collect();
            let there = match names.is_empty() {
                true => "this file has none".to_owned(),
                false => format!("this file has {}", names.join(", ")),
            };
            let message = format!("unknown interface {name:?} in {sort}: {there}");
            return Err(wrong(message).lacking(Lacks::Name(name.to_owned())));
        }
        match self.ports.get(name) {
            None => Ok(()),
            Some(owner) => Err(wrong(format!(
                "{name} is a port of {owner}, which all its frames belong to: give {owner}"
            ))),
        }
    }

    /// The one whose prefix has this address in it.
    pub(crate) fn on_link(&self, address: IpAddr) -> Option<&str> {
        let near = |(_, own): &&(&str, &[Cidr])| own.iter().any(|own| value::covers(*own, address));
        self.interfaces.iter().find(near).map(|(name, _)| *name)
    }

    /// The addresses of the one of this name.
    pub(crate) fn addresses(&self, name: &str) -> impl Iterator<Item = &Cidr> {
        self.interfaces.iter().filter(move |(own, _)| *own == name).flat_map(|(_, own)| *own)
    }
}
