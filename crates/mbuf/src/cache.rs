//! A worker's own stock of buffers.
//!
//! *Locks*: none; a cache belongs to one thread at a time. *Teardown*: dropping it returns all that it holds.

use alloc::vec::Vec;
use core::fmt;

use siding_netisr::sync::atomic::Ordering;

use crate::Mbuf;
use crate::Pool;
use crate::slab::Chain;
use crate::slab::Slot;
use crate::slab::TallyRef;

/// A worker's stock of buffers of one pool.
///
/// Takes half its size from the pool when it is empty and gives half back when it is full, so a worker that
/// frees about as much as it allocates shares nothing with other cores. It can move between threads, but only
/// one at a time uses it.
pub struct Cache {
    /// Topmost used last, hence warmest.
    slots: Vec<Slot>,
    size: usize,
    tally: TallyRef,
    pool: Pool,
    /// Where longer packets go.
    large: Option<Pool>,
}

impl Pool {
    /// A worker's cache, which holds at most `size` buffers (at least 2) and is empty at first. What it holds
    /// is not to be had by others.
    pub fn cache(&self, size: usize) -> Cache {
        Cache::new(self.clone(), size)
    }
}

impl Cache {
    fn new(pool: Pool, size: usize) -> Cache {
        let size = size.clamp(2, pool.capacity().max(2));
        let tally = pool.slab().claim_tally();
        Cache { slots: Vec::with_capacity(size), size, tally, pool, large: None }
    }

    /// Has what is too long for this cache's pool put into buffers of `large`, of which none are kept here.
    pub fn set_large(&mut self, large: Option<Pool>) {
        self.large = large;
    }

    /// A new, empty packet with the pool's headroom in front. `None` when cache and pool are dry, which
    /// is counted in [`Pool::refused`].
    #[inline]
    pub fn alloc(&mut self) -> Option<Mbuf> {
        if self.slots.is_empty() {
            self.refill();
        }
        let slot = self.slots.pop()?;
        self.count();
        Some(Mbuf::new(slot, self.pool.slab().get().headroom))
    }

    /// A new, empty packet with room for `len` bytes behind its pool's headroom: a large one if need be. `None` when there
    /// is none, which its pool counts, or when nothing is so large.
    #[inline]
    pub fn alloc_for(&mut self, len: usize) -> Option<Mbuf> {
        if len <= self.pool.room() {
            return self.alloc();
        }
        self.large.as_ref().filter(|large| len <= large.room())?.alloc()
    }

    /// Takes a packet that is done with. The same as dropping it, but cheap: the buffer stays on this core. A
    /// packet of another pool goes back to that one; a shared one goes when its last clone does.
    #[inline]
    pub fn free(&mut self, mbuf: Mbuf) {
        self.take(mbuf);
        self.count();
    }

    #[inline]
    fn take(&mut self, mbuf: Mbuf) {
        if !mbuf.is_of(self.pool.slab()) {
            return;
        }
        let Some(slot) = mbuf.into_slot() else { return };
        if self.slots.len() == self.size {
            self.flush(self.size / 2);
        }
        self.slots.push(slot);
    }

    /// Takes many packets that are done with; the same as [`free`](Self::free) for each.
    pub fn free_all(&mut self, mbufs: impl IntoIterator<Item = Mbuf>) {
        for mbuf in mbufs {
            self.take(mbuf);
        }
        self.count();
    }

    /// The pool that this is a cache of.
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Number of buffers in the cache now.
    pub fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether the next allocation will have to ask the pool.
    pub fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn tally(&self) -> TallyRef {
        self.tally
    }

    #[cold]
    fn refill(&mut self) {
        let slots = &mut self.slots;
        self.pool.slab().pop((self.size / 2) as u32, |slot| slots.push(slot));
        self.count();
    }

    /// Returns the `count` coldest slots.
    #[cold]
    fn flush(&mut self, count: usize) {
        let mut chain: Option<Chain> = None;
        for slot in self.slots.drain(..count) {
            match &mut chain {
                Some(chain) => chain.add(slot),
                None => chain = Some(Chain::new(slot)),
            }
        }
        drop(chain);
        self.count();
    }

    /// Tells the pool how many slots are here. Nobody else writes the counter, so it costs a plain store.
    #[inline]
    fn count(&self) {
        self.tally.get().cached.store(self.slots.len() as u32, Ordering::Release);
    }
}

impl Drop for Cache {
    fn drop(&mut self) {
        self.flush(self.slots.len());
        self.tally.disown();
    }
}

// JUSTIFICATION: the pointers are what makes it !Send, and a worker's cache is made before its thread is.
// SAFETY: the slots belong to the cache alone, the tally is written by its owner only and atomic, and the pool is
// Send. `Sync` is not claimed.
unsafe impl Send for Cache {}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").field("len", &self.len()).field("size", &self.size).finish_non_exhaustive()
    }
}
