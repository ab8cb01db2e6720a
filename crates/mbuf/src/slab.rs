//! The memory behind a pool: slots, their headers, and the stack of free ones.
//!
//! *Locks*: none; every shared word is atomic. *Teardown*: [`SlabRef::release`] frees the slab when it takes
//! the last reference, and only then. See the crate's documentation for both.

use alloc::alloc::alloc_zeroed;
use alloc::alloc::dealloc;
use alloc::boxed::Box;
use core::alloc::Layout;
use core::ptr::NonNull;

use siding_netisr::sync::atomic::AtomicBool;
use siding_netisr::sync::atomic::AtomicPtr;
use siding_netisr::sync::atomic::AtomicU32;
use siding_netisr::sync::atomic::AtomicU64;
use siding_netisr::sync::atomic::Ordering;
use siding_netisr::sync::mutant;

use crate::line::Line;

/// Bytes from a slot's start to its data, and the alignment of both: a cache line. What a checker keeps of an atomic
/// takes more.
pub(crate) const HEADER: usize = if cfg!(siding_shuttle) { 1024 } else { 64 };

/// One handle, in [`Slab::refs`]. The low half counts slots that are not on the stack.
const HANDLE: u64 = 1 << 32;

/// The head of a slot.
///
/// `refs` is 1 while the slot is free or cached, so that an allocation need not touch this line at all.
pub(crate) struct Header {
    /// How many mbufs share the slot.
    pub(crate) refs: AtomicU32,
    /// While on the free stack: the index of the next slot below, plus one; 0 at the bottom.
    next: AtomicU32,
    /// Which slot this is.
    index: u32,
    /// What is left undone of the packet, if its mbuf says that something is (see [`Offload`](crate::Offload)).
    pub(crate) offload: AtomicU64,
    /// The way home.
    pub(crate) slab: SlabRef,
}

/// What is shared by all that have to do with one pool.
pub(crate) struct Slab {
    /// The free stack: tag in the upper half, index of the topmost slot plus one in the lower.
    head: Line<AtomicU64>,
    /// Handles in the upper half, slots off the stack in the lower; the slab goes when both are 0.
    refs: Line<AtomicU64>,
    /// Allocations that found nothing.
    pub(crate) refused: Line<AtomicU64>,
    /// List of the caches' counters. Grows only; entries are used again.
    tallies: AtomicPtr<Tally>,
    base: NonNull<u8>,
    stride: usize,
    layout: Layout,
    pub(crate) buffers: u32,
    pub(crate) size: u32,
    pub(crate) headroom: u16,
}

/// How many slots one cache holds, where others can read it. Cache lines of its own: its owner writes it for
/// every packet.
#[repr(align(128))]
pub(crate) struct Tally {
    /// Written by the owning cache only.
    pub(crate) cached: AtomicU32,
    owned: AtomicBool,
    next: *mut Tally,
}

/// A pointer to a slab, which its holder must have counted in [`Slab::refs`].
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct SlabRef(NonNull<Slab>);

/// A pointer to a slot that is off the stack, and so counted, and belongs to those who hold this. Only
/// [`SlabRef::pop`] gives one out.
#[derive(Clone, Copy)]
pub(crate) struct Slot(NonNull<Header>);

/// A pointer to a cache's counter. Only [`SlabRef::claim_tally`] gives one out, to one who holds a handle.
#[derive(Clone, Copy)]
pub(crate) struct TallyRef(NonNull<Tally>);

/// Slots of one slab on their way back, linked as they will be on the stack. Goes there when dropped, and the whole
/// chain costs two atomic operations.
///
/// The slots it is given must be their giver's alone.
pub(crate) struct Chain {
    first: Slot,
    last: Slot,
    count: u32,
}

const _: () = assert!(size_of::<Header>() <= HEADER && align_of::<Header>() <= HEADER);

