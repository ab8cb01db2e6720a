//! The routes as the data path reads them: without a lock, while they change.

use std::sync::Arc;

use siding_fib::Meaning;
use siding_fib::Table;
use siding_fib::Trie;
use siding_fib::Value;
use siding_netisr::IfId;

use super::group::Seen;
use super::prefix::Address;
use super::spread::BUCKETS;
use super::spread::MOST_HOPS;
use super::table::MOST_WAYS;
use super::way::Handle;
use super::way::Way;
use super::way::hops_of;

/// The ways to all destinations, for readers; a [`Rib`](super::Rib) keeps them.
#[derive(Debug)]
pub struct Fib<A: Address, I = IfId> {
    trie: Arc<Trie<A>>,
    interface: core::marker::PhantomData<fn(I)>,
}

impl<A: Address, I> Clone for Fib<A, I> {
    fn clone(&self) -> Self {
        Fib { trie: self.trie.clone(), interface: self.interface }
    }
}

impl<A: Address, I: Handle> Fib<A, I> {
    pub(super) fn new(trie: Arc<Trie<A>>) -> Self {
        Fib { trie, interface: core::marker::PhantomData }
    }

    /// The best way of the longest prefix that contains `dst`, whether it can be used or not. If routers share the flows to it,
    /// that of the flows whose hash is 0.
    #[inline]
    pub fn lookup(&self, dst: A) -> Option<Way<A, I>> {
        self.lookup_for(dst, || 0)
    }

    /// The same for the flow of this hash, which is asked for only if routers share the flows.
    #[inline]
    pub fn lookup_for(&self, dst: A, flow: impl Fn() -> u32) -> Option<Way<A, I>> {
        let meaning = self.trie.read(|table| {
            let value = table.lookup(dst)?;
            let meaning = table.meaning(value);
            match hops_of(meaning) {
                None => Some(meaning),
                Some(hops) => Some(table.meaning(Seen::new(&table, value, hops).of(flow())?)),
            }
        });
        Way::of_meaning(meaning?)
    }

    /// The best way of the longest prefix that contains `dst`, with its name. The way is `None` if routers share the flows.
    pub fn lookup_named(&self, dst: A) -> Option<(Value, Option<Way<A, I>>)> {
        let found = self.trie.read(|table| table.lookup(dst).map(|name| (name, table.meaning(name))));
        let (name, meaning) = found?;
        match hops_of(meaning) {
            Some(_) => Some((name, None)),
            None => Some((name, Some(Way::of_meaning(meaning)?))),
        }
    }

    /// The way of a flow of this hash, and its name, by the name of the group whose flows it is one of. `None` if the number of
    /// [changes](Self::changes) is another than that at which the name was looked up.
    #[inline]
    pub fn shared(&self, group: Value, changes: u64, flow: u32) -> Option<(Value, Way<A, I>)> {
        let found = self.trie.read(|table| {
            // Asked for in here: what was changed later is not used again while this reads.
            let hops = hops_of(table.meaning(group)).filter(|_| self.trie.changes() == changes)?;
            let hop = Seen::new(&table, group, hops).of(flow)?;
            Some((hop, table.meaning(hop)))
        });
        let (hop, meaning) = found?;
        Some((hop, Way::of_meaning(meaning)?))
    }

    /// The ways that share the flows to `dst` where [`lookup_where`](Self::lookup_where) finds one of them, those that `usable`
    /// does not accept as well, and how many buckets each has; nothing if that finds a way of its own.
    pub fn sharing(&self, dst: A, usable: impl Fn(&Way<A, I>) -> bool) -> Vec<(Way<A, I>, usize)> {
        let way = |table: &Table<'_, A>, name: Option<Value>| Way::of_meaning(table.meaning(name?));
        let found = self.first(dst, |table, value, meaning| {
            let Some(hops) = hops_of(meaning) else {
                return Way::of_meaning(meaning).filter(&usable).map(|_| Vec::new());
            };
            let seen = Seen::new(table, value, hops);
            let mut shares = [0; MOST_HOPS];
            for owner in (0..BUCKETS).map(|bucket| seen.owner(bucket)) {
                shares.get_mut(owner).into_iter().for_each(|share| *share += 1);
            }
            let of = |place| Some((way(table, seen.hop(place))?, shares[place]));
            let all: Vec<_> = (0..seen.hops).filter_map(of).collect();
            all.iter().any(|(way, _)| usable(way)).then_some(all)
        });
        found.unwrap_or_default()
    }

    /// The names of the ways of all of `dsts`, for less than they cost one by one, in as many places of `names`. A name is the
    /// same way's for who finds the same number of [changes](Self::changes) before and after all that it looks up.
    #[inline]
    pub fn lookup_names(&self, dsts: &[A], names: &mut [Option<Value>]) {
        self.trie.lookup_all(dsts, names);
    }

    /// A number that is another after each change, for who has looked before: on the thread that made the change at once, on
    /// others some time later.
    #[inline]
    pub fn changes(&self) -> u64 {
        self.trie.changes()
    }

    /// The best way among those that `usable` accepts: still the longest prefix first, but a prefix none of
    /// whose ways is usable gives way to a shorter one. Of routers that share flows, the one to have those of this hash then.
    /// `usable` may be asked again.
    pub fn lookup_where(
        &self,
        dst: A,
        flow: impl Fn() -> u32,
        usable: impl Fn(&Way<A, I>) -> bool,
    ) -> Option<Way<A, I>> {
        self.first(dst, |table, value, meaning| match hops_of(meaning) {
            Some(hops) => Seen::new(table, value, hops)
                .find(flow(), |hop| Way::of_meaning(table.meaning(hop)).filter(&usable)),
            None => Way::of_meaning(meaning).filter(&usable),
        })
    }

    /// What `found` makes of the first of all ways to `dst` that it makes anything of: the longest prefix first, of each the best
    /// one first. Others may be asked for as well.
    fn first<T>(&self, dst: A, found: impl Fn(&Table<'_, A>, Value, Meaning) -> Option<T>) -> Option<T> {
        self.trie.read(|table| {
            let mut first = None;
            table.covering(dst, |_, value| {
                let mut next = Some(value);
                // And a refusal, and a group. A look-up that has met words in change ends soon, too.
                for _ in 0..=MOST_WAYS + 1 {
                    let Some(value) = next else { break };
                    let meaning = table.meaning(value);
                    let here = found(&table, value, meaning);
                    if here.is_some() {
                        // They come from short to long.
                        first = here;
                        break;
                    }
                    next = Way::<A, I>::other(meaning);
                }
            });
            first
        })
    }
}
