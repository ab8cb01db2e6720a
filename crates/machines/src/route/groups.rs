//! The groups as control keeps them.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::collections::HashMap;

use siding_fib::Full;
use siding_fib::Value;

use super::group;
use super::group::Group;
use super::group::Hop;
use super::group::Seen;
use super::group::best;
use super::prefix::Address;
use super::prefix::Prefix;
use super::rib::Rib;
use super::spread::BUCKETS;
use super::spread::Buckets;
use super::spread::MOST_HOPS;
use super::spread::spread;
use super::table::RouteError;
use super::way::Handle;
use super::way::Way;
use super::way::group_meaning;
use super::way::hops_of;
use crate::limits::Usage;

/// Prefixes of a family that may have groups: each keeps whose its buckets are.
pub const MOST_GROUPS: usize = 16_384;

/// All groups of a family.
pub(super) struct Groups<A: Address, I> {
    all: BTreeMap<Prefix<A>, Kept<A, I>>,
    /// Of all of them together.
    hops: usize,
    /// The prefixes of each interface's hops.
    by_interface: BTreeSet<(I, Prefix<A>)>,
    /// How many there were, and how many hops of one; what was refused of either.
    pub(super) usage: [Usage; 2],
    /// What the data path has of them, and for how many prefixes: those with the same words share these.
    values: HashMap<Vec<u64>, (Value, usize)>,
}

/// A group, and whose its buckets are.
#[derive(Clone, PartialEq)]
pub(super) struct Kept<A, I> {
    pub(super) hops: Vec<Hop<A, I>>,
    buckets: Box<Buckets>,
}

/// A group, and what becomes of it when some of its hops go.
type Change<A, I> = (Kept<A, I>, Option<Kept<A, I>>);

impl<A: Address, I> Default for Groups<A, I> {
    fn default() -> Self {
        Groups {
            all: BTreeMap::new(),
            hops: 0,
            by_interface: BTreeSet::new(),
            usage: Default::default(),
            values: HashMap::new(),
        }
    }
}

impl<A: Address, I: Handle> Kept<A, I> {
    /// The group with buckets that stay whose they were before, as far as they can.
    pub(super) fn new(hops: Vec<Hop<A, I>>, before: Option<&Kept<A, I>>) -> Self {
        let there = |hop: &Hop<A, I>| hops.iter().position(|there| there.is(hop));
        let owner = |before: &Kept<A, I>, at: usize| {
            let owner = before.hops.get(usize::from(before.buckets[at]))?;
            there(owner).map(|place| place as u8)
        };
        let owners = std::array::from_fn(|at| owner(before?, at));
        // Who has only lost some shares out what these had; all else is shared out anew.
        let was = |before: &Kept<A, I>, hop: &Hop<A, I>| before.hops.iter().any(|old| old.is_due_as(hop));
        let goes_on = before.is_some_and(|before| hops.iter().all(|hop| was(before, hop)));
        let weights: Vec<u8> = hops.iter().map(|hop| hop.weight).collect();
        let buckets = Box::new(spread(&weights, &owners, !goes_on));
        Kept { hops, buckets }
    }

    pub(super) fn metric(&self) -> u32 {
        best(&self.hops)
    }

    fn group(&self, prefix: Prefix<A>) -> Group<A, I> {
        Group { prefix, hops: self.hops.clone() }
    }

    /// The hops that are to stay, with what they take over from the others; `None` if none is.
    fn keep(&self, stays: impl Fn(&Hop<A, I>) -> bool) -> Option<Self> {
        let hops: Vec<_> = self.hops.iter().copied().filter(stays).collect();
        (!hops.is_empty()).then(|| Kept::new(hops, Some(self)))
    }
}

impl<A: Address, I: Handle> Groups<A, I> {
    pub(super) fn get(&self, prefix: &Prefix<A>) -> Option<&Kept<A, I>> {
        self.all.get(prefix)
    }

    pub(super) fn has_by(&self, interface: I) -> bool {
        let from = (interface, Prefix::covering(A::of_left_justified(0), 0));
        self.by_interface.range(from..).next().is_some_and(|(on, _)| *on == interface)
    }