impl SlabRef {
    /// Makes a slab with all its slots on the stack and one handle on it. `None` when there is no memory or the
    /// sizes overflow.
    pub(crate) fn new(buffers: u32, size: u32, headroom: u16) -> Option<SlabRef> {
        let stride = HEADER.checked_add(usize::try_from(size).ok()?)?.checked_next_multiple_of(HEADER)?;
        let bytes = stride.checked_mul(usize::try_from(buffers).ok()?)?;
        let layout = Layout::from_size_align(bytes, HEADER).ok()?;
        // JUSTIFICATION: slots need cache-line alignment and a header that outlives borrows of the data, and a
        // large pool should cost no time to zero; Vec gives neither.
        // SAFETY: `buffers` is not 0 (Pool::new refuses it) and `stride` is at least HEADER, so the size is not 0.
        let base = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let slab = NonNull::from(Box::leak(Box::new(Slab {
            head: Line(AtomicU64::new(1)),
            refs: Line(AtomicU64::new(HANDLE)),
            refused: Line(AtomicU64::new(0)),
            tallies: AtomicPtr::new(core::ptr::null_mut()),
            base,
            stride,
            layout,
            buffers,
            size,
            headroom,
        })));
        let this = SlabRef(slab);
        for index in 0..buffers {
            let next = if index + 1 < buffers { index + 2 } else { 0 };
            let (refs, next, offload) = (AtomicU32::new(1), AtomicU32::new(next), AtomicU64::new(0));
            let header = Header { refs, next, index, offload, slab: this };
            // JUSTIFICATION: the header is put into raw memory.
            // SAFETY: `index < buffers`, so the slot is within the allocation; slots start at multiples of
            // HEADER in memory aligned to it, which is enough for a Header; nobody else has seen the memory.
            unsafe { this.address(index).write(header) };
        }
        Some(this)
    }

    /// Counts one more handle.
    pub(crate) fn retain_handle(self) {
        let refs = &self.get().refs;
        if refs.fetch_add(HANDLE, Ordering::Relaxed) >> 32 >= u64::from(u32::MAX / 2) {
            // Taken back: who catches the panic may ask again as often as he likes.
            refs.fetch_sub(HANDLE, Ordering::Relaxed);
            panic!("more than 2^31 handles on one pool: some are leaked");
        }
    }

    /// Counts one handle less, and frees the slab if that was the last reference.
    pub(crate) fn release_handle(self) {
        self.release(HANDLE);
    }

    /// Takes up to `count` slots off the stack, passes each to `take`, and says how many there were. 0 is a
    /// refusal, and counted. The slots are counted as off the stack.
    pub(crate) fn pop(self, count: u32, mut take: impl FnMut(Slot)) -> u32 {
        let slab = self.get();
        let mut head = slab.head.load(Ordering::Acquire);
        loop {
            let top = head as u32;
            let mut below = top;
            let mut popped = 0;
            while below != 0 && popped < count {
                // The link may be stale if another thread changes the stack meanwhile; it is always the link of
                // some slot, and the exchange below then fails because the tag has moved on.
                below = self.header(below - 1).next.load(Ordering::Relaxed);
                popped += 1;
            }
            if popped == 0 {
                slab.refused.fetch_add(1, Ordering::Relaxed);
                return 0;
            }
            match slab.head.compare_exchange_weak(
                head,
                next_tag(head) | u64::from(below),
                Ordering::Acquire,
                Ordering::Acquire,
            ) {
                Ok(_) => {
                    slab.refs.fetch_add(u64::from(popped), Ordering::Relaxed);
                    let mut index = top;
                    for _ in 0..popped {
                        let slot = Slot(self.address(index - 1));
                        index = slot.header().next.load(Ordering::Relaxed);
                        take(slot);
                    }
                    return popped;
                }
                Err(now) => head = now,
            }
        }
    }

    /// The slots off the stack: live or cached.
    pub(crate) fn outside(self) -> u32 {
        self.get().refs.load(Ordering::Acquire) as u32
    }

    /// The sum of what the caches hold.
    pub(crate) fn cached(self) -> u32 {
        let mut sum = 0;
        let mut at = self.get().tallies.load(Ordering::Acquire);
        while let Some(tally) = NonNull::new(at) {
            let tally = TallyRef(tally);
            let tally = tally.get();
            sum += tally.cached.load(Ordering::Acquire);
            at = tally.next;
        }
        sum
    }

