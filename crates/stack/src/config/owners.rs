//! Whose our addresses are: looked up for each packet that comes in. Kept with the configuration, and changed with it: what a
//! change costs is the addresses that come or go.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::net::Ipv6Addr;
use std::sync::Arc;

use siding_netisr::IfId;
use siding_wire::ip6::is_link_local;

use super::marks::Marks;
use super::marks::Quick;
use crate::ifnet::Addr6;
use crate::ifnet::Interface;
use crate::sharing::Shards;

/// The index of a configuration's addresses.
///
/// Only addresses of ours are in here, so nobody else can make a look-up slow, and a quick hash without a key will do:
/// source and destination of each packet are looked up.
#[derive(Debug, Clone, Default)]
pub(crate) struct Owners {
    six: Shards<Ipv6Addr, Six, Quick>,
    four: Shards<Ipv4Addr, Four, Quick>,
    marks: Marks,
}

/// Who has an IPv6 address. Each link-local one usually is on many interfaces, and looked for on one: those are counted
/// only. Interfaces are in order of their slots.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Six {
    /// Those that it is assigned to.
    pub(crate) assigned: Vec<IfId>,
    /// Those whose anycast address it is.
    pub(crate) anycast: Vec<IfId>,
    /// Those that have it, be it assigned or not.
    pub(crate) held: Vec<IfId>,
    /// On how many interfaces it may be a source.
    pub(crate) sources: u32,
    /// Reasons to take it for that of several nodes: it is an anycast address of ours, or that of the routers of a subnet
    /// of ours.
    pub(crate) shared: u32,
}

/// Who has an IPv4 address.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Four {
    /// Those that it is assigned to.
    pub(crate) assigned: Vec<IfId>,
    /// Those that have it, be it assigned or not.
    pub(crate) held: Vec<IfId>,
}

/// What an address is to an interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Role {
    Held,
    Assigned,
    Anycast,
    Shared,
}

impl Six {
    fn play(&mut self, role: Role, link_local: bool, on: IfId, comes: bool) {
        let count = match role {
            Role::Assigned => Some(&mut self.sources),
            Role::Shared => Some(&mut self.shared),
            Role::Held | Role::Anycast => None,
        };
        if let Some(count) = count {
            *count = if comes { *count + 1 } else { count.saturating_sub(1) };
        }
        let list = match role {
            _ if link_local => return,
            Role::Assigned => &mut self.assigned,
            Role::Anycast => &mut self.anycast,
            Role::Held => &mut self.held,
            Role::Shared => return,
        };
        put(list, on, comes);
    }
}

fn put(list: &mut Vec<IfId>, on: IfId, comes: bool) {
    list.retain(|there| *there != on);
    if comes {
        list.insert(list.partition_point(|there| there.slot() < on.slot()), on);
    }
}

/// What the IPv6 addresses of an interface are to it, in order, each once for each reason.
fn roles6(interface: &Interface, forwarding: bool) -> Vec<(Ipv6Addr, Role)> {
    let mut roles = Vec::with_capacity(3 * interface.addrs6.len());
    let own: HashSet<Ipv6Addr, Quick> = interface.addrs6.iter().map(|own| own.addr).collect();
    // What is ours alone is a unicast address, whatever it looks like.
    let alone = |addr: &Ipv6Addr| !own.contains(addr);
    for there in interface.addrs6.iter() {
        roles.push((there.addr, Role::Held));
        if there.is_assigned() {
            roles.push((there.addr, Role::Assigned));
        }
    }
    let subnets: HashSet<Ipv6Addr, Quick> =
        interface.addrs6.iter().filter_map(Addr6::subnet_router).filter(alone).collect();
    let given =
        interface.anycast.iter().filter(|addr| alone(addr) && !(forwarding && subnets.contains(addr)));
    roles.extend(given.flat_map(|addr| [(*addr, Role::Anycast), (*addr, Role::Shared)]));
    for addr in subnets {
        roles.push((addr, Role::Shared));
        roles.extend(forwarding.then_some((addr, Role::Anycast)));
    }
    roles.sort_unstable();
    roles
}