    fn by(&self, interface: I) -> Vec<Prefix<A>> {
        let from = (interface, Prefix::covering(A::of_left_justified(0), 0));
        let its = self.by_interface.range(from..).take_while(|(on, _)| *on == interface);
        its.map(|(_, prefix)| *prefix).collect()
    }

    /// Puts a prefix's group in, or takes it out; gives the one before.
    pub(super) fn set(&mut self, prefix: Prefix<A>, group: Option<Kept<A, I>>) -> Option<Kept<A, I>> {
        let before = self.all.remove(&prefix);
        let many = |group: &Option<Kept<A, I>>| group.as_ref().map_or(0, |group| group.hops.len());
        self.hops = self.hops + many(&group) - many(&before);
        for hop in before.iter().flat_map(|before| &before.hops) {
            self.by_interface.remove(&(hop.interface, prefix));
        }
        if let Some(group) = group {
            self.by_interface.extend(group.hops.iter().map(|hop| (hop.interface, prefix)));
            self.all.insert(prefix, group);
        }
        before
    }

    /// What there is of a prefix is there to stay.
    pub(super) fn note(&self, prefix: &Prefix<A>) {
        if let Some(group) = self.all.get(prefix) {
            self.usage[0].note(self.all.len());
            self.usage[1].note(group.hops.len());
        }
    }
}

impl<A: Address, I: Handle> Rib<A, I> {
    /// Has a prefix's flows share several routers. A group of the same prefix is replaced: flows stay with a router that was in
    /// that one as well, but for those that have to go to a newcomer, or from one whose weight is less now.
    ///
    /// # Errors
    /// [`RouteError`]; nothing has changed then.
    pub fn insert_group(&mut self, group: Group<A, I>) -> Result<(), RouteError<A>> {
        self.may_be(&group)?;
        let kept = Kept::new(group.hops, self.groups.get(&group.prefix));
        self.set_group(group.prefix, Some(kept))
    }

    /// Has a router more share a prefix's flows, or gives one that does another weight or metric. The group's metric is the best
    /// of its routers'.
    ///
    /// # Errors
    /// As [`insert_group`](Self::insert_group).
    pub fn insert_hop(&mut self, prefix: Prefix<A>, hop: Hop<A, I>) -> Result<(), RouteError<A>> {
        let mut hops = self.groups.get(&prefix).map_or_else(Vec::new, |kept| kept.hops.clone());
        match hops.iter_mut().find(|there| there.is(&hop)) {
            Some(there) => *there = hop,
            None => hops.push(hop),
        }
        self.insert_group(Group { prefix, hops })
    }

    /// Takes a router out of those that share a prefix's flows; false if it is none of them. The last one takes the group along.
    ///
    /// # Errors
    /// As [`remove`](Self::remove): it stays.
    pub fn remove_hop(&mut self, prefix: &Prefix<A>, router: A, interface: I) -> Result<bool, RouteError<A>> {
        let Some(before) = self.groups.get(prefix) else { return Ok(false) };
        let stays = |hop: &Hop<A, I>| hop.router != router || hop.interface != interface;
        if before.hops.iter().all(stays) {
            return Ok(false);
        }
        let kept = before.keep(stays);
        self.set_group(*prefix, kept).map(|()| true)
    }

    pub(super) fn may_be(&self, group: &Group<A, I>) -> Result<(), RouteError<A>> {
        if group.hops.len() > MOST_HOPS {
            self.groups.usage[1].refuse();
        }
        group.check()?;
        if self.groups.get(&group.prefix).is_none() && self.groups.all.len() >= MOST_GROUPS {
            self.groups.usage[0].refuse();
            return Err(RouteError::Groups);
        }
        Ok(())
    }

    /// Takes a prefix's group out. False if it has none.
    ///
    /// # Errors
    /// As [`remove`](Self::remove): it stays.
    pub fn remove_group(&mut self, prefix: &Prefix<A>) -> Result<bool, RouteError<A>> {
        let there = self.groups.get(prefix).is_some();
        if there {
            self.set_group(*prefix, None)?;
        }
        Ok(there)
    }

    /// All groups, by prefix.
    pub fn groups(&self) -> impl Iterator<Item = Group<A, I>> {
        self.groups.all.iter().map(|(prefix, kept)| kept.group(*prefix))
    }