    /// A counter for a new cache, which must hold a handle on the slab for as long as it uses the counter.
    pub(crate) fn claim_tally(self) -> TallyRef {
        let slab = self.get();
        let mut at = slab.tallies.load(Ordering::Acquire);
        while let Some(found) = NonNull::new(at).map(TallyRef) {
            if !found.get().owned.swap(true, Ordering::Acquire) {
                return found;
            }
            at = found.get().next;
        }
        let mut fresh = Box::new(Tally {
            cached: AtomicU32::new(0),
            owned: AtomicBool::new(true),
            next: slab.tallies.load(Ordering::Relaxed),
        });
        loop {
            let expected = fresh.next;
            let new = Box::into_raw(fresh);
            match slab.tallies.compare_exchange(expected, new, Ordering::AcqRel, Ordering::Relaxed) {
                // JUSTIFICATION: turns the pointer that has just been made back into a NonNull.
                // SAFETY: it comes from Box::into_raw, which never gives null.
                Ok(_) => return TallyRef(unsafe { NonNull::new_unchecked(new) }),
                Err(now) => {
                    // JUSTIFICATION: takes the box back to set its link; nobody else has seen it.
                    // SAFETY: `new` comes from Box::into_raw above, and the exchange that would have shown it
                    // to others has failed.
                    fresh = unsafe { Box::from_raw(new) };
                    fresh.next = now;
                }
            }
        }
    }

    pub(crate) fn get(&self) -> &Slab {
        // JUSTIFICATION: slots point home without a count of their own; an Arc would cost an atomic per packet.
        // SAFETY: whoever holds a SlabRef is counted in `refs` (a handle, or a slot off the stack), and the slab
        // is freed only when `refs` reaches 0. SlabRefs in the headers of free slots are not used.
        unsafe { self.0.as_ref() }
    }

    fn release(self, what: u64) {
        if self.get().refs.fetch_sub(what, Ordering::Release) != what {
            return;
        }
        // Everything that others did with the slab comes before what follows. (Not a fence: ThreadSanitizer does not
        // understand those.)
        self.get().refs.load(Ordering::Acquire);
        // JUSTIFICATION: end of the life that began with Box::leak in `new`.
        // SAFETY: the pointer comes from there, and the count has just reached 0: no handle and no slot off the
        // stack is left, so nobody can reach the slab any more. Only one caller sees the count reach 0, because
        // a count is only ever raised by someone who holds one.
        let slab = unsafe { Box::from_raw(self.0.as_ptr()) };
        let mut at = slab.tallies.load(Ordering::Relaxed);
        while !at.is_null() {
            // JUSTIFICATION: end of the life that began with Box::into_raw in `claim_tally`.
            // SAFETY: the list holds pointers from there, each once; caches, the only ones to use them, hold
            // handles and are therefore gone.
            at = unsafe { Box::from_raw(at) }.next;
        }
        // JUSTIFICATION: end of the life that began with alloc_zeroed in `new`.
        // SAFETY: same pointer and layout; headers need no drop; all slots are free, see above.
        unsafe { dealloc(slab.base.as_ptr(), slab.layout) };
    }

    fn address(self, index: u32) -> NonNull<Header> {
        let slab = self.get();
        debug_assert!(index < slab.buffers);
        // JUSTIFICATION: address arithmetic within the slab.
        // SAFETY: indices come from `0..buffers` or from links, which hold nothing else, so the result lies
        // within the allocation that `base` has the provenance of.
        unsafe { slab.base.add(index as usize * slab.stride) }.cast()
    }

    fn header(&self, index: u32) -> &Header {
        let address = self.address(index);
        // JUSTIFICATION: a slot is reached by its index.
        // SAFETY: it is within the slab (see `address`), `new` has written its header, and headers are only
        // read or changed through atomics from then on. The slab outlives `self`'s borrow (see `get`).
        unsafe { address.as_ref() }
    }
}

// JUSTIFICATION: the pointer is what makes it !Send; slabs are made to be shared.
// SAFETY: everything in a Slab is atomic, or constant once `new` is done.
unsafe impl Send for SlabRef {}
// JUSTIFICATION: as above.
// SAFETY: as above.
unsafe impl Sync for SlabRef {}

impl Slot {
    /// The slot's header.
    pub(crate) fn header(&self) -> &Header {
        // JUSTIFICATION: mbufs reach their header by pointer, in one step.
        // SAFETY: a Slot is off the stack, so it counts in `refs` and its slab is there; `new` has written the
        // header, and it is only changed through atomics.
        unsafe { self.0.as_ref() }
    }

    /// Where the slot's `size` bytes of data start. May be read and written as far as the slot's holders agree.
    pub(crate) fn data(self) -> *mut u8 {
        // JUSTIFICATION: data follow their header at a fixed distance.
        // SAFETY: a slot is HEADER + size bytes, and the pointer has the provenance of the whole slab.
        unsafe { self.0.as_ptr().cast::<u8>().add(HEADER) }
    }
}

impl Chain {
    pub(crate) fn new(slot: Slot) -> Chain {
        Chain { first: slot, last: slot, count: 1 }
    }

