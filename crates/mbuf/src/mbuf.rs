//! The handle through which a packet is used.
//!
//! *Locks*: none. *Teardown*: dropping the last mbuf of a slot returns the slot to its pool.

use core::fmt;
use core::mem::ManuallyDrop;
use core::slice;

use siding_netisr::IfId;
use siding_netisr::Packet;
use siding_netisr::sync::atomic::Ordering;
use siding_netisr::sync::atomic::fence;

use crate::Offload;
use crate::slab::Chain;
use crate::slab::SlabRef;
use crate::slab::Slot;

/// A packet: a part of one buffer, the interface it came in by, and its flow key.
///
/// Cloning shares the bytes. Each clone has its own bounds, interface and flow key; none can write until the
/// others are gone.
pub struct Mbuf {
    slot: Slot,
    rcvif: IfId,
    flow: u32,
    /// Where the packet starts in the buffer. `off + len` never exceeds the buffer's size.
    off: u32,
    len: u32,
    /// Below, whether something is left undone: what, stands in the slot's header, so a packet of which nothing is leaves
    /// that alone. Above, the mark. In one word, as it is moved with every packet.
    flags: u32,
}

/// In the flags: something is left undone.
const UNFINISHED: u32 = 1;

/// Where in the flags the mark begins.
const MARK: u32 = 16;

const _: () = assert!(size_of::<Mbuf>() <= 32);

impl Mbuf {
    pub(crate) fn new(slot: Slot, headroom: u16) -> Mbuf {
        Mbuf { slot, rcvif: IfId::NONE, flow: 0, off: headroom.into(), len: 0, flags: 0 }
    }

    /// Drops many packets at once. The same as dropping each, but neighbours of one pool go back together, for
    /// two atomic operations in all: for drivers, which get packets in batches and have no [`Cache`](crate::Cache) to hand.
    pub fn free_all(mbufs: impl IntoIterator<Item = Mbuf>) {
        let mut chain: Option<Chain> = None;
        for mbuf in mbufs {
            let Some(slot) = mbuf.into_slot() else { continue };
            match &mut chain {
                Some(chain) if chain.slab() == slot.header().slab => chain.add(slot),
                // Another pool's: what was collected for the last one goes home now.
                _ => chain = Some(Chain::new(slot)),
            }
        }
    }

    /// The packet's bytes, to write. `None` while it is shared with a clone.
    #[inline]
    pub fn data_mut(&mut self) -> Option<&mut [u8]> {
        if self.is_shared() {
            return None;
        }
        Some(self.bytes_mut(self.off, self.len))
    }

    /// Grows the packet by `n` bytes in front and returns them, to be written in full: they hold whatever was
    /// there. `None`, and no change, if the headroom is less than `n` or the packet is shared.
    #[inline]
    pub fn prepend(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.headroom() || self.is_shared() {
            return None;
        }
        let n = n as u32;
        self.off -= n;
        self.len += n;
        Some(self.bytes_mut(self.off, n))
    }

    /// Grows the packet by `n` bytes at the end and returns them, to be written in full: they hold whatever was
    /// there. `None`, and no change, if the tailroom is less than `n` or the packet is shared.
    #[inline]
    pub fn append(&mut self, n: usize) -> Option<&mut [u8]> {
        if n > self.tailroom() || self.is_shared() {
            return None;
        }
        let n = n as u32;
        let at = self.off + self.len;
        self.len += n;
        Some(self.bytes_mut(at, n))
    }

    /// Appends a copy of `bytes`. `false`, and no change, if they do not fit or the packet is shared.
    #[inline]
    #[must_use]
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> bool {
        match self.append(bytes.len()) {
            Some(room) => {
                room.copy_from_slice(bytes);
                true
            }
            None => false,
        }
    }

    /// Removes `n` bytes from the front, or all if there are fewer. They become headroom.
    #[inline]
    pub fn trim_front(&mut self, n: usize) {
        let n = n.min(self.len()) as u32;
        self.off += n;
        self.len -= n;
    }

