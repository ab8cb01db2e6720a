//! Packet buffers: a pool of equal buffers in one slab, a cache of them for each worker, and the handle
//! [`Mbuf`] through which a packet is read, grown, shrunk, shared and sent on.
//!
//! # Model
//!
//! A [`Pool`] is one allocation, made once: `buffers` slots, each a 64-byte header (a reference count and
//! the way home) followed by `size` bytes. The first `headroom` bytes are left free in a new packet, so that
//! every layer below can put its header in front without moving what is there.
//!
//! ```text
//!         headroom()        len()            tailroom()
//!       |------------|------------------|-----------------|
//! header              data()                               next slot
//! ```
//!
//! An [`Mbuf`] is 32 bytes: where the slot is, which part of it is packet, the interface that the packet was
//! received on and its flow key. Cloning one shares the bytes: each clone has bounds, interface and flow key of
//! its own, and nobody can write while two see the same bytes.
//!
//! What was left to a network card to do, an unfinished checksum or a super-frame's cutting, is said by an [`Offload`]: one
//! bit in the mbuf says that there is one, in the slot's header, where it stays right whatever is put in front.
//!
//! A [`Cache`] belongs to one worker. It takes buffers from the pool and gives them back by the half-cache, so
//! that a worker which receives and sends touches nothing that another core touches.
//!
//! # Promises
//!
//! * **No allocation after [`Pool::new`] and [`Pool::cache`]**, and no lock, anywhere.
//! * **One fate each.** A buffer is live, cached or in the pool. When all mbufs have been dropped,
//!   [`Pool::is_full`] says so, whichever thread dropped them; a test that asserts it finds every leak.
//! * **Dry is counted.** A pool with nothing left answers `None` and counts it in [`Pool::refused`].
//! * **No write through a shared buffer.** Whatever would write to one returns `None`.
//! * **No count runs over.** Handles and clones that are [forgotten](core::mem::forget) keep what they hold; beyond 2^31
//!   of them, one more is a panic.
//! * **No panic for a wrong length.** What would grow beyond the slot returns `None`; what would shrink below
//!   zero stops at zero.
//!
//! # What it does not do
//!
//! No chains: a packet is contiguous, and one that is longer than a slot has no place here: a second pool of larger
//! ones does ([`Cache::set_large`]). No tags beyond
//! interface and flow key: typed state travels as the metadata of a dispatch. No zeroing: new bytes hold
//! whatever the slot's last packet left there, and it is for the caller to write them all. No DMA mapping.
//!
//! # Locks
//!
//! None. Free slots form a stack, linked by index, whose head carries a tag against reuse (R. K. Treiber,
//! *Systems Programming: Coping with Parallelism*, IBM RJ 5118, 1986). The tag has 32 bits: a thread would have to be stopped
//! between two instructions for exactly 2^32 operations of the others, and find the same slot on top, to be fooled.
//! Everything here may be called with any lock held.
//!
//! # Teardown
//!
//! The slab counts its handles ([`Pool`]s and [`Cache`]s) and the slots that are not on its stack, in one word.
//! Whoever brings that word to zero frees the slab, so an mbuf may outlive every handle on its pool. A cache
//! counts its slots in and out only when it refills or flushes: the shared word is touched once per half-cache,
//! not once per packet.
#![no_std]

extern crate alloc;
#[cfg(feature = "std")]
extern crate std;

mod cache;
mod copy;
mod line;
mod mbuf;
mod offload;
mod pool;
mod slab;

pub use cache::Cache;
pub use mbuf::Mbuf;
pub use offload::Offload;
pub use offload::SegmentKind;
pub use offload::Segments;
pub use pool::Pool;
pub use pool::PoolConfig;
pub use pool::PoolError;
