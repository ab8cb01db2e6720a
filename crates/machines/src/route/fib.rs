//! The routes as the data path reads them: without a lock, while they change.

use std::sync::Arc;

use siding_fib::Trie;
use siding_fib::Value;
use siding_netisr::IfId;

use super::prefix::Address;
use super::table::MOST_WAYS;
use super::way::Handle;
use super::way::Way;

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

    /// The best way of the longest prefix that contains `dst`, whether it can be used or not.
    #[inline]
    pub fn lookup(&self, dst: A) -> Option<Way<A, I>> {
        let meaning = self.trie.read(|table| table.lookup(dst).map(|value| table.meaning(value)));
        Way::of_meaning(meaning?)
    }

    /// The same, with the name of that way.
    pub fn lookup_named(&self, dst: A) -> Option<(Value, Way<A, I>)> {
        let found = self.trie.read(|table| table.lookup(dst).map(|name| (name, table.meaning(name))));
        let (name, meaning) = found?;
        Some((name, Way::of_meaning(meaning)?))
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

    /// The best way among those that `usable` accepts: still the longest prefix first, but a prefix none of whose ways is
    /// usable gives way to a shorter one. `usable` may be asked again.
    pub fn lookup_where(&self, dst: A, usable: impl Fn(&Way<A, I>) -> bool) -> Option<Way<A, I>> {
        self.trie.read(|table| {
            let mut found = None;
            table.covering(dst, |_, value| {
                let mut next = Some(value);
                // And a refusal. A look-up that has met words in change ends soon, too.
                for _ in 0..=MOST_WAYS {
                    let Some(value) = next else { break };
                    let meaning = table.meaning(value);
                    let Some(way) = Way::of_meaning(meaning) else { break };
                    if usable(&way) {
                        // They come from short to long.
                        found = Some(way);
                        break;
                    }
                    next = Way::<A, I>::other(meaning);
                }
            });
            found
        })
    }
}
