//! The routes as the data path reads them: without a lock, while they change.

use std::sync::Arc;

use siding_fib::Trie;
use siding_netisr::IfId;

use super::prefix::Address;
use super::table::MOST_WAYS;
use super::way::Handle;
use super::way::Way;

/// Ways that are looked up together.
const TOGETHER: usize = 32;

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

    /// The same for each of `dsts`, for less than it costs one by one, in as many places of `ways`.
    pub fn lookup_all(&self, dsts: &[A], ways: &mut [Option<Way<A, I>>]) {
        let mut meanings = [None; TOGETHER];
        for (dsts, ways) in dsts.chunks(TOGETHER).zip(ways.chunks_mut(TOGETHER)) {
            self.trie.meanings(dsts, &mut meanings);
            for (way, meaning) in ways.iter_mut().zip(&meanings[..dsts.len()]) {
                *way = meaning.and_then(Way::of_meaning);
            }
        }
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