/// The same of its IPv4 addresses.
fn roles4(interface: &Interface) -> Vec<(Ipv4Addr, Role)> {
    let held = interface.addrs4.iter().map(|own| (own.addr, Role::Held));
    let assigned = interface.addrs4.iter().filter(|own| own.is_assigned());
    let mut roles: Vec<_> = held.chain(assigned.map(|own| (own.addr, Role::Assigned))).collect();
    roles.sort_unstable();
    roles
}

/// What is in one of two lists in order: false for the first, true for the second.
pub(super) fn differences<T: Copy + Ord>(before: &[T], after: &[T]) -> Vec<(T, bool)> {
    let (mut old, mut new) = (before.iter().peekable(), after.iter().peekable());
    let mut all = Vec::new();
    loop {
        match (old.peek(), new.peek()) {
            (Some(one), Some(two)) if one == two => {
                old.next();
                new.next();
            }
            (Some(one), two) if two.is_none_or(|two| one < two) => {
                all.push((**one, false));
                old.next();
            }
            (_, Some(two)) => {
                all.push((**two, true));
                new.next();
            }
            (_, None) => return all,
        }
    }
}

impl Owners {
    /// Who has an address; `None` at once for most that nobody of us has.
    #[inline]
    pub(crate) fn six(&self, addr: Ipv6Addr) -> Option<&Six> {
        if self.marks.has(addr) { self.six.get(&addr) } else { None }
    }

    /// The same of IPv4.
    #[inline]
    pub(crate) fn four(&self, addr: Ipv4Addr) -> Option<&Four> {
        self.four.get(&addr)
    }

    /// Whether both say the same.
    pub(super) fn is_like(&self, other: &Owners) -> bool {
        let all6 =
            |this: &Owners, other: &Owners| this.six.iter().all(|(addr, six)| other.six(*addr) == Some(six));
        let all4 = |this: &Owners, other: &Owners| {
            this.four.iter().all(|(addr, four)| other.four(*addr) == Some(four))
        };
        all6(self, other) && all6(other, self) && all4(self, other) && all4(other, self)
    }

    /// An interface is as `after` now, and was as `before`; each with whether packets are forwarded.
    pub(crate) fn follow(&mut self, before: Option<(&Interface, bool)>, after: Option<(&Interface, bool)>) {
        let lists = |(there, forwarding): (&Interface, bool)| {
            (Arc::as_ptr(&there.addrs6), Arc::as_ptr(&there.anycast), forwarding, there.ifnet.id)
        };
        let (old, new) = (before.map(|(there, _)| there), after.map(|(there, _)| there));
        let id = |there: &Interface| there.ifnet.id;
        // Another one in the same slot.
        if let (Some(old), Some(new)) = (old, new)
            && id(old) != id(new)
        {
            self.follow(before, None);
            return self.follow(None, after);
        }
        let Some(on) = new.or(old).map(id) else { return };
        if before.map(lists) != after.map(lists) {
            let roles = |which: Option<(&Interface, bool)>| {
                which.map_or_else(Vec::new, |(there, forwarding)| roles6(there, forwarding))
            };
            for ((addr, role), comes) in differences(&roles(before), &roles(after)) {
                self.six.change(addr, |six| {
                    let mut six = six.unwrap_or_default();
                    six.play(role, is_link_local(addr), on, comes);
                    Some(six).filter(|six| *six != Six::default())
                });
                self.marks.note(addr, comes);
            }
            if self.marks.is_worn(self.six.len()) {
                self.marks = Marks::of(self.six.len(), self.six.iter().map(|(addr, _)| *addr));
            }
        }
        let list = |there: &Interface| Arc::as_ptr(&there.addrs4);
        if old.map(list) != new.map(list) {
            let roles = |which: Option<&Interface>| which.map_or_else(Vec::new, roles4);
            for ((addr, role), comes) in differences(&roles(old), &roles(new)) {
                self.four.change(addr, |four| {
                    let mut four = four.unwrap_or_default();
                    let list = if role == Role::Assigned { &mut four.assigned } else { &mut four.held };
                    put(list, on, comes);
                    Some(four).filter(|four| *four != Four::default())
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_is_found_with_what_comes_twice() {
        assert_eq!(differences(&[1, 2, 2, 4], &[0, 2, 4, 5]), [(0, true), (1, false), (2, false), (5, true)]);
        assert_eq!(differences(&[], &[1]), [(1, true)]);
        assert_eq!(differences(&[1], &[]), [(1, false)]);
    }
}
