//! The prefixes of interfaces, for sets that hold them.

use std::net::IpAddr;

use crate::model::Set;
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

    /// Notes those of an interface; whether they are others than before.
    pub(crate) fn tell(&mut self, interface: &str, prefixes: &[(IpAddr, u8)]) -> bool {
        match self.0.iter_mut().find(|(name, _)| name == interface) {
            Some((_, old)) if old == prefixes => return false,
            Some((_, old)) => *old = prefixes.to_vec(),
            None => self.0.push((interface.to_owned(), prefixes.to_vec())),
        }
        true
    }
}