    pub(crate) fn add(&mut self, slot: Slot) {
        slot.header().next.store(self.first.header().index + 1, Ordering::Relaxed);
        self.first = slot;
        self.count += 1;
    }

    pub(crate) fn slab(&self) -> SlabRef {
        self.first.header().slab
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        let slab = self.slab();
        let top = u64::from(self.first.header().index + 1);
        let shared = slab.get();
        let mut head = shared.head.load(Ordering::Relaxed);
        let release =
            if mutant("slot-freed-without-release") { Ordering::Relaxed } else { Ordering::Release };
        loop {
            self.last.header().next.store(head as u32, Ordering::Relaxed);
            match shared.head.compare_exchange_weak(head, next_tag(head) | top, release, Ordering::Relaxed) {
                Ok(_) => break,
                Err(now) => head = now,
            }
        }
        // Now others may have the slots. The slab is still there, for the slots still count: until this.
        slab.release(u64::from(self.count));
    }
}

impl TallyRef {
    /// Gives the counter back, for another cache to use.
    pub(crate) fn disown(self) {
        self.get().cached.store(0, Ordering::Relaxed);
        self.get().owned.store(false, Ordering::Release);
    }

    /// The counter itself.
    pub(crate) fn get(&self) -> &Tally {
        // JUSTIFICATION: a cache keeps its counter for life without borrowing the slab.
        // SAFETY: tallies are freed with the slab only, and who has a TallyRef holds a handle on it; all that
        // changes once a tally is in the list is atomic.
        unsafe { self.0.as_ref() }
    }
}

/// The head's tag, one on, with no index.
fn next_tag(head: u64) -> u64 {
    if mutant("slot-stack-without-tag") {
        return 0;
    }
    ((head >> 32).wrapping_add(1)) << 32
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;
    use std::panic::catch_unwind;

    use super::*;
    use crate::Pool;
    use crate::PoolConfig;

    /// As if so many had been forgotten. However often one more is asked for, the count does not run over.
    #[test]
    fn handles_and_clones_that_are_refused_do_not_count() {
        let pool = Pool::new(PoolConfig { buffers: 2, size: 64, headroom: 0 }).unwrap();
        let mbuf = pool.alloc().unwrap();
        let forgotten = u32::MAX / 2;
        let (slab, slot) = (pool.slab(), mbuf.slot());
        let (refs, shared) = (&slab.get().refs, &slot.header().refs);
        refs.fetch_add(HANDLE * u64::from(forgotten), Ordering::Relaxed);
        shared.fetch_add(forgotten, Ordering::Relaxed);
        let before = (refs.load(Ordering::Relaxed), shared.load(Ordering::Relaxed));
        for _ in 0..3 {
            assert!(catch_unwind(AssertUnwindSafe(|| pool.clone())).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| pool.cache(2))).is_err());
            assert!(catch_unwind(AssertUnwindSafe(|| mbuf.clone())).is_err());
            assert_eq!((refs.load(Ordering::Relaxed), shared.load(Ordering::Relaxed)), before);
        }
        // The last that is not refused.
        refs.fetch_sub(2 * HANDLE, Ordering::Relaxed);
        shared.fetch_sub(1, Ordering::Relaxed);
        drop((pool.clone(), mbuf.clone()));
        refs.fetch_sub(HANDLE * u64::from(forgotten - 2), Ordering::Relaxed);
        shared.fetch_sub(forgotten - 1, Ordering::Relaxed);
        drop(mbuf);
        assert!(pool.is_full());
    }

    /// Every handle that goes is counted down; else the slab would stay for good.
    #[test]
    fn handles_that_go_are_counted() {
        let pool = Pool::new(PoolConfig { buffers: 2, size: 64, headroom: 0 }).unwrap();
        let handles = || pool.slab().get().refs.load(Ordering::Relaxed) / HANDLE;
        let (other, cache) = (pool.clone(), pool.cache(2));
        assert_eq!(handles(), 3);
        drop(other);
        assert_eq!(handles(), 2);
        let counter = pool.slab().claim_tally();
        assert!(counter.0 != cache.tally().0, "two caches, two counters");
        drop(cache);
        assert_eq!(handles(), 1);
        let next = pool.slab().claim_tally();
        assert!(next.0 != counter.0, "it is in use");
        counter.disown();
        assert!(pool.slab().claim_tally().0 == counter.0, "one that has been given back serves again");
    }
}
