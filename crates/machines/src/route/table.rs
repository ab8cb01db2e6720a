//! The table of routes.

use core::cmp::Ordering;
use std::collections::BTreeMap;

use prefix_trie::PrefixMap;
use prefix_trie::map::Entry;
use siding_netisr::IfId;

use super::groups::MOST_GROUPS;
use super::prefix::Address;
use super::prefix::Prefix;
use super::spread::MOST_HOPS;

/// Routes that one prefix may have: as many look-ups may have to pass over, and each change of one makes them all anew.
pub const MOST_WAYS: usize = 256;

/// Who put a route there. Of routes with one prefix and metric, the earlier in this list is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Origin {
    /// An address on the interface made its prefix on-link.
    Connected,
    /// The operator.
    Static,
    /// A Router Advertisement: a default router, or an on-link prefix (RFC 4861 s6.3.4).
    Advertised,
    /// A Redirect (RFC 4861 s8.3).
    Redirect,
}

/// One way to a prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route<A, I = IfId> {
    /// The destinations.
    pub prefix: Prefix<A>,
    /// The router to hand packets to; `None` when the destinations are on-link.
    pub next_hop: Option<A>,
    /// The interface to send on.
    pub interface: I,
    /// Less is better.
    pub metric: u32,
    /// Who put it there.
    pub origin: Origin,
}

/// A route that cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RouteError<A: Address> {
    /// The next hop is unspecified, loopback, multicast or broadcast.
    #[error("{0} cannot be a next hop")]
    NextHop(A),
    /// The next hop is the one address that the route is for: it would be reached by itself.
    #[error("the route to {0} goes by {0} itself")]
    Itself(A),
    /// The prefix has as many routes as one may have.
    #[error("there are {MOST_WAYS} routes to that prefix, and there can be no more: remove one first")]
    Ways,
    /// The group has none, or more than one may have.
    #[error("a group of {0} next hops, and there are 1 to {MOST_HOPS}")]
    Hops(usize),
    /// The group has it twice on one interface.
    #[error("{0} is twice in the group: give it more weight instead")]
    Twice(A),
    /// The next hop would have no share.
    #[error("the weight of {0} is 0: leave it out, or give it one of 1 to 255")]
    Weightless(A),
    /// As many prefixes have groups as may.
    #[error("{MOST_GROUPS} prefixes have several next hops, and there can be no more: remove one first")]
    Groups,
    /// The data path's table holds no more.
    #[error("the table of routes is full: remove some first")]
    Full,
}

/// Routes, found by the longest prefix that matches.
///
/// It is control's; the data path looks into a [`Fib`](super::Fib). Look-ups depend only on which routes are in it, not on the
/// order in which they came.
#[derive(Clone)]
pub struct Table<A: Address, I = IfId> {
    trie: PrefixMap<A::Key, Slot<A, I>>,
    routes: usize,
    /// How many prefixes have so many routes, of those that have several.
    crowds: BTreeMap<usize, usize>,
}

/// The routes of one prefix. The best lies in the trie itself: a look-up touches no second allocation.
#[derive(Debug, Clone)]
struct Slot<A, I> {
    best: Route<A, I>,
    /// In order of preference.
    others: Vec<Route<A, I>>,
}

impl<A: Address, I: Copy + Ord> Default for Table<A, I> {
    fn default() -> Self {
        Table::new()
    }
}

impl<A: Address, I: Copy + Ord> Table<A, I> {
    /// A table without routes.
    pub fn new() -> Self {
        Table { trie: PrefixMap::new(), routes: 0, crowds: BTreeMap::new() }
    }

    /// Adds a route. One with the same prefix, next hop and interface is replaced, and returned.
    ///
    /// # Errors
    /// [`RouteError`] when the next hop can be none. The table is unchanged then.
    pub fn insert(&mut self, route: Route<A, I>) -> Result<Option<Route<A, I>>, RouteError<A>> {
        route.check()?;
        let (replaced, many) = match self.trie.entry(A::key(route.prefix)) {
            Entry::Occupied(mut slot) => {
                let slot = slot.get_mut();
                (slot.put(route), slot.len())
            }
            Entry::Vacant(place) => {
                place.insert(Slot { best: route, others: Vec::new() });
                (None, 1)
            }
        };
        if replaced.is_none() {
            self.routes += 1;
            self.note(many - 1, many);
        }
        Ok(replaced)
    }

    /// Takes out the route to `prefix` by `next_hop` on `interface`.
    pub fn remove(&mut self, prefix: &Prefix<A>, next_hop: Option<A>, interface: I) -> Option<Route<A, I>> {
        let key = A::key(*prefix);
        let slot = self.trie.get_mut(&key)?;
        let many = slot.len();
        let is_alone = slot.others.is_empty();
        let removed = match slot.best.is_by(next_hop, interface) {
            true if is_alone => {
                let removed = slot.best;
                self.trie.remove(&key);
                removed
            }
            true => std::mem::replace(&mut slot.best, slot.others.remove(0)),
            false => {
                let position = slot.others.iter().position(|route| route.is_by(next_hop, interface))?;
                slot.others.remove(position)
            }
        };
        self.routes -= 1;
        self.note(many, many - 1);
        Some(removed)
    }

    /// Takes out all routes that `keep` does not want, and says how many those were.
    pub fn retain(&mut self, mut keep: impl FnMut(&Route<A, I>) -> bool) -> usize {
        let before = self.routes;
        let mut emptied = Vec::new();
        self.routes = 0;
        self.crowds.clear();
        for slot in self.trie.values_mut() {
            slot.others.retain(&mut keep);
            if !keep(&slot.best) {
                if slot.others.is_empty() {
                    emptied.push(slot.best.prefix);
                    continue;
                }
                slot.best = slot.others.remove(0);
            }
            self.routes += slot.len();
            if slot.len() > 1 {
                *self.crowds.entry(slot.len()).or_default() += 1;
            }
        }
        for prefix in emptied {
            self.trie.remove(&A::key(prefix));
        }
        before - self.routes
    }