    /// How many there are.
    pub fn group_count(&self) -> usize {
        self.groups.all.len()
    }

    /// How many hops they have together.
    pub fn hop_count(&self) -> usize {
        self.groups.hops
    }

    /// Hops of the group that has the most.
    pub(super) fn most_hops(&self) -> usize {
        self.groups.all.values().map(|kept| kept.hops.len()).max().unwrap_or(0)
    }

    /// The group of a prefix.
    pub fn group_to(&self, prefix: &Prefix<A>) -> Option<Group<A, I>> {
        self.groups.get(prefix).map(|kept| kept.group(*prefix))
    }

    /// Takes an interface's hops out of all groups; one that has no other goes.
    pub(super) fn remove_hops(&mut self, interface: I) -> Result<(), RouteError<A>> {
        let mut result = Ok(());
        // Most prefixes have the same routers: what came of one group comes of the next that is alike.
        let mut last: Option<Change<A, I>> = None;
        for prefix in self.groups.by(interface) {
            let Some(before) = self.groups.get(&prefix) else { continue };
            let after = match &last {
                Some((same, after)) if same == before => after.clone(),
                _ => {
                    let after = before.keep(|hop| hop.interface != interface);
                    last = Some((before.clone(), after.clone()));
                    after
                }
            };
            result = result.and(self.set_group(prefix, after));
        }
        result
    }

    fn set_group(&mut self, prefix: Prefix<A>, group: Option<Kept<A, I>>) -> Result<(), RouteError<A>> {
        let before = self.groups.set(prefix, group);
        let published = self.publish(&prefix);
        if published.is_err() {
            self.groups.set(prefix, before);
        }
        published
    }

    /// The value of a prefix's group, which has one more user; as [`hold`](Self::hold), who it leads on to has one fewer if it
    /// was known.
    pub(super) fn hold_group(&mut self, prefix: &Prefix<A>, other: Option<Value>) -> Result<Value, Full> {
        let Some(kept) = self.groups.get(prefix).cloned() else { return Err(Full) };
        let mut hops = Vec::with_capacity(kept.hops.len());
        for hop in &kept.hops {
            let way = Way::Out { interface: hop.interface, next_hop: Some(hop.router) };
            match self.hold(way.meaning(None)) {
                Ok(value) => hops.push(value),
                Err(Full) => {
                    hops.into_iter().for_each(|hop| self.let_go(Some(hop)));
                    return Err(Full);
                }
            }
        }
        let words = group::words(group_meaning(hops.len(), other), &hops, &kept.buckets);
        if let Some((value, users)) = self.groups.values.get_mut(&words) {
            *users += 1;
            let value = *value;
            hops.into_iter().for_each(|hop| self.let_go(Some(hop)));
            self.let_go(other);
            return Ok(value);
        }
        let made = self.keeper.make_list(&words);
        match made {
            Ok(value) => _ = self.groups.values.insert(words, (value, 1)),
            Err(Full) => hops.into_iter().for_each(|hop| self.let_go(Some(hop))),
        }
        made
    }

    /// One user of a group fewer. Whether it goes: its hops have one fewer then.
    pub(super) fn let_go_group(&mut self, group: Value, meaning: [u64; 4]) -> bool {
        let Some(many) = hops_of(meaning) else { return false };
        let (words, hops) = self.keeper.trie().read(|table| {
            let seen = Seen::new(&table, group, many);
            (seen.words(), (0..seen.hops).filter_map(|place| seen.hop(place)).collect::<Vec<_>>())
        });
        let Some((_, users)) = self.groups.values.get_mut(&words) else { return false };
        *users -= 1;
        if *users > 0 {
            return false;
        }
        self.groups.values.remove(&words);
        self.keeper.release_list(group, words.len());
        hops.into_iter().for_each(|hop| self.let_go(Some(hop)));
        true
    }

    /// Whether a group's hop sends by this interface.
    pub(super) fn has_hop_by(&self, interface: I) -> bool {
        self.groups.has_by(interface)
    }
}

// A group's words fit into what a value may stand for.
const _: () = assert!(4 + MOST_HOPS / 2 + BUCKETS / 8 <= siding_fib::MOST_LISTED);
