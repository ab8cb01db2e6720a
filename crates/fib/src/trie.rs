//! The table as readers see it.

use core::fmt;
use core::marker::PhantomData;

use siding_lockorder::sync::atomic::AtomicU64;

use crate::arena::Arena;
use crate::arena::zeroed;
use crate::key::Key;

/// Look-ups that go down together.
pub(crate) const TOGETHER: usize = 32;

/// Bytes that are skipped below a word of the root at the most: as many as fit in a word beside a link.
pub(crate) const MOST_SKIPPED: usize = 3;

/// Prefixes and their values, for readers. Made and changed by a keeper.
pub struct Trie<K> {
    pub(crate) arena: Arena,
    /// By the first bytes of an address.
    pub(crate) root: Box<[AtomicU64]>,
    /// Beside the root, what can be skipped below each of its words; nothing where keys are short.
    pub(crate) skips: Box<[AtomicU64]>,
    /// The value of the prefix of no bits, which would be in every word of the root.
    pub(crate) default: AtomicU64,
    /// The nodes of the prefixes that end in the root, for who asks for all that cover an address, and for the keeper.
    pub(crate) short: AtomicU64,
    /// How often it has changed. No checker's: what a reader finds in the table does not depend on it, only whether it may
    /// remember what that stood for.
    changes: core::sync::atomic::AtomicU64,
    key: PhantomData<fn(K)>,
}

impl<K: Key> Trie<K> {
    pub(crate) fn new() -> Trie<K> {
        let words = |many: usize| {
            // As for any other allocation.
            let one_by_one = || std::iter::repeat_with(|| AtomicU64::new(0)).take(many).collect();
            zeroed(many).unwrap_or_else(one_by_one)
        };
        Trie {
            arena: Arena::new(),
            root: words(1 << (8 * K::ROOT)),
            skips: words(if K::BYTES - K::ROOT >= MOST_SKIPPED { 1 << (8 * K::ROOT) } else { 0 }),
            default: AtomicU64::new(0),
            short: AtomicU64::new(0),
            changes: core::sync::atomic::AtomicU64::new(0),
            key: PhantomData,
        }
    }
}

impl<K> Trie<K> {
    /// A number that is another after each change: who has looked things up before may ask whether all still is as it was. It is
    /// so for certain only if nothing has changed meanwhile in the same thread: a change elsewhere is seen some time later.
    #[inline]
    pub fn changes(&self) -> u64 {
        // Whoever sees the number of a change finds what was changed.
        self.changes.load(core::sync::atomic::Ordering::Acquire)
    }

    /// It has changed. To be called by the keeper.
    pub(crate) fn changed(&self) {
        let changes = self.changes.load(core::sync::atomic::Ordering::Relaxed);
        self.changes.store(changes.wrapping_add(1), core::sync::atomic::Ordering::Release);
    }
}

impl<K> fmt::Debug for Trie<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trie").finish_non_exhaustive()
    }
}