    /// Removes `n` bytes from the end, or all if there are fewer.
    pub fn trim_back(&mut self, n: usize) {
        self.len -= n.min(self.len()) as u32;
    }

    /// Cuts the packet to its first `len` bytes; no change if it is shorter.
    #[inline]
    pub fn truncate(&mut self, len: usize) {
        self.len = len.min(self.len()) as u32;
    }

    /// Says which interface the packet was received on.
    #[inline]
    pub fn set_rcvif(&mut self, rcvif: IfId) {
        self.rcvif = rcvif;
    }

    /// Sets the flow key: packets with equal keys stay in order and on one worker.
    pub fn set_flow(&mut self, flow: u32) {
        self.flow = flow;
    }

    /// Marks the packet as one whose way is recorded, by a number that means something to who records; 0 takes the mark
    /// away. Clones and copies have it, too.
    pub fn set_mark(&mut self, mark: u16) {
        self.flags = self.flags & UNFINISHED | u32::from(mark) << MARK;
    }

    /// Says what is left undone of the packet, or that nothing is. `false`, and no change, if it is shared, for its clones
    /// would be said to be so too, or if what is left lies beyond the first 64 KiB of the buffer.
    #[must_use]
    pub fn set_offload(&mut self, offload: Option<Offload>) -> bool {
        let Some(offload) = offload else {
            self.flags &= !UNFINISHED;
            return true;
        };
        match offload.pack(self.off) {
            Some(word) if !self.is_shared() => {
                self.slot.header().offload.store(word, Ordering::Relaxed);
                self.flags |= UNFINISHED;
                true
            }
            _ => false,
        }
    }

    /// Whether something is left undone. A packet with an unfinished checksum is not what will be on the wire.
    #[inline]
    pub fn is_unfinished(&self) -> bool {
        self.flags & UNFINISHED != 0
    }

    /// What is left undone.
    #[inline]
    pub fn offload(&self) -> Option<Offload> {
        // Relaxed: who hands packets to another thread sees to it that what was written of them is seen there.
        let word = || self.slot.header().offload.load(Ordering::Relaxed);
        if self.is_unfinished() { Offload::unpack(word(), self.off) } else { None }
    }

    /// The length of the longest packet that this becomes when it is cut, from where it begins now; its own if it will
    /// not be. It is this that a link must take.
    #[inline]
    pub fn longest(&self) -> usize {
        match self.offload() {
            Some(Offload { start, segments: Some(cut), .. }) => {
                self.len().min(start + usize::from(cut.header) + usize::from(cut.size))
            }
            _ => self.len(),
        }
    }

    /// The packet's bytes.
    #[inline]
    pub fn data(&self) -> &[u8] {
        // JUSTIFICATION: the slot outlives any one handle, so no Rust object owns the bytes.
        // SAFETY: `off + len` is within the slot, which starts zeroed, so the bytes are initialised. The slot is
        // counted as long as `self` lives. Nobody writes: writing takes `&mut` of the only handle on the slot,
        // and either `self` is that handle or it is not the only one.
        unsafe { slice::from_raw_parts(self.slot.data().add(self.off as usize), self.len()) }
    }

    /// Number of bytes in the packet.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Number of bytes by which the packet could grow in front, were it not shared.
    #[inline]
    pub fn headroom(&self) -> usize {
        self.off as usize
    }

    /// Number of bytes by which the packet could grow at the end, were it not shared.
    pub fn tailroom(&self) -> usize {
        (self.slot.header().slab.get().size - self.off - self.len) as usize
    }

    /// Whether a clone sees the same bytes.
    #[inline]
    pub fn is_shared(&self) -> bool {
        // Acquire: a clone that has gone read the bytes before we write them.
        self.slot.header().refs.load(Ordering::Acquire) != 1
    }

    /// The interface that the packet was received on; [`IfId::NONE`] for one made here.
    pub fn rcvif(&self) -> IfId {
        self.rcvif
    }

    /// The flow key.
    pub fn flow(&self) -> u32 {
        self.flow
    }

    /// The packet's mark; 0 if it has none.
    #[inline]
    pub fn mark(&self) -> u16 {
        (self.flags >> MARK) as u16
    }

