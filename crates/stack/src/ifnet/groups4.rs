//! IPv4 groups that an interface listens to (RFC 1112): that of all hosts, and those that somebody asked for.

use std::net::Ipv4Addr;

use super::Interface;

/// The group that every host is in, for ever (RFC 1112 s4).
const ALL_HOSTS: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 1);

/// An IPv4 group that an interface was told to join.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined4 {
    /// The group.
    pub group: Ipv4Addr,
    /// How many want it: it is left when none does any more.
    pub wanted_by: u32,
}

impl Interface {
    /// Whether the interface listens to the IPv4 group.
    pub fn has_joined4(&self, group: Ipv4Addr) -> bool {
        self.groups4().any(|joined| joined == group)
    }

    /// The IPv4 groups that the interface listens to; that of all hosts may come twice.
    pub fn groups4(&self) -> impl Iterator<Item = Ipv4Addr> {
        [ALL_HOSTS].into_iter().chain(self.joined4.iter().map(|joined| joined.group))
    }
}