    /// The table as it is without an interface: what is published when one departs.
    pub fn without_interface(&self, interface: I) -> Self {
        let mut table = self.clone();
        table.retain(|route| route.interface != interface);
        table
    }

    /// The best route of the longest prefix that contains `dst`.
    pub fn lookup(&self, dst: A) -> Option<&Route<A, I>> {
        self.trie.get_lpm(&A::key(Prefix::covering(dst, A::MAX_LEN))).map(|(_, slot)| &slot.best)
    }

    /// The best route among those that `usable` accepts: still the longest prefix first, but a prefix none of
    /// whose routes is usable gives way to a shorter one.
    pub fn lookup_where(&self, dst: A, mut usable: impl FnMut(&Route<A, I>) -> bool) -> Option<&Route<A, I>> {
        let mut found = None;
        for (_, slot) in self.trie.cover(&A::key(Prefix::covering(dst, A::MAX_LEN))) {
            // `cover` goes from short to long.
            found = slot.iter().find(|route| usable(route)).or(found);
        }
        found
    }

    /// All routes of one prefix, the best first.
    pub fn routes_to(&self, prefix: &Prefix<A>) -> impl Iterator<Item = &Route<A, I>> {
        self.trie.get(&A::key(*prefix)).into_iter().flat_map(Slot::iter)
    }

    /// All routes, by prefix, and the best of each first.
    pub fn iter(&self) -> impl Iterator<Item = &Route<A, I>> {
        self.trie.values().flat_map(Slot::iter)
    }

    /// Adds all routes of so many prefixes to `all`, of those that come after `after`, or of the first. The last of these
    /// prefixes; `None` if there is none.
    pub fn list(
        &self,
        after: Option<Prefix<A>>,
        prefixes: usize,
        all: &mut Vec<Route<A, I>>,
    ) -> Option<Prefix<A>> {
        let slots = match after {
            Some(after) => self.trie.iter_from(&A::key(after), false),
            None => self.trie.iter(),
        };
        let mut last = None;
        for (_, slot) in slots.take(prefixes) {
            all.extend(slot.iter().copied());
            last = Some(slot.best.prefix);
        }
        last
    }

    /// The best route of each prefix.
    pub fn best(&self) -> impl Iterator<Item = &Route<A, I>> {
        self.trie.values().map(|slot| &slot.best)
    }

    /// Number of routes.
    pub fn len(&self) -> usize {
        self.routes
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.routes == 0
    }

    /// Routes of the prefix that has the most.
    pub fn most_to_one(&self) -> usize {
        self.crowds.last_key_value().map_or(usize::from(self.routes > 0), |(many, _)| *many)
    }

    /// A prefix has `after` routes, and had `before`.
    fn note(&mut self, before: usize, after: usize) {
        if after > 1 {
            *self.crowds.entry(after).or_default() += 1;
        }
        if let std::collections::btree_map::Entry::Occupied(mut there) = self.crowds.entry(before) {
            *there.get_mut() -= 1;
            if *there.get() == 0 {
                there.remove();
            }
        }
    }
}

impl<A: Address, I: Copy + Ord> Route<A, I> {
    /// That its next hop can be one.
    ///
    /// # Errors
    /// [`RouteError`] when it cannot.
    pub fn check(&self) -> Result<(), RouteError<A>> {
        let Some(next_hop) = self.next_hop else { return Ok(()) };
        if !next_hop.is_next_hop() {
            return Err(RouteError::NextHop(next_hop));
        }
        if self.prefix == Prefix::covering(next_hop, A::MAX_LEN) {
            return Err(RouteError::Itself(next_hop));
        }
        Ok(())
    }

    fn is_by(&self, next_hop: Option<A>, interface: I) -> bool {
        self.next_hop == next_hop && self.interface == interface
    }

    /// The order of preference among routes of one prefix, `Less` being better: metric, then origin, then next
    /// hop and interface, only so that there is always one answer.
    pub fn preference(&self, other: &Self) -> Ordering {
        let key = |route: &Self| (route.metric, route.origin, route.next_hop, route.interface);
        key(self).cmp(&key(other))
    }
}

impl<A: Address, I: Copy + Ord> Slot<A, I> {
    /// Puts a route in, in the place of the one by the same next hop and interface, which it gives.
    fn put(&mut self, route: Route<A, I>) -> Option<Route<A, I>> {
        let is_it = |there: &Route<A, I>| there.is_by(route.next_hop, route.interface);
        if is_it(&self.best) && self.others.is_empty() {
            return Some(std::mem::replace(&mut self.best, route));
        }
        let replaced = match is_it(&self.best) {
            true => Some(std::mem::replace(&mut self.best, self.others.remove(0))),
            false => self.others.iter().position(is_it).map(|at| self.others.remove(at)),
        };
        self.add(route);
        replaced
    }

    fn add(&mut self, mut route: Route<A, I>) {
        if route.preference(&self.best) == Ordering::Less {
            core::mem::swap(&mut route, &mut self.best);
        }
        let position = self.others.partition_point(|other| other.preference(&route) == Ordering::Less);
        self.others.insert(position, route);
    }

    fn len(&self) -> usize {
        1 + self.others.len()
    }

    fn iter(&self) -> impl Iterator<Item = &Route<A, I>> {
        core::iter::once(&self.best).chain(&self.others)
    }
}