    /// The `n` bytes in front of the packet, as they stand: a header that was trimmed, if nobody has written there since. For
    /// who shows packets; `None` if the headroom is less.
    pub fn before(&self, n: usize) -> Option<&[u8]> {
        let at = (self.off as usize).checked_sub(n)?;
        // JUSTIFICATION: as for `data`.
        // SAFETY: as for `data`: the range begins and ends within the slot, and nobody writes while `self` is borrowed, for
        // whoever writes anywhere in the slot has the only handle on it.
        Some(unsafe { slice::from_raw_parts(self.slot.data().add(at), n) })
    }

    #[cfg(test)]
    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    pub(crate) fn is_of(&self, slab: SlabRef) -> bool {
        self.slot.header().slab == slab
    }

    /// Ends this handle without returning the slot to the pool: it is the caller's now, unless a clone
    /// still has it.
    #[inline]
    pub(crate) fn into_slot(self) -> Option<Slot> {
        let this = ManuallyDrop::new(self);
        this.unshare().then_some(this.slot)
    }

    /// Gives up this handle's share. `true` if it was the only one: then the slot belongs to the caller, with
    /// its count at 1 as free slots have it.
    #[inline]
    fn unshare(&self) -> bool {
        let refs = &self.slot.header().refs;
        // A count of 1 is ours, and only its holder could raise it: no need for a locked instruction.
        if refs.load(Ordering::Acquire) == 1 {
            return true;
        }
        if refs.fetch_sub(1, Ordering::Release) != 1 {
            return false;
        }
        fence(Ordering::Acquire);
        refs.store(1, Ordering::Relaxed);
        true
    }

    /// The caller has made sure that the handle is not shared and that `at + len` is within the buffer.
    #[inline]
    fn bytes_mut(&mut self, at: u32, len: u32) -> &mut [u8] {
        debug_assert!(!self.is_shared() && at as usize + len as usize <= self.headroom() + self.len());
        // JUSTIFICATION: as for `data`.
        // SAFETY: the range is within the slot, whose bytes are initialised (the slab starts zeroed). All three
        // callers have checked that the count is 1, and `&mut self` keeps this only handle from being cloned or
        // read while the slice lives.
        unsafe { slice::from_raw_parts_mut(self.slot.data().add(at as usize), len as usize) }
    }
}

impl Clone for Mbuf {
    /// Another handle on the same bytes.
    fn clone(&self) -> Mbuf {
        let refs = &self.slot.header().refs;
        // Relaxed is enough, as for Arc: the new handle is made from one that is there.
        if refs.fetch_add(1, Ordering::Relaxed) > u32::MAX / 2 {
            refs.fetch_sub(1, Ordering::Relaxed);
            panic!("more than 2^31 clones of one packet: some are leaked");
        }
        Mbuf { slot: self.slot, ..*self }
    }
}

impl Drop for Mbuf {
    fn drop(&mut self) {
        if self.unshare() {
            drop(Chain::new(self.slot));
        }
    }
}

// JUSTIFICATION: the pointer is what makes it !Send; packets are made to move between threads.
// SAFETY: the count is atomic, bytes are written only by the one handle on them, and slots may be returned to
// their pool by any thread.
unsafe impl Send for Mbuf {}
// JUSTIFICATION: sharing `&Mbuf` lets others read and clone.
// SAFETY: reading needs no exclusion while nobody writes, and writing takes `&mut`; cloning is atomic.
unsafe impl Sync for Mbuf {}

impl Packet for Mbuf {
    /// Names the interface that the packet was received on, if there is one.
    fn interfaces(&self, visit: &mut impl FnMut(IfId)) {
        if !self.rcvif.is_none() {
            visit(self.rcvif);
        }
    }
}

impl fmt::Debug for Mbuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mbuf")
            .field("len", &self.len)
            .field("headroom", &self.off)
            .field("rcvif", &self.rcvif)
            .field("flow", &self.flow)
            .field("offload", &self.offload())
            .field("shared", &self.is_shared())
            .finish()
    }
}
