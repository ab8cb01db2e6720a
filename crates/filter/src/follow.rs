//! Sets that hold the prefixes of an interface, and follow them when the network is renumbered.

use std::net::IpAddr;
use std::sync::Arc;

use crate::model::Set;
use crate::program::Program;
use crate::types::Type;
use crate::types::Value;

/// The prefixes of each interface, as they were told.
#[derive(Debug, Clone, Default)]
pub(crate) struct Prefixes(Vec<(String, Vec<(IpAddr, u8)>)>);

impl Prefixes {
    /// What belongs into a set that follows interfaces.
    pub(crate) fn of(&self, set: &Set) -> Vec<Vec<Value>> {
        let mut out: Vec<Vec<Value>> = Vec::new();
        for (name, prefixes) in &self.0 {
            if !set.prefix_of.contains(name) {
                continue;
            }
            for (addr, len) in prefixes {
                let value = match (addr, set.key.as_slice()) {
                    (IpAddr::V4(addr), [Type::Ipv4]) => Type::Ipv4.prefix(u128::from(addr.to_bits()), *len),
                    (IpAddr::V6(addr), [Type::Ipv6]) => Type::Ipv6.prefix(addr.to_bits(), *len),
                    _ => continue,
                };
                out.push(vec![value]);
            }
        }
        out.sort();
        out.dedup();
        out
    }
}

impl Program {
    /// Whether a set follows an interface.
    pub fn follows(&self, interface: &str) -> bool {
        let sets = self.ruleset.tables.iter().flat_map(|table| &table.sets);
        sets.into_iter().any(|set| set.prefix_of.iter().any(|name| name == interface))
    }

    /// The program with other prefixes of an interface: addresses and their prefixes' lengths. `None` if no set looks
    /// at them, or if they are what they were.
    pub fn set_prefixes(&self, interface: &str, prefixes: &[(IpAddr, u8)]) -> Option<Program> {
        if !self.follows(interface) {
            return None;
        }
        let mut beside = self.beside.clone();
        let known = &mut beside.prefixes;
        match known.0.iter_mut().find(|(name, _)| name == interface) {
            Some((_, old)) if old == prefixes => return None,
            Some((_, old)) => *old = prefixes.to_vec(),
            None => known.0.push((interface.to_owned(), prefixes.to_vec())),
        }
        Program::compile_shared(Arc::clone(&self.ruleset), &self.setup, Some(self), beside).ok()
    }
}
