//! Sets that hold the prefixes of an interface, and follow them when the network is renumbered.

use std::net::IpAddr;
use std::sync::Arc;

use crate::program::Program;

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
        if !beside.prefixes.tell(interface, prefixes) {
            return None;
        }
        Program::compile_shared(Arc::clone(&self.ruleset), &self.setup, Some(self), beside).ok()
    }
}
